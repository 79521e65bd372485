#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "base/text.h"

namespace sm::cli {
namespace {

/// An option whose values reach `take` as they were typed, one call a value.
CLI::Option* add_raw(CLI::App& app, const std::string& names, const std::string& value,
                     const std::string& help, std::function<void(const std::string&)> take) {
  const auto take_all = [take = std::move(take)](const CLI::results_t& values) {
    std::for_each(values.begin(), values.end(), take);
    return true;
  };
  return app.add_option(names, CLI::callback_t(take_all), help)->type_name(value);
}

[[noreturn]] void refuse(const std::string& names, const std::string& why) {
  throw CLI::ValidationError(names.substr(names.rfind(',') + 1), why);
}

}  // namespace

Flag& Flag::required() {
  option_->required();
  return *this;
}

Flag& Flag::excludes(const Flag& other) {
  option_->excludes(other.option_);
  return *this;
}

Flag& Flag::group(const std::string& heading) {
  option_->group(heading);
  return *this;
}

CLI::App& add_command(CLI::App& app, const std::string& name, const std::string& help,
                      std::function<void()> chosen) {
  CLI::App* added = app.add_subcommand(name, help);
  if (chosen) added->callback(std::move(chosen));
  return *added;
}

void require_command(CLI::App& app) {
  app.require_subcommand(1);
}

Flag add_flag(CLI::App& app, const std::string& names, bool& into, const std::string& help) {
  return Flag(app.add_flag(names, into, help));
}

Flag add_text(CLI::App& app, const std::string& names, std::optional<std::string>& into,
              const std::string& value, const std::string& help) {
  return Flag(add_raw(app, names, value, help, [&into](const std::string& text) { into = text; }));
}

Flag add_text(CLI::App& app, const std::string& names, std::string& into, const std::string& value,
              const std::string& help) {
  return Flag(add_raw(app, names, value, help, [&into, names](const std::string& text) {
    if (text.empty()) refuse(names, "the value is empty");
    into = text;
  }));
}

Flag add_list(CLI::App& app, const std::string& names, std::vector<std::string>& into,
              const std::string& value, const std::string& help) {
  return Flag(
      add_raw(app, names, value, help, [&into](const std::string& text) { into.push_back(text); })
          ->expected(1, -1)
          ->allow_extra_args(false));
}

Flag add_choice(CLI::App& app, const std::string& names, std::optional<std::string>& into,
                const std::vector<std::string>& words, const std::string& help) {
  return Flag(
      add_raw(app, names, join(words, "|"), help, [&into, names, words](const std::string& text) {
        if (std::find(words.begin(), words.end(), text) == words.end()) {
          refuse(names, "'" + text + "' is none of " + join(words, ", "));
        }
        into = text;
      }));
}

Flag add_number(CLI::App& app, const std::string& names, std::optional<std::uint64_t>& into,
                std::uint64_t least, std::uint64_t most, const std::string& value,
                const std::string& help) {
  return Flag(
      add_raw(app, names, value, help, [&into, names, least, most](const std::string& text) {
        const auto number = parse_decimal(text, most);
        if (!number || *number < least) {
          refuse(names, "'" + text + "' is no whole number from " + std::to_string(least) + " to " +
                            std::to_string(most));
        }
        into = *number;
      }));
}

Flag add_seconds(CLI::App& app, const std::string& names, std::optional<std::chrono::seconds>& into,
                 const std::string& help) {
  constexpr std::uint64_t kDay = 86'400;
  return Flag(add_raw(app, names, "SECONDS", help, [&into, names](const std::string& text) {
    const auto number = parse_decimal(text, kDay);
    if (!number || *number == 0) {
      refuse(names, "'" + text + "' is no whole number of seconds from 1 to 86400");
    }
    into = std::chrono::seconds(*number);
  }));
}

Flag add_arguments(CLI::App& app, const std::string& name, std::vector<std::string>& into,
                   const std::string& help) {
  return Flag(
      add_raw(app, name, "", help, [&into](const std::string& text) { into.push_back(text); })
          ->expected(1, -1)
          ->allow_extra_args());
}

Flag add_argument(CLI::App& app, const std::string& name, std::optional<std::string>& into,
                  const std::string& help) {
  return Flag(add_raw(app, name, "", help, [&into](const std::string& text) { into = text; }));
}

void add_network_options(CLI::App& app, NetworkFlags& into) {
  constexpr const char* kGroup = "Network";
  add_list(app, "--resolver", into.resolvers, "ADDR[@PORT]",
           "ask this DNS resolver (repeatable; default: the configuration's, else "
           "/etc/resolv.conf's)")
      ->group(kGroup);
  add_list(app, "--trust-anchor", into.trust_anchors, "FILE",
           "DNSSEC trust anchor (repeatable; default: the configuration's, else "
           "/usr/share/dns/root.key)")
      ->group(kGroup);
  add_text(app, "--ca-file", into.ca_file, "FILE",
           "PEM certificates of the trusted roots (default: the system's)")
      ->group(kGroup);
  add_raw(app, "--port", "N", "SMTP port of the mail hosts (default: 25)",
          [&into](const std::string& text) {
            const auto number = parse_decimal(text, 65535);
            if (!number || *number == 0) refuse("--port", "'" + text + "' is no port number");
            into.port = static_cast<std::uint16_t>(*number);
          })
      ->group(kGroup);
  add_seconds(app, "--deadline", into.deadline,
              "give up after so many seconds over all (default: 300)")
      ->group(kGroup);
  add_text(app, "--dns-file", into.dns_file, "FILE",
           "take DNS answers from this file and ask no resolver")
      ->group(kGroup);
}

}  // namespace sm::cli
