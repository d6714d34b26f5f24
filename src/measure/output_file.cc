#include "measure/output_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace infbench::measure {
namespace {

constexpr const char* kHint = "choose another output folder with -o, or make room or permission there";

tl::unexpected<Errors> cannot(std::string what, const std::string& path) {
  return fail(Error{.what = std::move(what), .hint = kHint, .file = path, .source_line = {}});
}

}  // namespace

Result<OutputFile> OutputFile::create(std::string path) {
  std::string temporary = path + ".XXXXXX";
  const int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) return cannot(std::string("cannot create the file: ") + std::strerror(errno), path);
  ::fchmod(descriptor, 0644);
  return OutputFile(std::move(path), std::move(temporary), descriptor);
}

OutputFile::OutputFile(std::string path, std::string temporary, int descriptor)
    : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      problem_(std::move(other.problem_)) {}

OutputFile::~OutputFile() { discard(); }

void OutputFile::write(std::string_view bytes) {
  while (!bytes.empty() && problem_.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      fail_with("cannot write the file: ");
    }
  }
}

Result<void> OutputFile::commit() {
  if (problem_.empty() && ::fsync(descriptor_) != 0) fail_with("cannot sync the file to disk: ");
  if (problem_.empty() && ::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with("cannot put the file in its place: ");
  if (!problem_.empty()) {
    discard();
    return cannot(problem_, path_);
  }
  ::close(std::exchange(descriptor_, -1));
  return {};
}

void OutputFile::fail_with(std::string_view action) { problem_ = std::string(action) + std::strerror(errno); }

void OutputFile::discard() {
  if (descriptor_ < 0) return;
  ::close(std::exchange(descriptor_, -1));
  ::unlink(temporary_.c_str());
}

Result<void> write_file(std::string path, std::string_view bytes) {
  auto file = OutputFile::create(std::move(path));
  if (!file) return tl::unexpected<Errors>(std::move(file.error()));
  file->write(bytes);
  return file->commit();
}

Result<void> create_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return cannot("cannot create the output folder: " + error.message(), path);
  if (!std::filesystem::is_directory(path, error)) return cannot("expected a folder, found a file", path);
  return {};
}

}  // namespace infbench::measure
