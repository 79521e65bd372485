#include "audit/log.h"

#include <algorithm>

#include <unistd.h>

#include "audit/erase.h"
#include "audit/log_impl.h"
#include "audit/note.h"
#include "base/encoding.h"
#include "base/text.h"

namespace sm::audit {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

/// The bytes that a draft will take, at most: records, then disclosures.
std::pair<std::uint64_t, std::uint64_t> bytes_of(const Draft& draft) {
  constexpr std::size_t kHead = 200;  // v, seq, prev, ts, mono
  constexpr std::size_t kDisclosureHead = 48;
  return {draft.before_mono.size() + draft.after_mono.size() + kHead,
          draft.disclosures.empty() ? 0 : draft.disclosures.size() + kDisclosureHead};
}

}  // namespace

void Reservation::Ledger::give_back(std::size_t records) {
  const std::lock_guard lock(mutex);
  if (slots == nullptr || records == 0) return;
  const auto reserved = slots->own_reserved();
  (void)slots->set_reserved(reserved -
                            static_cast<std::uint32_t>(std::min<std::size_t>(records, reserved)));
}

Reservation::Reservation(Reservation&& other) noexcept
    : ledger_(std::move(other.ledger_)), records_(std::exchange(other.records_, 0)) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  std::swap(ledger_, other.ledger_);
  std::swap(records_, other.records_);
  return *this;
}

Reservation Reservation::split(std::size_t records) {
  const auto taken = std::min(records, records_);
  records_ -= taken;
  return Reservation(ledger_, taken);
}

void Reservation::add(Reservation other) {
  if (records_ == 0) return std::swap(*this, other);
  records_ += std::exchange(other.records_, 0);
}

Reservation::~Reservation() {
  if (ledger_) ledger_->give_back(records_);
}

Log::Impl::Impl(Layout layout, const Clock& clock, LogOptions options, SignerSetting setting,
                Slots slots)
    : layout_(layout),
      clock_(clock),
      options_(std::move(options)),
      writer_(options_.tool, options_.host, clock.boot_id()),
      files_(layout),
      signer_(std::move(setting), layout),
      slots_(std::move(slots)),
      lock_(layout.lock(), slots_),
      ledger_(std::make_shared<Reservation::Ledger>()) {
  ledger_->slots = &slots_;
}

Log::Impl::~Impl() {
  const std::lock_guard lock(ledger_->mutex);
  ledger_->slots = nullptr;
}

// ---- under the lock

Result<Draft> Log::Impl::draft_own(const Record& record) const {
  return draft(record, writer_);
}

/// Reads the tail again; what a crash left is cut and told of, an erasure that it broke off is
/// finished.
Result<void> Log::Impl::settle() {
  const auto signed_size = signer_.signed_size();
  if (!signed_size) return fail(signed_size.error());
  const auto cut = files_.settle(*signed_size, writer_.boot);
  if (!cut) return fail(cut.error());
  if (!cut->is_empty()) {
    Record recovered(Event::recovered);
    recovered.fact("record_bytes", cut->record_bytes);
    recovered.fact("disclosure_bytes", cut->disclosure_bytes);
    recovered.fact("disclosure_lines", cut->disclosure_lines);
    recovered.fact("sha256", to_hex(cut->sha256));
    const auto own = draft_own(recovered);
    if (!own) return fail(own.error());
    const auto written = write(std::span(&*own, 1));
    if (!written) return fail(written.error());
  }
  const auto pending = pending_erasure(layout_, files_.tail().next);
  if (!pending) return fail(pending.error());
  if (!*pending) return {};
  for (const Record& record : (*pending)->records) {
    const auto own = draft_own(record);
    if (!own) return fail(own.error());
    const auto written = write(std::span(&*own, 1));
    if (!written) return fail(written.error());
  }
  auto scrubbed = slots_.scrub();
  if (!scrubbed) return scrubbed;
  return finish_erasure(layout_, **pending);
}

std::vector<Entry> Log::Impl::compose(std::span<const Draft> drafts) const {
  const Tail& tail = files_.tail();
  const std::string ts = utc_text_micros(clock_.now());
  const auto mono = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(clock_.monotonic().time_since_epoch())
          .count());
  std::vector<Entry> entries;
  entries.reserve(drafts.size());
  Hash previous = tail.last;
  for (const Draft& one : drafts) {
    const std::uint64_t seq = tail.next + entries.size();
    const Entry& entry = entries.emplace_back(
        Entry{line_of(one, seq, previous, ts, mono), disclosure_line_of(one, seq)});
    previous = leaf_hash(as_bytes(entry.line));
  }
  return entries;
}

Result<Appended> Log::Impl::write(std::span<const Draft> drafts) {
  const Appended appended{files_.tail().next, drafts.size(), {}};
  auto written = files_.append(compose(drafts));
  if (!written) return fail(std::move(written).error());
  return appended;
}

