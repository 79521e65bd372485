#pragma once
// smsend's command line: its own flags, and sendmail(8)'s.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/common.h"
#include "cli/main.h"

namespace sm::smsend {

struct Options {
  cli::Common common;
  cli::NetworkFlags network;
  std::vector<std::string> recipients;

  // What sendmail(8) takes.
  bool takes_header_recipients = false;        ///< -t
  std::optional<std::string> envelope_sender;  ///< -f, -r
  std::optional<std::string> full_name;        ///< -F
  std::optional<std::string> notify;           ///< -N
  std::optional<std::string> returned;         ///< -R
  std::optional<std::string> envelope_id;      ///< -V
  std::vector<std::string> sendmail_options;   ///< -o, -O
  std::optional<std::string> mode;             ///< -b
  std::optional<std::string> body_type;        ///< -B
  std::optional<std::uint64_t> hops;           ///< -h
  std::vector<std::string> ignored;            ///< -L, -X: taken and ignored
  bool ignores_dots = false;                   ///< -i
  bool ignored_flag = false;                   ///< -n, -m, -G, -U

  // Its own.
  std::optional<std::string> minimum;        ///< --minimum
  std::optional<std::string> on_insecure;    ///< --on-insecure
  std::vector<std::string> attachments;      ///< --attach
  bool seals_all = false;                    ///< --seal
  std::optional<std::string> method;         ///< --method
  std::optional<std::string> password_file;  ///< --password-file
  std::optional<std::string> phone;          ///< --phone
  std::optional<std::string> expires;        ///< --expires
  bool is_once = false;                      ///< --once
  std::vector<std::string> large_files;      ///< --link
  std::optional<std::string> oversize;       ///< --oversize
  bool is_dry_run = false;                   ///< --dry-run
  bool is_mta = false;                       ///< --mta
  bool queues = false;                       ///< --queue
  bool runs_queue = false;                   ///< -q
  std::optional<std::string> interval;       ///< --every
  bool is_flush = false;                     ///< --now

  // A batch.
  std::optional<std::string> batch;           ///< --batch
  std::optional<std::string> batch_template;  ///< --template
  std::optional<std::string> results;         ///< --results
  std::optional<std::string> failed;          ///< --failed
  std::optional<std::uint64_t> limit;         ///< --limit
  bool sends = false;                         ///< --send
};

void describe(CLI::App& app, Options& options);
Result<cli::Verdict> run(const Options& options);

}  // namespace sm::smsend
