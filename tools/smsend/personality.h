#pragma once
// The command line as its caller meant it. Programs call sendmail by other names (`sendmail`,
// `mailq`, `newaliases`) and in its own spelling (`-q15m`); here that becomes flags of smsend.

#include <string>
#include <vector>

namespace sm::smsend {

class CommandLine {
 public:
  CommandLine(int argc, char** argv);
  [[nodiscard]] int count() const { return static_cast<int>(words_.size()); }
  /// As main() has them: the last one is null.
  [[nodiscard]] char** words() { return pointers_.data(); }

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

/// This process was called by the name sendmail: names of this machine are understood.
bool is_sendmail();

}  // namespace sm::smsend
