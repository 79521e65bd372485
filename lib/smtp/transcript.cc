#include "smtp/transcript.h"

#include "base/text.h"

namespace sm::smtp {

void Transcript::add(Speaker speaker, std::string_view text) {
  if (octets_ + text.size() > kMaxOctets || left_out_ > 0) {
    ++left_out_;
    return;
  }
  lines_.push_back({speaker, printable(text)});
  octets_ += lines_.back().text.size();
}

}  // namespace sm::smtp
