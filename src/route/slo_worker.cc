#include "route/slo_worker.h"

#include <algorithm>

#include "base/check.h"

namespace infbench::route {
namespace {

// Tuned on the first 20 minutes of the conversation trace, see docs/policies.md.
constexpr double kStallPerSecond = 0.25;  // seconds that others' prompts are expected to hold up a second of decoding
constexpr double kStall = 0.2;            // seconds, and however short it is
// An answer that is longer than expected is taken to get as long again as this share of what was.
constexpr double kLonger = 0.5;

double worth_of(double slack_s, double left_s) {
  return slack_s <= 0 ? 0 : slack_s / (slack_s + kStallPerSecond * left_s + kStall);
}

}  // namespace

void SloWorker::come_up(const WorkerSpec& spec, const cost::StepTime& assumed, Tokens chunk) {
  speed_ = spec.speed != nullptr ? spec.speed : &assumed;
  chunk_ = chunk;
  kv_capacity_ = spec.kv_capacity;
  cache_.set_capacity(spec.kv_capacity);
  queue_.set_step(seconds(0, chunk));
}

void SloWorker::clear() {
  cache_.clear();
  queue_.clear();
  jobs_.clear();
  inputs_ = kv_ = running_inputs_ = 0;
  running_ = 0;
  steps_ = step_ = marks_ = 0;
}

std::vector<SloWorker::Job>::iterator SloWorker::find(RequestId id) {
  return std::find_if(jobs_.begin(), jobs_.end(), [id](const Job& job) { return job.id == id; });
}

Duration SloWorker::seconds(Tokens cached, Tokens input) const {
  return {speed_->prefill(cached, input, chunk_) / cost::kTicksPerNs};
}

double SloWorker::step_s(std::size_t requests, Tokens context) const {
  if (requests == 0) return 0;
  return static_cast<double>(speed_->decode_sum(static_cast<int>(requests), context, 1)) / (1e9 * cost::kTicksPerNs);
}

// ---- The decode clock

double SloWorker::steps_at(Time now) const {
  if (step_ <= 0 || now <= counted_) return steps_;
  const Duration prompts = std::min(queue_.wait(counted_), now - counted_);
  return steps_ + to_s(now - counted_ - prompts) / step_;
}

// Before anything changes.
void SloWorker::count(Time now) {
  if (now <= counted_) return;
  steps_ = steps_at(now);
  counted_ = now;
}

// After it has.
void SloWorker::set_step() {
  if (running_ == 0) marks_ = 0;  // what rounding has left
  step_ = step_s(running_, running_inputs_ + answered(steps_));
}

// Tokens of all running answers, at this count of steps.
Tokens SloWorker::answered(double steps) const {
  return static_cast<Tokens>(std::max(0.0, static_cast<double>(running_) * (steps + 1) - marks_));
}

void SloWorker::begin(Job& job) {
  job.has_first = true;
  job.mark = steps_;
  ++running_;
  running_inputs_ += job.input;
  marks_ += job.mark;
}

// ---- What happens

void SloWorker::dispatch(const Event& event, Tokens answer, Time now) {
  INFBENCH_CHECK(event.asked != nullptr && speed_ != nullptr && answer > 0);
  const RequestView& asked = *event.asked;
  count(now);
  Job job{.id = event.request,
          .input = asked.input,
          .answer = event.stage == Stage::prefill ? 0 : answer,
          .most = asked.output_max,
          .prompt = {},
          .arrived = asked.at,
          .slo = asked.slo,
          .first = {}};
  if (event.stage != Stage::decode) {
    const bool seen = asked.streamed || event.stage == Stage::prefill;
    job.prompt = seconds(event.cached, asked.input);
    job.first = now + queue_.wait(now) + job.prompt;
    if (!seen) begin(job);
    queue_.push(event.request, job.prompt, now, seen);
    const Tokens kept = event.stage == Stage::prefill ? asked.input : asked.input + answer;
    cache_.hold(event.request, {asked.pages, kept, asked.page_tokens, asked.told_pages});
  }
  jobs_.push_back(job);
  inputs_ += job.input;
  kv_ += job.input + job.answer;
  if (job.has_first) set_step();
}

void SloWorker::computed(const Event& event) {
  count(event.at);
  queue_.computed(event.request, event.at);
  if (event.stage == Stage::prefill) {
    end(event.request, event.at);
    return;
  }
  const auto job = find(event.request);
  if (job == jobs_.end() || job->has_first) return;
  begin(*job);
  job->first = event.at;
  job->late = job->slo.ttft > Duration{} && event.at - job->arrived > job->slo.ttft;
  set_step();
}

double SloWorker::end(RequestId id, Time at) {
  count(at);
  queue_.drop(id);
  cache_.let_go(id);
  const auto job = find(id);
  if (job == jobs_.end()) return 0;
  double share = 0;
  if (job->has_first && job->most > 0) share = std::min(1.0, (steps_ - job->mark + 1) / static_cast<double>(job->most));
  inputs_ -= job->input;
  kv_ -= job->input + job->answer;
  if (job->has_first) {
    --running_;
    running_inputs_ -= job->input;
    marks_ -= job->mark;
  }
  jobs_.erase(job);
  set_step();
  return share;
}

// ---- What would happen

SloWorker::Estimate SloWorker::estimate(const RequestView& request, Tokens answer, double scale, Time now) const {
  Estimate out;
  if (request.stage != Stage::decode) {
    out.cached = cache_.cached(request);
    out.own = seconds(out.cached, request.input);
    out.wait = queue_.wait(now);
    out.own_s = to_s(out.own) * scale;
    out.wait_s = to_s(out.wait) * scale;
  }
  if (request.stage == Stage::prefill) {
    out.worth = 1;
    return out;
  }
  out.room = kv_capacity_ <= 0 || kv_ + request.input + answer <= kv_capacity_;
  const double steps = steps_at(now);
  // All who are there will decode together once their prompts are computed.
  const Tokens context = inputs_ + answered(steps);
  const Steps step{.now = step_s(jobs_.size(), context), .with_it = step_s(jobs_.size() + 1, context + request.input)};
  double ahead_s = 0;  // prompts up to and including the job's own
  for (const Job& job : jobs_) {
    if (!job.has_first) ahead_s += to_s(job.prompt) * scale;
    out.harm += harm_to(job, out, std::min(ahead_s, out.wait_s), steps, step, now);
  }
  out.worth = 1;
  if (request.slo.itl > Duration{} && answer > 1) {
    const auto left = static_cast<double>(answer - 1);
    out.worth = worth_of(left * (to_s(request.slo.itl) - step.with_it), left * step.with_it);
  }
  return out;
}

double SloWorker::harm_to(const Job& job, const Estimate& newcomer, double ahead_s, double steps, const Steps& step,
                          Time now) const {
  if (job.late || job.answer <= 1 || job.slo.itl <= Duration{}) return 0;
  double since_s = 0;
  double done = 0;
  double held_up_s = newcomer.wait_s;
  if (job.has_first) {
    since_s = std::max(0.0, to_s(now - job.first));
    done = steps - job.mark;
  } else {
    if (job.slo.ttft > Duration{} && to_s(now - job.arrived) + ahead_s > to_s(job.slo.ttft)) return 0;
    held_up_s -= ahead_s;
  }
  const auto all = static_cast<double>(job.answer - 1);
  const double expected = done < all ? all : done + kLonger * all;
  const double left = std::max(1.0, expected - done);
  const double slack = expected * to_s(job.slo.itl) - since_s - held_up_s - left * step.now;
  const double worth = worth_of(slack, left * step.now);
  if (worth <= 0) return 0;
  return worth - worth_of(slack - newcomer.own_s - left * (step.with_it - step.now), left * step.with_it);
}

}  // namespace infbench::route
