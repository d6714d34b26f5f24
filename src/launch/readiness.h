// Readiness: whether a deployment is ready, and stays healthy. Every worker answers /health, the router lists exactly the
// plan's workers, each healthy and in its role, and then a first token comes through the router. Once a worker has been healthy
// it is asked on, and several failures in a row mean that it is not any more.
//
// Pure: questions that are due go out, answers and `now` come in. One owner, one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launch/questions.h"

namespace infbench::launch {

class Readiness {
 public:
  // Between two questions while the answer is not the one hoped for: at first, then twice as long each time, at most.
  static constexpr Duration kFirstGap = milliseconds(200);
  static constexpr Duration kLongestGap = seconds(1);
  // A healthy worker is asked again after this, and is unhealthy after so many failures in a row (kLongestGap apart).
  static constexpr Duration kWatchGap = seconds(5);
  static constexpr int kFailuresInARow = 3;

  Readiness(const plan::Plan& plan, Time start);  // the plan must outlive it

  // Questions to ask now; each waits for its on_answer() then.
  std::vector<Question> due(Time now);
  void on_answer(const Question& question, const Answer& answer, Time now);
  Time next() const;  // when due() has something, answers aside

  bool ready() const { return ready_; }

  struct Unhealthy {
    int worker = 0;
    std::string last_said;
  };
  const std::optional<Unhealthy>& unhealthy() const { return unhealthy_; }

  // In one line, while it is not ready: "3 of 8 workers are healthy; http://...: connection refused".
  std::string waiting_for() const;
  // Who is not ready and what they last said, one line each.
  std::vector<std::string> who_is_not_ready() const;

 private:
  struct Subject {
    Time next;
    Duration gap = kFirstGap;
    bool pending = false;
    bool good = false;
    int failures = 0;  // in a row, since it was good
    std::string last_said = "not asked yet";
  };
  std::size_t healthy_workers() const;
  bool may_ask_for_token() const;
  void hear(Subject& subject, std::string complaint, Time now);
  static void ask_if_due(Subject& subject, Question question, Time now, std::vector<Question>& questions);

  const plan::Plan& plan_;
  std::vector<Subject> workers_;
  Subject router_;
  Subject token_;
  bool ready_ = false;
  std::optional<Unhealthy> unhealthy_;
};

}  // namespace infbench::launch
