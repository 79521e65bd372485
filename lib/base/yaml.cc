#include "base/yaml.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/text.h"

namespace sm::yaml {
namespace {

/// Whether the quoted scalar at the start of `text` ends: yaml-cpp 0.7 takes the end of the file
/// after a line end for the closing quote, so a file that was cut short would be read as whole.
bool is_quote_closed(std::string_view text) {
  const char quote = text[0];
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (text[i] == quote) {
      const bool is_doubled = quote == '\'' && i + 1 < text.size() && text[i + 1] == quote;
      if (!is_doubled) return true;
      ++i;
    }
  }
  return false;
}

}  // namespace

/// Makes Nodes of yaml-cpp's events. After the first refusal the rest is only counted past: the
/// library's own depth guard and the size limit bound that.
class Builder final : public YAML::EventHandler {
 public:
  /// `text` is what the parser reads.
  Builder(std::string file, std::string_view text, const Limits& limits)
      : file_(std::make_shared<const std::string>(std::move(file))), text_(text), limits_(limits) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    begin(mark, "?", anchor, Node::Kind::null);
    end();
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases are not allowed", "write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node* node = begin(mark, tag, anchor, Node::Kind::scalar);
    if (node == nullptr) return;
    const auto at = static_cast<std::size_t>(mark.pos);
    const bool is_quoted = at < text_.size() && (text_[at] == '"' || text_[at] == '\'');
    if (is_quoted && !is_quote_closed(text_.substr(at))) refuse(mark, "the quote is not closed");
    node->scalar_ = value;
    node->is_plain_ = tag == "?";
    end();
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, Node::Kind::list);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, Node::Kind::map);
  }
  void OnMapEnd() override {
    if (!refused_) check_keys(*open_.back());
    end();
  }

  [[nodiscard]] std::unique_ptr<Node> empty_map() const {
    auto node = std::make_unique<Node>();
    node->kind_ = Node::Kind::map;
    node->file_ = file_;
    node->line_ = node->column_ = 1;
    return node;
  }
  [[nodiscard]] Unexpected malformed(const YAML::Mark& mark, const std::string& what) const {
    auto node = empty_map();
    if (!mark.is_null()) place(*node, mark);
    return node->fail(what);
  }
  std::unique_ptr<Node> take() { return std::move(root_); }
  [[nodiscard]] const std::optional<Error>& refused() const { return refused_; }

 private:
  static void place(Node& node, const YAML::Mark& mark) {
    node.line_ = static_cast<std::size_t>(mark.line) + 1;
    node.column_ = static_cast<std::size_t>(mark.column) + 1;
  }

  void refuse(const YAML::Mark& mark, const std::string& what, std::string hint = {}) {
    if (refused_) return;
    auto node = empty_map();
    place(*node, mark);
    refused_ = node->fail(what, std::move(hint)).error;
  }

  /// The new node in its place; null once something was refused.
  Node* begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              Node::Kind kind) {
    if (anchor != 0) refuse(mark, "anchors are not allowed", "write the value out");
    // "?": none, on a plain value; "!": none, on a quoted one.
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "tags are not allowed");
    if (open_.size() == limits_.depth) refuse(mark, "nested too deeply");
    if (refused_) return nullptr;
    auto node = std::make_unique<Node>();
    node->kind_ = kind;
    node->file_ = file_;
    place(*node, mark);
    Node* raw = node.get();
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (auto& inner = *open_.back(); inner.kind_ == Node::Kind::list) {
      inner.children_.emplace_back(nullptr, std::move(node));
    } else if (inner.children_.empty() || inner.children_.back().second) {
      inner.children_.emplace_back(std::move(node), nullptr);
    } else {
      auto& [key, value] = inner.children_.back();
      if (kind == Node::Kind::null) {  // yaml-cpp's place for what is not there is the next line
        node->line_ = key->line_;
        node->column_ = key->column_;
      }
      value = std::move(node);
    }
    open_.push_back(raw);
    return raw;
  }
  void end() {
    if (!refused_) open_.pop_back();
  }

  void check_keys(const Node& map) {
    std::set<std::string_view> seen;
    for (const auto& [key, value] : map.children_) {
      const YAML::Mark mark = mark_of(*key);
      if (key->kind_ != Node::Kind::scalar || key->scalar_.empty()) {
        return refuse(mark, "a key must be a word");
      }
      if (key->is_plain_ && key->scalar_ == "<<") {
        return refuse(mark, "merge keys are not allowed", "write the values out");
      }
      if (!seen.insert(key->scalar_).second) {
        return refuse(mark, "the key '" + printable(key->scalar_) + "' comes twice");
      }
    }
  }
  static YAML::Mark mark_of(const Node& node) {
    YAML::Mark mark;
    mark.line = static_cast<int>(node.line_) - 1;
    mark.column = static_cast<int>(node.column_) - 1;
    return mark;
  }

  std::shared_ptr<const std::string> file_;
  std::string_view text_;
  Limits limits_;
  std::unique_ptr<Node> root_;
  std::vector<Node*> open_;
  std::optional<Error> refused_;
};

