#include <algorithm>
#include <cerrno>

#include <dirent.h>

#include "audit/event.h"
#include "base/file.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/settings.h"
#include "commands.h"
#include "state/signed_trees.h"
#include "store/index.h"

namespace sm::smaudit {
namespace {

/// The organisations that have a log in the state.
Result<std::vector<std::string>> orgs_in(const std::string& state) {
  std::vector<std::string> orgs;
  const std::string folder = state + "/audit";
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(folder.c_str()), ::closedir);
  if (!stream) {
    if (errno == ENOENT) return orgs;
    return fail_errno(Errc::no_input, "opening " + folder, errno);
  }
  while (const dirent* entry = ::readdir(stream.get())) {
    if (audit::is_org(entry->d_name)) orgs.emplace_back(entry->d_name);
  }
  std::sort(orgs.begin(), orgs.end());
  return orgs;
}

std::vector<std::string> configured_orgs(const config::Config& config) {
  std::vector<std::string> orgs;
  for (const auto& organisation : config.organisations) {
    orgs.push_back(organisation.id);
  }
  return orgs;
}

std::string origin_of(const config::Config& config, const std::string& org) {
  const auto* organisation = config.find_organisation(org);
  return organisation == nullptr ? config.audit_origin : organisation->audit_origin;
}

}  // namespace

Result<Place> find_place(const Options& options) {
  auto config = cli::load_config(options.common, options.network);
  if (!config) return fail(std::move(config).error());
  Place place{std::move(*config), {}};
  if (!options.org.empty()) {
    if (!audit::is_org(options.org)) {
      return fail(Errc::usage, "'" + printable(options.org) + "' cannot name an organisation");
    }
    place.orgs = {options.org};
    return place;
  }
  place.orgs = configured_orgs(place.config);
  if (!place.orgs.empty()) return place;
  auto found = orgs_in(place.config.state);
  if (!found) return fail(std::move(found).error());
  place.orgs = std::move(*found);
  if (place.orgs.empty()) place.orgs = {std::string(config::kDefaultOrganisation)};
  return place;
}

Result<Place> find_one(const Options& options) {
  auto place = find_place(options);
  if (place && place->orgs.size() > 1) {
    return fail(Errc::usage, "there are several organisations: " + join(place->orgs, ", "),
                "say which, with --org");
  }
  return place;
}

Result<OpenLog> OpenLog::open(const config::Config& config, const std::string& org) {
  auto index = store::Index::open(config.state);
  if (!index) return fail(std::move(index).error());
  OpenLog opened;
  opened.signed_state_ = std::make_unique<state::SignedTrees>(std::move(*index));
  audit::LogOptions log_options;
  log_options.tool = "smaudit/" + std::string(kVersion);
  log_options.origin = origin_of(config, org);
  log_options.signed_state = opened.signed_state_.get();
  auto log = audit::Log::open(config.state, org, system_clock(), std::move(log_options));
  if (!log) return fail(std::move(log).error());
  opened.log_.emplace(std::move(*log));
  return opened;
}

Result<audit::MessageId> parse_message(const std::string& text) {
  const auto id = audit::MessageId::parse(text);
  if (id) return *id;
  return fail(Errc::usage, "'" + printable(text) + "' is no message's audit id",
              "16 characters of base64url; smaudit trace finds it by address, key or Message-ID");
}

Result<audit::Event> parse_event(const std::string& text) {
  const auto event = audit::parse_event(text);
  if (event) return *event;
  return fail(Errc::usage, "'" + printable(text) + "' is no event",
              "smtools-audit(5) lists the events");
}

Result<audit::Checkpoint> read_checkpoint(const std::string& path) {
  const auto note = read_file(path, std::size_t{1} << 20);
  if (!note) return fail(note.error());
  auto checkpoint = audit::Checkpoint::parse(*note);
  if (!checkpoint) return fail(Errc::malformed, path + " is not a checkpoint");
  return std::move(*checkpoint);
}

Result<cli::Verdict> run(const Options& options) {
  switch (options.command) {
    case Command::verify:
      return verify(options);
    case Command::trace:
      return trace(options);
    case Command::export_log:
      return export_log(options);
    case Command::report:
      return report(options);
    case Command::receipt_create:
      return create_receipt(options);
    case Command::receipt_verify:
      return verify_receipt(options);
    case Command::checkpoint:
      return sign_checkpoint(options);
    case Command::anchor:
      return anchor(options);
    case Command::append:
      return append(options);
    case Command::erase:
      return erase(options);
  }
  return fail(Errc::bug, "a command without an end");
}

}  // namespace sm::smaudit
