#include "batch/files.h"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/spreadsheet.h"
#include "base/text.h"
#include "batch/csv.h"

namespace sm::batch {
namespace {

constexpr std::size_t kPiece = 65536;
constexpr char kErrorColumn[] = "error";

bool is_special(const std::string& path) {
  struct stat is {};
  return ::stat(path.c_str(), &is) == 0 && !S_ISREG(is.st_mode);
}

/// CASES A94: a spreadsheet that opens the file runs nothing.
std::string tame(const std::string& value) {
  return is_formula(value) ? "'" + value : value;
}

}  // namespace

Result<OutFile> OutFile::create(const std::string& path) {
  OutFile file;
  file.path_ = path;
  if (is_special(path)) {
    auto fd = open_file(path, O_WRONLY | O_NOCTTY);
    if (!fd) return fail(std::move(fd).error());
    file.plain_ = std::move(*fd);
    return file;
  }
  auto atomic = AtomicFile::create(path, 0600);
  if (!atomic) return fail(std::move(atomic).error());
  file.atomic_.emplace(std::move(*atomic));
  return file;
}

Result<void> OutFile::flush() {
  const int fd = atomic_ ? atomic_->fd() : plain_.get();
  auto written = write_all(fd, as_bytes(waiting_), path_);
  waiting_.clear();
  return written;
}

Result<void> OutFile::write(std::string_view text) {
  waiting_ += text;
  return waiting_.size() < kPiece ? Result<void>() : flush();
}

Result<void> OutFile::publish() {
  if (auto flushed = flush(); !flushed) return flushed;
  return atomic_ ? atomic_->publish() : Result<void>();
}

bool FailedRows::takes(delivery::Status status) {
  switch (status) {
    case delivery::Status::delivered:
    case delivery::Status::sealed:
    case delivery::Status::pending:
    case delivery::Status::queued:
      return false;
    case delivery::Status::deferred:
    case delivery::Status::refused:
    case delivery::Status::failed:
    case delivery::Status::uncertain:
      return true;
  }
  return true;
}

Result<FailedRows> FailedRows::create(const std::string& path, std::vector<std::string> columns,
                                      char separator) {
  auto file = OutFile::create(path);
  if (!file) return fail(std::move(file).error());
  std::erase(columns, kErrorColumn);
  FailedRows failed(std::move(*file), std::move(columns), separator);
  std::string heading;
  for (const auto& column : failed.columns_)
    heading += csv_cell(column, separator) + separator;
  if (auto written = failed.file_.write(heading + kErrorColumn + "\r\n"); !written) {
    return fail(std::move(written).error());
  }
  return failed;
}

Result<void> FailedRows::add(const Row& row, const delivery::RecipientResult& result) {
  std::string line;
  for (const auto& column : columns_)
    line += csv_cell(tame(row.value(column)), separator_) + separator_;
  std::string why(text(result.status));
  if (result.reason != delivery::Reason::none) why += ": " + std::string(text(result.reason));
  if (!result.detail.empty()) why += ": " + result.detail;
  if (!result.reply.empty()) why += ": " + result.reply;
  return file_.write(line + csv_cell(tame(printable(why)), separator_) + "\r\n");
}

}  // namespace sm::batch
