#include "measure/artifacts.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "measure/export_aiperf.h"
#include "measure/output_folder.h"
#include "measure/run_json.h"

namespace infbench::measure {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 18U;
constexpr std::size_t kLongLineBytes = 4096;

// A chunk at a time, so that the memory it takes does not grow with the run.
Result<void> write_records(std::string path, const RunResult& run, std::span<const RequestRecord> records) {
  auto file = OutputFile::create(std::move(path), kFolderHint);
  if (!file) return tl::unexpected<Errors>(std::move(file.error()));
  const RecordLines lines(run.info, run.summary);
  std::string chunk;
  chunk.reserve(kChunkBytes + kLongLineBytes);
  for (const RequestRecord& record : records) {
    lines.append(record, chunk);
    if (chunk.size() < kChunkBytes) continue;
    file->write(chunk);
    chunk.clear();
  }
  file->write(chunk);
  return file->commit();
}

}  // namespace

Result<void> write_artifacts(const std::string& folder, const RunResult& run, std::span<const RequestRecord> records) {
  const RunInfo& info = run.info;
  const Summary& summary = run.summary;
  std::error_code error;
  std::filesystem::remove(folder + "/summary.json", error);  // an older run's must not stand beside these records
  return create_folder(folder)
      .and_then([&] { return write_records(folder + "/profile_export.jsonl", run, records); })
      .and_then([&] { return write_file(folder + "/profile_export_aiperf.json", aiperf_json(info, summary)); })
      .and_then([&] { return write_file(folder + "/profile_export_aiperf.csv", aiperf_csv(summary)); })
      .and_then([&] { return write_file(folder + "/summary.json", summary_json(info, summary)); })
      .and_then([&] { return write_file(folder + "/host.json", host_json(run.cost)); });
}

}  // namespace infbench::measure
