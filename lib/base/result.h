#pragma once
// Results and errors.
//
// Result<T> is std::expected's common subset (g++ 12 has std::expected only under C++23, and there
// an ignored one compiles silently; this one does not). An Error is for what could not be done or
// told: expected outcomes, "no record" and "does not match" among them, are values of closed types,
// never Errors, so that no caller can mistake a failure for an answer.

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace sm {

/// What a caller can do about a failure; each is one exit status of sysexits(3).
enum class Errc {
  usage,          ///< 64: the command line is wrong
  malformed,      ///< 65: the input's content is wrong; the same input fails again
  no_input,       ///< 66: a named input cannot be opened
  unavailable,    ///< 69: a service or facility this needs is not there
  bug,            ///< 70: an invariant of this program broke
  io,             ///< 74: reading or writing failed
  temporary,      ///< 75: not now; try again later
  protocol,       ///< 76: the other side broke the protocol
  denied,         ///< 77: not allowed; a wrong key
  configuration,  ///< 78: the configuration or the state is wrong
};

/// Exit status of an Errc, 64 to 78.
int exit_status(Errc code);

/// What failed, on what, and what to try next.
struct Error {
  Errc code;
  std::string what;    ///< one sentence without a final stop, lower case at the start
  std::string hint{};  ///< what the user can do; may be empty
};

/// Marks an Error on its way into a Result (std::unexpected).
struct Unexpected {
  Error error;
};

inline Unexpected fail(Error error) {
  return Unexpected{std::move(error)};
}
inline Unexpected fail(Errc code, std::string what, std::string hint = {}) {
  return Unexpected{Error{code, std::move(what), std::move(hint)}};
}
/// The same error, with what the caller was doing put before it: "reading the key: no such file".
inline Unexpected fail(Error error, const std::string& doing) {
  error.what = doing + ": " + error.what;
  return Unexpected{std::move(error)};
}
/// An Error from errno: "opening /x: Permission denied". `code` defaults by errno: ENOENT and
/// EACCES on input are the caller's to name; ENOSPC, EDQUOT, EAGAIN, EMFILE, ENFILE, ENOMEM are
/// temporary, all else io.
Unexpected fail_errno(const std::string& doing, int error_number);
Unexpected fail_errno(Errc code, const std::string& doing, int error_number);

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : either_(std::in_place_index<0>, std::move(value)) {}
  Result(Unexpected failure) : either_(std::in_place_index<1>, std::move(failure.error)) {}

  [[nodiscard]] bool has_value() const { return either_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return std::get<0>(either_); }
  const T& value() const& { return std::get<0>(either_); }
  T&& value() && { return std::get<0>(std::move(either_)); }
  T& operator*() & { return std::get<0>(either_); }
  const T& operator*() const& { return std::get<0>(either_); }
  T&& operator*() && { return std::get<0>(std::move(either_)); }
  T* operator->() { return &std::get<0>(either_); }
  const T* operator->() const { return &std::get<0>(either_); }

  Error& error() & { return std::get<1>(either_); }
  const Error& error() const& { return std::get<1>(either_); }
  Error&& error() && { return std::get<1>(std::move(either_)); }

  template <class U>
  T value_or(U&& fallback) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(fallback));
  }

 private:
  std::variant<T, Error> either_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Unexpected failure) : error_(std::move(failure.error)) {}

  [[nodiscard]] bool has_value() const { return !error_; }
  explicit operator bool() const { return has_value(); }
  void value() const {}

  Error& error() & { return error_.value(); }
  const Error& error() const& { return error_.value(); }
  Error&& error() && { return std::move(error_).value(); }

 private:
  std::optional<Error> error_;
};

}  // namespace sm
