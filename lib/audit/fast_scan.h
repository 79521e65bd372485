#pragma once
// The short way through a record's line, for the lines that smtools itself writes: ASCII without
// escapes, no white space, values that are texts, whole numbers, true, false, null or lists of
// texts. Whatever else a line is, it is not judged here: the caller goes the long way, through a
// JSON parser. What is accepted here means the same there; a fuzz target holds the two together.
// Part of scan.h.

#include <memory>
#include <string_view>

#include "audit/scan.h"

namespace sm::audit {

class FastScanner {
 public:
  FastScanner();
  FastScanner(const FastScanner&) = delete;
  FastScanner& operator=(const FastScanner&) = delete;
  ~FastScanner();
  /// Whether the line is a record, and then `into` says which. False: not for the short way.
  /// kPadding bytes behind the line must be readable.
  bool scan(std::string_view line, RecordView& into);

 private:
  class Keys;
  std::unique_ptr<Keys> keys_;  ///< kept between lines: making it anew costs as much as using it
};

/// The same for a line of disclosures.
bool scan_disclosures_fast(std::string_view line, DisclosureScanner::View& into);

}  // namespace sm::audit
