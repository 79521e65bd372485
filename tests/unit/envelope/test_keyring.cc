#include "base/encoding.h"
#include "base/text.h"
#include "envelope/keyring.h"
#include "unit/envelope/support.h"

using namespace sm;
using namespace sm::test;

namespace {

MasterKey master(std::uint8_t fill = 1) {
  return MasterKey::parse(as_bytes(to_base64(std::vector<std::uint8_t>(32, fill)) + "\n"), "test")
      .value();
}

/// A keyring with an active and a retired key of one organisation, one destroyed, and a second one.
Keyring sample() {
  Keyring keyring;
  const std::string first = keyring.renew("default", kNow);
  keyring.renew("default", kNow);
  keyring.renew("default", kNow);
  keyring.destroy("default", first).value();
  keyring.renew("other.org", kNow);
  return keyring;
}

}  // namespace

TEST_CASE("a keyring goes to text and back with all its keys", "[envelope]") {
  const Keyring keyring = sample();
  CHECK(keyring.counter() == 5);
  const std::string text = keyring.text(master());
  const Keyring again = Keyring::parse(text, master()).value();
  CHECK(again.counter() == 5);
  CHECK(again.orgs() == std::vector<std::string>{"default", "other.org"});
  REQUIRE(again.keks().size() == 4);
  CHECK(again.keks()[0].state == KekState::destroyed);
  CHECK_FALSE(again.keks()[0].key);
  CHECK(again.keks()[1].state == KekState::retired);
  CHECK(again.keks()[2].state == KekState::active);
  REQUIRE(again.pairs().size() == 4);
  CHECK(again.pairs()[1].state == PairState::retired);
  CHECK(again.pairs()[2].state == PairState::current);
  for (std::size_t i = 1; i < 4; ++i) {
    CHECK(equal_constant_time(again.keks()[i].key->reveal(), keyring.keks()[i].key->reveal()));
    CHECK(again.pairs()[i].public_key == keyring.pairs()[i].public_key);
  }
  CHECK(again.active_kek("default").value().kid == keyring.keks()[2].kid);
  CHECK(again.current_public_key("default").value().kid == keyring.pairs()[2].kid);
  CHECK_FALSE(again.active_kek("nobody"));
  CHECK(again.find_kek("default", keyring.keks()[0].kid) == nullptr);
  CHECK(again.find_kek("other.org", keyring.keks()[2].kid) == nullptr);
  // Nonces are fresh each time.
  CHECK(again.text(master()) != text);
}

TEST_CASE("a keyring of another master key, or with any bit flipped, is refused", "[envelope]") {
  Keyring keyring;
  keyring.renew("default", kNow);
  const std::string text = keyring.text(master());
  CHECK(Keyring::parse(text, master(2)).error().code == Errc::denied);
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    refused += !Keyring::parse(flipped, master());
  }
  CHECK(refused == text.size() * 8);
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    if (Keyring::parse(text.substr(0, cut), master())) FAIL("cut at " << cut);
  }
  CHECK_FALSE(Keyring::parse(text + "\n", master()));
}

TEST_CASE("the key in use cannot be destroyed, a retired one can, once", "[envelope]") {
  Keyring keyring;
  const std::string first = keyring.renew("default", kNow);
  CHECK(keyring.destroy("default", first).error().code == Errc::denied);
  CHECK(keyring.destroy("default", keyring.pairs()[0].kid).error().code == Errc::denied);
  CHECK(keyring.destroy("default", "ffffffffffffffff").error().code == Errc::no_input);
  CHECK(keyring.destroy("other", first).error().code == Errc::no_input);
  keyring.renew("default", kNow);
  CHECK(keyring.find_kek("default", first) != nullptr);
  CHECK(keyring.destroy("default", first).value());
  CHECK(keyring.find_kek("default", first) == nullptr);
  CHECK_FALSE(keyring.destroy("default", first).value());
  const std::string pair = keyring.pairs()[0].kid;
  CHECK(keyring.destroy("default", pair).value());
  CHECK(keyring.find_private_key("default", pair) == nullptr);
  CHECK(keyring.counter() == 4);
  CHECK(Keyring::parse(keyring.text(master()), master()));
}

TEST_CASE("a master key is canonical base64 of at least 32 bytes", "[envelope]") {
  const auto accepts = [](const std::string& text) {
    return MasterKey::parse(as_bytes(text), "test").has_value();
  };
  const std::string good = to_base64(std::vector<std::uint8_t>(32, 7));
  CHECK(accepts(good));
  CHECK(accepts(good + "\n"));
  CHECK(accepts(to_base64(std::vector<std::uint8_t>(48, 7))));
  CHECK(accepts(std::string(as_text(MasterKey::fresh_line().reveal()))));
  for (const std::string& bad :
       {std::string(), good + "\n\n", good + "\r\n", " " + good, good.substr(0, 43),
        to_base64(std::vector<std::uint8_t>(31, 7)), std::string(44, '!')}) {
    INFO(bad);
    CHECK_FALSE(accepts(bad));
  }
}
