#pragma once
// The sealed channel from smsend's side: which messages are sealed, how their recipients will prove
// who they are, and what became of them.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "delivery/equipment.h"
#include "delivery/result.h"
#include "delivery/send.h"
#include "envelope/password.h"
#include "intake.h"
#include "options.h"

namespace sm::smsend {

/// What the flags say of sealing, checked against the organisation's configuration and policy.
struct SealingWishes {
  bool seals_all = false;                  ///< --seal
  std::optional<config::Method> method{};  ///< --method, or --password-file
  std::optional<envelope::Password> password{};
  std::string phone{};  ///< E.164
  std::chrono::seconds lifetime{};
  bool is_once = false;
};

/// Errc::usage for flags that contradict each other, Errc::denied for what the policy forbids,
/// Errc::configuration for --seal where there is no sealed channel.
Result<SealingWishes> sealing_wishes(const Options& options,
                                     const config::Organisation& organisation);

/// What becomes of a message whose destination stays below the minimum.
delivery::OnInsecure on_insecure_of(const Options& options,
                                    const config::Organisation& organisation);

/// One message's recipients that were sealed before under the same Message-ID, and wait still:
/// taken out of the mail's envelope, since they are continued instead of being started anew. In
/// order.
struct Continued {
  std::size_t place;  ///< in the envelope as it came
  std::string address;
  std::string message;  ///< the audit id that it was sealed under
  std::string recipient;
};
Result<std::vector<Continued>> take_continued(const config::Config& config, Mail& mail);

/// Seals for every recipient whose result is `pending` and sends the notifications; each result
/// gets its end, in the log too. `continued` come in at their places. Errors are told as results:
/// what was delivered stays delivered.
void seal_pending(const Options& options, const config::Config& config,
                  const config::Organisation& organisation, const SealingWishes& wishes,
                  const Mail& mail, const std::vector<Continued>& continued,
                  const delivery::Equipment& equipment,
                  std::vector<delivery::RecipientResult>& results);

}  // namespace sm::smsend