Result<void> Log::Impl::keep(std::uint64_t record_bytes, std::uint64_t disclosure_bytes,
                             std::uint64_t reserved) {
  if (reserved == 0) return {};
  constexpr std::uint64_t kMargin = 256;  // records that others may append meanwhile
  const std::uint64_t records = reserved * kReservedLine;
  const std::uint64_t disclosures = reserved * kReservedDisclosures;
  auto kept = files_.keep_space(record_bytes + records, disclosure_bytes + disclosures);
  if (!kept) return kept;
  if (kSegmentRecords - files_.tail().next % kSegmentRecords > reserved + kMargin) return {};
  return files_.keep_spare_segment(records, disclosures);
}

/// Keeps what is reserved behind the drafts that are about to be written.
Result<void> Log::Impl::keep_beside(std::span<const Draft> drafts, std::uint32_t spends) {
  std::uint64_t records = 0, disclosures = 0;
  for (const Draft& one : drafts) {
    const auto [a, b] = bytes_of(one);
    records += a;
    disclosures += b;
  }
  const auto behind = [&](bool is_exact) {
    const std::uint64_t total = slots_.total_reserved(is_exact);
    return total - std::min<std::uint64_t>(total, spends);
  };
  auto kept = keep(records, disclosures, behind(false));
  return kept ? Result<void>() : keep(records, disclosures, behind(true));
}

void Log::Impl::sign_if_due(Appended& appended) {
  if (!options_.signs_on_append) return;
  const auto is_due = signer_.is_due(files_.tail().next);
  if (is_due && !*is_due) return;
  auto signed_now = is_due ? signer_.sign(files_.tail()) : fail(is_due.error());
  if (!signed_now) appended.not_signed = std::move(signed_now).error();
}

// ---- for everybody

Result<void> Log::Impl::begin() {
  auto held = lock_.take();
  if (!held) return fail(std::move(held).error());
  auto made = signer_.make_first_key();
  if (!made) return made;
  return settle();
}

Result<std::vector<Draft>> Log::Impl::prepare(std::span<const Record> records) const {
  std::vector<Draft> drafts;
  for (const Record& record : records) {
    if (record.event() == Event::epoch_ended) {
      return fail(Errc::usage, "an epoch ends with a new key, not with a record alone");
    }
    auto own = draft_own(record);
    if (!own) return fail(std::move(own).error());
    drafts.push_back(std::move(*own));
  }
  return drafts;
}

Result<Appended> Log::Impl::append(std::vector<Draft> drafts, Reservation* reservation) {
  Waiting waiting;
  waiting.drafts = std::move(drafts);
  if (waiting.drafts.empty()) return Appended{};
  if (reservation != nullptr) {
    waiting.spends =
        static_cast<std::uint32_t>(std::min(reservation->records_, waiting.drafts.size()));
  }
  std::unique_lock lock(mutex_);
  queue_.push_back(&waiting);
  // Not the result is asked for: it is there before whoever leads has finished with this.
  changed_.wait(lock, [&] { return waiting.is_done || !is_led_; });
  if (!waiting.is_done) {
    is_led_ = true;
    const std::vector<Waiting*> mine = std::exchange(queue_, {});
    lock.unlock();
    lead(mine);
    lock.lock();
    for (Waiting* one : mine)
      one->is_done = true;
    is_led_ = false;
    changed_.notify_all();
  }
  lock.unlock();
  if (*waiting.result && waiting.spends > 0) {
    ledger_->give_back(waiting.spends);
    reservation->records_ -= waiting.spends;
  }
  return std::move(*waiting.result);
}

Result<Reservation> Log::Impl::reserve(std::size_t records) {
  std::unique_lock alone(mutex_);
  changed_.wait(alone, [&] { return !is_led_; });
  auto held = lock_.take();
  if (!held) return fail(std::move(held).error());
  auto settled = settle();
  if (!settled) return fail(std::move(settled).error());
  const std::lock_guard ledger(ledger_->mutex);
  const auto claimed = slots_.claim();
  if (!claimed) return fail(claimed.error());
  const std::uint32_t before = slots_.own_reserved();
  auto set = slots_.set_reserved(before + static_cast<std::uint32_t>(records));
  if (!set) return fail(std::move(set).error());
  auto kept = keep(0, 0, slots_.total_reserved(false));
  if (!kept) kept = keep(0, 0, slots_.total_reserved(true));
  if (!kept) {
    (void)slots_.set_reserved(before);
    return fail(std::move(kept).error());
  }
  return Reservation(ledger_, records);
}

Result<Checkpoint> Log::Impl::sign_checkpoint() {
  std::unique_lock alone(mutex_);
  changed_.wait(alone, [&] { return !is_led_; });
  auto held = lock_.take();
  if (!held) return fail(std::move(held).error());
  auto made = signer_.make_first_key();
  if (made) made = settle();
  if (made) made = files_.sync();
  if (!made) return fail(std::move(made).error());
  return signer_.sign(files_.tail());
}

