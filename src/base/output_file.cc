#include "base/output_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace infbench {

Result<OutputFile> OutputFile::create(std::string path, std::string hint, Readers readers) {
  const std::filesystem::path whole(path);
  std::string temporary = (whole.parent_path() / ("." + whole.filename().string() + ".XXXXXX")).string();
  const int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) {
    return fail(Error{.what = std::string("cannot write the file: ") + std::strerror(errno),
                      .hint = std::move(hint),
                      .file = std::move(path),
                      .source_line = {}});
  }
  if (readers == Readers::all) ::fchmod(descriptor, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);  // mkostemp lets nobody else
  return OutputFile(std::move(path), std::move(temporary), descriptor, std::move(hint));
}

OutputFile::OutputFile(std::string path, std::string temporary, int descriptor, std::string hint)
    : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor), hint_(std::move(hint)) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)),
      hint_(std::move(other.hint_)),
      problem_(std::move(other.problem_)) {}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

bool OutputFile::write(std::string_view bytes) {
  while (!bytes.empty() && problem_.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      fail_with("cannot write the file: ");
    }
  }
  return problem_.empty();
}

Result<void> OutputFile::commit() {
  if (problem_.empty() && ::fsync(descriptor_) != 0) fail_with("cannot sync the file to disk: ");
  if (::close(std::exchange(descriptor_, -1)) != 0 && problem_.empty()) fail_with("cannot write the file: ");
  if (problem_.empty() && ::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with("cannot put the file in its place: ");
  if (!problem_.empty()) return fail(Error{.what = problem_, .hint = hint_, .file = path_, .source_line = {}});
  temporary_.clear();
  return {};
}

void OutputFile::fail_with(std::string_view action) { problem_ = std::string(action) + std::strerror(errno); }

Result<void> write_file(std::string path, std::string_view bytes, std::string hint, Readers readers) {
  auto file = OutputFile::create(std::move(path), std::move(hint), readers);
  if (!file) return tl::unexpected<Errors>(std::move(file.error()));
  file->write(bytes);
  return file->commit();
}

}  // namespace infbench
