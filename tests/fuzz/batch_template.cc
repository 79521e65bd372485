// links: batch
#include <cstdint>
#include <string>

#include "batch/template.h"
#include "message/header.h"

// The template before the first NUL, a value for all of its variables after it: a value never adds
// a field, and no header has a line end of its own.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sm::batch;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto cut = std::min(text.find('\0'), text.size());
  auto made = Template::parse(text.substr(0, cut));
  if (!made) return 0;
  const auto render = [&](const std::string& value) {
    auto names = std::make_shared<std::vector<std::string>>(made->variables().begin(),
                                                            made->variables().end());
    Row row;
    row.values.assign(names->size(), value);
    row.names = std::move(names);
    return made->render(row);
  };
  const auto fields = [](const std::string& message) {
    const auto end = message.find("\r\n\r\n");
    const auto header = message.substr(0, end == message.npos ? message.size() : end + 2);
    const auto index = sm::message::HeaderIndex::parse(header, sm::message::Syntax::lenient);
    return index ? index->size() : 0;
  };
  const auto value = text.substr(std::min(cut + 1, text.size()));
  const auto plain = render(value.empty() ? "" : "x");  // sections tell empty from not empty
  const auto odd = render(value);
  if (plain && odd && fields(*odd) > fields(*plain)) __builtin_trap();
  return 0;
}
