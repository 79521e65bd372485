#pragma once
// Small tar files (POSIX.1 ustar): a few regular files with plain names, as receipts are. Written
// so that every tar reads them; read strictly, for nothing but receipts.

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sm::audit {

using TarFiles = std::map<std::string, std::string, std::less<>>;

/// The same files give the same bytes: no times, no owners.
std::string write_tar(const TarFiles& files);
/// Regular files only, at most 64, names without '/'. Nothing for anything else.
std::optional<TarFiles> read_tar(std::string_view bytes);

}  // namespace sm::audit
