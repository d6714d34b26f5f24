#include "base/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace infbench {
namespace {

// Whoever wrote the file before may have been killed in the middle of a line: what there is of that goes.
void cut_to_whole_lines(int descriptor) {
  struct stat now {};
  if (::fstat(descriptor, &now) != 0 || !S_ISREG(now.st_mode)) return;
  std::array<char, 65536> buffer{};
  off_t end = now.st_size;
  while (end > 0) {
    const off_t begin = std::max<off_t>(0, end - static_cast<off_t>(buffer.size()));
    const ssize_t count = ::pread(descriptor, buffer.data(), static_cast<std::size_t>(end - begin), begin);
    if (count != end - begin) return;
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(count));
    const std::size_t last = piece.rfind('\n');
    end = last == std::string_view::npos ? begin : begin + static_cast<off_t>(last) + 1;
    if (last != std::string_view::npos) break;
  }
  if (end < now.st_size) static_cast<void>(!::ftruncate(descriptor, end));
}

}  // namespace

Result<AppendFile> AppendFile::open(std::string path, Older older) {
  const int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (older == Older::replaced ? O_TRUNC : 0);
  const int descriptor = ::open(path.c_str(), flags, 0666);
  if (descriptor < 0) return fail(std::strerror(errno));
  if (older == Older::kept) cut_to_whole_lines(descriptor);
  return AppendFile(std::move(path), descriptor);
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)), problem_(std::move(other.problem_)) {}

AppendFile::~AppendFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void AppendFile::write(std::string_view piece) {
  std::size_t written = 0;
  while (written < piece.size() && problem_.empty()) {
    const ssize_t count = ::write(descriptor_, piece.data() + written, piece.size() - written);
    if (count > 0) {
      written += static_cast<std::size_t>(count);
    } else if (count == 0 || errno != EINTR) {
      problem_ = std::strerror(count < 0 ? errno : ENOSPC);
    }
  }
  if (problem_.empty() || written == 0 || written == piece.size()) return;
  struct stat now {};
  if (::fstat(descriptor_, &now) != 0) return;
  static_cast<void>(!::ftruncate(descriptor_, now.st_size - static_cast<off_t>(written)));
}

void AppendFile::sync() {
  // EINVAL: it is no file that can be synced (a pipe, /dev/null).
  if (problem_.empty() && ::fsync(descriptor_) != 0 && errno != EINVAL) problem_ = std::strerror(errno);
}

}  // namespace infbench
