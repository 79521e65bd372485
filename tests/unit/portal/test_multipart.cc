#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>

#include "portal/multipart.h"

using namespace sm;
using namespace sm::portal;

namespace {

/// Gives its text in pieces of one size.
class Pieces final : public ByteStream {
 public:
  Pieces(std::string text, std::size_t piece) : text_(std::move(text)), piece_(piece) {}
  Result<std::size_t> read(std::span<std::uint8_t> into) override {
    const auto given = std::min({piece_, into.size(), text_.size() - at_});
    std::memcpy(into.data(), text_.data() + at_, given);
    at_ += given;
    return given;
  }

 private:
  std::string text_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

constexpr std::string_view kType = "multipart/form-data; boundary=----WebKitFormBoundaryAbC";

std::string field(const std::string& header, const std::string& content) {
  return "------WebKitFormBoundaryAbC\r\nContent-Disposition: form-data; " + header + "\r\n\r\n" +
         content + "\r\n";
}
const std::string kEnd = "------WebKitFormBoundaryAbC--\r\n";

struct Got {
  std::string name;
  std::optional<std::string> file;
  std::string type;
  std::string content;
};

Result<std::vector<Got>> read_form(const std::string& body, std::size_t piece,
                                   std::string_view type = kType) {
  Pieces in(body, piece);
  auto form = MultipartReader::begin(type, in);
  if (!form) return fail(form.error());
  std::vector<Got> all;
  for (;;) {
    auto next = form->next();
    if (!next) return fail(next.error());
    if (!*next) return all;
    auto content = form->read_all(1 << 20);
    if (!content) return fail(content.error());
    all.push_back({(*next)->name, (*next)->file_name, (*next)->type,
                   std::string(as_text(content->reveal()))});
  }
}

}  // namespace

TEST_CASE("a form is the same however it is cut on its way", "[portal]") {
  std::string binary;
  for (int i = 0; i < 100'000; ++i)
    binary += static_cast<char>(i * 7919 >> 3);
  binary += "\r\n------WebKitFormBoundaryAb\r\n--\r\n-----";
  const auto body =
      field("name=\"nonce\"", "n.1.x") + field("name=\"text\"", "") +
      field("name=\"files\"; filename=\"sc\u00e4n.pdf\"\r\nContent-Type: application/pdf", binary) +
      field("name=\"files\"; filename=\"\"\r\nContent-Type: application/octet-stream", "") + kEnd;
  for (const std::size_t piece : {1UL, 2UL, 7UL, 63UL, 4096UL, 65536UL, 1000000UL}) {
    CAPTURE(piece);
    auto form = read_form(body, piece);
    REQUIRE(form);
    REQUIRE(form->size() == 4);
    CHECK((*form)[0].content == "n.1.x");
    CHECK_FALSE((*form)[0].file);
    CHECK((*form)[1].content.empty());
    CHECK((*form)[2].file == "sc\u00e4n.pdf");
    CHECK((*form)[2].type == "application/pdf");
    CHECK(((*form)[2].content == binary));
    CHECK((*form)[3].file == "");
  }
}

TEST_CASE("fields that are not read are skipped", "[portal]") {
  Pieces in(field("name=\"a\"", std::string(200'000, 'x')) + field("name=\"b\"", "y") + kEnd, 5000);
  auto form = MultipartReader::begin(kType, in);
  REQUIRE(form);
  CHECK((**form->next()).name == "a");
  CHECK((**form->next()).name == "b");
  CHECK(as_text(form->read_all(10)->reveal()) == "y");
  CHECK_FALSE(*form->next());
  CHECK_FALSE(*form->next());
}

TEST_CASE("names are as browsers write them", "[portal]") {
  const auto form =
      read_form(field("name=\"a\"; filename=\"say %22hi%22 50%%0D%0A\\x.txt\"", "") + kEnd, 100);
  REQUIRE(form);
  CHECK((*form)[0].file == "say \"hi\" 50%  \\x.txt");
}

TEST_CASE("a form that ends early, or is none, is refused", "[portal]") {
  const auto whole = field("name=\"a\"", "content") + kEnd;
  for (std::size_t size = 0; size + 3 < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(read_form(whole.substr(0, size), 16));
  }
  CHECK(read_form(whole.substr(0, whole.size() - 2), 16));  // without the last line end
  for (const auto& body :
       {std::string("preamble\r\n") + whole, field("name=a", "x") + kEnd,
        field("filename=\"a\"", "x") + kEnd, field("name=\"a\"; name=\"b\"", "x") + kEnd,
        field("name=\"a\"; size=\"b\"", "x") + kEnd,
        "------WebKitFormBoundaryAbC\r\nContent-Type: a\r\n\r\nx\r\n" + kEnd,
        "------WebKitFormBoundaryAbC\r\nno header\r\n\r\nx\r\n" + kEnd,
        "------WebKitFormBoundaryAbCx\r\n\r\n" + kEnd,
        field("name=\"a\"\r\nX: " + std::string(9000, 'a'), "x") + kEnd}) {
    CAPTURE(body.substr(0, 120));
    CHECK_FALSE(read_form(body, 64));
  }
  for (const auto* type :
       {"text/plain", "multipart/form-data", "multipart/mixed; boundary=x", "",
        "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=\"a\nb\""}) {
    CAPTURE(type);
    CHECK_FALSE(read_form(whole, 64, type));
  }
  std::string many;
  for (int i = 0; i < 201; ++i)
    many += field("name=\"a\"", "");
  CHECK_FALSE(read_form(many + kEnd, 4096));
}

TEST_CASE("a field beyond its limit is refused", "[portal]") {
  Pieces in(field("name=\"a\"", std::string(5000, 'x')) + kEnd, 100);
  auto form = MultipartReader::begin(kType, in);
  REQUIRE(form);
  REQUIRE(form->next());
  const auto all = form->read_all(4999);
  REQUIRE_FALSE(all);
  CHECK(all.error().code == Errc::malformed);
}