std::string Node::place() const {
  return *file_ + ':' + std::to_string(line_) + ':' + std::to_string(column_);
}

Unexpected Node::fail(const std::string& what, std::string hint) const {
  return sm::fail(Errc::configuration, place() + ": " + what, std::move(hint));
}

Result<std::string> Node::text() const {
  if (kind_ != Kind::scalar) return fail("expected text");
  return scalar_;
}

Result<bool> Node::boolean() const {
  if (kind_ == Kind::scalar && is_plain_) {
    if (scalar_ == "true") return true;
    if (scalar_ == "false") return false;
  }
  return fail("expected true or false");
}

Result<std::uint64_t> Node::number(std::uint64_t least, std::uint64_t most) const {
  if (kind_ == Kind::scalar && is_plain_) {
    const auto value = parse_decimal(scalar_, most);
    if (value && *value >= least) return *value;
  }
  return fail("expected a whole number from " + std::to_string(least) + " to " +
              std::to_string(most));
}

Result<std::size_t> Node::one_of(const std::vector<std::string_view>& words) const {
  const auto found = std::find(words.begin(), words.end(), scalar_);
  if (kind_ == Kind::scalar && found != words.end()) {
    return static_cast<std::size_t>(found - words.begin());
  }
  std::string list;
  for (const auto word : words)
    list += (list.empty() ? "" : ", ") + std::string(word);
  return fail("expected one of: " + list);
}

Result<std::vector<const Node*>> Node::items() const {
  if (kind_ != Kind::list) return fail("expected a list");
  std::vector<const Node*> items;
  for (const auto& [none, item] : children_)
    items.push_back(item.get());
  return items;
}

Result<std::vector<Node::Entry>> Node::entries() const {
  if (kind_ != Kind::map) return fail("expected keys and values");
  std::vector<Entry> entries;
  for (const auto& [key, value] : children_)
    entries.push_back({key.get(), value.get(), key->scalar_});
  return entries;
}

Result<Document> Document::parse(std::string_view text, std::string name, const Limits& limits) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Builder builder(std::move(name), text, limits);
  const YAML::Mark none = YAML::Mark::null_mark();
  if (text.size() > limits.size) {
    return builder.malformed(none, "larger than " + std::to_string(limits.size) + " octets");
  }
  // yaml-cpp would take UTF-16 and UTF-32 too, and replace what is not UTF-8.
  if (!is_utf8(text) || text.find('\0') != text.npos) {
    return builder.malformed(none, "not UTF-8 text");
  }
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    const bool has_document = parser.HandleNextDocument(builder);
    if (builder.refused()) return sm::fail(*builder.refused());
    if (!has_document) return Document(builder.empty_map());
    Builder rest(std::string(), text, limits);
    if (parser.HandleNextDocument(rest)) {
      return builder.malformed(none, "more than one document");
    }
  } catch (const YAML::Exception& error) {
    return builder.malformed(error.mark, error.msg);
  }
  auto root = builder.take();
  if (!root || root->is_null()) return Document(builder.empty_map());
  return Document(std::move(root));
}

Result<Map> Map::of(const Node& node) {
  Map map(node);
  if (node.is_null()) return map;
  auto entries = node.entries();
  if (!entries) return sm::fail(std::move(entries).error());
  map.entries_ = std::move(*entries);
  return map;
}

const Node* Map::find(std::string_view key) {
  known_.emplace(key);
  for (const auto& entry : entries_) {
    if (entry.name == key) return entry.value;
  }
  return nullptr;
}

Result<const Node*> Map::require(std::string_view key) {
  if (const Node* node = find(key); node != nullptr) return node;
  return node_->fail("'" + std::string(key) + "' is missing");
}

Result<void> Map::finish() const {
  for (const auto& entry : entries_) {
    if (known_.contains(entry.name)) continue;
    std::string known;
    for (const auto& name : known_)
      known += (known.empty() ? "" : ", ") + name;
    return entry.key->fail("unknown key '" + printable(entry.name) + "'",
                           known.empty() ? std::string() : "known here: " + known);
  }
  return {};
}

}  // namespace sm::yaml
