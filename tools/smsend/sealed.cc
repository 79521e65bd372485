#include "sealed.h"

#include <algorithm>
#include <map>
#include <set>

#include "audit/evidence.h"
#include "base/text.h"
#include "base/version.h"
#include "delivery/probe.h"
#include "sealing/mailroom.h"
#include "sealing/number.h"
#include "sealing/outbox.h"
#include "sealing/premises.h"
#include "store/sealed_table.h"

namespace sm::smsend {
namespace {

using config::Method;
using delivery::Reason;
using delivery::RecipientResult;
using delivery::Status;

constexpr std::size_t kMostErrands = 1000;

Result<std::chrono::seconds> parse_lifetime(const std::string& text) {
  constexpr std::uint64_t kMostDays = 90;
  if (text.ends_with('d')) {
    const auto days = parse_decimal(std::string_view(text).substr(0, text.size() - 1), kMostDays);
    if (days && *days > 0) return std::chrono::seconds(std::chrono::days(*days));
  }
  return fail(Errc::usage, "--expires takes 1d to 90d, not '" + printable(text) + "'");
}

std::optional<Method> parse_method(const std::optional<std::string>& text) {
  if (text == "sms") return Method::sms;
  if (text == "email") return Method::email;
  if (text == "password") return Method::password;
  return std::nullopt;
}

bool is_at_least_trusted(delivery::Verdict verdict) {
  return delivery::reaches(verdict, delivery::Minimum::trusted);
}

void refuse(RecipientResult& result, Reason reason, std::string detail, int exit) {
  result.status = Status::refused;
  result.reason = reason;
  result.detail = std::move(detail);
  result.enhanced = "5.7.1";
  result.exit_if_failed = exit;
}

void defer(RecipientResult& result, Reason reason, std::string detail) {
  result.status = Status::deferred;
  result.reason = reason;
  result.detail = std::move(detail);
  result.enhanced = "4.3.0";
}

/// What a failure to seal means for those who were to be sealed.
void spread(std::vector<RecipientResult*>& pending, const Error& error) {
  for (auto* result : pending) {
    switch (error.code) {
      case Errc::denied:
        refuse(*result, Reason::policy_forbids, error.what, 77);
        break;
      case Errc::malformed: {
        const bool is_large = error.what.find("message-too-large") != std::string::npos;
        refuse(*result, is_large ? Reason::message_too_large : Reason::message_invalid, error.what,
               65);
        result->enhanced = is_large ? "5.3.4" : "5.6.0";
        break;
      }
      default:
        defer(*result, Reason::internal_error, error.what);
    }
  }
}

/// One call of seal_pending().
class Sealer {
 public:
  Sealer(const Options& options, const config::Config& config,
         const config::Organisation& organisation, const SealingWishes& wishes, const Mail& mail,
         const delivery::Equipment& equipment)
      : options_(options),
        config_(config),
        organisation_(organisation),
        wishes_(wishes),
        mail_(mail),
        equipment_(equipment) {}

  Result<void> open() {
    const auto& environment = options_.common.environment;
    sealing::Premises::Options with{.tool = "smsend/" + std::string(kVersion),
                                    .credentials_directory = environment.credentials_directory};
    if (environment.master_key) {
      with.environment_key = &*environment.master_key;
      options_.common.diagnostics().warning(keys::kEnvironmentWarning);
    }
    auto premises = sealing::Premises::open(config_, with);
    if (!premises) return fail(std::move(premises).error());
    premises_ = std::move(*premises);
    return {};
  }

  void seal(std::vector<RecipientResult*> pending) {
    std::erase_if(pending, [&](RecipientResult* result) { return !choose_method(*result); });
    if (pending.empty()) return;
    if (auto done = seal_all(pending); !done) spread(pending, done.error());
  }

  /// Runs what waits for these messages, and says how each recipient stands.
  void notify(const std::set<std::string>& messages, std::vector<RecipientResult>& results) {
    for (const auto& message : messages) {
      auto ends = sealing::Postman(premises_->office(), equipment_)
                      .run(kMostErrands, config_.network.deadline, message);
      if (!ends) {
        options_.common.diagnostics().warning("notifications wait: " + ends.error().what);
        continue;
      }
      for (const auto& end : *ends)
        apply(end, results);
    }
    for (auto& result : results)
      settle(result);
  }

  /// The end of those that were not sealed.
  void record(const std::vector<RecipientResult*>& pending) {
    std::vector<audit::Record> records;
    for (const auto* result : pending) {
      const auto message = audit::MessageId::parse(result->message);
      const auto recipient = audit::RecipientId::parse(result->recipient_id);
      const bool is_ended = result->status == Status::refused || result->status == Status::deferred;
      if (!is_ended || !message || !recipient) continue;
      audit::Attempt attempt{.message = *message, .recipient = {*recipient, result->recipient}};
      attempt.reason = text(result->reason);
      attempt.detail = result->detail;
      attempt.enhanced_status = result->enhanced;
      records.push_back(audit::ending(
          result->status == Status::refused ? audit::Event::refused : audit::Event::deferred,
          attempt, system_clock()));
    }
    if (records.empty() || !premises_) return;
    if (auto told = premises_->office().logs->append(organisation_.id, records); !told) {
      options_.common.diagnostics().warning("the log lacks an end: " + told.error().what);
    }
  }

