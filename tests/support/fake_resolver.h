#pragma once
// A DNS of the test's own making: records, names that count as signed, names that fail. It keeps
// what it was asked, so that a test can show that something was *not* asked.

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "dns/file_resolver.h"
#include "dns/records.h"
#include "support/domain.h"

namespace sm::test {

class FakeResolver final : public dns::Resolver {
 public:
  /// As in a zone file: add("example.com", "MX", "10 mx.example.com").
  FakeResolver& add(std::string_view name, std::string_view type, std::string_view value) {
    const auto known = dns::parse_type(type);
    if (!known) throw std::invalid_argument("no type");
    auto record = dns::parse_record_text(*known, value);
    if (!record) throw std::invalid_argument(record.error().what);
    return add(name, *known, *std::move(record));
  }
  FakeResolver& add(std::string_view name, dns::Type type, dns::Record record) {
    table_.add(parsed(name), type, std::move(record));
    return *this;
  }
  /// The name and all under it are signed.
  FakeResolver& sign(std::string_view name) {
    table_.set_security(parsed(name), dns::Security::secure);
    return *this;
  }
  FakeResolver& unsign(std::string_view name) {
    table_.set_security(parsed(name), dns::Security::insecure);
    return *this;
  }
  FakeResolver& fail(std::string_view name, std::string_view type,
                     dns::FailureKind kind = dns::FailureKind::servfail) {
    table_.fix(parsed(name), dns::parse_type(type), {dns::Outcome::failure, kind, ""});
    return *this;
  }
  FakeResolver& bogus(std::string_view name, std::string_view type,
                      std::string why = "signature expired") {
    table_.fix(parsed(name), dns::parse_type(type),
               {dns::Outcome::bogus, dns::FailureKind::servfail, std::move(why)});
    return *this;
  }

  using Resolver::lookup;
  dns::Answer lookup(const dns::Question& question) override {
    const std::lock_guard lock(mutex_);
    asked_.push_back(dns::text(question.type) + " " + question.name.text());
    return table_.answer(question);
  }

  void ask_ahead(const dns::Question& question, Then then) override {
    const auto answer = lookup(question);
    if (then) then(answer);
  }

  /// "MX example.com", in the order asked.
  [[nodiscard]] const std::vector<std::string>& asked() const { return asked_; }
  [[nodiscard]] bool was_asked(std::string_view question) const {
    return std::find(asked_.begin(), asked_.end(), question) != asked_.end();
  }
  [[nodiscard]] bool was_asked_for(dns::Type type) const {
    return std::any_of(asked_.begin(), asked_.end(), [&](const std::string& question) {
      return question.starts_with(dns::text(type) + " ");
    });
  }

 private:
  static name::DnsName parsed(std::string_view text) {
    auto name = name::DnsName::parse(text);
    if (!name) throw std::invalid_argument(name.error().what);
    return *std::move(name);
  }
  dns::ZoneTable table_;
  std::mutex mutex_;
  std::vector<std::string> asked_;
};

/// Instead of chance: always the last of the choices, which keeps a shuffled list as it was.
inline std::uint32_t last_choice(std::uint32_t bound) {
  return bound - 1;
}

}  // namespace sm::test
