#include "sealing/fallback.h"

#include <algorithm>

#include "audit/evidence.h"
#include "base/text.h"
#include "delivery/probe.h"
#include "sealing/number.h"
#include "store/sealed_table.h"

namespace sm::sealing {
namespace {

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
  return fail(Errc::usage, "the expiry is 1d to 90d, not '" + printable(text) + "'");
}

Result<std::optional<Method>> parse_method(const std::optional<std::string>& text) {
  if (!text) return std::optional<Method>();
  if (*text == "sms") return std::optional(Method::sms);
  if (*text == "email") return std::optional(Method::email);
  if (*text == "password") return std::optional(Method::password);
  return fail(Errc::usage, "there is no method '" + printable(*text) + "'",
              "sms, email or password");
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

std::vector<RecipientResult*> pending_of(std::vector<RecipientResult>& results) {
  std::vector<RecipientResult*> pending;
  for (auto& result : results) {
    if (result.status == Status::pending) pending.push_back(&result);
  }
  return pending;
}

void spread(const std::vector<RecipientResult*>& pending, const Error& error) {
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

Result<void> check_method(const SealingRequest& request, SealingTerms& terms,
                          const config::Organisation& organisation) {
  auto method = parse_method(request.method);
  if (!method) return fail(std::move(method).error());
  terms.method = *method;
  if (request.password_file) {
    if (terms.method && *terms.method != Method::password) {
      return fail(Errc::usage, "a password file goes with the method password");
    }
    auto password = envelope::read_password_file(*request.password_file);
    if (!password) return fail(std::move(password).error());
    terms.password.emplace(std::move(*password));
    terms.method = Method::password;
  }
  if (terms.method == Method::password && !terms.password) {
    return fail(Errc::usage, "the method password needs a password", "give a password file");
  }
  if (terms.method && !organisation.policy.methods.contains(*terms.method)) {
    return fail(Errc::denied, "policy-forbids: the method " + request.method.value_or("password") +
                                  " is not allowed");
  }
  return {};
}

Result<void> check_lifetime(const SealingRequest& request, SealingTerms& terms,
                            const config::Organisation& organisation) {
  terms.lifetime = std::min(organisation.sealing.expiry, organisation.policy.longest_expiry);
  if (!request.expires) return {};
  auto lifetime = parse_lifetime(*request.expires);
  if (!lifetime) return fail(std::move(lifetime).error());
  if (*lifetime > organisation.policy.longest_expiry) {
    return fail(Errc::denied, "policy-forbids: sealed messages expire within " +
                                  std::to_string(organisation.policy.longest_expiry.count()) +
                                  " days");
  }
  terms.lifetime = *lifetime;
  return {};
}

}  // namespace

Result<SealingTerms> agree_terms(const SealingRequest& request,
                                 const config::Organisation& organisation) {
  SealingTerms terms{.seals_all = request.seals_all, .is_once = request.is_once};
  terms.links_oversize = request.oversize == "link";
  const bool needs_portal = request.seals_all || request.insists || terms.links_oversize;
  if (needs_portal && !organisation.sealing.is_available()) {
    return fail(Errc::configuration,
                organisation.sealing.portal.empty()
                    ? "no portal is configured: nothing can be sealed"
                    : "the sealed channel is switched off",
                "set sealed.portal, or ask for no sealing");
  }
  if (auto checked = check_method(request, terms, organisation); !checked) {
    return fail(std::move(checked).error());
  }
  if (request.phone) {
    const auto phone = parse_phone(*request.phone);
    if (!phone) {
      return fail(Errc::usage, "'" + printable(*request.phone) + "' is no phone number",
                  "with its country: +31612345678");
    }
    terms.phone = *phone;
  }
  if (auto checked = check_lifetime(request, terms, organisation); !checked) {
    return fail(std::move(checked).error());
  }
  return terms;
}

Result<std::vector<Continued>> take_continued(store::Index& index, const Clock& clock,
                                              const message::PreparedMessage& message,
                                              smtp::Envelope& envelope) {
  std::vector<Continued> continued;
  if (message.message_id().empty()) return continued;
  store::SealedTable table(index);
  const auto now = clock.now();
  auto& recipients = envelope.recipients;
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    const auto address = recipients[i].mailbox.text();
    auto links = table.list({.sender = message.from().mailbox.text(),
                             .message_id = message.message_id(),
                             .recipient = address});
    if (!links) return fail(std::move(links).error());
    for (const auto& link : *links) {
      const bool waits = link.is_live() && link.message.expires > now &&
                         link.message.kind == store::SealedKind::message;
      if (!waits) continue;
      continued.push_back({i, address, link.message.id, link.recipient.id});
      break;
    }
  }
  for (auto at = continued.rbegin(); at != continued.rend(); ++at)
    recipients.erase(recipients.begin() + static_cast<std::ptrdiff_t>(at->place));
  return continued;
}

void put_back(const std::vector<Continued>& continued, std::vector<RecipientResult>& results) {
  for (const auto& one : continued) {
    RecipientResult result;
    result.recipient = one.address;
    result.message = one.message;
    result.recipient_id = one.recipient;
    result.status = Status::pending;
    const auto place = static_cast<std::ptrdiff_t>(std::min(one.place, results.size()));
    results.insert(results.begin() + place, std::move(result));
  }
}

void fail_to_seal(std::vector<RecipientResult>& results, const Error& error) {
  spread(pending_of(results), error);
}

/// How each recipient of one message will prove who they are.
class Fallback::Choice {
 public:
  Choice(Fallback& fallback, const SealingTerms& terms)
      : organisation_(*fallback.organisation_),
        equipment_(*fallback.equipment_),
        clock_(*fallback.office_->clock),
        levels_(fallback.levels_),
        terms_(terms) {}

