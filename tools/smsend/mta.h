#pragma once
// --mta: smsend behind a pipe transport (Postfix pipe(8), Exim pipe). The caller reads the exit
// status and one line that begins with an enhanced status code (RFC 3463); everything that is not a
// definite verdict on this message is 75, so that no trouble of ours ever bounces mail. The whole
// of stdin is read, a signal gives 75, and nothing is printed on success.

#include <optional>
#include <string>

#include "base/result.h"
#include "cli/main.h"
#include "cli/printer.h"

namespace sm::smsend {

/// Lives for all of main(); does nothing where --mta was not given.
class MtaMode {
 public:
  MtaMode(int argc, char** argv);
  /// The exit status to end with, from that of the tool.
  [[nodiscard]] int status(int tool_status) const;

 private:
  bool is_on_ = false;
};

/// One line and its status: what an Error means to a pipe transport.
cli::Verdict mta_answer(cli::Printer& out, const Error& error);
/// The line of a recipient that was not delivered.
std::string mta_line(const std::string& enhanced, const std::string& text);

}  // namespace sm::smsend
