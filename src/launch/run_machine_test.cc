#include "launch/run_machine.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "launch/plan_for_test.h"

namespace infbench::launch {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string name_of(QuestionKind kind) {
  switch (kind) {
    case QuestionKind::health: return "health";
    case QuestionKind::router_workers: return "workers";
    case QuestionKind::first_token: return "token";
    case QuestionKind::flush: return "flush";
    case QuestionKind::engine_info: break;
  }
  return "info";
}

std::string name_of_signal(int signal) { return signal == SIGINT ? "SIGINT" : signal == SIGTERM ? "SIGTERM" : "SIGKILL"; }

// Drives a machine by words, and writes down in words what it does.
class Script {
 public:
  explicit Script(plan::Plan plan) : plan_(std::move(plan)), machine_(plan_), processes_(processes_of(plan_)) {}

  // "begin", "ok health 0", "bad health 0", "ok workers", "ok token", "ok flush 1", "404 flush 1", "exit w0 3", "kill w0 9",
  // "fail router", "stop", "limit", "wait 1000" (ms).
  std::string play(const std::string& line) {
    std::istringstream words(line);
    std::string what;
    std::string whom;
    int number = 0;
    words >> what;
    if (what == "wait") {
      words >> number;
      now_ = now_ + milliseconds(number);
      machine_.on_time(now_);
    } else if (what == "begin") {
      machine_.begin(now_);
    } else if (what == "stop" || what == "limit") {
      machine_.on_stop(what == "stop" ? StopCause::user : StopCause::time_limit, now_);
    } else if (what == "fail") {
      words >> whom;
      machine_.on_start_failed(process(whom), "no such file", now_);
    } else if (what == "exit" || what == "kill") {
      words >> whom >> number;
      machine_.on_exit(process(whom), what == "exit" ? Exit{.code = number} : Exit{.signal = number}, now_);
    } else {
      words >> whom >> number;
      answer(what, whom, number);
    }
    return actions();
  }

  const RunMachine& machine() const { return machine_; }

 private:
  int process(const std::string& name) const {
    const auto found = std::ranges::find_if(processes_, [&](const RunProcess& p) { return p.command->name == name; });
    return static_cast<int>(found - processes_.begin());
  }

  void answer(const std::string& how, const std::string& whom, int worker) {
    static const std::map<std::string, QuestionKind> kinds{{"health", QuestionKind::health},
                                                           {"workers", QuestionKind::router_workers},
                                                           {"token", QuestionKind::first_token},
                                                           {"flush", QuestionKind::flush},
                                                           {"info", QuestionKind::engine_info}};
    const QuestionKind kind = kinds.at(whom);
    Answer given{.status = how == "404" ? 404 : 200, .body = "{}", .error = how == "bad" ? "connection refused" : ""};
    if (kind == QuestionKind::router_workers) given.body = workers_listed(plan_);
    if (kind == QuestionKind::first_token) given.body = R"({"choices":[{}]})";
    if (kind == QuestionKind::engine_info) given.body = R"({"version":"0.5.6"})";
    machine_.on_answer({.kind = kind, .worker = worker}, given, now_);
  }

  std::string actions() {
    std::string out;
    for (const Action& action : machine_.take_actions()) {
      out += out.empty() ? "" : ", ";
      if (const auto* a = std::get_if<StartProcess>(&action)) out += "start " + name(a->process);
      if (const auto* a = std::get_if<SendSignal>(&action)) out += name_of_signal(a->signal) + " " + name(a->process);
      if (const auto* a = std::get_if<EnterPhase>(&action)) out += "[" + std::string(launch::name_of(a->phase)) + "]";
      if (const auto* a = std::get_if<Ask>(&action)) {
        out += "ask " + name_of(a->question.kind);
        const bool of_worker = a->question.kind == QuestionKind::health || a->question.kind == QuestionKind::flush;
        if (of_worker) out += " " + std::to_string(a->question.worker);
      }
    }
    return out;
  }
  std::string name(int process) const { return processes_.at(static_cast<std::size_t>(process)).command->name; }

