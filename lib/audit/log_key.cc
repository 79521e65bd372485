#include "audit/log_key.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/layout.h"
#include "base/file.h"
#include "base/text.h"

namespace sm::audit {
namespace {
constexpr std::size_t kMostKeyFile = std::size_t{1} << 20;
}

namespace {

Result<std::vector<VerifierKey>> parse_keys(std::string_view rest, const std::string& path) {
  std::vector<VerifierKey> keys;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    auto key = VerifierKey::parse(line);
    if (!key) {
      return fail(Errc::malformed,
                  path + ": line " + std::to_string(keys.size() + 1) + " is no verifier key",
                  "one note key a line: <name>+<8 hex digits>+<base64>");
    }
    keys.push_back(std::move(*key));
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  if (keys.empty()) return fail(Errc::malformed, path + " holds no verifier key");
  return keys;
}

}  // namespace

Result<std::vector<VerifierKey>> read_verifier_keys(const std::string& path) {
  const auto text = read_file(path, kMostKeyFile);
  return text ? parse_keys(*text, path) : fail(text.error());
}

Result<std::vector<VerifierKey>> read_listed_keys(const Layout& layout) {
  const auto text = read_regular(layout.vkeys(), kMostKeyFile);
  return text ? parse_keys(*text, layout.vkeys()) : fail(text.error());
}

Result<SignerKey> read_log_key(const std::string& path) {
  auto text = read_secret_file(path, 4096);
  if (!text) return fail(std::move(text).error());
  if (as_text(text->reveal()).ends_with('\n')) text->resize(text->size() - 1);
  auto key = SignerKey::parse(*text);
  if (!key) return fail(Errc::configuration, path + " is no signer key");
  return std::move(*key);
}

Result<SignerKey> make_log_key(const std::string& path, const std::string& origin) {
  const auto is_there = exists(path);
  if (!is_there) return fail(is_there.error());
  if (*is_there) return read_log_key(path);
  auto folder = make_folders(folder_of(path));
  if (!folder) return fail(std::move(folder).error());
  SignerKey key = SignerKey::generate(origin);
  Secret text = key.text();
  text.append(as_bytes("\n"));
  auto published = publish_file(path, text.reveal(), 0600, AtomicFile::Existing::keep);
  if (!published) return fail(std::move(published).error());
  return key;
}

Result<void> destroy_log_key(const std::string& path) {
  const auto is_there = exists(path);
  if (!is_there) return fail(is_there.error());
  if (!*is_there) return {};
  auto file = open_file(path, O_WRONLY | O_NOFOLLOW);
  if (!file) return fail(std::move(file).error());
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return fail_errno("looking at " + path, errno);
  const std::vector<std::uint8_t> zeros(static_cast<std::size_t>(status.st_size), 0);
  auto done = pwrite_all(file->get(), zeros, 0, path);
  if (done) done = sync_file(file->get(), path);
  if (!done) return done;
  if (::unlink(path.c_str()) != 0) return fail_errno("removing " + path, errno);
  return sync_folder(folder_of(path));
}

}  // namespace sm::audit
