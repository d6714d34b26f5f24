#include "net/temporary_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace infbench::net {
namespace {

tl::unexpected<Errors> cannot_write_file(const std::string& path) {
  return fail(Error{
      .what = std::string("cannot write the file: ") + std::strerror(errno), .hint = {}, .file = path, .source_line = {}});
}

}  // namespace

Result<TemporaryFile> TemporaryFile::beside(const std::string& target) {
  const std::filesystem::path whole(target);
  std::string path = (whole.parent_path() / ("." + whole.filename().string() + ".XXXXXX")).string();
  const int descriptor = ::mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0) return cannot_write_file(target);
  ::fchmod(descriptor, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);  // mkostemp lets nobody else read it
  return TemporaryFile(target, std::move(path), descriptor);
}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept
    : target_(std::move(other.target_)),
      path_(std::exchange(other.path_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

TemporaryFile::~TemporaryFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

tl::unexpected<Errors> TemporaryFile::cannot_write() const { return cannot_write_file(target_); }

bool TemporaryFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

Result<void> TemporaryFile::commit() {
  if (::fsync(descriptor_) != 0) return cannot_write();
  if (::close(std::exchange(descriptor_, -1)) != 0) return cannot_write();
  if (::rename(path_.c_str(), target_.c_str()) != 0) return cannot_write();
  path_.clear();
  return {};
}

}  // namespace infbench::net
