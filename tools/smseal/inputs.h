#pragma once
// What is to be sealed: files, or a stream that must come last since its size is not known.

#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "envelope/manifest.h"
#include "options.h"

namespace sm::smseal {

struct Input {
  std::string path;  ///< "-": stdin
  envelope::PartInfo info;
  UniqueFd stream;  ///< of a pipe or device, which is opened once; files are opened when their turn
                    ///< comes
};

/// The parts to be, in order. Errc::no_input: one cannot be read; Errc::usage: a pipe that is not
/// the last, or --name or --type for several.
Result<std::vector<Input>> find_inputs(const Options& options);

}  // namespace sm::smseal
