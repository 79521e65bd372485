#include "audit/verify.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/log_key.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "commands.h"

namespace sm::smaudit {
namespace {

using audit::Finding;
using audit::FindingKind;
using audit::VerifyReport;

/// "chain-break 778 (and 2 more): its prev is not …".
std::string plain(const Finding& finding) {
  std::string line(text(finding.kind));
  if (finding.kind == FindingKind::unsigned_tail) {
    line += ' ' + std::to_string(finding.count);
  } else if (finding.seq) {
    line += ' ' + std::to_string(*finding.seq);
    if (finding.count > 1) line += " (and " + std::to_string(finding.count - 1) + " more)";
  }
  if (finding.kind == FindingKind::unsigned_tail && finding.seq) {
    return line + ": from record " + std::to_string(*finding.seq) + " on, " + finding.detail;
  }
  return line + ": " + finding.detail;
}

std::string json(const Finding& finding) {
  JsonObject object;
  object.add("finding", text(finding.kind)).add("record", finding.seq);
  object.add("count", finding.count).add("notice", !is_damage(finding.kind));
  return object.add("detail", finding.detail).text();
}

std::string plain(const VerifyReport& report) {
  std::string line = report.is_intact() ? "intact: " : "NOT INTACT: ";
  line += std::to_string(report.records) + " records";
  if (report.first_seq > 0) line += " from " + std::to_string(report.first_seq) + " on";
  line += ", " + std::to_string(report.signed_size) + " signed, ";
  if (!report.outside_checkpoint) return line + "no checkpoint from outside";
  return line + "the first " + std::to_string(*report.outside_checkpoint) +
         " as in the checkpoint from outside";
}

std::string json(const VerifyReport& report, const std::string& log) {
  JsonObject object;
  object.add("records", report.records).add("intact", report.is_intact());
  object.add("signed", report.signed_size);
  object.add("outside_checkpoint", report.outside_checkpoint).add("first", report.first_seq);
  if (report.anchor) {
    JsonObject anchor;
    anchor.add("size", report.anchor->size);
    anchor.add("time", utc_text(report.anchor->timestamp.time));
    anchor.add("authority", report.anchor->timestamp.authority);
    anchor.add("age", report.anchor->age.count());
    object.add_raw("anchor", anchor.text());
  } else {
    object.add("anchor", nullptr);
  }
  return object.add("log", log).text();
}

/// Prints the report; whether it says yes.
bool print(const VerifyReport& report, const std::string& log, const Options& options) {
  auto& out = options.common.out();
  const bool is_json = options.common.is_json;
  for (const Finding& finding : report.findings)
    out.line(is_json ? json(finding) : plain(finding));
  if (is_json) {
    out.line(json(report, log));
  } else {
    out.line(printable(log) + ": " + plain(report));
  }
  return options.is_strict ? report.is_perfect() : report.is_intact();
}

Result<audit::VerifyRequest> request_of(const Options& options) {
  audit::VerifyRequest request;
  request.clock = &system_clock();
  request.threads = static_cast<unsigned>(options.jobs.value_or(0));
  request.tsa_ca = options.tsa_ca;
  for (const std::string& path : options.checkpoints) {
    auto checkpoint = read_checkpoint(path);
    if (!checkpoint) return fail(std::move(checkpoint).error());
    request.checkpoints.push_back({path, std::move(*checkpoint), true, false});
  }
  if (options.key.empty()) return request;
  auto keys = audit::read_verifier_keys(options.key);
  if (!keys) return fail(std::move(keys).error());
  request.keys = std::move(*keys);
  return request;
}

Result<VerifyReport> verify_log(const std::string& log, const audit::VerifyRequest& request) {
  if (log == "-") return audit::verify_stream(UniqueFd(::dup(STDIN_FILENO)), "stdin", request);
  struct stat status {};
  if (::stat(log.c_str(), &status) != 0) {
    return fail_errno(Errc::no_input, "opening " + log, errno);
  }
  if (S_ISDIR(status.st_mode)) return audit::verify_folder(log, request);
  auto file = open_file(log, O_RDONLY);
  if (!file) return fail(std::move(file).error());
  return audit::verify_stream(std::move(*file), log, request);
}

Result<std::vector<std::string>> logs_of(const Options& options) {
  if (options.log) return std::vector<std::string>{*options.log};
  const auto place = find_place(options);
  if (!place) return fail(place.error());
  std::vector<std::string> logs;
  for (const std::string& org : place->orgs) {
    const std::string folder = place->layout(org).folder;
    const auto is_there = audit::exists(folder);
    if (!is_there) return fail(is_there.error());
    if (*is_there) logs.push_back(folder);
  }
  if (logs.empty()) {
    return fail(Errc::no_input, "there is no log in " + place->config.state,
                "name a log, or the state with --state");
  }
  if (logs.size() > 1 && !options.checkpoints.empty()) {
    return fail(Errc::usage, "a checkpoint is of one log, and there are several here",
                "name the log");
  }
  return logs;
}

}  // namespace

Result<cli::Verdict> verify(const Options& options) {
  const auto request = request_of(options);
  if (!request) return fail(request.error());
  const auto logs = logs_of(options);
  if (!logs) return fail(logs.error());
  bool is_good = true;
  for (const std::string& log : *logs) {
    const auto report = verify_log(log, *request);
    if (!report) return fail(report.error());
    is_good &= print(*report, log, options);
  }
  return is_good ? cli::Verdict::yes : cli::Verdict::no;
}

}  // namespace sm::smaudit
