// Run: one scenario from its first request to long after its last, with what must hold at every step and at the end. The
// client, the gateway and the workers are those of `srtctl`; only what lies under their sockets and timers is not. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "call_watch.h"
#include "live/gateway_shell.h"
#include "live/replay_sender.h"
#include "programs.h"
#include "scenario.h"
#include "trace/trace.h"

namespace infbench::faults {

struct RunFigures {
  std::uint64_t steps = 0;
  std::uint64_t requests = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t attempts = 0;
  FaultCounts faults;
  std::map<std::string, std::uint64_t> failures;  // by class
};

class Run {
 public:
  Run(const Scenario& scenario, bool verbose);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // The first thing that was wrong; empty: nothing was.
  std::string go();
  RunFigures figures() const;

 private:
  void start_workers();
  void start_gateway();
  void start_client(const std::string& rows);
  Duration begin() const;
  void plan_mishaps();
  void do_mishap(const Mishap& mishap);
  void end_worker(std::size_t index, Duration length);
  void start_worker(WorkerProgram& worker);
  void replace_worker(std::size_t index, Duration length);
  void heal();
  void admin(const live::HttpCall::Request& request);  // asks the gateway

  bool run_until_finished();
  void run_for(Duration duration);
  void ask_again();
  void end_all();

  void check_step(const std::string& host);  // whose event is over
  void check_gateway();
  void check_record(const measure::LiveRecord& live);
  void check_failure(const measure::LiveRecord& live);
  void check_success(const measure::LiveRecord& live);
  void check_client();
  void check_rest();
  void check_counters();
  void check_log();
  void wrong(const std::string& what);

  Scenario scenario_;
  FakeNetwork network_;
  CallWatch calls_;
  std::string complaint_;
  trace::Trace trace_;
  std::vector<std::unique_ptr<WorkerProgram>> workers_;  // null: the flaky one
  std::unique_ptr<FlakyProgram> flaky_;
  std::unique_ptr<net::EventLoop> gateway_loop_;
  std::string log_path_;
  std::unique_ptr<live::GatewayLog> log_;  // null: none is kept
  std::unique_ptr<live::DecisionFile> log_file_;
  std::unique_ptr<live::GatewayShell> gateway_;
  bool gateway_drained_ = false;
  live::SenderOptions sender_options_;
  std::unique_ptr<net::EventLoop> client_loop_;
  std::unique_ptr<live::Sender> sender_;
  std::vector<std::unique_ptr<StrangerProgram>> strangers_;
  std::vector<std::unique_ptr<AdminProgram>> admins_;
  std::map<std::uint32_t, bool> records_;  // by request: whether it succeeded
  int finished_ = 0;
  bool cancelled_ = false;
  bool replaced_ = false;  // a worker was taken out and brought back
  RunFigures figures_;
};

}  // namespace infbench::faults