  plan::Plan plan_;
  RunMachine machine_;
  std::vector<RunProcess> processes_;
  Time now_ = Time{} + seconds(1000);
};

using Lines = std::vector<std::pair<std::string, std::string>>;  // what happens, what is done

// The usual way from the start to each phase.
Lines to_waiting() {
  return {
      {"begin", "[staging], [starting], start w0, start w1, start router, [waiting], ask health 0, ask health 1, ask workers"}};
}
Lines plus(Lines lines, const Lines& more) {
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}
Lines to_warmup() {
  return plus(to_waiting(), {{"ok health 0", ""},
                             {"bad workers", ""},
                             {"bad health 1", ""},
                             {"wait 199", ""},
                             {"wait 1", "ask health 1, ask workers"},
                             {"ok workers", "ask info"},
                             {"ok info", ""},
                             {"ok health 1", "ask token"},
                             {"bad token", ""},
                             {"wait 200", "ask token"},
                             {"ok token", "[warm-up], start warmup"}});
}
Lines to_measuring() {
  return plus(to_warmup(), {{"exit warmup 0", "[flush], ask flush 0, ask flush 1"},
                            {"ok flush 0", ""},
                            {"bad flush 1", ""},
                            {"wait 200", "ask flush 1"},
                            {"ok flush 1", "[measuring], start client"}});
}

struct Scenario {
  std::string what;
  Lines lines;
  ExitCode code;
  std::string reason;  // a part of it
  bool interrupted = false;
};

std::vector<Scenario> scenarios() {
  return {
      {"all goes well",
       plus(to_measuring(), {{"wait 4400", "ask health 0"},
                             {"ok health 0", ""},
                             {"exit client 0", "[collecting], [teardown], SIGTERM router"},
                             {"exit router 0", "SIGTERM w0, SIGTERM w1"},
                             {"exit w1 0", ""},
                             {"exit w0 0", "[ended]"}}),
       ExitCode::success, ""},
      {"a limit was missed",
       plus(to_measuring(), {{"exit client 7", "[collecting], [teardown], SIGTERM router"},
                             {"exit router 0", "SIGTERM w0, SIGTERM w1"},
                             {"exit w1 0", ""},
                             {"exit w0 0", "[ended]"}}),
       ExitCode::limit_missed, "the client exited with code 7"},
      {"the client's own code means nothing to us",
       plus(to_measuring(), {{"exit client 1", "[collecting], [teardown], SIGTERM router"}}), ExitCode::not_valid,
       "the client exited with code 1"},
      {"a worker exits with 0 while it loads",
       plus(to_waiting(), {{"exit w1 0", "[collecting], [teardown], SIGTERM router"},
                           {"exit router 143", "SIGTERM w0"},
                           {"ok health 0", ""},
                           {"wait 9999", ""},
                           {"wait 1", "SIGKILL w0"},
                           {"kill w0 9", "[ended]"}}),
       ExitCode::worker_failed, "worker w1 exited with code 0 while waiting"},
      {"a worker is killed while the client measures: the client may write its report",
       plus(to_measuring(), {{"kill w0 9", "[collecting], SIGINT client"},
                             {"exit client 130", "[teardown], SIGTERM router"},
                             {"exit router 0", "SIGTERM w1"},
                             {"exit w1 0", "[ended]"}}),
       ExitCode::worker_failed, "worker w0 was killed by signal 9 while measuring"},
      {"the router exits",
       plus(to_warmup(), {{"exit router 1", "[collecting], [teardown], SIGTERM warmup"},
                          {"exit warmup 130", "SIGTERM w0, SIGTERM w1"},
                          {"exit w0 0", ""},
                          {"exit w1 0", "[ended]"}}),
       ExitCode::worker_failed, "router exited with code 1 while warm-up"},
      {"a worker is silent while the client measures",
       plus(to_measuring(), {{"wait 4400", "ask health 0"},
                             {"ok health 0", ""},
                             {"wait 200", "ask health 1"},
                             {"bad health 1", ""},
                             {"wait 1000", "ask health 1"},
                             {"bad health 1", ""},
                             {"wait 1000", "ask health 1"},
                             {"bad health 1", "[collecting], SIGINT client"},
                             {"exit client 130", "[teardown], SIGTERM router"}}),
       ExitCode::worker_failed, "worker w1 is not healthy any more while measuring: connection refused"},
      {"not ready in time",
       plus(to_waiting(),
            {{"ok health 0", ""},
             {"bad health 1", ""},
             {"bad workers", ""},
             {"wait 60000", "ask health 0, ask health 1, ask workers, [collecting], [teardown], SIGTERM router"}}),
       ExitCode::not_ready,
       "not ready within 60 s: worker http://127.0.0.1:6101: connection refused; router http://127.0.0.1:8000: connection "
       "refused"},
      {"the router cannot be started",
       plus(to_waiting(),
            {{"fail router", "[collecting], [teardown], SIGTERM w0, SIGTERM w1"}, {"exit w0 0", ""}, {"exit w1 0", "[ended]"}}),
       ExitCode::cannot_launch, "router cannot be started: no such file"},
      {"Ctrl-C while it loads",
       plus(to_waiting(), {{"stop", "[collecting], [teardown], SIGTERM router"},
                           {"stop", ""},
                           {"exit router 0", "SIGTERM w0, SIGTERM w1"},
                           {"exit w0 0", ""},
                           {"exit w1 0", "[ended]"}}),
       ExitCode::interrupted, "interrupted while waiting", true},
      {"time is nearly over; the client hangs, a worker does too",
       plus(to_measuring(), {{"limit", "[collecting], SIGINT client"},
                             {"kill w0 9", ""},
                             {"wait 20000", "[teardown], SIGTERM client"},
                             {"wait 10000", "SIGKILL client"},
                             {"kill client 9", "SIGTERM router"},
                             {"exit router 0", "SIGTERM w1"},
                             {"wait 10000", "SIGKILL w1"},
                             {"wait 10000", "[ended]"}}),
       ExitCode::interrupted, "the allocation's time is nearly over, stopped while measuring", true},
      {"the warm-up fails", plus(to_warmup(), {{"exit warmup 6", "[collecting], [teardown], SIGTERM router"}}),
       ExitCode::not_valid, "the warm-up exited with code 6"},
      {"an engine without /flush_cache",
       plus(to_warmup(), {{"exit warmup 0", "[flush], ask flush 0, ask flush 1"},
                          {"404 flush 0", ""},
                          {"404 flush 1", "[measuring], start client"}}),
       ExitCode::success, ""},
      {"a worker that stays busy is not waited for for ever",
       plus(to_warmup(), {{"exit warmup 0", "[flush], ask flush 0, ask flush 1"},
                          {"ok flush 0", ""},
                          {"wait 10000", "ask health 0, ask health 1, [measuring], start client"}}),
       ExitCode::success, ""},
  };
}

TEST(RunMachine, Scenarios) {
  for (const Scenario& scenario : scenarios()) {
    SCOPED_TRACE(scenario.what);
    Script script(plan_for_test());
    for (const auto& [event, done] : scenario.lines) EXPECT_EQ(script.play(event), done) << "at: " << event;
    const Outcome& outcome = script.machine().outcome();
    EXPECT_EQ(outcome.code, scenario.code);
    EXPECT_THAT(outcome.reason, HasSubstr(scenario.reason));
    EXPECT_EQ(outcome.interrupted, scenario.interrupted);
  }
}

TEST(RunMachine, NotesWhatTheResultHasToSay) {
  Script script(plan_for_test());
  for (const auto& [event, done] : to_measuring()) script.play(event);
  EXPECT_EQ(script.machine().engine_version(), "0.5.6");
  EXPECT_THAT(script.machine().outcome().notes, IsEmpty());
  Script hanging(plan_for_test());
  for (const auto& [event, done] : to_warmup()) hanging.play(event);
  hanging.play("exit warmup 0");
  hanging.play("404 flush 0");
  hanging.play("404 flush 1");
  EXPECT_EQ(hanging.machine().outcome().notes.size(), 2U);
}

TEST(RunMachine, StagingComesFirst) {
  Script script(plan_for_test(false, true));
  EXPECT_EQ(script.play("begin"), "[staging], start stage0, start stage1");
  EXPECT_EQ(script.play("exit stage1 0"), "");
  EXPECT_THAT(script.play("exit stage0 0"), HasSubstr("[starting], start w0, start w1, start router, [waiting]"));

  Script failing(plan_for_test(false, true));
  failing.play("begin");
  EXPECT_EQ(failing.play("exit stage1 12"), "[collecting], [teardown], SIGTERM stage0");
  EXPECT_EQ(failing.play("exit stage0 143"), "[ended]");
  EXPECT_EQ(failing.machine().outcome().code, ExitCode::cannot_launch);
}

TEST(RunMachine, AManualDeploymentStaysUntilItIsStopped) {
  plan::Plan plan = plan_for_test();
  plan.benchmark.type = "manual";
  plan.benchmark.warmup.reset();
  plan.benchmark.command.reset();
  plan.order.clear();
  Script script(plan);
  script.play("begin");
  script.play("ok health 0");
  script.play("ok health 1");
  EXPECT_EQ(script.play("ok workers"), "ask info, ask token");
  EXPECT_EQ(script.play("ok token"), "[measuring]");
  EXPECT_THAT(script.machine().waiting_for(), HasSubstr("http://127.0.0.1:8000"));
  EXPECT_EQ(script.play("stop"), "[collecting], [teardown], SIGTERM router");
  EXPECT_EQ(script.machine().outcome().code, ExitCode::success);
}

TEST(RunMachine, APlanWithoutWorkersIsAMistake) {
  plan::Plan plan = plan_for_test();
  plan.readiness.regular = 0;
  Script script(plan);
  EXPECT_EQ(script.play("begin"), "[staging], [collecting], [teardown], [ended]");
  EXPECT_EQ(script.machine().outcome().code, ExitCode::bad_input);
}

// A world that answers, exits, fails and interrupts at random; after SIGKILL a process is gone.
class RandomWorld {
 public:
  explicit RandomWorld(const plan::Plan& plan) : plan_(plan), machine_(plan) {}

