#include "destinations.h"

#include "base/file.h"
#include "base/text.h"
#include "name/mailbox.h"

namespace sm::smprobe {
namespace {

/// A domain, or the domain of an address.
Result<Destination> destination_of(const std::string& given) {
  if (given.find('@') == given.npos) {
    auto domain = name::Domain::parse(given);
    if (!domain) return fail(std::move(domain).error());
    return Destination{given, *domain};
  }
  auto mailbox = name::Mailbox::parse(given);
  if (!mailbox) return fail(std::move(mailbox).error());
  return Destination{given, mailbox->domain()};
}

Result<std::vector<std::string>> lines_of_stdin() {
  auto text = read_file("/dev/stdin", std::size_t{64} << 20);
  if (!text) return fail(std::move(text).error());
  std::vector<std::string> lines;
  for (const auto line : split(*text, '\n')) {
    const auto word = trimmed(line, " \t\r");
    if (!word.empty()) lines.emplace_back(word);
  }
  return lines;
}

}  // namespace

Result<std::vector<Destination>> destinations_of(const Options& options) {
  std::vector<std::string> given = options.destinations;
  if (given.size() == 1 && given.front() == "-") {
    auto lines = lines_of_stdin();
    if (!lines) return fail(std::move(lines).error());
    given = std::move(*lines);
  }
  std::vector<Destination> destinations;
  for (const auto& one : given) {
    auto destination = destination_of(one);
    if (!destination) return fail(std::move(destination).error());
    destinations.push_back(std::move(*destination));
  }
  return destinations;
}

}  // namespace sm::smprobe
