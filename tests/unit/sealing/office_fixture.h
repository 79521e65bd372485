#pragma once
// An organisation with keys, a store, a log and a clock of its own, in a temporary folder.

#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/file.h"
#include "message/prepare.h"
#include "message/reader.h"
#include "sealing/access.h"
#include "sealing/mailroom.h"
#include "sealing/number.h"
#include "sealing/pouch.h"
#include "store/outbox_table.h"
#include "store/sealed_table.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace sm::test {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().what);
  return std::move(result).value();
}
inline void must(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().what);
}

/// Keeps the codes that it was to send.
class FakeCodeChannel final : public sealing::CodeChannel {
 public:
  sealing::CodeSent send(const sealing::CodeMessage& message) override {
    const std::lock_guard lock(mutex_);
    codes.emplace_back(as_text(message.code.reveal()));
    last_reference = message.reference;
    last_phone = message.phone;
    return answer;
  }
  std::vector<std::string> codes;
  std::string last_reference;
  std::string last_phone;
  sealing::CodeSent answer;

 private:
  std::mutex mutex_;
};

inline config::Config delinde_config(const std::string& state) {
  config::Config config;
  config.state = state;
  config::Organisation organisation;
  organisation.id = "delinde";
  organisation.name = "De Linde";
  organisation.domains = {*name::Domain::parse("delinde.example")};
  organisation.sealing.portal = "https://portal.delinde.example";
  config.organisations = {organisation};
  return config;
}

inline message::PreparedMessage prepared(const std::string& text, const Clock& clock) {
  auto source = message::read_memory(text);
  auto read = must(message::read_message(*source, message::Purpose::submission));
  return must(message::prepare(std::move(read), {.clock = &clock}));
}

inline std::string simple_mail(const std::string& body = "Uitslag: goed.") {
  return "From: Jan de Vries <jan@delinde.example>\r\nTo: anna@plain.example\r\n"
         "Subject: canary-subject\r\nMessage-ID: <m1@delinde.example>\r\n\r\n" +
         body + "\r\n";
}

inline std::string mail_with_file() {
  return "From: Jan de Vries <jan@delinde.example>\r\nTo: anna@plain.example\r\n"
         "Subject: canary-subject\r\nMIME-Version: 1.0\r\n"
         "Content-Type: multipart/mixed; boundary=bb\r\n\r\npreamble\r\n--bb\r\n"
         "Content-Type: text/plain\r\n\r\nHallo\r\n--bb\r\n"
         "Content-Type: application/pdf; name=\"scan.pdf\"\r\n"
         "Content-Disposition: attachment; filename=\"scan.pdf\"\r\n"
         "Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQ=\r\n--bb--\r\n";
}

class OfficeFixture {
 public:
  OfficeFixture() : OfficeFixture(delinde_config("")) {}
  explicit OfficeFixture(config::Config configuration)
      : config(std::move(configuration)),
        index([this] {
          config.state = folder.path();
          return must(store::Index::open(folder.path()));
        }()),
        logs(config, clock, "test/1") {
    keys.renew("delinde", std::chrono::floor<std::chrono::seconds>(clock.now()));
    office = {&config, &index, &keys, &logs, &clock};
  }

  /// Seals a message for anna; the token of her link.
  envelope::LinkToken seal(sealing::Method method, const envelope::Password* password = nullptr,
                           const std::string& text = simple_mail(), bool is_once = false) {
    const auto message = prepared(text, clock);
    sealing::Addressee anna{audit::RecipientId::fresh(),
                            *name::Mailbox::parse("anna@plain.example"), method};
    if (method == sealing::Method::sms) anna.phone = "+31612345678";
    anna.password = password;
    const sealing::SealOrder order{.id = audit::MessageId::fresh(),
                                   .organisation = &config.organisations.front(),
                                   .message = &message,
                                   .addressees = {anna},
                                   .is_once = is_once};
    must(sealing::Mailroom(office).seal(order));
    message_id = order.id.text();
    recipient_id = anna.id.text();
    return token_of(message_id);
  }

  /// Out of the notification that waits.
  envelope::LinkToken token_of(const std::string& message) {
    for (const auto& errand : must(store::OutboxTable(index).waiting(message))) {
      if (errand.kind != "notification") continue;
      const auto secret = must(sealing::open_pouch(keys, errand.sealed));
      return *envelope::LinkToken::parse(secret.reveal());
    }
    throw std::runtime_error("no notification waits");
  }

  store::SealedLink link() {
    auto found = must(store::SealedTable(index).find_recipient(message_id, recipient_id));
    if (!found) throw std::runtime_error("no such recipient");
    return *found;
  }

  /// All of the log's lines.
  std::string log_text() const {
    return must(read_file(audit::log_folder(config.state, "delinde") + "/00000000.ndjson",
                          std::size_t{1} << 26));
  }
  [[nodiscard]] std::size_t count_events(const std::string& event) const {
    const std::string text = log_text();
    const std::string needle = "\"event\":\"" + event + "\"";
    std::size_t count = 0;
    for (auto at = text.find(needle); at != text.npos; at = text.find(needle, at + 1))
      ++count;
    return count;
  }

  TempDir folder;
  FakeClock clock;
  config::Config config;
  store::Index index;
  envelope::Keyring keys;
  sealing::Logs logs;
  sealing::Office office;
  FakeCodeChannel channel;
  sealing::PasswordGate gate;
  std::string message_id;
  std::string recipient_id;
};

}  // namespace sm::test
