#pragma once
// The decision: may a message go to this host, and if not, what becomes of it?
//
// Pure functions over facts (facts.h) and over what a connection showed (smtp::SessionFacts).
// smprobe prints what they answer and smsend acts on it, so the two cannot differ. The rules, in
// this order: authenticated DANE binds and is never overridden (RFC 7672 §2.2, RFC 8461 §2); where
// there is none, an enforced MTA-STS policy binds (RFC 8461 §4, §5); where neither is published, a
// certificate of a trusted root for the MX host's name makes `trusted`. All else is below every
// minimum.

#include <optional>
#include <string>
#include <vector>

#include "delivery/facts.h"
#include "delivery/verdict.h"
#include "smtp/client.h"
#include "smtp/outcome.h"

namespace sm::delivery {

/// What one host is worth, and why.
struct HostVerdict {
  Verdict verdict = Verdict::undetermined;
  Mechanism mechanism = Mechanism::none;
  Reason reason = Reason::none;
  std::string detail{};  ///< a sentence for people; empty where all is well
};

/// What must be proved of this host before a message may go there, for the TLS layer. DANE records
/// are demanded where they are usable, the public key infrastructure everywhere else.
tls::Expectations expectations(const DestinationFacts& destination, const HostFacts& host);

/// Why this host is not even connected to, or nothing. DNS alone decides.
std::optional<HostVerdict> judge_before_connecting(const HostFacts& host);

/// The host's verdict, from what a session with it showed.
HostVerdict judge(const DestinationFacts& destination, const HostFacts& host,
                  const smtp::SessionFacts& session);

/// The destination published that mail to it must be verified (usable TLSA records at this host, an
/// enforced MTA-STS policy, an NTA 7516 record): where the verdict is below the minimum nothing
/// goes there, not even a notification, and mail waits.
bool has_promise(const DestinationFacts& destination, const HostFacts& host);

struct DestinationVerdict {
  HostVerdict best{};
  std::optional<std::size_t> host{};  ///< whose verdict it is: index into facts.hosts
  bool is_promised = false;           ///< any host, or the domain, has_promise()
};

/// Why no host is worth a try, from the facts of the domain alone; or nothing.
std::optional<HostVerdict> judge_domain(const DestinationFacts& destination);

/// Every question about it was answered, and no answer is a promise: what cannot be delivered there
/// may be sealed when its time is over, although nobody was reached.
bool promises_nothing(const DestinationFacts& destination, const DestinationVerdict& verdict);

/// From the verdicts of the hosts tried, in preference order: that of the first which reaches the
/// minimum; if none does, undetermined where any was, else the best level seen.
DestinationVerdict combine(const DestinationFacts& destination,
                           const std::vector<HostVerdict>& hosts, Minimum minimum);

/// What is done with a message whose destination has this verdict.
enum class Course {
  deliver,    ///< it reaches the minimum
  fall_back,  ///< it definitely does not, and promises nothing: seal, refuse or defer as chosen
  defer,      ///< nobody can tell now, or a published promise is broken
  fail,       ///< it takes no mail at all
};
Course course(const DestinationVerdict& verdict, Minimum minimum);

/// RFC 3463 status code that goes with a reason: "5.1.10", "4.7.5".
std::string enhanced_code(Reason reason, Course course);

}  // namespace sm::delivery
