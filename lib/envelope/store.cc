#include "envelope/store.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "envelope/resumable.h"

namespace sm::envelope {
namespace {

namespace fs = std::filesystem;

constexpr char kHead[] = "head";
constexpr char kNewHead[] = ".head.new";  ///< used under the lock only, so one name does
constexpr char kDraft[] = "draft";
constexpr char kLock[] = "lock";

Unexpected gone(const std::string& folder) {
  return fail(Errc::no_input, "there is no such envelope: " + folder);
}

/// The envelope's folder, opened: what happens in it happens in this one, whatever its name comes
/// to mean.
Result<std::optional<UniqueFd>> open_folder(const std::string& path) {
  auto fd = open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (fd) return std::optional(std::move(*fd));
  if (fd.error().code == Errc::no_input) return std::optional<UniqueFd>();
  return fail(std::move(fd).error());
}

/// The text of `name` in a folder, or nothing where it is not there.
Result<std::optional<std::string>> read_in(int folder, const char* name, const std::string& path) {
  const UniqueFd fd(::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && errno == ENOENT) return std::optional<std::string>();
  if (!fd) return fail_errno("reading " + path, errno);
  std::string text(kMaxHeaderSize + 1, '\0');
  const auto size =
      read_full(fd.get(), reinterpret_cast<std::uint8_t*>(text.data()), text.size(), path);
  if (!size) return fail(size.error());
  text.resize(*size);
  return std::optional(std::move(text));
}

/// Exchanges the new head and the old. A file system that cannot do that renames, which is as good
/// while everybody keeps to the lock.
bool exchange(int folder) {
  if (::renameat2(folder, kNewHead, folder, kHead, RENAME_EXCHANGE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  return ::faccessat(folder, kHead, F_OK, 0) == 0 &&
         ::renameat(folder, kNewHead, folder, kHead) == 0;
}

/// Puts a new head in place of the one that is there. False: there is none (any more); then none is
/// made. The names are exchanged, which the kernel refuses where the old one is gone.
Result<bool> replace_head(int folder, const std::string& text, const std::string& path) {
  (void)::unlinkat(folder, kNewHead, 0);
  const UniqueFd fd(
      ::openat(folder, kNewHead, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail_errno("writing " + path, errno);
  auto written = write_all(fd.get(), as_bytes(text), path);
  if (written) written = sync_file(fd.get(), path);
  int error = 0;
  if (written && !exchange(folder)) error = errno;
  (void)::unlinkat(folder, kNewHead, 0);
  if (!written) return fail(std::move(written).error());
  if (error == ENOENT) return false;
  if (error != 0) return fail_errno("replacing " + path, error);
  if (auto synced = sync_file(folder, path); !synced) return fail(std::move(synced).error());
  return true;
}

/// Writes a part's file whole and to disk.
Result<UniqueFd> create_part(const std::string& path) {
  return open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
}

Result<bool> renew_stanzas(Header& header, const KeySource& keys, const Kek& kek,
                           const PublicKey& recipient, std::optional<Error>& refused) {
  bool has_changed = false;
  for (Stanza& stanza : header.stanzas) {
    const auto kid = kid_of(stanza, kek.org);
    const bool is_x25519 = std::holds_alternative<X25519Stanza>(stanza.kind);
    if (!kid || *kid == (is_x25519 ? recipient.kid : kek.kid)) continue;
    auto renewed = rewrap(header.id, stanza, keys, kek, recipient);
    if (!renewed && renewed.error().code == Errc::denied) {
      refused = renewed.error();
      continue;
    }
    if (!renewed) return fail(std::move(renewed).error());
    stanza = std::move(*renewed);
    has_changed = true;
  }
  return has_changed;
}

}  // namespace

StanzaChoice belongs_to_link(const LinkLabel& label) {
  return [label](const Stanza& stanza) {
    const auto* link = std::get_if<LinkStanza>(&stanza.kind);
    return link != nullptr && link->label == label;
  };
}

StoreDraft::StoreDraft(std::string root, Draft draft, FileLock lock)
    : root_(std::move(root)),
      folder_(root_ + "/" + draft.id().text()),
      draft_(std::move(draft)),
      lock_(std::move(lock)) {}

StoreDraft::StoreDraft(StoreDraft&& other) noexcept
    : root_(std::move(other.root_)),
      folder_(std::move(other.folder_)),
      draft_(std::move(other.draft_)),
      lock_(std::exchange(other.lock_, std::nullopt)),
      is_kept_(other.is_kept_),
      is_grouped_(other.is_grouped_),
      parts_(other.parts_) {}

StoreDraft::~StoreDraft() {
  if (!lock_ || is_kept_) return;
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

Result<std::size_t> StoreDraft::add_part(PartInfo info, Source& in) {
  const std::size_t n = draft_.add_part(std::move(info));
  const std::string path = file(std::to_string(n));
  const auto fd = create_part(path);
  if (!fd) return fail(fd.error());
  FdSink out(fd->get(), path);
  if (auto sealed = draft_.seal_part(n, in, out); !sealed) return fail(std::move(sealed).error());
  if (!is_grouped_) {
    if (auto synced = sync_file(fd->get(), path); !synced) return fail(std::move(synced).error());
  }
  parts_ = n;
  return n;
}

Result<void> StoreDraft::keep() {
  // Of a header only the id and the stanzas count here; the manifest comes with publish().
  auto front = draft_.header();
  front.manifest_size = crypto::sealed_size(kManifestUnit);
  if (auto written = publish_file(file(kDraft), as_bytes(front.text())); !written) return written;
  if (auto synced = sync_folder(root_); !synced) return synced;
  is_kept_ = true;
  return {};
}

Result<std::size_t> StoreDraft::add_file(PartInfo info, int fd, const std::string& name) {
  const std::size_t n = parts_ + 1;
  const auto sealed =
      seal_file_resumably(draft_.message_key(), draft_.id(), n, fd, name, file(std::to_string(n)));
  if (!sealed) return fail(sealed.error());
  if (info.size && *info.size != sealed->size) {
    return fail(Errc::temporary, name + " has another size than was given");
  }
  info.size = sealed->size;
  parts_ = draft_.add_sealed_part(std::move(info), sealed->prefix);
  return parts_;
}

Result<void> StoreDraft::publish(std::chrono::sys_seconds created) {
  const auto front = draft_.front(created);
  if (!front) return fail(front.error());
  const auto manifest = create_part(file("0"));
  if (!manifest) return fail(manifest.error());
  auto written = write_all(manifest->get(), front->manifest.reveal(), file("0"));
  if (written) written = sync_file(manifest->get(), file("0"));
  if (!written) return written;
  // The parts' names must last before the head's does.
  if (auto synced = sync_folder(folder_); !synced) return synced;
  if (auto synced = sync_folder(root_); !synced) return synced;
  auto published =
      publish_file(file(kHead), as_bytes(front->header), 0600, AtomicFile::Existing::keep);
  if (!published) return published;
  clear_up();
  return {};
}

void StoreDraft::clear_up() {
  for (std::size_t n = 1; n <= parts_; ++n)
    (void)::unlink(resume_record(file(std::to_string(n))).c_str());
  (void)::unlink(file(kDraft).c_str());
  lock_.reset();
}

Result<void> StoreDraft::write_front(std::chrono::sys_seconds created) {
  const auto front = draft_.front(created);
  if (!front) return fail(front.error());
  const auto write = [&](const char* name, Bytes bytes) -> Result<void> {
    const auto fd = open_file(file(name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!fd) return fail(fd.error());
    return write_all(fd->get(), bytes, file(name));
  };
  if (auto written = write("0", front->manifest.reveal()); !written) return written;
  return write(kNewHead, as_bytes(front->header));
}

Result<void> StoreDraft::appear() {
  if (::rename(file(kNewHead).c_str(), file(kHead).c_str()) == 0) return {};
  return fail_errno("publishing " + file(kHead), errno);
}

Result<StoreDraft*> DraftGroup::begin() {
  auto draft = Store(root_).begin();
  if (!draft) return fail(std::move(draft).error());
  draft->is_grouped_ = true;
  return &drafts_.emplace_back(std::move(*draft));
}

Result<void> DraftGroup::publish(std::span<StoreDraft* const> drafts,
                                 std::chrono::sys_seconds created) {
  for (auto* draft : drafts) {
    if (auto written = draft->write_front(created); !written) return written;
  }
  // Bodies and names last before any head does.
  if (auto synced = sync_filesystem(root_fd_.get(), root_); !synced) return synced;
  for (auto* draft : drafts) {
    if (auto appeared = draft->appear(); !appeared) return appeared;
  }
  if (auto synced = sync_filesystem(root_fd_.get(), root_); !synced) return synced;
  for (auto* draft : drafts)
    draft->clear_up();
  return {};
}

Result<StoreDraft> Store::begin() {
  Draft draft = Draft::begin();
  const std::string path = folder(draft.id());
  if (auto made = make_folders(path); !made) return fail(std::move(made).error());
  auto lock = FileLock::acquire(path + "/" + kLock);
  if (!lock) return fail(std::move(lock).error());
  return StoreDraft(root_, std::move(draft), std::move(*lock));
}

Result<DraftGroup> Store::begin_group() {
  if (auto made = make_folders(root_); !made) return fail(std::move(made).error());
  auto fd = open_file(root_, O_RDONLY | O_DIRECTORY);
  if (!fd) return fail(std::move(fd).error());
  return DraftGroup(root_, std::move(*fd));
}

Result<StoreDraft> Store::resume(const EnvelopeId& id, const OpeningKeys& keys) {
  const std::string path = folder(id);
  const auto directory = open_folder(path);
  if (!directory) return fail(directory.error());
  if (!*directory) return gone(path);
  auto lock = FileLock::try_acquire(path + "/" + kLock);
  if (!lock) return fail(std::move(lock).error());
  if (!*lock) return fail(Errc::temporary, "another process is sealing " + path);
  const auto text = read_in((*directory)->get(), kDraft, path);
  if (!text) return fail(text.error());
  if (!*text || is_published(id)) return gone(path);
  auto header = parse_header(**text);
  if (!header) return fail(std::move(header).error());
  auto mk = find_message_key(*header, keys);
  if (!mk) return fail(std::move(mk).error());
  if (header->id != id) return fail(Errc::malformed, path + " holds the draft of another envelope");
  StoreDraft draft(root_, Draft::resume(std::move(*header), std::move(*mk)), std::move(**lock));
  draft.is_kept_ = true;
  return draft;
}

Result<Envelope> Store::open(const EnvelopeId& id) const {
  if (!is_published(id)) return gone(folder(id));
  auto envelope = Envelope::open(folder(id));
  if (envelope && envelope->header().id != id) {
    return fail(Errc::malformed, "damaged envelope: " + folder(id) + " holds another");
  }
  return envelope;
}

Result<std::vector<EnvelopeId>> Store::list() const {
  std::vector<EnvelopeId> ids;
  std::error_code error;
  for (fs::directory_iterator it(root_, error), end; !error && it != end; it.increment(error)) {
    if (const auto id = EnvelopeId::parse(it->path().filename().native())) ids.push_back(*id);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail_errno("reading " + root_, error.value());
  }
  std::ranges::sort(ids);
  return ids;
}

bool Store::is_published(const EnvelopeId& id) const {
  return ::access((folder(id) + "/" + kHead).c_str(), F_OK) == 0;
}

Result<HeadChange> Store::edit_head(const EnvelopeId& id,
                                    const std::function<Result<bool>(Header&)>& edit) {
  const std::string path = folder(id);
  const auto directory = open_folder(path);
  if (!directory) return fail(directory.error());
  if (!*directory || !is_published(id)) return HeadChange::gone;
  const auto lock = FileLock::acquire(path + "/" + kLock);
  if (!lock && !is_published(id)) return HeadChange::gone;
  if (!lock) return fail(lock.error());
  const auto text = read_in((*directory)->get(), kHead, path);
  if (!text) return fail(text.error());
  if (!*text) return HeadChange::gone;
  auto header = parse_header(**text);
  if (!header) return fail(std::move(header).error(), path);
  if (header->id != id) return fail(Errc::malformed, path + " holds the head of another envelope");
  const auto is_changed = edit(*header);
  if (!is_changed) return fail(is_changed.error());
  if (!*is_changed) return HeadChange::unnecessary;
  const auto replaced = replace_head((*directory)->get(), header->text(), path + "/" + kHead);
  if (!replaced) return fail(replaced.error());
  return *replaced ? HeadChange::done : HeadChange::gone;
}

Result<HeadChange> Store::add_link(const EnvelopeId& id, const OpeningKeys& keys, const Kek& kek,
                                   const LinkToken& token, const Password* password) {
  return edit_head(id, [&](Header& header) -> Result<bool> {
    const auto mk = find_message_key(header, keys);
    if (!mk) return fail(mk.error());
    auto stanza = wrap_for_link(header.id, *mk, kek, token, password);
    if (!stanza) return fail(std::move(stanza).error());
    if (auto added = header.add(std::move(*stanza)); !added) return fail(added.error());
    return true;
  });
}

Result<HeadChange> Store::add_org(const EnvelopeId& id, const OpeningKeys& keys, const Kek& kek) {
  return edit_head(id, [&](Header& header) -> Result<bool> {
    const auto mk = find_message_key(header, keys);
    if (!mk) return fail(mk.error());
    if (auto added = header.add(wrap_for_org(header.id, *mk, kek)); !added) {
      return fail(added.error());
    }
    return true;
  });
}

Result<HeadChange> Store::remove_stanzas(const EnvelopeId& id, const StanzaChoice& choice) {
  return edit_head(id, [&](Header& header) -> Result<bool> {
    return std::erase_if(header.stanzas, choice) > 0;
  });
}

Result<HeadChange> Store::rewrap(const EnvelopeId& id, const KeySource& keys, const Kek& kek,
                                 const PublicKey& recipient) {
  std::optional<Error> refused;
  auto change = edit_head(
      id, [&](Header& header) { return renew_stanzas(header, keys, kek, recipient, refused); });
  if (change && *change != HeadChange::gone && refused) {
    return fail(std::move(*refused), folder(id));
  }
  return change;
}

struct Store::Keyless {
  UniqueFd folder;
  FileLock lock;
  bool had_head = false;
};

Result<std::optional<Store::Keyless>> Store::destroy_keys(const EnvelopeId& id) {
  const std::string path = folder(id);
  auto directory = open_folder(path);
  if (!directory) return fail(directory.error());
  if (!*directory) return std::optional<Keyless>();
  auto lock = FileLock::acquire(path + "/" + kLock);
  if (!lock && lock.error().code == Errc::no_input) return std::optional<Keyless>();
  if (!lock) return fail(lock.error());
  Keyless keyless{std::move(**directory), std::move(*lock)};
  keyless.had_head = ::unlinkat(keyless.folder.get(), kHead, 0) == 0;
  if (!keyless.had_head && errno != ENOENT) {
    return fail_errno("destroying " + path + "/" + kHead, errno);
  }
  for (const char* name : {kNewHead, kDraft}) {
    if (::unlinkat(keyless.folder.get(), name, 0) != 0 && errno != ENOENT) {
      return fail_errno("destroying " + path + "/" + name, errno);
    }
  }
  return std::optional(std::move(keyless));
}

Result<void> Store::remove_bodies(const EnvelopeId& id) {
  // Whoever comes to destroy the same makes a lock in there, perhaps at every step of ours.
  constexpr int kMostTries = 100;
  std::error_code error;
  for (int tries = 0; tries < kMostTries; ++tries) {
    fs::remove_all(folder(id), error);
    if (!error) return {};
    if (error != std::errc::directory_not_empty) break;
  }
  return fail_errno("removing " + folder(id), error.value());
}

/// The keys first, and durably: without head and draft the bodies are noise.
Result<bool> Store::destroy_folder(const EnvelopeId& id) {
  const auto keyless = destroy_keys(id);
  if (!keyless) return fail(keyless.error());
  if (!*keyless) return false;
  if (auto synced = sync_file((*keyless)->folder.get(), folder(id)); !synced) {
    return fail(std::move(synced).error());
  }
  if (auto removed = remove_bodies(id); !removed) return fail(std::move(removed).error());
  return (*keyless)->had_head;
}

Result<bool> Store::destroy(const EnvelopeId& id) {
  auto destroyed = destroy_folder(id);
  if (!destroyed) return destroyed;
  if (auto synced = sync_root(); !synced) return fail(std::move(synced).error());
  return destroyed;
}

Result<void> Store::destroy_all(std::span<const EnvelopeId> ids) {
  constexpr std::size_t kFew = 8;  // where a sync of each folder is less than one of everything
  if (ids.size() < kFew) {
    for (const auto& id : ids) {
      if (auto gone = destroy_folder(id); !gone) return fail(std::move(gone).error());
    }
    return sync_root();
  }
  // No lock is held in between (descriptors are few): whoever edits a head makes none where it is
  // gone.
  for (const auto& id : ids) {
    if (auto keyless = destroy_keys(id); !keyless) return fail(std::move(keyless).error());
  }
  const auto root = open_folder(root_);
  if (!root) return fail(root.error());
  if (!*root) return {};  // nothing was ever sealed
  if (auto synced = sync_filesystem((*root)->get(), root_); !synced) return synced;
  for (const auto& id : ids) {
    const auto keyless = destroy_keys(id);
    if (!keyless) return fail(keyless.error());
    if (!*keyless) continue;
    if (auto removed = remove_bodies(id); !removed) return removed;
  }
  return sync_root();
}

/// Where nothing was ever sealed there is no root.
Result<void> Store::sync_root() const {
  struct stat status {};
  if (::stat(root_.c_str(), &status) != 0 && errno == ENOENT) return {};
  return sync_folder(root_);
}

}  // namespace sm::envelope
