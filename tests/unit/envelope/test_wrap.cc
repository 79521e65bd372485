#include "unit/envelope/support.h"

using namespace sm;
using namespace sm::test;

namespace {

struct Wrapping {
  EnvelopeId id = EnvelopeId::fresh();
  MessageKey mk = crypto::random_key<32>();
  TestKeys keys;

  Header header(std::vector<Stanza> stanzas) {
    Header header{.id = id, .stanzas = {}};
    for (auto& stanza : stanzas)
      header.add(std::move(stanza)).value();
    return header;
  }
  bool opens(const Stanza& stanza, const OpeningKeys& with) {
    const auto found = find_message_key(header({stanza}), with);
    if (!found) {
      CHECK(found.error().code == Errc::denied);
      return false;
    }
    CHECK(equal_constant_time(found->reveal(), mk.reveal()));
    return true;
  }
};

OpeningKeys with_password(std::string_view text) {
  OpeningKeys keys;
  keys.passwords.push_back(password(text));
  return keys;
}

}  // namespace

TEST_CASE("a password stanza opens with its password only", "[envelope]") {
  Wrapping f;
  const Stanza stanza = wrap_for_password(f.id, f.mk, password("geheim")).value();
  CHECK(f.opens(stanza, with_password("geheim")));
  CHECK_FALSE(f.opens(stanza, with_password("Geheim")));
  CHECK_FALSE(f.opens(stanza, {}));
  OpeningKeys several = with_password("wrong");
  several.passwords.push_back(password("geheim"));
  CHECK(f.opens(stanza, several));
}

TEST_CASE("an org stanza opens with its organisation's key, under its kid", "[envelope]") {
  Wrapping f;
  const Stanza stanza = wrap_for_org(f.id, f.mk, f.keys.kek("default", kKid1));
  CHECK(f.opens(stanza, with_keyring(f.keys)));
  auto other = with_keyring(f.keys);
  other.org = "other";
  CHECK_FALSE(f.opens(stanza, other));
  other.org = "default";
  CHECK(f.opens(stanza, other));
  other.opens_org_stanzas = false;
  CHECK_FALSE(f.opens(stanza, other));
  f.keys.forget("default", kKid1);
  f.keys.kek("default", kKid1);
  CHECK_FALSE(f.opens(stanza, with_keyring(f.keys)));
}

TEST_CASE("whoever has only the public key seals and cannot open", "[envelope]") {
  Wrapping f;
  const PublicKey recipient = f.keys.public_key("default", kKid1);
  const PublicKey read = parse_public_key(recipient.text() + "\n").value();
  CHECK(read.key == recipient.key);
  const Stanza stanza = wrap_for_public_key(f.id, f.mk, read).value();
  CHECK(f.opens(stanza, with_keyring(f.keys)));
  f.keys.forget("default", kKid1);
  CHECK_FALSE(f.opens(stanza, with_keyring(f.keys)));
  CHECK_FALSE(wrap_for_public_key(f.id, f.mk, {"default", kKid1, {}}));
  CHECK_FALSE(parse_public_key("default 0123 AAAA"));
  CHECK_FALSE(parse_public_key(recipient.text() + " x"));
}

TEST_CASE("a link stanza needs the organisation's key and the link, and the password",
          "[envelope]") {
  for (const bool has_password : {false, true}) {
    Wrapping f;
    const LinkToken token = LinkToken::fresh();
    const Password secret = password("geheim");
    const Stanza stanza = wrap_for_link(f.id, f.mk, f.keys.kek("default", kKid1), token,
                                        has_password ? &secret : nullptr)
                              .value();
    CHECK(stanza.text().find(as_text(token.text().reveal())) == std::string::npos);
    OpeningKeys keys = with_keyring(f.keys);
    CHECK_FALSE(f.opens(stanza, keys));
    keys.token = token.clone();
    CHECK(f.opens(stanza, keys) == !has_password);
    keys.passwords.push_back(password("wrong"));
    CHECK(f.opens(stanza, keys) == !has_password);
    keys.passwords.push_back(password("geheim"));
    CHECK(f.opens(stanza, keys));
    keys.token = LinkToken::fresh();
    CHECK_FALSE(f.opens(stanza, keys));
    keys.token = token.clone();
    keys.keyring = nullptr;
    CHECK_FALSE(f.opens(stanza, keys));
  }
}

TEST_CASE("a token is read bare and at the end of a link, and from nothing else", "[envelope]") {
  const LinkToken token = LinkToken::fresh();
  const std::string text(as_text(token.text().reveal()));
  REQUIRE(text.size() == 43);
  for (const std::string& form : {text, text + "\n", text + "\r\n", "https://x.example/m/" + text,
                                  "https://x.example/m#" + text + "\n"}) {
    const auto read = LinkToken::parse(as_bytes(form));
    REQUIRE(read);
    CHECK(read->label() == token.label());
  }
  for (const std::string& form :
       {std::string(), text.substr(1), "x" + text, text + "x", text + "\n\n",
        text.substr(0, 42) + "+", text.substr(0, 42) + "="}) {
    CHECK_FALSE(LinkToken::parse(as_bytes(form)));
  }
}

