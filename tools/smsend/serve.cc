#include "serve.h"

#include <algorithm>
#include <cerrno>

#include <poll.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/rights.h"
#include "cli/settings.h"
#include "intake.h"
#include "message/reader.h"
#include "queue/counter.h"
#include "spooled.h"

namespace sm::smsend {
namespace {

constexpr int kPatience = 300'000;  // ms for the client's next words (RFC 5321 §4.5.3.2.7)

/// stdin, for as long as somebody is there.
class Client final : public message::Source {
 public:
  Result<Bytes> next() override {
    pollfd entry{STDIN_FILENO, POLLIN, 0};
    int ready = 0;
    do {
      ready = ::poll(&entry, 1, kPatience);
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) return fail(Errc::temporary, "the client said nothing for five minutes");
    return source_->next();
  }

 private:
  std::unique_ptr<message::Source> source_ = message::read_descriptor(STDIN_FILENO, "stdin");
};

std::string host_name(const config::Config& config) {
  if (config.network.helo) return config.network.helo->text();
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

Result<std::string> take(const Options& options, const config::Config& config,
                         const smtp::Envelope& envelope, message::Source& content) {
  auto read = message::read_message(content, message::Purpose::submission, scratch_space());
  if (!read) return fail(std::move(read).error());
  message::PrepareOptions preparing;
  if (const auto& sender = envelope.sender.mailbox()) {
    preparing.author = message::Address{"", *sender};
  }
  preparing.space = scratch_space();
  auto prepared = message::prepare(std::move(*read), preparing);
  if (!prepared) return fail(std::move(prepared).error());
  submission::Mail mail{std::move(*prepared), envelope, login_name(), ::getuid()};
  mail.envelope.needs_8bitmime = mail.message.is_8bit();
  mail.envelope.needs_smtputf8 = mail.message.needs_smtputf8();
  auto queued = enqueue(options, config, mail);
  if (!queued) return fail(std::move(queued).error());
  return queued->front().message;
}

}  // namespace

Result<cli::Verdict> serve(const Options& options) {
  auto config = cli::load_config(options.common, options.network,
                                 {.minimum = cli::minimum_of(options.minimum)});
  if (!config) return fail(std::move(config).error());
  if (auto became = cli::become_owner_of(config->state); !became) return fail(became.error());
  Client client;
  queue::Counter counter(
      {.host = host_name(*config), .message_limit = config->queue.message_limit}, client,
      [](std::string_view words) {
        return write_all(STDOUT_FILENO, as_bytes(words), "standard output");
      },
      [&](const smtp::Envelope& envelope, message::Source& content) {
        return take(options, *config, envelope, content);
      });
  if (auto served = counter.serve(); !served) return fail(std::move(served).error());
  return cli::Verdict::yes;
}

}  // namespace sm::smsend
