#include "sealing/office.h"

namespace sm::sealing {

Logs::Logs(const config::Config& config, const Clock& clock, std::string tool,
           audit::SignedState* signed_state)
    : config_(&config), clock_(&clock), tool_(std::move(tool)), signed_state_(signed_state) {}

Result<audit::Log*> Logs::of(const std::string& org) {
  const std::lock_guard lock(mutex_);
  const auto found = logs_.find(org);
  if (found != logs_.end()) return found->second.get();
  const auto* organisation = config_->find_organisation(org);
  auto log = audit::Log::open(
      config_->state, org, *clock_,
      {.tool = tool_,
       .origin = organisation != nullptr ? organisation->audit_origin : config_->audit_origin,
       .signed_state = signed_state_});
  if (!log) return fail(std::move(log).error());
  return (logs_[org] = std::make_unique<audit::Log>(std::move(*log))).get();
}

Result<void> Logs::append(const std::string& org, std::span<const audit::Record> records) {
  auto log = of(org);
  if (!log) return fail(std::move(log).error());
  auto appended = (*log)->append(records);
  if (!appended) return fail(std::move(appended).error());
  return {};
}

config::Organisation Office::organisation(const std::string& id) const {
  if (const auto* found = config->find_organisation(id)) return *found;
  auto made = config->default_organisation();
  made.id = id;
  return made;
}

}  // namespace sm::sealing
