#include <catch2/catch.hpp>
#include <set>

#include "../sealing/office_fixture.h"
#include "submission/linked.h"

using namespace sm;
using namespace sm::submission;
using delivery::Status;
using sm::test::must;
using sm::test::OfficeFixture;

namespace {

struct Linking {
  OfficeFixture fixture;
  sealing::SealingTerms terms{.lifetime = std::chrono::days(7)};
  std::vector<name::Mailbox> anna = {*name::Mailbox::parse("anna@dane.example")};

  std::vector<LinkedCopy> copies(const std::string& text, bool takes_attachments = false) {
    auto message = sm::test::prepared(text, fixture.clock);
    if (takes_attachments) must(message.prepend_field("DKIM-Signature: v=1; of us\r\n"));
    LinkedFiles::Order order{.organisation = &fixture.config.organisations.front(),
                             .terms = &terms,
                             .message = &message,
                             .takes_attachments = takes_attachments};
    if (!takes_attachments) {
      must(publish_file(fixture.folder / "scan.iso", as_bytes("canary-file")));
      order.files = {{fixture.folder / "scan.iso"}};
    }
    return must(LinkedFiles(fixture.office).prepare(order, anna));
  }
  static std::string text_of(const LinkedCopy& copy) {
    return must(message::read_all(*copy.message.open(), std::size_t{1} << 20));
  }
  void settle(const LinkedCopy& copy, Status status) {
    delivery::RecipientResult result;
    result.status = status;
    must(LinkedFiles(fixture.office).settle(copy, result));
  }
  store::SealedRecipient recipient(const LinkedCopy& copy) {
    return must(store::SealedTable(fixture.index).find_recipient(copy.files, copy.recipient))
        ->recipient;
  }
};

}  // namespace

TEST_CASE("each copy has its own words and link below its text", "[submission]") {
  Linking linking;
  linking.anna.push_back(*name::Mailbox::parse("bob@pkix.example"));
  const auto copies = linking.copies(sm::test::simple_mail());
  REQUIRE(copies.size() == 2);
  std::set<std::string> links;
  for (const auto& copy : copies) {
    const auto text = Linking::text_of(copy);
    CHECK(text.find("Uitslag: goed.") != text.npos);
    CHECK(text.find("  scan.iso\r\n") != text.npos);
    CHECK(text.find("canary-file") == text.npos);
    const auto at = text.find("https://portal.delinde.example/m/");
    REQUIRE(at != text.npos);
    links.insert(text.substr(at, text.find("\r\n", at) - at));
    CHECK(copy.message.message_id() == "<m1@delinde.example>");
  }
  CHECK(links.size() == 2);
  CHECK(must(linking.fixture.office.envelopes().list()).size() == 1);
}

TEST_CASE("a link that was not delivered ends, one that may have arrived stays", "[submission]") {
  Linking linking;
  const auto copy = std::move(linking.copies(sm::test::simple_mail()).front());
  SECTION("delivered") {
    linking.settle(copy, Status::delivered);
    CHECK(linking.recipient(copy).progress == store::Progress::delivered);
  }
  SECTION("uncertain") {
    linking.settle(copy, Status::uncertain);
    CHECK(linking.recipient(copy).ending == store::Ending::none);
  }
  for (const auto status :
       {Status::deferred, Status::refused, Status::failed, Status::pending, Status::sealed}) {
    DYNAMIC_SECTION(delivery::text(status)) {
      linking.settle(copy, status);
      CHECK(linking.recipient(copy).ending == store::Ending::revoked);
      CHECK(must(linking.fixture.office.envelopes().list()).empty());
    }
  }
}

TEST_CASE("attachments leave a message that was too large, and our signature with them",
          "[submission]") {
  Linking linking;
  const auto copies = linking.copies(sm::test::mail_with_file(), true);
  const auto text = Linking::text_of(copies.front());
  CHECK(text.find("of us") == text.npos);
  CHECK(text.find("JVBERi0xLjQ=") == text.npos);
  CHECK(text.find("Hallo") != text.npos);
  CHECK(text.find("  scan.pdf\r\n") != text.npos);
}

TEST_CASE("a method that was asked for is asked of whoever follows the link", "[submission]") {
  Linking linking;
  linking.terms.method = config::Method::sms;
  const auto copy = std::move(linking.copies(sm::test::simple_mail()).front());
  CHECK(linking.recipient(copy).method == "sms");
  linking.settle(copy, Status::delivered);
  CHECK(linking.recipient(copy).progress == store::Progress::pending);
}
