#include "measure/run_mark.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "measure/output_folder.h"

namespace infbench::measure {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kText =
    "The run of this folder has not ended: it still goes on, or it was cut off.\n"
    "profile_export.jsonl has the requests that ended, one a line; the last line may be a part of one.\n"
    "The other files are written at the end of a run.\n";
constexpr int kMostTries = 100;

std::string mark_in(const std::string& folder) { return folder + "/INCOMPLETE"; }

tl::unexpected<Errors> cannot(std::string what, const std::string& file) {
  return fail(Error{.what = std::move(what), .hint = kFolderHint, .file = file, .source_line = {}});
}

// The lock's holder may remove the file between our opening and locking it.
bool is_in_place(int descriptor) {
  struct stat now {};
  return ::fstat(descriptor, &now) == 0 && now.st_nlink > 0;
}

// -1: errno says why; EWOULDBLOCK: another run has it.
int open_locked(const std::string& path) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0) return -1;
    // Where there are no locks (some network file systems) the mark serves without.
    const bool taken = ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!taken && is_in_place(descriptor)) return descriptor;
    ::close(descriptor);
    if (taken) {
      errno = EWOULDBLOCK;
      return -1;
    }
  }
  errno = EWOULDBLOCK;
  return -1;
}

// The names that a run gives to its files; in the folder ".NAME." and six characters while they are being written.
std::vector<std::string> names_of_files(const std::string& prefix) {
  std::vector<std::string> names = {"summary.json",
                                    "host.json",
                                    "timeline.json",
                                    "report.html",
                                    "explain.jsonl",
                                    "profile_export.jsonl",
                                    "profile_export_aiperf.json",
                                    "profile_export_aiperf.csv",
                                    "profile_export_raw.jsonl",
                                    "profile_export_aiperf_timeslices.json",
                                    "profile_export_aiperf_timeslices.csv",
                                    "server_metrics_export.json",
                                    "server_metrics_export.jsonl"};
  if (prefix.empty()) return names;
  for (const char* end : {".json", ".csv", ".jsonl", "_raw.jsonl", "_timeslices.json", "_timeslices.csv",
                          "_server_metrics.json", "_server_metrics.jsonl"}) {
    names.push_back(prefix + end);
  }
  return names;
}

bool is_part_of(std::string_view found, const std::string& name) {
  constexpr std::size_t kRandom = 6;
  return found.size() == name.size() + 2 + kRandom && found.starts_with("." + name + ".");
}

void remove_older(const std::string& folder, const std::string& prefix) {
  const std::vector<std::string> names = names_of_files(prefix);
  std::vector<fs::path> older;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string found = entry->path().filename();
    std::error_code ignored;
    if (!entry->is_regular_file(ignored)) continue;
    for (const std::string& name : names) {
      if (found == name || is_part_of(found, name)) older.push_back(entry->path());
    }
  }
  for (const fs::path& path : older) fs::remove(path, error);
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// So that what was renamed there is still there after a power cut.
void sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  static_cast<void>(::fsync(descriptor));
  ::close(descriptor);
}

}  // namespace

Result<RunMark> RunMark::set(const std::string& folder, const std::string& prefix) {
  if (auto made = create_folder(folder); !made) return fail(std::move(made.error()));
  const std::string path = mark_in(folder);
  const int descriptor = open_locked(path);
  if (descriptor < 0 && errno == EWOULDBLOCK) {
    return fail(Error{.what = "another run is writing into this folder",
                      .hint = "choose another output folder, or wait until it has ended",
                      .file = folder,
                      .source_line = {}});
  }
  if (descriptor < 0) return cannot(std::string("cannot write into the output folder: ") + std::strerror(errno), folder);
  RunMark mark(folder, descriptor);
  if (::ftruncate(descriptor, 0) != 0 || !write_all(descriptor, kText) || ::fsync(descriptor) != 0) {
    return cannot(std::string("cannot write the file: ") + std::strerror(errno), path);
  }
  remove_older(folder, prefix);
  return mark;
}

RunMark::RunMark(RunMark&& other) noexcept
    : folder_(std::move(other.folder_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

RunMark::~RunMark() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> RunMark::clear() {
  sync_folder(folder_);
  const std::string path = mark_in(folder_);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return cannot(std::string("cannot remove the file: ") + std::strerror(errno), path);
  }
  ::close(std::exchange(descriptor_, -1));
  return {};
}

RunState run_state(const std::string& folder) {
  const int descriptor = ::open(mark_in(folder).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return RunState::ended;
  const bool taken = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);
  return taken ? RunState::goes_on : RunState::cut_off;
}

}  // namespace infbench::measure
