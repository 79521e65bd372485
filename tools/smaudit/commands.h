#pragma once
// smaudit's commands, one function each, and what they share.

#include <memory>
#include <string>
#include <vector>

#include "audit/layout.h"
#include "audit/log.h"
#include "audit/note.h"
#include "config/config.h"
#include "options.h"

namespace sm::smaudit {

Result<cli::Verdict> verify(const Options& options);
Result<cli::Verdict> trace(const Options& options);
Result<cli::Verdict> export_log(const Options& options);
Result<cli::Verdict> report(const Options& options);
Result<cli::Verdict> create_receipt(const Options& options);
Result<cli::Verdict> verify_receipt(const Options& options);
Result<cli::Verdict> sign_checkpoint(const Options& options);
Result<cli::Verdict> anchor(const Options& options);
Result<cli::Verdict> append(const Options& options);
Result<cli::Verdict> erase(const Options& options);

/// The configuration and the organisations whose logs are meant.
struct Place {
  config::Config config;
  std::vector<std::string> orgs;  ///< at least one

  [[nodiscard]] audit::Layout layout(const std::string& org) const {
    return {audit::log_folder(config.state, org)};
  }
};

/// All organisations, or the one that --org names: those that are configured, else those that have
/// a log, else the default one.
Result<Place> find_place(const Options& options);
/// The same where exactly one is wanted. Errc::usage where there are several.
Result<Place> find_one(const Options& options);

/// A log that is open for writing, with what it needs to live.
class OpenLog {
 public:
  static Result<OpenLog> open(const config::Config& config, const std::string& org);
  audit::Log& operator*() { return *log_; }
  audit::Log* operator->() { return &*log_; }

 private:
  OpenLog() = default;
  std::unique_ptr<audit::SignedState> signed_state_;
  std::optional<audit::Log> log_;
};

/// --message.
Result<audit::MessageId> parse_message(const std::string& text);
/// --event.
Result<audit::Event> parse_event(const std::string& text);
/// A file with a checkpoint.
Result<audit::Checkpoint> read_checkpoint(const std::string& path);

}  // namespace sm::smaudit