TEST_CASE("any bit flipped in a stanza's line or wrapped key, or in the id, opens nothing",
          "[envelope]") {
  Wrapping f;
  const LinkToken token = LinkToken::fresh();
  OpeningKeys keys = with_keyring(f.keys);
  keys.token = token.clone();
  std::vector<Stanza> stanzas;
  stanzas.push_back(wrap_for_org(f.id, f.mk, f.keys.kek("default", kKid1)));
  stanzas.push_back(wrap_for_public_key(f.id, f.mk, f.keys.public_key("default", kKid2)).value());
  stanzas.push_back(wrap_for_link(f.id, f.mk, f.keys.kek("default", kKid1), token).value());
  std::size_t flips = 0;
  for (const Stanza& stanza : stanzas) {
    REQUIRE(f.opens(stanza, keys));
    const std::string text = stanza.text();
    const auto end = text.find('\n');
    for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
      if (text[bit / 8] == '\n') continue;  // the header's own matter
      std::string flipped = text;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      const auto first = flipped.substr(0, end);
      const auto second = flipped.substr(end + 1, flipped.size() - end - 2);
      const auto parsed = parse_stanza(first, second);
      if (!parsed) continue;
      ++flips;
      const auto found = find_message_key(f.header({*parsed}), keys);
      if (found) FAIL("bit " << bit << " of " << text);
    }
    Header header = f.header({stanza});
    header.id = EnvelopeId::fresh();
    CHECK_FALSE(find_message_key(header, keys));
  }
  CHECK(flips > 1000);
}

TEST_CASE("re-wrapping renews the outside, and needs neither link nor password", "[envelope]") {
  Wrapping f;
  const LinkToken token = LinkToken::fresh();
  const Kek old = f.keys.kek("default", kKid1);
  const Kek fresh = f.keys.kek("default", kKid2);
  const PublicKey old_pair = f.keys.public_key("default", "3333333333333333");
  const PublicKey fresh_pair = f.keys.public_key("default", "4444444444444444");
  std::vector<Stanza> stanzas;
  stanzas.push_back(wrap_for_org(f.id, f.mk, old));
  stanzas.push_back(wrap_for_link(f.id, f.mk, old, token).value());
  stanzas.push_back(wrap_for_public_key(f.id, f.mk, old_pair).value());
  OpeningKeys keys = with_keyring(f.keys);
  keys.token = token.clone();
  std::vector<Stanza> renewed;
  for (const Stanza& stanza : stanzas) {
    renewed.push_back(rewrap(f.id, stanza, f.keys, fresh, fresh_pair).value());
    CHECK(kid_of(renewed.back(), "default") != kid_of(stanza, "default"));
  }
  f.keys.forget("default", kKid1);
  f.keys.forget("default", "3333333333333333");
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK_FALSE(f.opens(stanzas[i], keys));
    CHECK(f.opens(renewed[i], keys));
    const auto again = rewrap(f.id, stanzas[i], f.keys, fresh, fresh_pair);
    REQUIRE_FALSE(again);
    CHECK(again.error().code == Errc::denied);
  }
  // Of another organisation nothing is touched.
  const Stanza foreign = wrap_for_org(f.id, f.mk, f.keys.kek("other", kKid1));
  CHECK_FALSE(kid_of(foreign, "default"));
  CHECK_FALSE(rewrap(f.id, foreign, f.keys, fresh, fresh_pair));
}

TEST_CASE("a password is a file's bytes less one line end", "[envelope]") {
  const auto read = [](std::string_view text) {
    const auto password = Password::from_input(Secret(as_bytes(text)), "test");
    return password ? std::string(as_text(password->reveal())) : "refused";
  };
  CHECK(read("geheim") == "geheim");
  CHECK(read("geheim\n") == "geheim");
  CHECK(read("geheim\r\n") == "geheim");
  CHECK(read("geheim\n\n") == "geheim\n");
  CHECK(read(" geheim\r") == " geheim\r");
  CHECK(read("é\n") == "é");
  CHECK(read(std::string(1024, 'x')) == std::string(1024, 'x'));
  CHECK(read(std::string(1024, 'x') + "\r\n") == std::string(1024, 'x'));
  for (const std::string& bad :
       {std::string(), std::string("\n"), std::string("\r\n"), std::string(1025, 'x'),
        std::string("a\0b", 3), std::string("\xff")}) {
    CHECK(read(bad) == "refused");
  }
}