 private:
  /// Sets methods_; false where the result was refused or deferred.
  bool choose_method(RecipientResult& result) {
    const auto& allowed = organisation_.policy.methods;
    auto method = wishes_.method.value_or(organisation_.sealing.method);
    if (!wishes_.method && method == Method::email && !is_trusted(result)) method = Method::sms;
    if (!wishes_.method && method == Method::password && !wishes_.password) method = Method::sms;
    if (!allowed.contains(method)) {
      refuse(result, Reason::policy_forbids, "the policy does not allow the method", 77);
      return false;
    }
    // RULES: link and code in the same clear mail protect nothing.
    if (method == Method::email && !is_trusted(result)) {
      if (level_of(result) == delivery::Verdict::undetermined) {
        defer(result, result.reason == Reason::none ? Reason::dns_temporary : result.reason,
              "whether a code may be mailed there cannot be told now");
      } else {
        refuse(result, Reason::method_too_weak,
               "a code mailed over a route that is not at least trusted protects nothing: use sms "
               "or password",
               77);
      }
      return false;
    }
    methods_[result.recipient] = method;
    return true;
  }

  delivery::Verdict level_of(RecipientResult& result) {
    if (!wishes_.seals_all) return result.level;
    const auto mailbox = name::Mailbox::parse(result.recipient);
    if (!mailbox) return delivery::Verdict::undetermined;
    const auto known = levels_.find(mailbox->domain().text());
    if (known != levels_.end()) return known->second;
    delivery::Prober prober(equipment_.finder(), equipment_.client(),
                            {.minimum = delivery::Minimum::trusted, .wants_tlsrpt = false});
    const auto report = prober.probe(mailbox->domain());
    result.reason = report.verdict.best.reason;
    return levels_[mailbox->domain().text()] = report.verdict.best.verdict;
  }
  bool is_trusted(RecipientResult& result) { return is_at_least_trusted(level_of(result)); }

  Result<void> seal_all(std::vector<RecipientResult*>& pending) {
    sealing::SealOrder order{.id = *audit::MessageId::parse(pending.front()->message),
                             .organisation = &organisation_,
                             .message = &mail_.message,
                             .addressees = {},
                             .lifetime = wishes_.lifetime,
                             .is_once = wishes_.is_once};
    if (mail_.envelope.id) order.reference = mail_.envelope.id->text();
    for (auto* result : pending) {
      sealing::Addressee addressee{*audit::RecipientId::parse(result->recipient_id),
                                   *name::Mailbox::parse(result->recipient),
                                   methods_.at(result->recipient)};
      addressee.phone = wishes_.phone;
      if (wishes_.password) addressee.password = &*wishes_.password;
      if (result->level != delivery::Verdict::undetermined) {
        addressee.level = text(result->level);
        addressee.reason = text(result->reason);
      }
      order.addressees.push_back(std::move(addressee));
    }
    auto sealed = sealing::Mailroom(premises_->office()).seal(order);
    if (!sealed) return fail(std::move(sealed).error());
    for (const auto& one : *sealed) {
      for (auto* result : pending) {
        if (result->recipient_id != one.id.text()) continue;
        if (one.waits_for_number) result->reason = Reason::phone_missing;
      }
    }
    return {};
  }

  void apply(const sealing::ErrandEnd& end, std::vector<RecipientResult>& results) {
    if (end.errand != sealing::Errand::notification) return;
    for (auto& result : results) {
      const bool is_its = result.message == end.message && result.recipient_id == end.recipient;
      if (!is_its || result.status != Status::pending) continue;
      switch (end.state) {
        case sealing::ErrandEnd::State::accepted:
          result.status = Status::sealed;
          break;
        case sealing::ErrandEnd::State::later:
          result.detail = "sealed; the notification waits: " +
                          (end.detail.empty() ? std::string(text(end.reason)) : end.detail);
          break;
        case sealing::ErrandEnd::State::given_up:
          result.status = Status::failed;
          result.reason = end.reason;
          result.detail = "the notification was refused";
          result.enhanced = end.reason == Reason::mailbox_unknown ? "5.1.1" : "5.0.0";
          result.exit_if_failed = end.reason == Reason::mailbox_unknown ? 67 : 69;
          break;
      }
    }
  }

  /// What was sealed earlier may have been notified by a sweep meanwhile.
  void settle(RecipientResult& result) {
    if (result.status != Status::pending) return;
    auto link = store::SealedTable(*premises_->office().index)
                    .find_recipient(result.message, result.recipient_id);
    if (!link || !*link) return;
    if ((*link)->recipient.progress >= store::Progress::delivered) result.status = Status::sealed;
    if ((*link)->recipient.progress == store::Progress::pending) {
      result.reason = Reason::phone_missing;
      result.detail = "sealed; the sender is asked for the recipient's phone number";
    }
  }

