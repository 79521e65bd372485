#pragma once
// Those who work in the portal: each thread has its own connection to the books, all share keys,
// logs, and the ways out.

#include <functional>
#include <memory>

#include "delivery/equipment.h"
#include "sealing/access.h"
#include "sealing/number.h"
#include "sealing/premises.h"

namespace sm::portal {

/// What all threads share. None is owned; all outlive the portal.
struct House {
  sealing::Premises* premises = nullptr;
  sealing::CodeChannel* channel = nullptr;
  sealing::PasswordGate* gate = nullptr;
  const delivery::Equipment* equipment = nullptr;  ///< null: what is to be sent waits for the sweep
  std::function<void(const Error&)> complain;      ///< to the operator; from any thread
};

/// One thread's.
struct Staff {
  static Result<std::unique_ptr<Staff>> hire(const House& house);

  explicit Staff(std::unique_ptr<sealing::Premises::Desk> own, const House& in)
      : house(in),
        desk(std::move(own)),
        access(desk->office, *in.channel, *in.gate),
        numbers(desk->office) {}

  const House& house;
  std::unique_ptr<sealing::Premises::Desk> desk;
  sealing::Access access;
  sealing::NumberDesk numbers;

  [[nodiscard]] sealing::Office& office() const { return desk->office; }
  [[nodiscard]] const Clock& clock() const { return *desk->office.clock; }
};

}  // namespace sm::portal
