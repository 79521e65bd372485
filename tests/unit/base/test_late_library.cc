#include <catch2/catch.hpp>

#include "base/late_library.h"

using namespace sm;

TEST_CASE("functions of a library are found", "[late]") {
  LateLibrary library("libm.so.6", "libc6");
  double (*root)(double) = nullptr;
  library.find(root, "sqrt");
  REQUIRE(library.found(root));
  CHECK(root(9) == 3);
}

TEST_CASE("a library that is not there is told, and what to install", "[late]") {
  LateLibrary library("libnothing-of-the-kind.so.1", "libnothing1");
  double (*root)(double) = nullptr;
  library.find(root, "sqrt");
  const auto found = library.found(root);
  REQUIRE_FALSE(found);
  CHECK(found.error().code == Errc::unavailable);
  CHECK(found.error().what.find("libnothing-of-the-kind.so.1") != std::string::npos);
  CHECK(found.error().hint.find("libnothing1") != std::string::npos);
}

TEST_CASE("a function that is not there is told, whatever is found after it", "[late]") {
  LateLibrary library("libm.so.6", "libc6");
  void (*nothing)() = nullptr;
  double (*root)(double) = nullptr;
  library.find(nothing, "no_such_function");
  library.find(root, "sqrt");
  const auto found = library.found(root);
  REQUIRE_FALSE(found);
  CHECK(found.error().what.find("no_such_function") != std::string::npos);
}
