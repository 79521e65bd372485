#include "batch.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "base/version.h"
#include "batch/files.h"
#include "batch/run.h"
#include "cli/settings.h"
#include "delivery/signing.h"
#include "ending_signals.h"
#include "intake.h"
#include "spooled.h"
#include "state/sts_cache.h"

namespace sm::smsend {
namespace {

using delivery::Status;

/// Messages are made and let go by a dozen threads: memory that is given back to the kernel after
/// each is asked for again with the next. How much there is at most is bounded by the batch.
void keep_memory() {
  constexpr int kKept = 64 << 20;
  (void)::mallopt(M_TRIM_THRESHOLD, kKept);
}

Result<void> check_flags(const Options& options) {
  const auto refuse = [](const std::string& what, const std::string& hint = {}) {
    return fail(Errc::usage, what, hint);
  };
  if (!options.batch)
    return refuse("--template, --results, --failed, --limit and --send go with --batch");
  if (!options.batch_template) return refuse("--batch needs --template", "a message in mustache");
  if (options.sends == options.is_dry_run) {
    return refuse(options.sends ? "--send and --dry-run: one of the two"
                                : "--batch sends nothing without --send",
                  "look first: --dry-run");
  }
  if (!options.recipients.empty() || options.takes_header_recipients) {
    return refuse("recipients come from the column 'to'");
  }
  if (options.queues || options.runs_queue || options.mode) {
    return refuse("a batch is sent now: --queue, -q and -b do not go with it");
  }
  if (!options.large_files.empty()) {
    return refuse("--link is for one message", "give a column 'link'");
  }
  if (options.is_mta) return refuse("--mta is for one message");
  if (options.phone) return refuse("--phone is for one recipient", "give a column 'phone'");
  if (*options.batch == *options.batch_template) return refuse("rows and template are one file");
  return {};
}

/// Where the results of rows go: files, stdout, stderr.
class Report final : public batch::Listener {
 public:
  explicit Report(const Options& options) : options_(options) {}

  Result<void> open(const batch::RowReader& rows, const std::set<std::string>& variables) {
    if (options_.results) {
      auto file = batch::OutFile::create(*options_.results);
      if (!file) return fail(std::move(file).error());
      results_.emplace(std::move(*file));
    }
    if (!options_.failed) return {};
    auto columns = rows.columns();
    if (rows.is_json()) {
      // Each row has its own names; these are what the template and we look at.
      columns.assign(std::begin(batch::kKnownColumns), std::end(batch::kKnownColumns));
      for (const auto& name : variables) {
        if (std::find(columns.begin(), columns.end(), name) == columns.end()) {
          columns.push_back(name);
        }
      }
    }
    auto failed = batch::FailedRows::create(*options_.failed, std::move(columns), rows.separator());
    if (!failed) return fail(std::move(failed).error());
    failed_.emplace(std::move(*failed));
    return {};
  }

  Result<void> ended(const batch::Row& row, const delivery::RecipientResult& result) override {
    const auto line = delivery::json_line(result);
    if (results_) {
      if (auto written = results_->write(line + "\n"); !written) return written;
    }
    const bool is_failed = batch::FailedRows::takes(result.status);
    if (failed_ && is_failed) {
      if (auto written = failed_->add(row, result); !written) return written;
    }
    rows_ += 1;
    if (progress_) progress_->count();
    if (options_.common.is_json) {
      options_.common.out().line(line);
      return options_.common.out().flush();
    }
    const auto text = "row " + std::to_string(row.number) + ": " + delivery::plain_line(result);
    if (options_.is_dry_run) {
      options_.common.out().line(text);
      return options_.common.out().flush();
    }
    if (is_failed || result.status == Status::pending) {
      options_.common.diagnostics().warning(text);
    } else {
      options_.common.diagnostics().detail(text);
    }
    return {};
  }

  void warn(const Error& warning) override { options_.common.diagnostics().warning(warning.what); }

  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  /// Whatever the end was, what is known is published.
  Result<void> publish() {
    progress_.reset();
    auto published = results_ ? results_->publish() : Result<void>();
    auto failed = failed_ ? failed_->publish() : Result<void>();
    return published ? failed : published;
  }

  void show_progress(std::function<std::size_t(std::size_t)> estimate) {
    progress_.emplace(options_.common.diagnostics(), system_clock(), std::move(estimate));
  }