Result<Checkpoint> Log::Impl::end_epoch() {
  std::unique_lock alone(mutex_);
  changed_.wait(alone, [&] { return !is_led_; });
  auto held = lock_.take();
  if (!held) return fail(std::move(held).error());
  auto settled = settle();
  if (settled) settled = files_.sync();
  if (!settled) return fail(std::move(settled).error());
  // The old key must be here and in order before anything says that it ends.
  auto before = signer_.sign(files_.tail());
  if (!before) return before;
  const auto next = signer_.make_next_key();
  if (!next) return fail(next.error());
  const auto own = draft_own(Record(Event::epoch_ended).fact("next", next->text()));
  if (!own) return fail(own.error());
  const auto written = write(std::span(&*own, 1));
  if (!written) return fail(written.error());
  return signer_.sign(files_.tail());
}

Result<Erased> Log::Impl::erase(const EraseRequest& request) {
  std::unique_lock alone(mutex_);
  changed_.wait(alone, [&] { return !is_led_; });
  auto held = lock_.take();
  if (!held) return fail(std::move(held).error());
  auto settled = settle();
  if (!settled) return fail(std::move(settled).error());
  auto planned = plan_erasure(layout_, request, files_.tail().next);
  if (!planned) return fail(std::move(planned).error());
  if (planned->disclosures == 0) return *planned;
  settled = settle();  // which carries the plan out, as it would after a crash
  if (!settled) return fail(std::move(settled).error());
  return *planned;
}

bool is_org(std::string_view text) {
  const auto is_first = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c); };
  return !text.empty() && text.size() <= 63 && is_first(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_first(c) || c == '.' || c == '-'; });
}

std::string log_folder(const std::string& state, const std::string& org) {
  return state + "/audit/" + org;
}

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;
Log::~Log() = default;

Result<Log> Log::open(const std::string& state, const std::string& org, const Clock& clock,
                      LogOptions options) {
  if (!is_org(org)) {
    return fail(Errc::usage, "'" + printable(org) + "' cannot name an organisation",
                "lower-case letters, digits, '.' and '-', at most 63");
  }
  if (options.host.empty()) options.host = host_name();
  if (options.origin.empty()) options.origin = options.host + "/smtools/" + org;
  const Layout layout{log_folder(state, org)};
  auto folder = make_shared_folder(layout.folder);
  if (!folder) return fail(std::move(folder).error());
  auto slots = Slots::open(layout.slots());
  if (!slots) return fail(std::move(slots).error());
  SignerSetting setting{state, org, options.origin, options.signed_state, &clock};
  (void)slots->claim();  // without a place, this process writes for itself
  Log log(std::make_unique<Impl>(layout, clock, std::move(options), std::move(setting),
                                 std::move(*slots)));
  auto begun = log.impl_->begin();
  if (!begun) return fail(std::move(begun).error());
  return log;
}

Result<Appended> Log::append(std::span<const Record> records) {
  auto drafts = impl_->prepare(records);
  if (!drafts) return fail(std::move(drafts).error());
  return impl_->append(std::move(*drafts), nullptr);
}
Result<Appended> Log::append(std::span<const Record> records, Reservation& reservation) {
  auto drafts = impl_->prepare(records);
  if (!drafts) return fail(std::move(drafts).error());
  return impl_->append(std::move(*drafts), &reservation);
}
Result<std::string> Log::prepare(std::span<const Record> records) const {
  auto drafts = impl_->prepare(records);
  if (!drafts) return fail(std::move(drafts).error());
  return pack(*drafts);
}
Result<Appended> Log::append_prepared(std::string_view prepared, Reservation& reservation) {
  auto drafts = unpack(prepared);
  if (!drafts) return fail(Errc::malformed, "records that were prepared are damaged");
  for (const Draft& one : *drafts) {
    if (auto checked = check_readable(one); !checked) return fail(std::move(checked).error());
  }
  return impl_->append(std::move(*drafts), &reservation);
}
Result<Reservation> Log::reserve(std::size_t records) {
  return impl_->reserve(records);
}
std::optional<Event> Log::event_of(std::string_view prepared) {
  const auto drafts = unpack(prepared);
  if (!drafts || drafts->empty()) return std::nullopt;
  std::string_view text = drafts->front().before_mono;
  constexpr std::string_view kBegin = "\"event\":\"";
  if (!text.starts_with(kBegin)) return std::nullopt;
  text.remove_prefix(kBegin.size());
  return parse_event(text.substr(0, text.find('"')));
}
Result<Checkpoint> Log::sign_checkpoint() {
  return impl_->sign_checkpoint();
}
Result<Checkpoint> Log::end_epoch() {
  return impl_->end_epoch();
}
Result<Erased> Log::erase(const EraseRequest& request) {
  return impl_->erase(request);
}
const std::string& Log::folder() const {
  return impl_->layout().folder;
}

}  // namespace sm::audit
