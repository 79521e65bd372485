#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace sm {

int exit_status(Errc code) {
  switch (code) {
    case Errc::usage:
      return 64;
    case Errc::malformed:
      return 65;
    case Errc::no_input:
      return 66;
    case Errc::unavailable:
      return 69;
    case Errc::bug:
      return 70;
    case Errc::io:
      return 74;
    case Errc::temporary:
      return 75;
    case Errc::protocol:
      return 76;
    case Errc::denied:
      return 77;
    case Errc::configuration:
      return 78;
  }
  return 70;
}

Unexpected fail_errno(Errc code, const std::string& doing, int error_number) {
  return fail(code, doing + ": " + std::generic_category().message(error_number));
}

Unexpected fail_errno(const std::string& doing, int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EINTR:
      return fail_errno(Errc::temporary, doing, error_number);
    default:
      return fail_errno(Errc::io, doing, error_number);
  }
}

}  // namespace sm
