#include "audit/verify_block.h"

#include <algorithm>
#include <cstring>

#include "audit/disclosure.h"
#include "base/encoding.h"

namespace sm::audit {
namespace {

/// Both hex digits of each byte.
constexpr auto kHexPairs = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t byte = 0; byte < pairs.size(); ++byte) {
    pairs[byte] = {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return pairs;
}();

/// Whether 64 hex digits say this hash.
bool is_hex_of(std::string_view hex, const Hash& hash) {
  std::array<char, 64> expected;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    std::memcpy(&expected[2 * i], kHexPairs[hash[i]].data(), 2);
  }
  return std::memcmp(hex.data(), expected.data(), expected.size()) == 0;
}

template <std::size_t N>
std::array<char, N> array_of(std::string_view text) {
  std::array<char, N> array{};
  std::copy_n(text.begin(), std::min(N, text.size()), array.begin());
  return array;
}

std::string_view view_of(const DigestText& digest) {
  return {digest.data(), digest.size()};
}

}  // namespace

void DigestSum::add(const Key& key, std::string_view digest) {
  const Hash hash = crypto::sha256(key, as_bytes(digest));
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, hash.data() + 8 * i, sizeof word);
    const std::uint64_t with_carry = sum_[i] + carry;
    carry = with_carry < carry ? 1 : 0;
    sum_[i] = with_carry + word;
    carry += sum_[i] < word ? 1 : 0;
  }
  ++count_;
}

void DigestSum::add(const DigestSum& other) {
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    const std::uint64_t with_carry = sum_[i] + carry;
    carry = with_carry < carry ? 1 : 0;
    sum_[i] = with_carry + other.sum_[i];
    carry += sum_[i] < other.sum_[i] ? 1 : 0;
  }
  count_ += other.count_;
}

void BlockVerifier::take(const RecordView& record, std::uint64_t index, BlockResult& result) {
  if (!record.message.empty() && matters_to_lifecycle(record.event)) {
    LifecycleStep& step = result.steps.emplace_back();
    step.seq = index;
    step.event = record.event;
    step.is_success = record.outcome.empty() || record.outcome == "success";
    step.message = array_of<16>(record.message);
    step.recipient = array_of<8>(record.recipient);
    step.recipients_begin = static_cast<std::uint32_t>(result.recipients.size());
    for (const std::string_view id : record.recipients) {
      result.recipients.push_back(array_of<8>(id));
    }
    step.recipients_end = static_cast<std::uint32_t>(result.recipients.size());
  }
  if (record.event == Event::epoch_ended) {
    result.epoch_ends.push_back({record.seq, std::string(record.next)});
  }
  for (const std::string_view digest : record.digests) {
    if (mode_.is_exact) result.erased.emplace_back(digest);
    result.erased_sum.add(mode_.key, digest);
  }
  if (!mode_.is_on) return;
  for (const std::string_view digest : record.sd) {
    result.digests.push_back(array_of<43>(digest));
  }
}

BlockResult BlockVerifier::verify(const Block& block) {
  BlockResult result;
  result.number = block.number;
  result.begins_segment = block.begins_segment;
  result.ends_segment = block.ends_segment;
  result.torn_bytes = block.torn_bytes;
  std::uint64_t index = 0, expected = 0;
  const char* at = block.bytes.data();
  const char* const end = at + block.size;
  for (; at < end; ++index) {
    const char* const lf = static_cast<const char*>(std::memchr(at, '\n', std::size_t(end - at)));
    const std::string_view line(at, std::size_t(lf - at));
    at = lf + 1;
    const RecordView* const record = scanner_.scan(line);
    if (record == nullptr) {
      result.defects.push_back({FindingKind::altered, index, scanner_.defect()});
      result.is_last_good = false;
      ++expected;
    } else {
      if (!result.base_seq) {
        result.base_seq = record->seq - std::min(record->seq, index);
        expected = record->seq;
      }
      if (index == 0) result.first_prev = record->prev;
      const bool follows = record->seq == expected;
      const bool is_chained = index == 0 || is_hex_of(record->prev, result.leaves.back());
      if (!follows) {
        result.defects.push_back({FindingKind::chain_break, index,
                                  "record " + std::to_string(record->seq) + " stands where " +
                                      std::to_string(expected) + " belongs"});
      } else if (!is_chained) {
        result.defects.push_back(
            {FindingKind::chain_break, index, "its prev is not the hash of the line before"});
        if (result.is_last_good) {
          result.defects.push_back(
              {FindingKind::altered, index - 1, "its successor commits to another line"});
        }
      }
      expected = record->seq + 1;
      result.is_last_good = true;
      take(*record, index, result);
    }
    result.leaves.push_back(leaf_hash(as_bytes(line)));
    if (mode_.is_on)
      result.digest_ends.push_back(static_cast<std::uint32_t>(result.digests.size()));
  }
  if (block.has_overlong_line) {
    result.defects.push_back({FindingKind::altered, 0, "longer than 65,535 bytes"});
  }
  result.last_seq = expected == 0 ? 0 : expected - 1;
  return result;
}

void DisclosureVerifier::match(const DisclosureScanner::View& view, const DisclosureJob& job,
                               std::vector<bool>& found, DisclosureResult& result) {
  const std::uint64_t index = view.seq - job.first_seq;
  if (view.seq < job.first_seq || index >= job.digest_ends.size()) {
    result.findings.add(FindingKind::disclosure_mismatch, view.seq,
                        "disclosures stand out of order");
    return;
  }
  const std::size_t begin = index == 0 ? 0 : job.digest_ends[index - 1];
  const std::size_t end = job.digest_ends[index];
  for (const std::string_view disclosure : view.disclosures) {
    const std::string digest = disclosure_digest(disclosure);
    std::size_t at = begin;
    while (at < end && view_of(job.digests[at]) != digest)
      ++at;
    if (at == end || found[at]) {
      result.findings.add(FindingKind::disclosure_mismatch, view.seq,
                          at == end ? "a disclosure without its digest in the record"
                                    : "a disclosure stands there twice");
    } else {
      found[at] = true;
    }
  }
}

DisclosureResult DisclosureVerifier::verify(DisclosureJob& job) {
  DisclosureResult result;
  std::vector<bool> found(job.digests.size(), false);
  const std::size_t size = job.lines.size();
  job.lines.resize(size + kPadding);
  std::string_view rest = std::string_view(job.lines).substr(0, size);
  std::optional<std::uint64_t> last_seq;
  while (!rest.empty()) {
    const auto lf = rest.find('\n');
    const auto* const view = scanner_.scan(rest.substr(0, lf));
    if (view != nullptr) {
      if (last_seq && view->seq <= *last_seq) {
        result.findings.add(FindingKind::disclosure_mismatch, view->seq,
                            "disclosures stand out of order");
      }
      last_seq = view->seq;
      match(*view, job, found, result);
    } else {
      result.findings.add(FindingKind::disclosure_mismatch, std::nullopt,
                          "a line of a disclosures file is none");
    }
    rest.remove_prefix(lf + 1);
  }
  std::uint64_t index = 0;
  for (std::size_t at = 0; at < found.size(); ++at) {
    while (job.digest_ends[index] <= at)
      ++index;
    if (found[at]) continue;
    result.missing_sum.add(mode_.key, view_of(job.digests[at]));
    if (mode_.is_exact) {
      result.missing.emplace_back(job.first_seq + index, std::string(view_of(job.digests[at])));
    }
  }
  return result;
}

}  // namespace sm::audit
