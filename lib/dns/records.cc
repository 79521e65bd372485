#include "dns/records.h"

#include <algorithm>
#include <memory>

#include <ldns/ldns.h>

#include "base/text.h"
#include "dns/mx.h"

namespace sm::dns {
namespace {

template <auto Free>
struct Freeing {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Packet = std::unique_ptr<ldns_pkt, Freeing<ldns_pkt_free>>;
using ResourceRecord = std::unique_ptr<ldns_rr, Freeing<ldns_rr_free>>;
using Buffer = std::unique_ptr<ldns_buffer, Freeing<ldns_buffer_free>>;

std::uint16_t u16(Bytes bytes) {
  return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}
std::uint32_t u32(Bytes bytes) {
  return std::uint32_t{u16(bytes)} << 16 | u16(bytes.subspan(2));
}
std::vector<std::uint8_t> copy(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

/// RFC 1035 §5.1: what would change a name's reading is escaped, and so is all that is not
/// printable ASCII.
void append_name_byte(std::string& name, std::uint8_t byte) {
  const char c = to_lower(static_cast<char>(byte));
  constexpr std::string_view kSpecial = ".\\\"();@$";
  if (byte <= 0x20 || byte >= 0x7f) {
    const std::string digits = std::to_string(byte);
    name += '\\' + std::string(3 - digits.size(), '0') + digits;
  } else if (kSpecial.find(c) != kSpecial.npos) {
    name += '\\';
    name += c;
  } else {
    name += c;
  }
}

struct NameAndSize {
  std::string name;
  std::size_t size;  ///< octets on the wire
};

std::optional<NameAndSize> read_name_at_start(Bytes wire) {
  std::string name;
  std::size_t at = 0;
  while (at < wire.size()) {
    const std::size_t length = wire[at++];
    if (length == 0) return NameAndSize{name.empty() ? "." : name, at};
    // RFC 1035 §2.3.4; a length above 63 would be a compression pointer, which RDATA from a
    // resolver never has.
    if (length > 63 || at + length >= wire.size() || at + length >= 255) return std::nullopt;
    if (!name.empty()) name += '.';
    for (const std::uint8_t byte : wire.subspan(at, length)) {
      append_name_byte(name, byte);
    }
    at += length;
  }
  return std::nullopt;
}

Record malformed(Bytes rdata, std::string why) {
  return Malformed{copy(rdata), std::move(why)};
}

Record read_address(Bytes rdata, std::size_t size) {
  if (rdata.size() != size) return malformed(rdata, "an address of the wrong length");
  return *IpAddress::from_bytes(rdata);
}

Record read_mx(Bytes rdata) {
  if (rdata.size() < 3) return malformed(rdata, "too short for an MX record");
  auto exchange = read_name(rdata.subspan(2));
  if (!exchange) return malformed(rdata, "the exchange is no name");
  return Mx{u16(rdata), *std::move(exchange)};
}

/// RFC 6698 §2.1: three octets and the association data, which cannot be empty.
Record read_tlsa(Bytes rdata) {
  if (rdata.size() < 4) return malformed(rdata, "too short for a TLSA record");
  return Tlsa{rdata[0], rdata[1], rdata[2], copy(rdata.subspan(3))};
}

/// RFC 1035 §3.3.14: one or more strings, each behind its length.
Record read_txt(Bytes rdata) {
  Txt txt;
  for (Bytes rest = rdata; !rest.empty();) {
    const std::size_t length = rest[0];
    if (length >= rest.size()) return malformed(rdata, "a string reaches beyond the record");
    const auto string = rest.subspan(1, length);
    txt.strings.emplace_back(string.begin(), string.end());
    rest = rest.subspan(1 + length);
  }
  if (txt.strings.empty()) return malformed(rdata, "a TXT record without any string");
  return txt;
}

Record read_target(Bytes rdata) {
  auto name = read_name(rdata);
  if (!name) return malformed(rdata, "the target is no name");
  return Target{*std::move(name)};
}

Record read_soa(Bytes rdata) {
  const auto primary = read_name_at_start(rdata);
  if (!primary) return malformed(rdata, "the primary server is no name");
  const auto mailbox = read_name_at_start(rdata.subspan(primary->size));
  if (!mailbox) return malformed(rdata, "the mailbox is no name");
  const auto numbers = rdata.subspan(primary->size + mailbox->size);
  if (numbers.size() != 20) return malformed(rdata, "an SOA record of the wrong length");
  return Soa{primary->name, mailbox->name, u32(numbers)};
}

/// The record's RDATA, uncompressed; nothing when ldns made a record with holes.
std::optional<std::vector<std::uint8_t>> rdata_of(const ldns_rr& rr) {
  for (std::size_t i = 0; i < ldns_rr_rd_count(&rr); ++i) {
    if (ldns_rr_rdf(&rr, i) == nullptr) return std::nullopt;
  }
  const Buffer buffer(ldns_buffer_new(LDNS_MIN_BUFLEN));
  if (!buffer || ldns_rr_rdata2buffer_wire(buffer.get(), &rr) != LDNS_STATUS_OK) {
    return std::nullopt;
  }
  const auto* begin = ldns_buffer_begin(buffer.get());
  return std::vector<std::uint8_t>(begin, begin + ldns_buffer_position(buffer.get()));
}

std::optional<std::string> name_of(const ldns_rdf* name) {
  if (name == nullptr) return std::nullopt;
  return read_name({ldns_rdf_data(name), ldns_rdf_size(name)});
}

Result<MessageRecord> read_answer(const ldns_rr& rr) {
  const auto owner = name_of(ldns_rr_owner(&rr));
  const auto rdata = rdata_of(rr);
  if (!owner || !rdata) return fail(Errc::protocol, "a record of the answer cannot be read");
  const auto type = static_cast<std::uint16_t>(ldns_rr_get_type(&rr));
  return MessageRecord{*owner, type, ldns_rr_ttl(&rr), read_rdata(static_cast<Type>(type), *rdata)};
}

Record txt_of_one_text(std::string_view value) {
  Txt txt;
  do {
    const auto piece = value.substr(0, 255);
    txt.strings.emplace_back(piece);
    value.remove_prefix(piece.size());
  } while (!value.empty());
  return txt;
}

}  // namespace

std::optional<std::string> read_name(Bytes wire) {
  auto read = read_name_at_start(wire);
  if (!read || read->size != wire.size()) return std::nullopt;
  return std::move(read)->name;
}

Record read_rdata(Type type, Bytes rdata) {
  switch (type) {
    case Type::a:
      return read_address(rdata, 4);
    case Type::aaaa:
      return read_address(rdata, 16);
    case Type::mx:
      return read_mx(rdata);
    case Type::tlsa:
      return read_tlsa(rdata);
    case Type::txt:
      return read_txt(rdata);
    case Type::cname:
    case Type::ns:
    case Type::ptr:
      return read_target(rdata);
    case Type::soa:
      return read_soa(rdata);
    case Type::ds:
    case Type::dnskey:
      break;
  }
  return Opaque{copy(rdata)};
}

Result<Message> parse_message(Bytes wire) {
  ldns_pkt* raw = nullptr;
  const auto status = ldns_wire2pkt(&raw, wire.data(), wire.size());
  const Packet packet(raw);
  if (status != LDNS_STATUS_OK) {
    return fail(Errc::protocol,
                std::string("not a DNS message: ") + ldns_get_errorstr_by_id(status));
  }
  const ldns_rr_list* questions = ldns_pkt_question(packet.get());
  if (questions == nullptr || ldns_rr_list_rr_count(questions) != 1) {
    return fail(Errc::protocol, "a DNS message without exactly one question");
  }
  Message message;
  message.id = ldns_pkt_id(packet.get());
  message.is_response = ldns_pkt_qr(packet.get());
  message.is_truncated = ldns_pkt_tc(packet.get());
  message.is_authentic = ldns_pkt_ad(packet.get());
  message.rcode = ldns_pkt_get_rcode(packet.get());
  const ldns_rr* question = ldns_rr_list_rr(questions, 0);
  const auto name = name_of(ldns_rr_owner(question));
  if (!name) return fail(Errc::protocol, "a DNS message with an unreadable question");
  message.question_name = *name;
  message.question_type = static_cast<std::uint16_t>(ldns_rr_get_type(question));

  const ldns_rr_list* answers = ldns_pkt_answer(packet.get());
  const std::size_t count = answers == nullptr ? 0 : ldns_rr_list_rr_count(answers);
  for (std::size_t i = 0; i < count; ++i) {
    const ldns_rr* rr = ldns_rr_list_rr(answers, i);
    if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN) continue;
    auto record = read_answer(*rr);
    if (!record) return fail(std::move(record).error());
    message.answers.push_back(*std::move(record));
  }
  return message;
}

Result<std::vector<std::uint8_t>> build_query(const Question& question, QueryFlags flags) {
  ldns_pkt* raw = nullptr;
  const auto status = ldns_pkt_query_new_frm_str(
      &raw, (question.name.text() + ".").c_str(), static_cast<ldns_rr_type>(question.type),
      LDNS_RR_CLASS_IN, static_cast<std::uint16_t>(LDNS_RD));
  const Packet packet(raw);
  if (status != LDNS_STATUS_OK) return fail(Errc::bug, "a DNS query could not be made");
  ldns_pkt_set_id(packet.get(), flags.id);
  ldns_pkt_set_ad(packet.get(), flags.wants_authentic);
  ldns_pkt_set_cd(packet.get(), flags.is_checking_disabled);
  ldns_pkt_set_edns_udp_size(packet.get(), 1232);
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&bytes, packet.get(), &size) != LDNS_STATUS_OK) {
    return fail(Errc::bug, "a DNS query could not be written");
  }
  std::vector<std::uint8_t> wire(bytes, bytes + size);
  std::free(bytes);
  return wire;
}

