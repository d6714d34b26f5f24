#include "cli/follow_job.h"

#include <cstdio>
#include <filesystem>

#include <fmt/format.h>

#include "cli/console.h"
#include "cli/interrupts.h"
#include "cli/job_view.h"
#include "launch/slurm.h"

namespace infbench::cli {
namespace {

constexpr Duration kGap = milliseconds(500);  // between two looks at the folder
constexpr int kSlurmEvery = 10;               // of those also asks Slurm, ...
constexpr int kEagerLooks = 20;               // ... but each of the first ones, and each once the run says that it has ended

std::string sentence(const JobView& view) {
  std::string text = view.state();
  if (view.slurm && view.slurm->state == "RUNNING") text += " on " + view.slurm->nodes;
  if (view.run && !view.run->waiting_for.empty()) text += ": " + view.run->waiting_for;
  return text;
}

// Asks what to do about a Ctrl-C. True: the job has been cancelled and is followed on.
bool cancel_wanted(const std::string& job, Interrupts& interrupts) {
  fmt::print(stderr, "job {} goes on; Ctrl-C again within 3 s cancels it\n", job);
  if (interrupts.wait(seconds(3)) != SIGINT) return false;
  fmt::print(stderr, "cancelling job {}\n", job);
  if (const auto cancelled = launch::cancel_job(job, launch::Cancel::gently); !cancelled) report_errors(cancelled.error());
  return true;
}

ExitCode end_of(const JobView& view) {
  const bool killed = !view.run || !view.run->exit_code;
  const auto code = killed ? static_cast<int>(ExitCode::cannot_launch) : *view.run->exit_code;
  const std::string reason = view.run ? view.run->reason : "";
  fmt::print(stderr, "job {} ended with exit code {}{}; its folder: {}\n", view.job, code,
             reason.empty() ? (killed ? ": " + sentence(view) : "") : ": " + reason, view.folder);
  return static_cast<ExitCode>(code);
}

}  // namespace

ExitCode follow_job(const std::string& job, const std::string& folder) {
  Interrupts interrupts;
  JobView view{.job = job, .folder = folder, .run = {}, .slurm = {}};
  std::string said;
  bool complained = false;
  for (int look = 0;; ++look) {
    const bool told_end = view.run && view.run->ended_ms.has_value();
    const bool ask_slurm = look < kEagerLooks || look % kSlurmEvery == 0 || told_end;
    const auto looked = look_again(view, ask_slurm);
    if (!looked && !complained) report_errors(looked.error());  // Slurm may be away for a while
    complained = !looked;
    if (std::string now = sentence(view); looked && now != said) {
      fmt::print(stderr, "job {}: {}\n", job, now);
      said = std::move(now);
    }
    if (looked && view.ended()) return end_of(view);
    const int signal = interrupts.wait(kGap);
    if (signal == SIGTERM || (signal == SIGINT && !cancel_wanted(job, interrupts))) return ExitCode::interrupted;
  }
}

}  // namespace infbench::cli
