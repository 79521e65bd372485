#include "queue/history.h"

#include "audit/log.h"
#include "audit/reader.h"

namespace sm::queue {

Result<std::map<std::string, audit::Event>> last_ends(const std::string& state,
                                                      const std::string& org,
                                                      const std::string& message,
                                                      std::uint64_t from) {
  std::map<std::string, audit::Event> ends;
  auto reader = audit::LogReader::open(audit::log_folder(state, org), from);
  if (!reader) return fail(std::move(reader).error());
  const std::string needle = "\"message\":\"" + message + "\"";
  const auto is_about_it = [&](std::string_view line) { return line.find(needle) != line.npos; };
  for (;;) {
    auto entry = reader->next(is_about_it);
    if (!entry) return fail(std::move(entry).error());
    if (*entry == nullptr) return ends;
    const auto& record = *(*entry)->record;
    if (record.message != message || record.recipient.empty()) continue;
    switch (record.event) {
      case audit::Event::delivered:
      case audit::Event::failed:
      case audit::Event::refused:
      case audit::Event::returned:
      case audit::Event::sealed:
      case audit::Event::uncertain:
        ends[std::string(record.recipient)] = record.event;
        break;
      case audit::Event::deferred:
      case audit::Event::queued:
        ends.erase(std::string(record.recipient));
        break;
      default:
        break;
    }
  }
}

}  // namespace sm::queue