Result<std::vector<Hop>> follow_cnames(const name::DnsName& name,
                                       const std::vector<MessageRecord>& answers,
                                       Security security) {
  std::vector<Hop> chain;
  std::string at = name.text();
  for (;;) {
    const Target* target = nullptr;
    for (const auto& answer : answers) {
      if (answer.type != static_cast<std::uint16_t>(Type::cname) || answer.owner != at) continue;
      const auto* found = std::get_if<Target>(&answer.record);
      if (found == nullptr) return fail(Errc::protocol, "an unreadable CNAME at " + at);
      if (target != nullptr && *target != *found) {
        return fail(Errc::protocol, "several CNAMEs at " + at);
      }
      target = found;
    }
    if (target == nullptr) return chain;
    if (chain.size() == kMaxHops) {
      return fail(Errc::protocol,
                  "the chain of CNAMEs at " + name.text() + " is too long, or a loop");
    }
    chain.push_back({at, target->name, security});
    at = target->name;
  }
}

Answer answer_from(const Question& question, const Message& message, Security security) {
  constexpr int kNxDomain = 3;
  Answer answer{.question = question, .outcome = Outcome::no_data, .security = security};
  answer.canonical = question.name.text();
  answer.rcode = message.rcode;
  if (question.type != Type::cname) {
    auto chain = follow_cnames(question.name, message.answers, security);
    if (!chain) {
      return {.question = question,
              .outcome = Outcome::failure,
              .canonical = question.name.text(),
              .rcode = message.rcode,
              .failure = FailureKind::malformed,
              .why = chain.error().what};
    }
    if (!chain->empty()) answer.canonical = chain->back().target;
    answer.chain = *std::move(chain);
  }
  if (message.rcode == kNxDomain) {
    answer.outcome = Outcome::no_such_name;
    return answer;
  }
  for (const auto& record : message.answers) {
    if (record.type != static_cast<std::uint16_t>(question.type)) continue;
    if (record.owner != answer.canonical) continue;
    answer.records.push_back(record.record);
    answer.ttl = record.ttl;
  }
  if (!answer.records.empty()) answer.outcome = Outcome::data;
  return answer;
}

Result<Record> parse_record_text(Type type, std::string_view value) {
  if (type == Type::txt && !value.starts_with('"')) return txt_of_one_text(value);
  const std::string line = ". 0 IN " + text(type) + " " + std::string(value);
  ldns_rr* raw = nullptr;
  const auto status = ldns_rr_new_frm_str(&raw, line.c_str(), 0, nullptr, nullptr);
  const ResourceRecord rr(raw);
  if (status != LDNS_STATUS_OK) {
    return fail(Errc::malformed, "not the content of a " + text(type) +
                                     " record: " + ldns_get_errorstr_by_id(status));
  }
  const auto rdata = rdata_of(*rr);
  if (!rdata) return fail(Errc::malformed, "not the content of a " + text(type) + " record");
  return read_rdata(type, *rdata);
}

}  // namespace sm::dns
