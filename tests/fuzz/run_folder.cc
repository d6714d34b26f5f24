// The output folder of a run, read back, and the HTML report of it. The text is its files: a line "=== NAME" begins each.
#include "report/run_folder.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "report/html.h"
#include "support.h"

namespace infbench::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kNames{"summary.json", "profile_export.jsonl", "timeline.json",
                                                 "profile_export_aiperf.json"};

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / (std::string("fuzz_run_folder_") + std::string(6, 'X'))).string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  void fill(std::string_view text) const {
    for (const std::string_view name : kNames) fs::remove(path_ / name);
    for (const std::string_view part : split(text, "=== ")) {
      const std::size_t end = part.find('\n');
      const std::string_view name = part.substr(0, end);
      if (end == std::string_view::npos || std::find(kNames.begin(), kNames.end(), name) == kNames.end()) continue;
      std::ofstream(path_ / name, std::ios::binary) << part.substr(end + 1);
    }
  }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

}  // namespace
}  // namespace infbench::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench;
  using namespace infbench::fuzz;
  static const Folder folder;
  const std::string_view text = text_of(data, size);
  folder.fill(text);
  const auto run = report::read_run_folder(folder.path());
  if (!run) {
    check_errors(run.error(), text);
    return 0;
  }
  require(run->run.summary.requests >= 0, "a run has requests");
  const std::vector<report::FolderRun> runs{*run, *run};
  const std::string page = report::html_report(runs);
  require(page.find("</html>") != std::string::npos, "the report is whole");
  require(report::read_run_folder(folder.path(), report::Parts::summary).has_value(), "its summary can be read alone");
  return 0;
}
