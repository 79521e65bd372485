#include "batch/intake.h"

#include <algorithm>

#include "batch/side_by_side.h"

namespace sm::batch {
namespace {

using delivery::Reason;

constexpr std::uint64_t kChunkOctets = 16 << 20;  // and at most so much of messages

Result<void> check_columns(const RowReader& rows, const Composer& composer, bool needs_key) {
  if (rows.is_json()) return {};
  const auto& columns = rows.columns();
  const auto has = [&](std::string_view name) {
    return std::find(columns.begin(), columns.end(), name) != columns.end();
  };
  if (!has("to")) return fail(Errc::malformed, "there is no column 'to'");
  if (needs_key && !has("key")) {
    return fail(Errc::malformed, "there is no column 'key'",
                "each row needs a name of its own, so that it is sent once");
  }
  for (const auto& variable : composer.variables()) {
    if (!has(variable)) {
      return fail(Errc::malformed, "the template's variable '" + variable + "' has no column");
    }
  }
  return {};
}

ItemPtr item_of(AnyRow any) {
  auto item = std::make_shared<Item>();
  if (auto* bad = std::get_if<BadRow>(&any)) {
    item->row = std::move(bad->row);
    item->result.row = item->row.number;
    item->result.recipient = item->row.value("to");
    item->result.key = item->row.value("key");
    refuse(*item, Reason::row_invalid, std::move(bad->reason));
    return item;
  }
  item->row = std::move(std::get<Row>(any));
  return item;
}

/// Before anything is composed: what an attachment weighs is known only then.
std::uint64_t size_hint(const Item& item) {
  constexpr std::uint64_t kAttached = 1 << 20;
  std::uint64_t octets = 16384;
  for (const auto& value : item.row.values)
    octets += value.size();
  if (!item.row.value("attach").empty()) octets += kAttached;
  return octets;
}

}  // namespace

Result<Intake> Intake::open(RowReader& rows, const Setting& setting, Senders& senders) {
  std::vector<Composer> composers;
  for (unsigned i = 0; i < processors(); ++i) {
    auto composer = Composer::create(setting, senders);
    if (!composer) return fail(std::move(composer).error());
    composers.push_back(std::move(*composer));
  }
  if (auto checked = check_columns(rows, composers.front(), setting.needs_key); !checked) {
    return fail(std::move(checked).error());
  }
  return Intake(rows, std::move(composers));
}

bool Intake::is_refused(const Item& item) {
  return item.result.reason != Reason::none || !item.result.detail.empty();
}

Result<std::vector<ItemPtr>> Intake::next(std::uint64_t most) {
  std::vector<ItemPtr> chunk;
  std::uint64_t octets = 0;
  while (chunk.size() < std::min<std::uint64_t>(kChunk, most) && octets < kChunkOctets &&
         !is_over_) {
    auto row = rows_->next();
    if (!row) return fail(std::move(row).error());
    if (!*row) {
      is_over_ = true;
      break;
    }
    chunk.push_back(item_of(std::move(**row)));
    octets += size_hint(*chunk.back());
  }
  side_by_side(chunk.size(), static_cast<unsigned>(composers_.size()),
               [&](unsigned thread, std::size_t i) {
                 if (!is_refused(*chunk[i])) composers_[thread].compose(*chunk[i]);
               });
  return chunk;
}

}  // namespace sm::batch
