#include <catch2/catch.hpp>

#include "delivery/result.h"
#include "delivery/send.h"

using namespace sm::delivery;

namespace {
RecipientResult ended(Status status, int exit_if_failed = 69) {
  RecipientResult result;
  result.recipient = "a@b.example";
  result.status = status;
  result.exit_if_failed = exit_if_failed;
  return result;
}
int exit_of(std::vector<RecipientResult> results) {
  return exit_status(results);
}
}  // namespace

TEST_CASE("delivered, sealed, pending and queued are success", "[result]") {
  CHECK(exit_of({ended(Status::delivered), ended(Status::sealed), ended(Status::pending),
                 ended(Status::queued)}) == 0);
}

TEST_CASE("what can be retried comes before what failed for good", "[result]") {
  CHECK(exit_of({ended(Status::failed), ended(Status::deferred)}) == 75);
  CHECK(exit_of({ended(Status::delivered), ended(Status::uncertain)}) == 75);
}

TEST_CASE("of several permanent failures the first of 67, 69, 77, 65 is told", "[result]") {
  CHECK(exit_of({ended(Status::refused, 77), ended(Status::failed, 67)}) == 67);
  CHECK(exit_of({ended(Status::refused, 77), ended(Status::failed, 69)}) == 69);
  CHECK(exit_of({ended(Status::refused, 65), ended(Status::refused, 77)}) == 77);
  CHECK(exit_of({ended(Status::delivered), ended(Status::failed, 65)}) == 65);
}

TEST_CASE("a result line has the contract's fields in the contract's order", "[result]") {
  auto result = ended(Status::delivered);
  result.row = 12;
  result.key = "inv-2026-0012";
  result.message = "AAAAAAAAAAAAAAAA";
  result.level = Verdict::verified;
  result.mechanism = Mechanism::dane;
  result.mx = "mx1.b.example";
  result.tls = "TLSv1.3";
  result.reply = "250 2.0.0 queued as 4Xyz";
  result.took = std::chrono::milliseconds(41);
  CHECK(json_line(result) ==
        R"({"row":12,"key":"inv-2026-0012","message":"AAAAAAAAAAAAAAAA","recipient":"a@b.example",)"
        R"("status":"delivered","level":"verified","mechanism":"dane","mx":"mx1.b.example",)"
        R"("tls":"TLSv1.3","reply":"250 2.0.0 queued as 4Xyz","reason":null,"detail":null,)"
        R"("seconds":0.041})");
}

TEST_CASE("a level that is not known is null, never a word", "[result]") {
  const auto line = json_line(ended(Status::deferred));
  CHECK(line.find(R"("level":null,"mechanism":null)") != line.npos);
}

TEST_CASE("what may be tried again has a code of class 4, whatever was found", "[result]") {
  using sm::name::Mailbox;
  const sm::smtp::Recipient recipient{.mailbox = *Mailbox::parse("a@b.example")};
  const RecipientReport report{
      .end = End::fall_back, .reason = Reason::starttls_not_supported, .enhanced = "5.7.5"};
  CHECK(result_of(recipient, {}, report, OnInsecure::defer).enhanced == "4.7.5");
  CHECK(result_of(recipient, {}, report, OnInsecure::refuse).enhanced == "5.7.5");
}
