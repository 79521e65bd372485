#pragma once
// Envelopes around a message, and a second reader of what the cleaner wrote: it knows the only
// markup that may come out and refuses everything else.

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "reading/render.h"
#include "support/temp_dir.h"
#include "unit/envelope/support.h"

namespace sm::test {

struct TestFile {
  std::string name, type, octets;
};

/// An unlocked envelope: the message part, and files after it.
class Sealed {
 public:
  explicit Sealed(const std::string& message, const std::vector<TestFile>& files = {})
      : file_(seal(message, files)), envelope_(Envelope::open(file_.path()).value()) {
    envelope_.unlock(mk_->clone()).value();
  }
  [[nodiscard]] reading::Page render(const reading::Options& options = {}) {
    return reading::render(envelope_, options).value();
  }
  [[nodiscard]] Envelope& envelope() { return envelope_; }
  void damage_last_octet() {
    const UniqueFd file(::open(file_.path().c_str(), O_RDWR));
    const auto last = ::lseek(file.get(), -1, SEEK_END);
    char octet = 0;
    REQUIRE(::pread(file.get(), &octet, 1, last) == 1);
    octet = static_cast<char>(octet ^ 1);
    REQUIRE(::pwrite(file.get(), &octet, 1, last) == 1);
  }

 private:
  std::string seal(const std::string& message, const std::vector<TestFile>& files) {
    Draft draft = Draft::begin();
    TestKeys keys;
    draft.add_org(keys.kek("default", "0123456789abcdef")).value();
    mk_.emplace(draft.message_key().clone());
    std::string bodies;
    const auto add = [&](PartInfo info, const std::string& octets) {
      info.size = octets.size();
      const auto n = draft.add_part(std::move(info));
      MemorySource source(as_bytes(octets));
      SecretSink sink(std::size_t{64} << 20);
      draft.seal_part(n, source, sink).value();
      bodies += as_text(sink.bytes().reveal());
    };
    add({.role = Role::message, .type = "message/rfc822"}, message);
    for (const auto& file : files)
      add({.name = file.name, .type = file.type}, file.octets);
    auto front = draft.front(kNow).value();
    return front.header + std::string(as_text(front.manifest.reveal())) + bodies;
  }
  std::optional<MessageKey> mk_;
  BytesFile file_;
  Envelope envelope_;
};

}  // namespace sm::test
