#include "portal/staff.h"

namespace sm::portal {

Result<std::unique_ptr<Staff>> Staff::hire(const House& house) {
  auto desk = house.premises->another_office();
  if (!desk) return fail(std::move(desk).error());
  return std::make_unique<Staff>(std::move(*desk), house);
}

}  // namespace sm::portal
