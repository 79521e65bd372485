#pragma once
// The store of sealed envelopes: one folder an envelope, `<root>/<id>/`, in it `head` (the header)
// and a file for each part: `0` (the manifest), `1`, `2`, … Bodies never change. Stanzas come and
// go by replacing `head`, always under an exclusive lock on `lock`, read again under it, by
// temporary file, fsync, rename, fsync of the folder. Destroying `head` destroys the message;
// nothing here makes a head again that is gone.
//
// For whoever seals and serves messages:
//
//   Store store(state + "/sealed");
//   auto draft = store.begin();                          // an envelope in the making
//   draft->envelope().add_link(kek, token, password);    // who will open it
//   draft->add_part({.role = Role::message}, source);    // streaming; any number
//   draft->publish(now);                                 // from here on it exists
//
//   auto envelope = store.open(id);  envelope->unlock(keys);  envelope->part(1)->copy_to(sink);
//   store.remove_stanzas(id, belongs_to_link(token.label()));    // revokes one recipient
//   store.destroy(id);                                   // destroys it for everybody

#include <chrono>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "envelope/draft.h"
#include "envelope/envelope.h"
#include "envelope/wrap.h"

namespace sm::envelope {

/// An envelope that is being sealed into the store. Until publish() it has no head and can be
/// opened by nobody; unless it is kept (keep()), it is removed with this object.
class StoreDraft {
 public:
  StoreDraft(StoreDraft&& other) noexcept;
  StoreDraft& operator=(StoreDraft&&) = delete;
  ~StoreDraft();

  /// For its id and its stanzas.
  [[nodiscard]] Draft& envelope() { return draft_; }

  /// Seals the next part from a stream, to its end. Durable on return, but in a group.
  Result<std::size_t> add_part(PartInfo info, Source& in);

  /// Lets the draft outlive this process: its stanzas so far are made durable, and whoever opens
  /// one can go on with Store::resume. Before the first part.
  Result<void> keep();
  /// Seals the next part from a regular file; in a kept draft, after a crash, from where the
  /// attempt before got to. Every chunk that is on disk already is sealed again and compared; where
  /// the file's size, times or identity, or any byte, is another than then, the part begins anew
  /// under a fresh salt. Errc::temporary: the file changed while it was being sealed.
  Result<std::size_t> add_file(PartInfo info, int fd, const std::string& name);

  /// Seals the manifest and makes the envelope appear. Of a group: DraftGroup::publish.
  Result<void> publish(std::chrono::sys_seconds created);

 private:
  friend class Store;
  friend class DraftGroup;
  StoreDraft(std::string root, Draft draft, FileLock lock);
  [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }
  std::string root_;
  std::string folder_;
  Draft draft_;
  /// Manifest and new head, not synced.
  Result<void> write_front(std::chrono::sys_seconds created);
  /// The new head, durable by now, gets its name.
  Result<void> appear();
  void clear_up();
  std::optional<FileLock> lock_;
  bool is_kept_ = false;
  bool is_grouped_ = false;
  std::size_t parts_ = 0;
};

/// Envelopes that are sealed together. Nothing of them is durable, nor can be opened, before
/// publish(), which syncs once for all their bodies and once for all their heads: with ten thousand
/// messages on their way, syncing each file and folder on its own is most of the work.
class DraftGroup {
 public:
  DraftGroup(DraftGroup&&) noexcept = default;
  /// The next draft; stays where it is for the group's life.
  Result<StoreDraft*> begin();
  /// Makes these of its drafts appear, all or none: after an Error they go with the group.
  Result<void> publish(std::span<StoreDraft* const> drafts, std::chrono::sys_seconds created);

 private:
  friend class Store;
  DraftGroup(std::string root, UniqueFd fd) : root_(std::move(root)), root_fd_(std::move(fd)) {}
  std::string root_;
  UniqueFd root_fd_;  ///< opened before anything was written: it hears of writes that fail
  std::deque<StoreDraft> drafts_;
};

/// What became of a change to a head.
enum class HeadChange {
  done,
  unnecessary,  ///< it is so already
  gone,         ///< the envelope does not exist (any more)
};

/// Chooses stanzas.
using StanzaChoice = std::function<bool(const Stanza&)>;
/// Those of one recipient's link.
StanzaChoice belongs_to_link(const LinkLabel& label);

class Store {
 public:
  /// `root` is `<state>/sealed`; it is made when first needed.
  explicit Store(std::string root) : root_(std::move(root)) {}

  [[nodiscard]] std::string folder(const EnvelopeId& id) const { return root_ + "/" + id.text(); }

  Result<StoreDraft> begin();
  Result<DraftGroup> begin_group();
  /// Goes on with a draft that was kept. Errc::no_input: there is none; Errc::denied: `keys` do not
  /// open it; Errc::temporary: another process is at it.
  Result<StoreDraft> resume(const EnvelopeId& id, const OpeningKeys& keys);

  /// Errc::no_input where it does not exist (any more).
  Result<Envelope> open(const EnvelopeId& id) const;

  /// All that have a folder here, published or not, sorted.
  Result<std::vector<EnvelopeId>> list() const;
  /// Whether it has a head. A folder without one is a draft, or what a crash left of it.
  [[nodiscard]] bool is_published(const EnvelopeId& id) const;

  // Changes to a head, without the message key passing through the caller's hands. All durable on
  // return.

  /// A new link (and password, where not null) for an envelope that `keys` open.
  Result<HeadChange> add_link(const EnvelopeId& id, const OpeningKeys& keys, const Kek& kek,
                              const LinkToken& token, const Password* password = nullptr);
  /// A stanza for the organisation, to an envelope that `keys` open.
  Result<HeadChange> add_org(const EnvelopeId& id, const OpeningKeys& keys, const Kek& kek);
  Result<HeadChange> remove_stanzas(const EnvelopeId& id, const StanzaChoice& choice);
  /// Hangs all stanzas of the organisation on its active keys. Errc::denied where one of them does
  /// not open; the others are renewed all the same.
  Result<HeadChange> rewrap(const EnvelopeId& id, const KeySource& keys, const Kek& kek,
                            const PublicKey& recipient);
  /// Destroys head and bodies; also of a draft. True where there was a head.
  Result<bool> destroy(const EnvelopeId& id);
  /// The same for many: the keys of all of them, durably by one sync of the file system, and then
  /// the bodies.
  Result<void> destroy_all(std::span<const EnvelopeId> ids);

 private:
  /// False from `edit`: nothing to do.
  Result<HeadChange> edit_head(const EnvelopeId& id,
                               const std::function<Result<bool>(Header&)>& edit);
  struct Keyless;
  /// Head and draft are gone, not yet durably. Nothing where there is no such folder.
  Result<std::optional<Keyless>> destroy_keys(const EnvelopeId& id);
  Result<void> remove_bodies(const EnvelopeId& id);
  Result<bool> destroy_folder(const EnvelopeId& id);
  Result<void> sync_root() const;
  std::string root_;
};

}  // namespace sm::envelope
