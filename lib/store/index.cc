#include "store/index.h"

#include <cerrno>
#include <map>

#include <fcntl.h>
#include <sqlite3.h>

#include "base/file.h"
#include "store/schema.h"

namespace sm::store {
namespace {

constexpr int kBusyMilliseconds = 10'000;

/// What a caller can do about an SQLite code.
Errc errc_of(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return Errc::temporary;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::configuration;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_ERROR:
      return Errc::bug;
    default:
      return Errc::io;
  }
}

/// SQLite makes its files with the mode of the umask: ours is made before, with its own. One that
/// is there is not even opened: closing any descriptor of it would drop the locks that this
/// process's other connections have on it (POSIX: close releases them all), and the next process to
/// end would take away their journal.
Result<void> make_file(const std::string& path) {
  const UniqueFd made(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (made || errno == EEXIST) return {};
  return fail_errno("making " + path, errno);
}

}  // namespace

/// The open database and its prepared statements, kept by their text.
struct Connection {
  std::string path;
  sqlite3* database = nullptr;
  std::map<std::string, sqlite3_stmt*, std::less<>> statements;
  std::recursive_mutex mutex;  ///< of whoever uses any of it

  explicit Connection(std::string file) : path(std::move(file)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    for (const auto& [text, statement] : statements)
      sqlite3_finalize(statement);
    sqlite3_close_v2(database);
  }
  [[nodiscard]] Unexpected failure(int code) const {
    const char* words = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
    return fail(errc_of(code), "the database " + path + ": " + words);
  }
  Result<void> execute(const char* sql) {
    const int code = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return {};
    return failure(code);
  }
};

Statement::Statement(Statement&& other) noexcept
    : lock_(std::move(other.lock_)),
      connection_(other.connection_),
      statement_(std::exchange(other.statement_, nullptr)),
      bound_(other.bound_),
      failed_(other.failed_) {}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Statement& Statement::bind(std::string_view text) {
  const int code = sqlite3_bind_text64(statement_, ++bound_, text.data(), text.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (failed_ == SQLITE_OK) failed_ = code;
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  const int code = sqlite3_bind_int64(statement_, ++bound_, number);
  if (failed_ == SQLITE_OK) failed_ = code;
  return *this;
}

Statement& Statement::bind(Bytes blob) {
  // A null pointer would bind NULL: an empty blob is something else.
  static constexpr std::uint8_t kNothing = 0;
  const int code = sqlite3_bind_blob64(statement_, ++bound_, blob.empty() ? &kNothing : blob.data(),
                                       blob.size(), SQLITE_TRANSIENT);
  if (failed_ == SQLITE_OK) failed_ = code;
  return *this;
}

Statement& Statement::bind(std::nullptr_t) {
  const int code = sqlite3_bind_null(statement_, ++bound_);
  if (failed_ == SQLITE_OK) failed_ = code;
  return *this;
}

Result<bool> Statement::row() {
  if (failed_ != SQLITE_OK) return connection_->failure(failed_);
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->failure(code);
}

Result<void> Statement::run() {
  for (;;) {
    auto more = row();
    if (!more) return fail(std::move(more).error());
    if (!*more) return {};
  }
}

std::string Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::vector<std::uint8_t> Statement::blob(int column) const {
  const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, bytes + sqlite3_column_bytes(statement_, column)};
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Index::Index(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Index::Index(Index&&) noexcept = default;
Index::~Index() = default;

Result<Index> Index::open(const std::string& folder) {
  if (auto made = make_folders(folder); !made) return fail(std::move(made).error());
  // Two that switch a new database to WAL at once would meet SQLITE_BUSY, whatever the timeout.
  auto lock = FileLock::acquire(folder + "/index.lock");
  if (!lock) return fail(std::move(lock).error());
  auto connection = std::make_unique<Connection>(folder + "/index.db");
  if (auto made = make_file(connection->path); !made) return fail(std::move(made).error());
  const int code = sqlite3_open_v2(
      connection->path.c_str(), &connection->database,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  if (code != SQLITE_OK) return connection->failure(code);
  sqlite3_busy_timeout(connection->database, kBusyMilliseconds);
  if (auto set = connection->execute("PRAGMA journal_mode=WAL;"
                                     "PRAGMA synchronous=FULL;"
                                     "PRAGMA secure_delete=ON;"
                                     "PRAGMA foreign_keys=ON;"
                                     "PRAGMA trusted_schema=OFF;");
      !set) {
    return fail(std::move(set).error());
  }
  Index index(std::move(connection));
  if (auto migrated = migrate(index); !migrated) return fail(std::move(migrated).error());
  return index;
}

Result<Statement> Index::prepare(std::string_view sql) {
  std::unique_lock lock(connection_->mutex);
  auto found = connection_->statements.find(sql);
  if (found == connection_->statements.end()) {
    sqlite3_stmt* statement = nullptr;
    const int code =
        sqlite3_prepare_v3(connection_->database, sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return connection_->failure(code);
    found = connection_->statements.emplace(std::string(sql), statement).first;
  }
  return Statement(*connection_, found->second, std::move(lock));
}

Result<void> Index::execute(const char* sql) {
  const std::lock_guard lock(connection_->mutex);
  return connection_->execute(sql);
}

Result<void> Index::transaction(const std::function<Result<void>()>& work) {
  const std::lock_guard lock(connection_->mutex);
  if (auto begun = connection_->execute("BEGIN IMMEDIATE"); !begun) return begun;
  auto done = work();
  if (done) done = connection_->execute("COMMIT");
  if (!done) (void)connection_->execute("ROLLBACK");
  return done;
}

std::int64_t Index::changes() const {
  return sqlite3_changes64(connection_->database);
}

}  // namespace sm::store
