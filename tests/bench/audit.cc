// The audit log's own figures, for scripts/bench audit: `bench-audit make FOLDER RECORDS` makes a
// log of records of about 500 bytes, `bench-audit append FOLDER PROCESSES SECONDS BATCH
// [disclosures]` appends durably from several processes at once and counts, `bench-audit bare
// FOLDER` does the least that verifying can be: it looks for line ends, and hashes.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "audit/evidence.h"
#include "audit/layout.h"
#include "audit/log.h"
#include "audit/note.h"
#include "audit/segment_lines.h"
#include "audit/tree.h"
#include "base/clock.h"

namespace {

using namespace sm;
using Time = std::chrono::steady_clock;

audit::Log open_log(const std::string& state) {
  audit::LogOptions options;
  options.tool = "bench/0";
  options.host = "bench.example.org";
  auto log = audit::Log::open(state, "default", system_clock(), options);
  if (!log) {
    std::fprintf(stderr, "bench-audit: %s\n", log.error().what.c_str());
    std::exit(1);
  }
  return std::move(*log);
}

/// A `delivered` record whose line is about 500 bytes long.
audit::Record delivered(const audit::MessageId& message, const audit::RecipientId& recipient,
                        bool has_disclosures) {
  audit::Record record(audit::Event::delivered, message, recipient);
  record.fact("level", "verified").fact("mechanism", "dane").fact("mx_dnssec", "secure");
  record.fact("tls_version", "TLSv1.3").fact("tls_cipher", "TLS_AES_256_GCM_SHA384");
  record.fact("reply_code", 250).fact("enhanced_status", "2.0.0");
  if (has_disclosures) {
    record.disclose("recipient", "anna@dane.example").disclose("reply", "250 2.0.0 Ok: queued");
  } else {
    record.fact("filler", "xxxxxxxxxxxxxxxx");
  }
  return record;
}

int make(const std::string& state, std::size_t count) {
  audit::Log log = open_log(state);
  std::vector<audit::Record> records;
  for (std::size_t done = 0; done < count; done += records.size()) {
    records.clear();
    for (std::size_t i = 0; i < 10'000 && done + i < count; i += 2) {
      const auto message = audit::MessageId::fresh();
      const auto recipient = audit::RecipientId::fresh();
      records.push_back(audit::Record(audit::Event::submitted, message));
      records.back().fact("recipients", std::vector<std::string>{recipient.text()});
      records.back().fact("filler", std::string(220, 'x'));
      records.push_back(delivered(message, recipient, false));
      records.back().fact("more", std::string(60, 'y'));
    }
    if (const auto appended = log.append(records); !appended) {
      std::fprintf(stderr, "bench-audit: %s\n", appended.error().what.c_str());
      return 1;
    }
  }
  return log.sign_checkpoint() ? 0 : 1;
}

/// Appends until the time is up; how many records.
std::size_t append_for(const std::string& state, int seconds, std::size_t batch,
                       bool has_disclosures) {
  audit::Log log = open_log(state);
  const auto end = Time::now() + std::chrono::seconds(seconds);
  std::size_t count = 0;
  while (Time::now() < end) {
    std::vector<audit::Record> records;
    for (std::size_t i = 0; i < batch; ++i) {
      records.push_back(
          delivered(audit::MessageId::fresh(), audit::RecipientId::fresh(), has_disclosures));
    }
    if (const auto appended = log.append(records); !appended) {
      std::fprintf(stderr, "bench-audit: %s\n", appended.error().what.c_str());
      std::_Exit(1);
    }
    count += batch;
  }
  return count;
}

int append(const std::string& state, int processes, int seconds, std::size_t batch,
           bool has_disclosures) {
  int ends[2];
  if (::pipe(ends) != 0) return 1;
  for (int i = 0; i < processes; ++i) {
    if (::fork() != 0) continue;
    const std::size_t count = append_for(state, seconds, batch, has_disclosures);
    const bool is_told = ::write(ends[1], &count, sizeof count) == sizeof count;
    std::_Exit(is_told ? 0 : 1);
  }
  ::close(ends[1]);
  std::size_t total = 0;
  for (int i = 0; i < processes; ++i) {
    std::size_t count = 0;
    if (::read(ends[0], &count, sizeof count) != sizeof count) return 1;
    total += count;
  }
  while (::wait(nullptr) > 0) {
  }
  std::printf("%.0f\n", double(total) / seconds);
  return 0;
}

/// Seconds of processor time for bare scanning and hashing of a log.
int bare(const std::string& folder) {
  const auto numbers = audit::segments_in(folder);
  if (!numbers) return 1;
  const std::clock_t begin = std::clock();
  audit::Frontier frontier;
  for (const std::uint64_t number : *numbers) {
    auto lines = audit::SegmentLines::open(audit::Layout{folder}.segment(number));
    if (!lines) return 1;
    for (auto line = lines->next(); line && *line; line = lines->next())
      frontier.add(audit::leaf_hash(as_bytes(**line)));
  }
  std::printf("%llu %.3f\n", static_cast<unsigned long long>(frontier.size()),
              double(std::clock() - begin) / CLOCKS_PER_SEC);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 3 && words[0] == "make") return make(words[1], std::stoul(words[2]));
  if (words.size() >= 5 && words[0] == "append") {
    return append(words[1], std::stoi(words[2]), std::stoi(words[3]), std::stoul(words[4]),
                  words.size() > 5);
  }
  if (words.size() == 2 && words[0] == "bare") return bare(words[1]);
  std::fputs("usage: bench-audit make|append|bare FOLDER ...\n", stderr);
  return 64;
}
