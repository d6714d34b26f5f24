// logs: what the processes of a run have printed, and print.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/interrupts.h"
#include "cli/job_view.h"
#include "launch/log_tail.h"

namespace infbench::cli {
namespace {

namespace fs = std::filesystem;

// The logs of a run that are wanted, as they come to be there: the files of its folder of logs, which the recipe may have put
// anywhere, and what the batch job itself printed.
class LogFolder {
 public:
  LogFolder(const JobView& view, std::string name, int lines) : view_(view), name_(std::move(name)), lines_(lines) {}

  // Prints what is new. True: there was something.
  bool print_news() {
    bool any = false;
    for (const std::string& name : wanted()) {
      const bool first = !tails_.contains(name);
      const bool batch = name == kBatch;
      auto& tail = tails_.try_emplace(name, (batch ? view_.folder : log_dir()) + "/" + name).first->second;
      std::vector<std::string> lines = tail.new_lines();
      if (lines.empty()) continue;
      any = true;
      const auto most = lines_ < 0 ? lines.size() : static_cast<std::size_t>(lines_);
      if (first && lines.size() > most) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
      print(name, lines);
    }
    return any;
  }

  // All there are; "node01_agg_w0.out" can be asked for as "node01_agg_w0".
  std::vector<std::string> all() const {
    std::vector<std::string> names;
    std::error_code error;
    if (fs::exists(view_.folder + "/" + kBatch, error)) names.emplace_back(kBatch);
    for (fs::directory_iterator at(log_dir(), error), end; !error && at != end; at.increment(error)) {
      if (at->is_regular_file()) names.push_back(at->path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::vector<std::string> wanted() const {
    std::vector<std::string> names = all();
    const auto exact = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
      return name == name_ || fs::path(name).stem().string() == name_;
    });
    if (exact != names.end() && !name_.empty()) return {*exact};
    std::erase_if(names, [&](const std::string& name) { return !name.starts_with(name_); });
    return names;
  }

 private:
  static constexpr const char* kBatch = "batch.out";

  void print(const std::string& name, const std::vector<std::string>& lines) {
    if (name != last_ && (!last_.empty() || wanted().size() > 1)) fmt::print("{}== {} ==\n", last_.empty() ? "" : "\n", name);
    last_ = name;
    for (const std::string& line : lines) fmt::print("{}\n", line);
    std::fflush(stdout);
  }

  // The run says where, once it has begun.
  std::string log_dir() const { return view_.run && !view_.run->log_dir.empty() ? view_.run->log_dir : view_.folder + "/logs"; }

  const JobView& view_;
  std::string name_;
  int lines_;
  std::string last_;  // whose lines were printed last
  std::map<std::string, launch::LogTail> tails_;
};

ExitCode no_such_log(const LogFolder& logs, const LogsOptions& options) {
  const std::vector<std::string> names = logs.all();
  std::vector<std::string_view> stems;
  std::string list;
  for (const std::string& name : names) {
    stems.push_back(std::string_view(name).substr(0, name.rfind('.')));
    list += (list.empty() ? "there are " : ", ") + std::string(stems.back());
  }
  const std::string hint = did_you_mean(options.name, stems);
  if (names.empty()) list = "nothing has been started in it yet";
  const std::string what = options.name.empty() ? "run " + options.job + " has no logs"
                                                : "run " + options.job + " has no log '" + options.name + "'";
  return report_errors(fail(what, hint.empty() ? list : hint).value());
}

}  // namespace

ExitCode run(const LogsOptions& options) {
  const auto outputs_dir = find_outputs_dir(options.outputs_dir);
  if (!outputs_dir) return report_errors(outputs_dir.error());
  auto view = look_at(options.job, *outputs_dir);
  if (!view) return report_errors(view.error());
  LogFolder logs(*view, options.name, options.lines < 0 && options.name.empty() ? 20 : options.lines);
  if (!options.follow) {
    if (logs.wanted().empty()) return no_such_log(logs, options);
    logs.print_news();
    return ExitCode::success;
  }
  constexpr Duration kGap = milliseconds(200);
  constexpr int kSlurmEvery = 25;
  Interrupts interrupts;
  for (int look = 1;; ++look) {
    const bool ended = view->ended();  // before the last look at the logs
    const bool news = logs.print_news();
    if (ended && !news) return ExitCode::success;
    if (interrupts.wait(kGap) != 0) return ExitCode::interrupted;
    if (const auto looked = look_again(*view, look % kSlurmEvery == 0); !looked) return report_errors(looked.error());
  }
}

}  // namespace infbench::cli
