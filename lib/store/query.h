#pragma once
// A statement with its values, in one call. For the tables of this folder.

#include <array>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "store/index.h"

namespace sm::store {

inline void bind_one(Statement& statement, std::string_view text) {
  statement.bind(text);
}
inline void bind_one(Statement& statement, const std::string& text) {
  statement.bind(std::string_view(text));
}
inline void bind_one(Statement& statement, const char* text) {
  statement.bind(std::string_view(text));
}
inline void bind_one(Statement& statement, Bytes blob) {
  statement.bind(blob);
}
inline void bind_one(Statement& statement, const std::vector<std::uint8_t>& blob) {
  statement.bind(Bytes(blob));
}
template <std::size_t N>
void bind_one(Statement& statement, const std::array<std::uint8_t, N>& blob) {
  statement.bind(Bytes(blob));
}
inline void bind_one(Statement& statement, std::integral auto number) {
  statement.bind(static_cast<std::int64_t>(number));
}
template <class Enum>
requires std::is_enum_v<Enum>
void bind_one(Statement& statement, Enum value) {
  statement.bind(static_cast<std::int64_t>(value));
}

template <class... Values>
Result<Statement> query(Index& index, std::string_view sql, const Values&... values) {
  auto statement = index.prepare(sql);
  if (!statement) return statement;
  (bind_one(*statement, values), ...);
  return statement;
}

/// Runs a statement that returns no rows; the number of rows that it changed.
template <class... Values>
Result<std::int64_t> change(Index& index, std::string_view sql, const Values&... values) {
  auto statement = query(index, sql, values...);
  if (!statement) return fail(std::move(statement).error());
  if (auto done = statement->run(); !done) return fail(std::move(done).error());
  return index.changes();
}

/// What `change` or `number` gave, where only its success matters, or only whether it is positive.
inline Result<void> only_done(Result<std::int64_t> changed) {
  if (!changed) return fail(std::move(changed).error());
  return {};
}
inline Result<bool> any(Result<std::int64_t> changed) {
  if (!changed) return fail(std::move(changed).error());
  return *changed > 0;
}

/// The rows of a query, each made by `row`.
template <class Row, class... Values>
auto rows(Index& index, const Row& row, std::string_view sql, const Values&... values)
    -> Result<std::vector<decltype(row(std::declval<const Statement&>()))>> {
  auto statement = query(index, sql, values...);
  if (!statement) return fail(std::move(statement).error());
  std::vector<decltype(row(std::declval<const Statement&>()))> all;
  for (;;) {
    auto more = statement->row();
    if (!more) return fail(std::move(more).error());
    if (!*more) return all;
    all.push_back(row(*statement));
  }
}

/// The first row, or nothing.
template <class Row, class... Values>
auto first(Index& index, const Row& row, std::string_view sql, const Values&... values)
    -> Result<std::optional<decltype(row(std::declval<const Statement&>()))>> {
  using Optional = std::optional<decltype(row(std::declval<const Statement&>()))>;
  auto statement = query(index, sql, values...);
  if (!statement) return fail(std::move(statement).error());
  auto more = statement->row();
  if (!more) return fail(std::move(more).error());
  if (!*more) return Optional();
  return Optional(row(*statement));
}

/// The number in the first row, 0 where there is none.
template <class... Values>
Result<std::int64_t> number(Index& index, std::string_view sql, const Values&... values) {
  auto found = first(
      index, [](const Statement& row) { return row.number(0); }, sql, values...);
  if (!found) return fail(std::move(found).error());
  return found->value_or(0);
}

}  // namespace sm::store
