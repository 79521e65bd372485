#pragma once
// The portal: which pages there are, and who answers for each.
//
//   /m/<token>              who sent it, what will be asked; POST …/send, …/code, …/password
//   /m/<token>/message      the message; …/html the frame in it; …/file/N, …/message.eml, …/all.zip
//   /m/<token>/reply        the form; POST, multipart; …/replied
//   /m/<token>/done         "I have saved it, destroy it now"; POST …/leave logs out
//   /n/<token>              a sender is asked for a recipient's phone number
//   /a/<digest>             style sheets, logos
//   /healthz
//
// GET and HEAD change nothing: scanners fetch every link. What changes something is a POST with a
// nonce that this browser's cookie made for that form (sealing/session.h). Everything that is
// unknown, of another organisation's host, expired, revoked, deleted or ended is one page.

#include <map>
#include <mutex>
#include <string>

#include "crypto/digest.h"
#include "portal/branding.h"
#include "portal/pages.h"
#include "portal/server.h"

namespace sm::portal {

class Portal final : public Site {
 public:
  /// Errc::configuration: no portal is configured, or branding that cannot be had. `config`
  /// outlives it.
  static Result<std::unique_ptr<Portal>> make(const config::Config& config);

  [[nodiscard]] bool serves(const std::string& host) const override;
  [[nodiscard]] Lane lane_of(const Request& request) const override;
  [[nodiscard]] bool is_upload(const Request& request) const override;
  Answer answer(Staff& staff, const Request& request) override;
  std::optional<Answer> refuse_upload(Staff& staff, const Request& request) override;
  Answer take_upload(Staff& staff, const Request& request, ByteStream& body) override;
  [[nodiscard]] Answer refusal(unsigned status, const Request& request) const override;

 private:
  friend class Call;
  /// A host that we are reached by, and what all paths begin with there.
  struct Address {
    std::string host;
    std::string prefix;
  };
  static Address address_of(const std::string& portal);
  /// At most so many replies of one session come in at once.
  static constexpr int kUploadsAtOnce = 2;
  [[nodiscard]] bool begin_upload(const crypto::Sha256& session);
  void end_upload(const crypto::Sha256& session);

  Portal(const config::Config& config, Branding branding)
      : config_(&config), branding_(std::move(branding)) {}
  const config::Config* config_;
  Branding branding_;
  std::map<std::string, std::string, std::less<>> prefixes_;  ///< by host
  std::mutex mutex_;
  std::map<crypto::Sha256, int> uploads_;
};

}  // namespace sm::portal
