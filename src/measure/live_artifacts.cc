// The files of a run over HTTP: see artifacts.h.
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "measure/artifacts.h"
#include "measure/export_aiperf.h"
#include "measure/output_folder.h"
#include "measure/run_json.h"

namespace infbench::measure {
namespace {

tl::unexpected<Errors> cannot(std::string_view action, const std::string& path, int error) {
  return fail(Error{.what = std::string(action) + ": " + std::strerror(error),
                    .hint = "choose another folder with --artifact-dir, or make room or permission there",
                    .file = path,
                    .source_line = {}});
}

}  // namespace

Result<void> write_live_artifacts(const std::string& folder, const std::string& prefix, const RunResult& run) {
  const LiveFigures* live = run.live ? &*run.live : nullptr;
  const std::string name = folder + "/" + (prefix.empty() ? "profile_export_aiperf" : prefix);
  return create_folder(folder)
      .and_then([&] { return write_file(name + ".json", aiperf_json(run.info, run.summary)); })
      .and_then([&] { return write_file(name + ".csv", aiperf_csv(run.summary)); })
      .and_then([&] { return write_file(folder + "/summary.json", summary_json(run.info, run.summary, live)); })
      .and_then([&] { return write_file(folder + "/host.json", host_json(run.cost)); });
}

Result<LiveRecordFile> LiveRecordFile::create(const std::string& folder, const std::string& name) {
  if (auto made = create_folder(folder); !made) return tl::unexpected<Errors>(std::move(made.error()));
  std::string path = folder + "/" + name;
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) return cannot("cannot create the file", path, errno);
  return LiveRecordFile(std::move(path), descriptor);
}

LiveRecordFile::LiveRecordFile(LiveRecordFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)), error_(other.error_) {}

LiveRecordFile::~LiveRecordFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void LiveRecordFile::append(std::string_view line) {
  while (!line.empty() && error_ == 0) {
    const ssize_t written = ::write(descriptor_, line.data(), line.size());
    if (written >= 0) {
      line.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
}

Result<void> LiveRecordFile::finish() {
  if (error_ == 0 && ::fsync(descriptor_) != 0 && errno != EINVAL) error_ = errno;
  if (error_ != 0) return cannot("cannot write the file", path_, error_);
  return {};
}

}  // namespace infbench::measure
