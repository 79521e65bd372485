#include <algorithm>

#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/common.h"
#include "envelope/output.h"
#include "open.h"
#include "options.h"

namespace sm::smunseal {
namespace {

using envelope::Envelope;
using envelope::Range;

Result<void> list(Envelope& envelope, const Options& options) {
  const auto& parts = envelope.manifest().parts;
  for (std::size_t n = 1; n <= parts.size(); ++n)
    options.common.out().line(envelope::part_json(n, parts[n - 1].info));
  return {};
}

Result<void> verify(Envelope& envelope) {
  envelope::NullSink nowhere;
  for (std::size_t n = 1; n <= envelope.manifest().parts.size(); ++n) {
    auto part = envelope.part(n);
    if (!part) return fail(std::move(part).error());
    if (auto copied = part->copy_to(nowhere); !copied) return fail(std::move(copied).error());
  }
  return envelope.check_end();
}

/// "A-B" or "A-", against the size of the part; what lies beyond its end is left out.
Result<Range> parse_range(const std::string& text, std::optional<std::uint64_t> size) {
  const auto dash = text.find('-');
  const auto first = parse_decimal(text.substr(0, dash));
  const bool is_open = dash != text.npos && dash + 1 == text.size();
  const auto last = is_open             ? std::optional(UINT64_MAX - 1)
                    : dash == text.npos ? std::nullopt
                                        : parse_decimal(text.substr(dash + 1), UINT64_MAX - 1);
  if (!first || !last || *last < *first) {
    return fail(Errc::usage, "'" + text + "' is no range",
                "--range 0-1023 is the first 1,024 bytes");
  }
  if (!size) return Range{*first, *last - *first + 1};
  if (*first >= *size) {
    return fail(Errc::usage,
                "the range begins beyond the part, which has " + std::to_string(*size) + " bytes");
  }
  return Range{*first, std::min(*last, *size - 1) - *first + 1};
}

/// The part to write where one is to be written.
Result<std::size_t> chosen_part(const Envelope& envelope, const Options& options) {
  const std::size_t parts = envelope.manifest().parts.size();
  if (options.part) {
    if (*options.part <= parts) return static_cast<std::size_t>(*options.part);
    return fail(Errc::usage, "the envelope has " + std::to_string(parts) + " parts, and no part " +
                                 std::to_string(*options.part));
  }
  if (parts == 1) return std::size_t{1};
  return fail(Errc::usage, "the envelope has " + std::to_string(parts) + " parts",
              "-C DIR writes them all, --part N one of them");
}

/// One part, or a range of it; with the last that is wanted, the envelope's end is verified.
Result<void> write_part(Envelope& envelope, std::size_t n, bool is_last, const Options& options,
                        envelope::Sink& out) {
  auto part = envelope.part(n);
  if (!part) return fail(std::move(part).error());
  std::optional<Range> range;
  if (options.range) {
    auto parsed = parse_range(*options.range, part->size());
    if (!parsed) return fail(std::move(parsed).error());
    range = *parsed;
  }
  if (auto copied = part->copy_to(out, range); !copied) return fail(std::move(copied).error());
  return is_last ? envelope.check_end() : Result<void>();
}

struct Target {
  std::string path;
  AtomicFile::Existing existing;
};

Result<void> write_file(Envelope& envelope, std::size_t n, bool is_last, const Options& options,
                        const Target& target) {
  auto file = AtomicFile::create(target.path);
  if (!file) return fail(std::move(file).error());
  envelope::FdSink out(file->fd(), target.path);
  if (auto written = write_part(envelope, n, is_last, options, out); !written) return written;
  return file->publish(target.existing);
}

Result<void> write_one(Envelope& envelope, const Options& options) {
  const auto n = chosen_part(envelope, options);
  if (!n) return fail(n.error());
  if (options.output) {
    return write_file(envelope, *n, true, options,
                      {*options.output, AtomicFile::Existing::replace});
  }
  envelope::FdSink out(STDOUT_FILENO, "standard output");
  return write_part(envelope, *n, true, options, out);
}

/// Before anything is written: that nothing is in the way.
Result<void> check_target(const std::string& path, bool is_forced) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (is_forced) return envelope::check_replaceable(path);
  return fail(Errc::denied, path + " exists already", "--force replaces it");
}

Result<void> write_all_parts(Envelope& envelope, const Options& options) {
  const auto names = envelope::file_names(envelope.manifest());
  std::vector<std::size_t> wanted;
  for (std::size_t n = 1; n <= names.size(); ++n) {
    if (!options.part || *options.part == n) wanted.push_back(n);
  }
  if (wanted.empty()) return fail(chosen_part(envelope, options).error());
  if (auto made = make_folders(*options.directory, 0777); !made) return made;
  const auto path = [&](std::size_t n) { return *options.directory + "/" + names[n - 1]; };
  for (const std::size_t n : wanted) {
    if (auto free = check_target(path(n), options.is_forced); !free) return free;
  }
  const auto existing =
      options.is_forced ? AtomicFile::Existing::replace : AtomicFile::Existing::keep;
  for (const std::size_t n : wanted) {
    auto written = write_file(envelope, n, n == wanted.back(), options, {path(n), existing});
    if (!written) return written;
  }
  return {};
}

Result<void> unseal(Envelope& envelope, const Options& options) {
  if (options.is_list) return list(envelope, options);
  if (options.is_verify) return verify(envelope);
  if (options.directory) return write_all_parts(envelope, options);
  return write_one(envelope, options);
}

}  // namespace

Result<cli::Verdict> run(const Options& options) {
  if (options.output) {
    if (auto possible = envelope::check_replaceable(*options.output); !possible) {
      return fail(std::move(possible).error());
    }
  }
  auto envelope = open_envelope(options);
  if (!envelope) return fail(std::move(envelope).error());
  if (auto done = unseal(*envelope, options); !done) return fail(std::move(done).error());
  return cli::Verdict::yes;
}

}  // namespace sm::smunseal
