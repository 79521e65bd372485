#pragma once
// multipart/form-data (RFC 7578) as it streams by: one field after the other, each read to its end
// or skipped, none of it kept. Bounded: field headers 8 KiB, 200 fields.
//
//   auto form = MultipartReader::begin(content_type, in);
//   while (auto field = *form->next()) { …  form->read(buffer) …  }

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "portal/inflow.h"

namespace sm::portal {

struct FormField {
  std::string name;
  std::optional<std::string> file_name;  ///< as the client called it; unset: no file
  std::string type;                      ///< of a file; may be empty
};

class MultipartReader {
 public:
  /// `in` outlives it. Errc::malformed: not multipart/form-data, or a boundary that is none.
  static Result<MultipartReader> begin(std::string_view content_type, ByteStream& in);

  /// The next field; nothing after the last. What was not read of the one before is skipped.
  /// Errc::malformed: not as RFC 7578 has it, or the body ends before its closing boundary.
  Result<std::optional<FormField>> next();
  /// Bytes of the field; 0 at its end.
  Result<std::size_t> read(std::span<std::uint8_t> into);
  /// The whole field, at most `most` octets (more: Errc::malformed).
  Result<Secret> read_all(std::size_t most);

 private:
  MultipartReader(std::string boundary, ByteStream& in)
      : delimiter_("\r\n--" + std::move(boundary)), in_(in), buffer_(kBuffer) {}
  static constexpr std::size_t kBuffer = std::size_t{64} << 10;
  static constexpr std::size_t kMostHeader = std::size_t{8} << 10;
  static constexpr int kMostFields = 200;
  [[nodiscard]] std::string_view held() const {
    return as_text(buffer_.reveal().subspan(first_, last_ - first_));
  }
  Result<bool> fill();  ///< false: nothing more comes
  Result<std::size_t> content_ahead();
  Result<FormField> read_header();
  std::string delimiter_;
  ByteStream& in_;
  Secret buffer_;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  bool is_at_end_ = false;  ///< of `in_`
  bool is_first_ = true;
  bool is_closed_ = false;
  bool is_in_field_ = false;
  int fields_ = 0;
};

}  // namespace sm::portal