 private:
  const Options& options_;
  std::optional<batch::OutFile> results_;
  std::optional<batch::FailedRows> failed_;
  std::optional<cli::Progress> progress_;
  std::uint64_t rows_ = 0;
};

struct Input {
  UniqueFd fd;
  std::uint64_t size = 0;  ///< 0: not known
};

Result<Input> open_rows(const std::string& path) {
  Input input;
  if (path == "-") {
    input.fd = UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  } else {
    auto fd = open_file(path, O_RDONLY | O_NOCTTY);
    if (!fd) return fail(std::move(fd).error());
    input.fd = std::move(*fd);
  }
  struct stat is {};
  if (::fstat(input.fd.get(), &is) == 0 && S_ISREG(is.st_mode)) {
    input.size = static_cast<std::uint64_t>(is.st_size);
  }
  return input;
}

Result<batch::Setting> setting_of(const Options& options, const config::Config& config) {
  batch::Setting setting;
  setting.config = &config;
  setting.on_insecure = options.on_insecure;
  setting.sealing = request_of(options);
  setting.space = scratch_space();
  setting.needs_key = options.sends;
  for (const auto& path : options.attachments)
    setting.attachments.push_back({.path = path});
  if (options.envelope_sender) {
    auto sender = name::ReversePath::parse(*options.envelope_sender);
    if (!sender) return fail(std::move(sender).error(), "the envelope sender");
    setting.sender = *sender;
  }
  auto text = read_file(*options.batch_template, batch::Template::kMost);
  if (!text) return fail(std::move(text).error());
  setting.template_text = std::move(*text);
  return setting;
}

cli::Verdict verdict_of(const batch::Summary& summary) {
  const auto count = [&](Status status) {
    const auto found = summary.ends.find(status);
    return found == summary.ends.end() ? 0 : found->second;
  };
  if (!summary.gaps.empty()) return cli::Verdict::io;
  if (summary.was_stopped || count(Status::deferred) + count(Status::uncertain) > 0) {
    return cli::Verdict::temporary;
  }
  return count(Status::refused) + count(Status::failed) > 0 ? cli::Verdict::no : cli::Verdict::yes;
}

void tell(const Options& options, const batch::Summary& summary) {
  auto& diagnostics = options.common.diagnostics();
  for (const auto& gap : summary.gaps)
    diagnostics.error(fail(gap, "the log lacks what was reported").error);
  std::string text = std::to_string(summary.rows) + " rows";
  for (const auto& [status, count] : summary.ends)
    text += ", " + std::to_string(count) + " " + std::string(delivery::text(status));
  if (summary.repeated > 0) text += "; " + std::to_string(summary.repeated) + " done before";
  if (summary.was_stopped) {
    diagnostics.warning("ended by a signal after " + text + ": the same command goes on from here");
  } else if (verdict_of(summary) != cli::Verdict::yes) {
    diagnostics.warning(text);
  } else {
    diagnostics.detail(text);
  }
}

}  // namespace

bool is_batch(const Options& options) {
  return options.batch || options.batch_template || options.results || options.failed ||
         options.limit || options.sends;
}

Result<cli::Verdict> run_batch(const Options& options) {
  if (auto checked = check_flags(options); !checked) return fail(std::move(checked).error());
  keep_memory();
  const EndingSignals signals;
  auto config = cli::load_config(options.common, options.network,
                                 {.minimum = cli::minimum_of(options.minimum)});
  if (!config) return fail(std::move(config).error());
  if (auto applied = delivery::apply_rotations(*config); !applied) return fail(applied.error());
  auto setting = setting_of(options, *config);
  if (!setting) return fail(std::move(setting).error());
  auto checked = batch::Template::parse(setting->template_text);
  if (!checked) return fail(std::move(checked).error());
  auto input = open_rows(*options.batch);
  if (!input) return fail(std::move(input).error());
  const auto has_ended = [&signals] { return signals.have_come(); };
  auto rows = batch::RowReader::open(batch::read_from(input->fd.get(), *options.batch, has_ended),
                                     *options.batch);
  if (!rows) return fail(std::move(rows).error());

  auto equipment = make_equipment(options, *config);
  if (!equipment) return fail(std::move(equipment).error());
  Report report(options);
  if (auto opened = report.open(*rows, checked->variables()); !opened) {
    return fail(std::move(opened).error());
  }
  report.show_progress([&rows, size = input->size](std::size_t) {
    return static_cast<std::size_t>(rows->estimate(size));
  });
  const batch::Means means{.equipment = equipment->get(),
                           .premises = premises_of(options),
                           .dispatching = {.per_destination = config->batch.per_destination},
                           .account = login_name(),
                           .uid = ::getuid(),
                           .limit = options.limit.value_or(UINT64_MAX),
                           .is_stopped = has_ended};
  auto summary = options.is_dry_run ? batch::rehearse(*rows, *setting, means, report)
                                    : batch::send(*rows, *setting, means, report);
  // Where nothing could be begun, what an earlier run left stays.
  auto published = summary || report.rows() > 0 ? report.publish() : Result<void>();
  if (!summary) return fail(std::move(summary).error());
  tell(options, *summary);
  if (!published) return fail(std::move(published).error());
  return verdict_of(*summary);
}

}  // namespace sm::smsend
