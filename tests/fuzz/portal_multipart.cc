// links: portal
// A multipart form reads the same however it is cut, and never gives more than came in.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "portal/multipart.h"

namespace {

class Pieces final : public sm::portal::ByteStream {
 public:
  Pieces(sm::Bytes bytes, std::size_t piece) : bytes_(bytes), piece_(piece) {}
  sm::Result<std::size_t> read(std::span<std::uint8_t> into) override {
    const auto given = std::min({piece_, into.size(), bytes_.size()});
    if (given > 0) std::memcpy(into.data(), bytes_.data(), given);
    bytes_ = bytes_.subspan(given);
    return given;
  }

 private:
  sm::Bytes bytes_;
  std::size_t piece_;
};

/// Names, contents and how it ended, as one text.
std::string digest(sm::Bytes body, std::size_t piece) {
  Pieces in(body, piece);
  auto form = sm::portal::MultipartReader::begin("multipart/form-data; boundary=b", in);
  if (!form) std::abort();
  std::string all;
  for (;;) {
    auto field = form->next();
    if (!field) return all + "!";
    if (!*field) return all + ".";
    all +=
        "[" + (*field)->name + "|" + (*field)->file_name.value_or("-") + "|" + (*field)->type + "]";
    std::uint8_t block[97];
    for (;;) {
      auto got = form->read(block);
      if (!got) break;
      if (*got == 0) break;
      all.append(reinterpret_cast<const char*>(block), *got);
    }
    if (all.size() > 3 * body.size() + 1000) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const sm::Bytes body(bytes, size);
  const auto whole = digest(body, size + 1);
  if (whole.back() == '.' && digest(body, 1) != whole) std::abort();
  return 0;
}
