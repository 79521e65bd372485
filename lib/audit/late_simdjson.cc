#include "audit/late_simdjson.h"

#include <stdexcept>

#include <simdjson.h>

#include "base/late_library.h"

namespace {

/// All of simdjson that is not in its header.
struct Functions {
  decltype(&simdjson::get_active_implementation) active_implementation;
  decltype(&simdjson::internal::to_chars) to_chars;
};

const Functions& functions() {
  static const Functions loaded = [] {
    sm::LateLibrary library(SM_SIMDJSON_SONAME, "libsimdjson14");
    Functions found{};
    library.find(found.active_implementation, "_ZN8simdjson25get_active_implementationEv");
    library.find(found.to_chars, "_ZN8simdjson8internal8to_charsEPcPKcd");
    const auto all = library.found(found);
    if (!all) throw std::runtime_error(all.error().what);
    return *all;
  }();
  return loaded;
}

}  // namespace

// What the header declares and the library has.
namespace simdjson {

internal::atomic_ptr<const implementation>& get_active_implementation() {
  return functions().active_implementation();
}

namespace internal {
char* to_chars(char* first, const char* last, double value) {
  return functions().to_chars(first, last, value);
}
}  // namespace internal

}  // namespace simdjson

namespace sm::audit {

void need_simdjson() {
  functions();
}

}  // namespace sm::audit
