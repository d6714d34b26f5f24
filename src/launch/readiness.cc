#include "launch/readiness.h"

#include <algorithm>

#include <fmt/format.h>

namespace infbench::launch {

Readiness::Readiness(const plan::Plan& plan, Time start) : plan_(plan), workers_(plan.workers.size()) {
  for (Subject& worker : workers_) worker.next = start;
  router_.next = start;
  token_.next = start;
}

std::size_t Readiness::healthy_workers() const {
  return static_cast<std::size_t>(std::ranges::count(workers_, true, &Subject::good));
}

bool Readiness::may_ask_for_token() const { return !ready_ && router_.good && healthy_workers() == workers_.size(); }

void Readiness::ask_if_due(Subject& subject, Question question, Time now, std::vector<Question>& questions) {
  if (subject.pending || subject.next > now) return;
  subject.pending = true;
  questions.push_back(question);
}

std::vector<Question> Readiness::due(Time now) {
  std::vector<Question> questions;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    ask_if_due(workers_[i], {.kind = QuestionKind::health, .worker = static_cast<int>(i)}, now, questions);
  }
  if (!router_.good) ask_if_due(router_, {.kind = QuestionKind::router_workers}, now, questions);
  if (may_ask_for_token()) ask_if_due(token_, {.kind = QuestionKind::first_token}, now, questions);
  return questions;
}

void Readiness::hear(Subject& subject, std::string complaint, Time now) {
  subject.pending = false;
  if (complaint.empty()) {
    subject.good = true;
    subject.failures = 0;
    subject.gap = kFirstGap;
    subject.next = now + kWatchGap;
    return;
  }
  ++subject.failures;
  subject.last_said = std::move(complaint);
  subject.next = now + subject.gap;
  subject.gap = std::min(subject.gap * 2, kLongestGap);
}

void Readiness::on_answer(const Question& question, const Answer& answer, Time now) {
  if (question.kind == QuestionKind::health) {
    Subject& worker = workers_.at(static_cast<std::size_t>(question.worker));
    hear(worker, complaint_of_status(answer), now);
    if (!worker.good || worker.failures == 0) return;
    worker.next = now + kLongestGap;
    if (worker.failures >= kFailuresInARow && !unhealthy_) {
      unhealthy_ = {.worker = question.worker, .last_said = worker.last_said};
    }
  } else if (question.kind == QuestionKind::router_workers) {
    hear(router_, complaint_of_router(answer, plan_), now);
  } else if (question.kind == QuestionKind::first_token) {
    hear(token_, complaint_of_first_token(answer), now);
    ready_ = ready_ || token_.good;
  }
}

Time Readiness::next() const {
  Time next = kNever;
  for (const Subject& worker : workers_) {
    if (!worker.pending) next = std::min(next, worker.next);
  }
  if (!router_.good && !router_.pending) next = std::min(next, router_.next);
  if (may_ask_for_token() && !token_.pending) next = std::min(next, token_.next);
  return next;
}

std::string Readiness::waiting_for() const {
  const std::vector<std::string> missing = who_is_not_ready();
  return fmt::format("{} of {} workers are healthy{}{}", healthy_workers(), workers_.size(), missing.empty() ? "" : "; ",
                     missing.empty() ? "" : missing.front());
}

std::vector<std::string> Readiness::who_is_not_ready() const {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (!workers_[i].good) lines.push_back(fmt::format("worker {}: {}", plan_.workers[i].url, workers_[i].last_said));
  }
  if (!router_.good) lines.push_back(fmt::format("router {}: {}", plan_.router.url, router_.last_said));
  if (lines.empty() && !ready_) lines.push_back(fmt::format("first token from {}: {}", plan_.router.url, token_.last_said));
  return lines;
}

}  // namespace infbench::launch
