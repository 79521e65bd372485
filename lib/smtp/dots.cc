#include "smtp/dots.h"

namespace sm::smtp {
namespace {

// Every CR is followed by LF and every LF preceded by CR, the octet before the block included; a CR
// at the very end is open.
bool has_bare_line_ends(std::string_view block, bool is_after_cr) {
  if (is_after_cr && block.front() != '\n') return true;
  if (!is_after_cr && block.front() == '\n') return true;
  for (auto at = block.find('\n', 1); at != std::string_view::npos; at = block.find('\n', at + 1)) {
    if (block[at - 1] != '\r') return true;
  }
  for (auto at = block.find('\r'); at != std::string_view::npos; at = block.find('\r', at + 1)) {
    if (at + 1 < block.size() && block[at + 1] != '\n') return true;
  }
  return false;
}

}  // namespace

bool ContentWriter::write(std::string_view block, std::string& wire) {
  if (block.empty()) return true;
  if (has_bare_line_ends(block, is_after_cr_)) return false;
  if (block.find('\0') != std::string_view::npos) return false;
  const bool starts_line = is_at_line_start_;
  octets_ += block.size();
  is_at_line_start_ = block.back() == '\n';
  is_after_cr_ = block.back() == '\r';
  if (framing_ == Framing::counted) {
    wire.append(block);
    return true;
  }
  if (starts_line && block.front() == '.') wire += '.';
  std::size_t from = 0;
  for (auto at = block.find("\n."); at != std::string_view::npos; at = block.find("\n.", from)) {
    wire.append(block.substr(from, at + 2 - from));
    wire += '.';
    from = at + 2;
  }
  wire.append(block.substr(from));
  return true;
}

}  // namespace sm::smtp