  void play() {
    machine_.begin(now_);
    take();
    for (int step = 0; step < 400 && machine_.phase() != Phase::ended; ++step) one_event();
    for (int step = 0; step < 100 && machine_.phase() != Phase::ended; ++step) {
      machine_.on_stop(StopCause::user, now_);
      now_ = std::max(now_, std::min(machine_.next(), now_ + seconds(60)));
      machine_.on_time(now_);
      take();
      end_killed();
    }
    RC_ASSERT(ended_ == 1);
    RC_ASSERT(running_.empty());
    RC_ASSERT(machine_.take_actions().empty());
  }

 private:
  void one_event() {
    switch (*rc::gen::inRange(0, 8)) {
      case 0: machine_.on_stop(StopCause::user, now_); break;
      case 1:
      case 2:
        if (!running_.empty() && *rc::gen::inRange(0, 3) == 0)
          exit_one(*rc::gen::elementOf(running_), *rc::gen::elementOf(std::vector<int>{0, 0, 0, 1, 6, 7}));
        break;
      case 3:
        now_ = now_ + milliseconds(*rc::gen::inRange(0, 8000));
        machine_.on_time(now_);
        break;
      default:
        if (!asked_.empty()) answer(*rc::gen::elementOf(asked_));
    }
    take();
    end_killed();
  }