  /// Nothing where the result was refused or deferred.
  std::optional<Method> method_for(RecipientResult& result) {
    auto method = terms_.method.value_or(organisation_.sealing.method);
    if (!terms_.method && method == Method::email && !is_trusted(result)) method = Method::sms;
    if (!terms_.method && method == Method::password && !terms_.password) method = Method::sms;
    if (!organisation_.policy.methods.contains(method)) {
      refuse(result, Reason::policy_forbids, "the policy does not allow the method", 77);
      return std::nullopt;
    }
    // RULES: link and code in the same clear mail protect nothing.
    if (method == Method::email && !is_trusted(result)) {
      refuse_codes_by_mail(result);
      return std::nullopt;
    }
    return method;
  }

 private:
  void refuse_codes_by_mail(RecipientResult& result) {
    if (level_of(result) == delivery::Verdict::undetermined) {
      defer(result, result.reason == Reason::none ? Reason::dns_temporary : result.reason,
            "whether a code may be mailed there cannot be told now");
      return;
    }
    refuse(result, Reason::method_too_weak,
           "a code mailed over a route that is not at least trusted protects nothing: use sms "
           "or password",
           77);
  }

  delivery::Verdict level_of(RecipientResult& result) {
    constexpr std::chrono::minutes kLasts{1};
    constexpr std::size_t kMostKnown = 1000;
    if (!terms_.seals_all) return result.level;
    const auto mailbox = name::Mailbox::parse(result.recipient);
    if (!mailbox) return delivery::Verdict::undetermined;
    if (levels_.size() > kMostKnown) levels_.clear();
    auto& level = levels_[mailbox->domain().text()];
    if (level.seen == Monotonic() || clock_.monotonic() - level.seen >= kLasts) {
      delivery::Prober prober(equipment_.finder(), equipment_.client(),
                              {.minimum = delivery::Minimum::trusted, .wants_tlsrpt = false});
      const auto best = prober.probe(mailbox->domain()).verdict.best;
      level = {best.verdict, best.reason, clock_.monotonic()};
    }
    result.reason = level.reason;
    return level.verdict;
  }
  bool is_trusted(RecipientResult& result) {
    return delivery::reaches(level_of(result), delivery::Minimum::trusted);
  }

