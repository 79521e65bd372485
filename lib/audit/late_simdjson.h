#pragma once
// simdjson, loaded when the first line comes that our own short way (fast_scan.h) does not read:
// whoever appends to a log mostly meets none. Part of scan.h.

namespace sm::audit {

/// To be called before anything of simdjson's is. Throws std::runtime_error where it cannot be
/// loaded: a record must then be neither taken for good nor for altered.
void need_simdjson();

}  // namespace sm::audit
