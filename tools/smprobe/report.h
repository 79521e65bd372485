#pragma once
// A destination's report in three forms: a line for people, an object for programs, and the
// explanation: sentences with the evidence.

#include <string>

#include "delivery/probe.h"

namespace sm::smprobe {

/// "dane.example                  verified       dane".
std::string plain_line(const std::string& destination, const delivery::DestinationReport& report);
/// INTERFACES' object, one line.
std::string json_line(const std::string& destination, const delivery::DestinationReport& report);
/// Several lines, each ended.
std::string explanation(const std::string& destination, const delivery::DestinationReport& report,
                        delivery::Minimum minimum);

}  // namespace sm::smprobe
