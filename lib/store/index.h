#pragma once
// store::Index: the state's database, SQLite in WAL mode, for what needs transactions. What was
// committed survives a power loss (synchronous=FULL); what was deleted is overwritten
// (secure_delete); writers wait for one another for a bounded time, then it is Errc::temporary.
//
// Opening costs as much as a dozen queries, so a tool opens it once. Threads may share it: a
// statement in use, and a transaction, has it to itself until it ends.
//
// A narrow layer: connection, migrations, statements. Tables belong to the concepts that use them;
// each has its own small class beside it (PolicyCacheTable, AuditTable).

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sm::store {

struct Connection;

/// A prepared statement in use, by the thread that prepared it; the other threads wait for its end.
/// bind in order, then row() until it is false, or run().
class Statement {
 public:
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(std::string_view text);
  Statement& bind(std::int64_t number);
  Statement& bind(Bytes blob);
  Statement& bind(std::nullptr_t);

  /// Steps to the next row: true when there is one.
  Result<bool> row();
  /// For statements that return no rows: runs to the end.
  Result<void> run();

  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::vector<std::uint8_t> blob(int column) const;
  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  friend class Index;
  using Lock = std::unique_lock<std::recursive_mutex>;
  Statement(Connection& connection, sqlite3_stmt* statement, Lock lock)
      : lock_(std::move(lock)), connection_(&connection), statement_(statement) {}
  Lock lock_;
  Connection* connection_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
  int failed_ = 0;  ///< first SQLite code of a bind that failed
};

class Index {
 public:
  /// Opens <folder>/index.db, makes folder and file where missing (0700, 0600) and brings the
  /// schema up to date. Errc::configuration for a database of a newer version, or a damaged one.
  static Result<Index> open(const std::string& folder);
  Index(Index&&) noexcept;
  Index& operator=(Index&&) = delete;
  ~Index();

  /// One statement; kept prepared for the next use of the same text.
  Result<Statement> prepare(std::string_view sql);
  /// Several statements without values, as in a schema.
  Result<void> execute(const char* sql);
  /// Runs `work`, which stays on this thread, in one immediate transaction: committed when it
  /// succeeds, rolled back when not.
  Result<void> transaction(const std::function<Result<void>()>& work);
  /// Rows that the last statement changed; asked while that statement is still in use.
  [[nodiscard]] std::int64_t changes() const;

 private:
  explicit Index(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace sm::store