  const config::Organisation& organisation_;
  const delivery::Equipment& equipment_;
  const Clock& clock_;
  std::map<std::string, Level>& levels_;
  const SealingTerms& terms_;
};

namespace {

Addressee addressee_of(const RecipientResult& result, Method method, const SealingTerms& terms) {
  Addressee addressee{*audit::RecipientId::parse(result.recipient_id),
                      *name::Mailbox::parse(result.recipient), method};
  addressee.phone = terms.phone;
  if (terms.password) addressee.password = &*terms.password;
  if (result.level != delivery::Verdict::undetermined) {
    addressee.level = text(result.level);
    addressee.reason = text(result.reason);
  }
  return addressee;
}

}  // namespace

std::optional<Fallback::Chosen> Fallback::choose(const Order& order,
                                                 const std::vector<RecipientResult*>& pending) {
  if (pending.empty()) return std::nullopt;
  Chosen chosen{.order = {.id = *audit::MessageId::parse(pending.front()->message),
                          .organisation = organisation_,
                          .message = order.message,
                          .addressees = {},
                          .files = order.files,
                          .lifetime = order.terms->lifetime,
                          .is_once = order.terms->is_once,
                          .reference = order.reference,
                          .links_oversize = order.terms->links_oversize}};
  Choice choice(*this, *order.terms);
  for (auto* result : pending) {
    const auto method = choice.method_for(*result);
    if (!method) continue;
    chosen.results.push_back(result);
    chosen.order.addressees.push_back(addressee_of(*result, *method, *order.terms));
  }
  if (chosen.results.empty()) return std::nullopt;
  return chosen;
}

void Fallback::take(const Result<std::vector<SealedFor>>& sealed, const Chosen& chosen) {
  if (!sealed) return spread(chosen.results, sealed.error());
  for (std::size_t i = 0; i < chosen.results.size(); ++i) {
    if ((*sealed)[i].waits_for_number) chosen.results[i]->reason = Reason::phone_missing;
  }
}

void Fallback::seal(const Order& order, std::vector<RecipientResult>& results) {
  const auto pending = pending_of(results);
  if (auto chosen = choose(order, pending)) take(Mailroom(*office_).seal(chosen->order), *chosen);
  record(pending);
}

void Fallback::seal_all(std::span<const Piece> pieces, const std::string& lease) {
  std::vector<RecipientResult*> all;
  std::vector<Chosen> chosen;
  std::vector<SealOrder> orders;
  for (const auto& piece : pieces) {
    const auto pending = pending_of(*piece.results);
    all.insert(all.end(), pending.begin(), pending.end());
    auto one = choose(piece.order, pending);
    if (!one) continue;
    orders.push_back(std::move(one->order));
    chosen.push_back(std::move(*one));
  }
  const auto sealed = Mailroom(*office_).seal_all(orders, lease);
  for (std::size_t i = 0; i < sealed.size(); ++i)
    take(sealed[i], chosen[i]);
  record(all);
}

void Fallback::record(const std::vector<RecipientResult*>& pending) {
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
        result->status == Status::refused ? audit::Event::refused : audit::Event::deferred, attempt,
        *office_->clock));
  }
  if (records.empty()) return;
  if (auto told = office_->logs->append(organisation_->id, records); !told) {
    warnings_.push_back(fail(std::move(told).error(), "the log lacks an end").error);
  }
}

void Fallback::notify(std::vector<RecipientResult>& results, std::chrono::seconds deadline) {
  std::set<std::string> messages;
  for (const auto* result : pending_of(results))
    messages.insert(result->message);
  for (const auto& message : messages) {
    auto ends = postman_.run(kMostErrands, deadline, message);
    if (!ends) {
      warnings_.push_back(fail(std::move(ends).error(), "notifications wait").error);
      continue;
    }
    for (const auto& end : *ends)
      apply(end, results);
  }
  for (auto& result : results)
    settle(result);
}

void Fallback::apply(const ErrandEnd& end, std::vector<RecipientResult>& results) const {
  if (end.errand != Errand::notification) return;
  for (auto& result : results) {
    const bool is_its = result.message == end.message && result.recipient_id == end.recipient;
    if (!is_its || result.status != Status::pending) continue;
    switch (end.state) {
      case ErrandEnd::State::accepted:
        result.status = Status::sealed;
        break;
      case ErrandEnd::State::later:
        result.detail = "sealed; the notification waits: " +
                        (end.detail.empty() ? std::string(text(end.reason)) : end.detail);
        break;
      case ErrandEnd::State::given_up:
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
void Fallback::settle(RecipientResult& result) {
  if (result.status != Status::pending) return;
  auto link =
      store::SealedTable(*office_->index).find_recipient(result.message, result.recipient_id);
  if (!link || !*link) return;
  if ((*link)->recipient.progress >= store::Progress::delivered) result.status = Status::sealed;
  if ((*link)->recipient.progress == store::Progress::pending) {
    result.reason = Reason::phone_missing;
    result.detail = "sealed; the sender is asked for the recipient's phone number";
  }
}

}  // namespace sm::sealing