  void answer(const Question& question) {
    asked_.erase(std::ranges::find(asked_, question));
    Answer given{.status = 200, .body = R"({"choices":[{}]})", .error = *rc::gen::inRange(0, 6) == 0 ? "refused" : ""};
    if (question.kind == QuestionKind::router_workers) given.body = workers_listed(plan_);
    machine_.on_answer(question, given, now_);
  }

  void exit_one(int process, int code) {
    running_.erase(std::ranges::find(running_, process));
    killed_.erase(process);
    machine_.on_exit(process, {.code = code}, now_);
  }

  void end_killed() {
    for (const int process : std::set<int>(killed_)) exit_one(process, 137);
    take();
  }

  void take() {
    for (std::vector<Action> actions = machine_.take_actions(); !actions.empty(); actions = machine_.take_actions()) {
      for (const Action& action : actions) do_it(action);
    }
  }

  void do_it(const Action& action) {
    RC_ASSERT(ended_ == 0);
    if (const auto* start = std::get_if<StartProcess>(&action)) {
      RC_ASSERT(started_.insert(start->process).second);
      RC_ASSERT(machine_.phase() < Phase::collecting || phase_ < Phase::collecting);
      if (*rc::gen::inRange(0, 20) == 0) return machine_.on_start_failed(start->process, "no such file", now_);
      running_.push_back(start->process);
    }
    if (const auto* signal = std::get_if<SendSignal>(&action)) {
      const bool runs = std::ranges::find(running_, signal->process) != running_.end();
      if (runs && signal->signal == SIGKILL) killed_.insert(signal->process);
      RC_ASSERT(signal->signal == SIGINT || phase_ == Phase::teardown);
    }
    if (const auto* entered = std::get_if<EnterPhase>(&action)) {
      RC_ASSERT(entered->phase >= phase_);
      phase_ = entered->phase;
      ended_ += phase_ == Phase::ended ? 1 : 0;
      if (phase_ == Phase::ended) RC_ASSERT(running_.empty());
    }
    if (const auto* ask = std::get_if<Ask>(&action)) {
      RC_ASSERT(std::ranges::find(asked_, ask->question) == asked_.end());
      asked_.push_back(ask->question);
    }
  }

  const plan::Plan& plan_;
  RunMachine machine_;
  Time now_ = Time{} + seconds(5);
  std::vector<int> running_;
  std::set<int> started_;
  std::set<int> killed_;
  std::vector<Question> asked_;
  Phase phase_ = Phase::staging;
  int ended_ = 0;
};

// Every process that was started is ended, phases only go forward, the run ends once.
RC_GTEST_PROP(RunMachine, WhateverHappensAllIsEndedOnce, ()) {
  const plan::Plan plan = plan_for_test(*rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>());
  RandomWorld(plan).play();
}

}  // namespace
}  // namespace infbench::launch