  const Options& options_;
  const config::Config& config_;
  const config::Organisation& organisation_;
  const SealingWishes& wishes_;
  const Mail& mail_;
  const delivery::Equipment& equipment_;
  std::unique_ptr<sealing::Premises> premises_;
  std::map<std::string, Method> methods_;
  std::map<std::string, delivery::Verdict> levels_;
};

}  // namespace

delivery::OnInsecure on_insecure_of(const Options& options,
                                    const config::Organisation& organisation) {
  const bool is_available = organisation.sealing.is_available();
  if (options.on_insecure == "defer") return delivery::OnInsecure::defer;
  if (options.on_insecure == "refuse" || !is_available) return delivery::OnInsecure::refuse;
  return delivery::OnInsecure::seal;
}

Result<SealingWishes> sealing_wishes(const Options& options,
                                     const config::Organisation& organisation) {
  SealingWishes wishes{.seals_all = options.seals_all, .is_once = options.is_once};
  const bool asks_for_it = options.seals_all || options.on_insecure == "seal";
  if (asks_for_it && !organisation.sealing.is_available()) {
    return fail(Errc::configuration,
                organisation.sealing.portal.empty()
                    ? "no portal is configured: nothing can be sealed"
                    : "the sealed channel is switched off",
                "set sealed.portal, or leave --seal out");
  }
  wishes.method = parse_method(options.method);
  if (options.password_file) {
    if (wishes.method && *wishes.method != Method::password) {
      return fail(Errc::usage, "--password-file goes with --method password");
    }
    auto password = envelope::read_password_file(*options.password_file);
    if (!password) return fail(std::move(password).error());
    wishes.password.emplace(std::move(*password));
    wishes.method = Method::password;
  }
  if (wishes.method == Method::password && !wishes.password) {
    return fail(Errc::usage, "the method password needs a password", "give --password-file");
  }
  if (wishes.method && !organisation.policy.methods.contains(*wishes.method)) {
    return fail(Errc::denied, "policy-forbids: the method " + *options.method + " is not allowed");
  }
  if (options.phone) {
    const auto phone = sealing::parse_phone(*options.phone);
    if (!phone) {
      return fail(Errc::usage, "--phone: '" + printable(*options.phone) + "' is no number",
                  "with its country: +31612345678");
    }
    wishes.phone = *phone;
  }
  wishes.lifetime = std::min(organisation.sealing.expiry, organisation.policy.longest_expiry);
  if (options.expires) {
    auto lifetime = parse_lifetime(*options.expires);
    if (!lifetime) return fail(std::move(lifetime).error());
    if (*lifetime > organisation.policy.longest_expiry) {
      return fail(Errc::denied, "policy-forbids: sealed messages expire within " +
                                    std::to_string(organisation.policy.longest_expiry.count()) +
                                    " days");
    }
    wishes.lifetime = *lifetime;
  }
  return wishes;
}

Result<std::vector<Continued>> take_continued(const config::Config& config, Mail& mail) {
  std::vector<Continued> continued;
  if (mail.message.message_id().empty()) return continued;
  auto index = store::Index::open(config.state);
  if (!index) return fail(std::move(index).error());
  store::SealedTable table(*index);
  const auto now = system_clock().now();
  auto& recipients = mail.envelope.recipients;
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    const auto address = recipients[i].mailbox.text();
    auto links = table.list({.sender = mail.message.from().mailbox.text(),
                             .message_id = mail.message.message_id(),
                             .recipient = address});
    if (!links) return fail(std::move(links).error());
    for (const auto& link : *links) {
      if (!link.is_live() || link.message.expires <= now) continue;
      continued.push_back({i, address, link.message.id, link.recipient.id});
      break;
    }
  }
  for (auto at = continued.rbegin(); at != continued.rend(); ++at)
    recipients.erase(recipients.begin() + static_cast<std::ptrdiff_t>(at->place));
  return continued;
}

void seal_pending(const Options& options, const config::Config& config,
                  const config::Organisation& organisation, const SealingWishes& wishes,
                  const Mail& mail, const std::vector<Continued>& continued,
                  const delivery::Equipment& equipment, std::vector<RecipientResult>& results) {
  std::vector<RecipientResult*> pending;
  for (auto& result : results) {
    if (result.status == Status::pending) pending.push_back(&result);
  }
  if (pending.empty() && continued.empty()) return;
  Sealer sealer(options, config, organisation, wishes, mail, equipment);
  if (auto opened = sealer.open(); !opened) {
    spread(pending, opened.error());
  } else {
    if (!pending.empty()) sealer.seal(pending);
    sealer.record(pending);
  }
  for (const auto& one : continued) {
    RecipientResult result;
    result.recipient = one.address;
    result.message = one.message;
    result.recipient_id = one.recipient;
    result.status = Status::pending;
    results.insert(
        results.begin() + static_cast<std::ptrdiff_t>(std::min(one.place, results.size())),
        std::move(result));
  }
  std::set<std::string> messages;
  for (const auto& result : results) {
    if (result.status == Status::pending) messages.insert(result.message);
  }
  sealer.notify(messages, results);
}

}  // namespace sm::smsend
