// GatewayLog: every input of one Gateway with its stamp and every choice it made, as JSON lines. check_gateway_log() gives the
// inputs to a fresh Gateway and holds what it chooses against the log. docs/route.md describes the lines.
//
// A GatewayLog only makes text; its owner takes it. DecisionFile is where that text goes. One owner, one thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/append_file.h"
#include "base/result.h"
#include "live/gateway.h"

namespace infbench::live {

class GatewayLog {
 public:
  // `epoch_ns`: the moment `now` as nanoseconds of the Unix epoch.
  GatewayLog(const GatewaySettings& settings, Time now, std::int64_t epoch_ns);
  GatewayLog(const GatewayLog&) = delete;
  GatewayLog& operator=(const GatewayLog&) = delete;

  // ---- Inputs, as Gateway has them
  void worker_added(WorkerId worker, const UpstreamSettings& settings, Time now);
  void worker_removed(WorkerId worker, Time now);
  void arrived(CallId call, const PromptInfo& prompt, std::string_view key, Time now);
  void left(CallId call, Time now);
  void answered(CallId call, Part part, int status, Time now);
  enum class PartInput : std::uint8_t { first_bytes, ended, broke };
  void input(PartInput what, CallId call, Part part, Time now);
  void health_asked(std::span<const WorkerId> workers, Time now);
  void health(WorkerId worker, bool ok, Time now);
  void kv(WorkerId worker, KvChange change, std::span<const PageHash> pages, Time now);
  void advance(Time now);

  // ---- What came of them
  void candidate(const route::WorkerView& view);  // of the next choice, as the policy sees it
  void choice(const GatewayChoice& choice, Time now);
  void held(CallId call, Time now);
  void retried(CallId call, WorkerId failed, Duration backoff, Time now);
  void refused(CallId call, int status, std::string_view code, Time now);
  void over(CallId call, bool cut, Time now);

  std::string& text() { return text_; }  // whole lines; the owner writes them out and clears it

 private:
  void begin(std::string_view type, Time now);
  void member(std::string_view name, std::int64_t value);
  void member(std::string_view name, std::string_view value);
  void members(CallId call, Part part);
  void pages(std::span<const PageHash> pages);
  void end() { text_ += "}\n"; }

  std::string text_;
  std::string candidates_;  // of the next choice
};

// The file that the lines are appended to. When it cannot be written any more (the disk is full) it is left alone from then on.
class DecisionFile {
 public:
  static Result<DecisionFile> open(const std::string& path);

  void write(std::string_view lines);
  const std::string& problem() const { return problem_; }  // why nothing is written any more; empty: all is well

 private:
  explicit DecisionFile(AppendFile file) : file_(std::move(file)) {}

  AppendFile file_;
  std::string problem_;
};

std::string_view name_of(Part part);
std::string_view name_of(KvChange change);

}  // namespace infbench::live
