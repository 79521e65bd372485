#pragma once
// Reading YAML strictly, for configuration files. YAML guesses types from spelling (`yes` is true,
// `010` is 8) and merges and copies behind the reader's back. Here the reader of each value says
// what type it wants and the spelling must fit it; anchors, aliases, tags, merge keys, duplicate
// keys and second documents are refused. Every value knows its line and column, and every error
// names them: "smtools.yaml:12:9: expected a whole number".
//
// All errors are Errc::configuration.

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sm::yaml {

struct Limits {
  std::size_t depth = 32;
  std::size_t size = std::size_t{1} << 20;  ///< octets of text
};

/// One value of a document. Lives as long as its Document.
class Node {
 public:
  enum class Kind { null, scalar, list, map };

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is_null() const { return kind_ == Kind::null; }
  [[nodiscard]] std::size_t line() const { return line_; }      ///< from 1
  [[nodiscard]] std::size_t column() const { return column_; }  ///< from 1
  /// "file:line:column"
  [[nodiscard]] std::string place() const;
  /// An error at this place.
  [[nodiscard]] Unexpected fail(const std::string& what, std::string hint = {}) const;

  /// Any scalar, quoted or not, as it is written: `010` is "010", `yes` is "yes".
  [[nodiscard]] Result<std::string> text() const;
  /// `true` or `false`, unquoted, in lower case, and no other spelling.
  [[nodiscard]] Result<bool> boolean() const;
  /// An unquoted decimal number without sign or leading zero, in [least, most].
  [[nodiscard]] Result<std::uint64_t> number(std::uint64_t least, std::uint64_t most) const;
  /// The index of one of the words.
  [[nodiscard]] Result<std::size_t> one_of(const std::vector<std::string_view>& words) const;
  /// The items of a list. A single scalar is not a list of one.
  [[nodiscard]] Result<std::vector<const Node*>> items() const;
  /// The entries of a map in the order of the file; keys are non-empty text.
  struct Entry;
  [[nodiscard]] Result<std::vector<Entry>> entries() const;

 private:
  friend class Builder;
  Kind kind_ = Kind::null;
  bool is_plain_ = false;
  std::size_t line_ = 0;
  std::size_t column_ = 0;
  std::shared_ptr<const std::string> file_;
  std::string scalar_;
  std::vector<std::pair<std::unique_ptr<Node>, std::unique_ptr<Node>>> children_;  ///< key, value
};

struct Node::Entry {
  const Node* key;
  const Node* value;
  std::string name;  ///< the key's text
};

/// A file's one document.
class Document {
 public:
  /// `name` is the file's name in errors. An empty text is an empty map.
  static Result<Document> parse(std::string_view text, std::string name, const Limits& limits = {});
  [[nodiscard]] const Node& root() const { return *root_; }

 private:
  explicit Document(std::unique_ptr<Node> root) : root_(std::move(root)) {}
  std::unique_ptr<Node> root_;
};

/// Reads a map key by key and complains of those that nobody asked for.
class Map {
 public:
  /// A null node is an empty map.
  static Result<Map> of(const Node& node);
  /// The value, or null where the key is absent. An empty value is a null node: an empty section to
  /// Map::of, a wrong type to every other reader.
  const Node* find(std::string_view key);
  /// The value, or an error where it is absent.
  Result<const Node*> require(std::string_view key);
  /// An error at the first key that was never looked for, with the known ones as hint.
  [[nodiscard]] Result<void> finish() const;
  [[nodiscard]] const Node& node() const { return *node_; }

 private:
  explicit Map(const Node& node) : node_(&node) {}
  const Node* node_;
  std::vector<Node::Entry> entries_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace sm::yaml
