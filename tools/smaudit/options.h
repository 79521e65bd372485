#pragma once
// smaudit's command line.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/common.h"
#include "cli/main.h"

namespace sm::smaudit {

enum class Command {
  verify,
  trace,
  export_log,
  report,
  receipt_create,
  receipt_verify,
  checkpoint,
  anchor,
  append,
  erase,
};

struct Options {
  cli::Common common;
  cli::NetworkFlags network;
  Command command{};
  std::string org;  ///< --org; empty: as the configuration and the state say

  // verify, receipt verify
  std::optional<std::string> log;        ///< LOG
  std::vector<std::string> checkpoints;  ///< --checkpoint
  std::string key;                       ///< --key
  bool is_strict = false;                ///< --strict
  std::optional<std::uint64_t> jobs;     ///< --jobs

  std::string subject;  ///< trace WORD, receipt create MESSAGE, receipt verify PATH

  // export, report
  std::string since, until;
  std::vector<std::string> events;  ///< --event; append, receipt create: one
  std::string message;              ///< --message
  std::string address;              ///< --address
  std::string recipient;            ///< --recipient
  bool is_raw = false;
  std::optional<std::string> format;  ///< --format
  bool follows = false;
  std::string month;

  // receipt create
  std::vector<std::string> disclose;  ///< --disclose; append: K=V
  std::string out;                    ///< -o

  bool ends_epoch = false;  ///< checkpoint --end-epoch

  // anchor
  std::string tsa, request, response, mail;
  std::string tsa_ca;

  std::vector<std::string> facts;  ///< append --fact K=V
  std::string authorised_by, ground;
};

void describe(CLI::App& app, Options& options);
Result<cli::Verdict> run(const Options& options);

}  // namespace sm::smaudit
