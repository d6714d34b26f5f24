// The files of a run over HTTP: see artifacts.h.
#include <utility>

#include "measure/artifacts.h"
#include "measure/export_aiperf.h"
#include "measure/output_folder.h"
#include "measure/run_json.h"

namespace infbench::measure {
namespace {

tl::unexpected<Errors> cannot(std::string_view action, const std::string& path, const std::string& why) {
  return fail(Error{.what = std::string(action) + ": " + why,
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
  auto file = AppendFile::open(folder + "/" + name, AppendFile::Older::replaced);
  if (!file) return cannot("cannot create the file", folder + "/" + name, file.error().front().what);
  return LiveRecordFile(*std::move(file));
}

void LiveRecordFile::append(std::string_view line) { file_.write(line); }

Result<void> LiveRecordFile::finish() {
  file_.sync();
  if (!well()) return cannot("cannot write the file", file_.path(), file_.problem());
  return {};
}

}  // namespace infbench::measure
