#pragma once
// Shared libraries that few runs of a tool need, opened when they are first asked for. To link them
// would cost every tool at each start; smsend and smsign are started anew for each message.

#include <string>

#include <dlfcn.h>

#include "base/result.h"

namespace sm {

class LateLibrary {
 public:
  /// Stays open until the process ends. `package` is what to install where there is none.
  LateLibrary(const char* soname, const char* package)
      : handle_(::dlopen(soname, RTLD_NOW | RTLD_LOCAL)), package_(package) {
    if (handle_ == nullptr) fault_ = std::string("loading ") + soname + ": " + ::dlerror();
  }

  /// Points `function` at the function of this symbol, or keeps that there is none.
  template <typename Function>
  void find(Function*& function, const char* symbol) {
    if (handle_ == nullptr) return;
    function = reinterpret_cast<Function*>(::dlsym(handle_, symbol));
    if (function == nullptr) fault_ = std::string("a library lacks ") + symbol;
  }

  /// What find() filled, where all of it was there. An Error is `unavailable`.
  template <typename Functions>
  [[nodiscard]] Result<Functions> found(const Functions& functions) const {
    if (fault_.empty()) return functions;
    return fail(Errc::unavailable, fault_, std::string("install the package ") + package_);
  }

 private:
  void* handle_;
  const char* package_;
  std::string fault_;
};

}  // namespace sm
