#include <catch2/catch.hpp>
#include <future>

#include "dns/unbound_engine.h"

using namespace sm;
using namespace sm::dns;
using namespace std::chrono_literals;

namespace {

/// What a lookup came to; nothing where it ran into the time-out. On any thread.
std::optional<int> error_of_lookup(UnboundEngine& engine) {
  UnboundEngine::Job job{.engine = &engine, .waiter = std::make_shared<UnboundEngine::Waiter>()};
  engine.wait_for_slot();
  engine.submit({*name::DnsName::parse("a.example"), Type::a}, job);
  engine.await(job);
  if (!job.is_done) return std::nullopt;
  return job.result.error;
}

}  // namespace

TEST_CASE("where the resolver cannot be set up, that is told, and no lookup waits for it",
          "[engine]") {
  std::promise<void> go;
  UnboundEngine engine(
      [&]() -> Result<UbContext> {
        go.get_future().wait();
        return fail(Errc::configuration, "that is no anchor");
      },
      60s, 4);
  std::promise<int> ahead;
  engine.submit({*name::DnsName::parse("a.example"), Type::mx},
                [&](const UbResult& result) { ahead.set_value(result.error); });
  auto before = std::async(std::launch::async, [&] { return error_of_lookup(engine); });
  go.set_value();
  const auto setup = engine.await_setup();
  REQUIRE_FALSE(setup);
  CHECK(setup.error().code == Errc::configuration);
  CHECK(before.get() == UB_INITFAIL);  // asked before it was known
  CHECK(error_of_lookup(engine) == UB_INITFAIL);
  CHECK(ahead.get_future().get() == UB_INITFAIL);
}
