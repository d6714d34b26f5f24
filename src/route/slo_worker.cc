#include "route/slo_worker.h"

#include <algorithm>
#include <cstdlib>

#include "base/check.h"

namespace infbench::route {
double tune(const char* name, double value) { const char* t = std::getenv(name); return t ? std::atof(t) : value; }
namespace {
const double kA = tune("SLO_A", 0.5), kB = tune("SLO_B", 0.2);

// What an answer is worth that can be held up by `slack` seconds more and needs `left` seconds of decoding.
double worth_of(double slack, double left) { return slack <= 0 ? 0 : slack / (slack + kA * left + kB); }

}  // namespace

void SloWorker::come_up(const WorkerSpec& spec, const cost::StepTime* assumed, Tokens chunk) {
  speed_ = spec.speed != nullptr ? spec.speed : assumed;
  chunk_ = chunk;
  kv_capacity_ = spec.kv_capacity;
  cache_.set_capacity(spec.kv_capacity);
  queue_.set_step(seconds(0, chunk));
}

void SloWorker::clear() {
  cache_.clear();
  queue_.clear();
  jobs_.clear();
  inputs_ = kv_ = 0;
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
  if (step_ <= 0) return steps_;
  const Duration prompts = std::min(queue_.wait(counted_), now - counted_);
  return steps_ + to_s(now - counted_ - prompts) / step_;
}

void SloWorker::count(Time now) {
  if (now < counted_) return;
  steps_ = steps_at(now);
  counted_ = now;
  std::size_t running = 0;
  double tokens = 0;
  Tokens inputs = 0;
  for (const Job& job : jobs_) {
    if (!job.has_first) continue;
    ++running;
    inputs += job.input;
    tokens += steps_ - job.mark + 1;
  }
  step_ = step_s(running, inputs + static_cast<Tokens>(tokens));
}

// ---- What happens

void SloWorker::dispatch(const Event& event, Tokens answer, Time now) {
  INFBENCH_CHECK(event.asked != nullptr && speed_ != nullptr);
  const RequestView& asked = *event.asked;
  count(now);
  Job job{.id = event.request, .input = asked.input, .answer = answer, .prompt = {}, .arrived = asked.at, .slo = asked.slo, .first = {}};
  if (event.stage != Stage::decode) {
    job.prompt = seconds(event.cached, asked.input);
    queue_.push(event.request, job.prompt, now);
    const Tokens kept = event.stage == Stage::prefill ? asked.input : asked.input + asked.output_max;
    cache_.hold(event.request, asked.pages, kept, asked.page_tokens);
  }
  if (event.stage == Stage::prefill) job.answer = 0;
  jobs_.push_back(job);
  inputs_ += job.input;
  kv_ += job.input + job.answer;
}

void SloWorker::computed(const Event& event) {
  count(event.at);
  queue_.computed(event.request, event.at);
  const auto job = std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& each) { return each.id == event.request; });
  if (job == jobs_.end() || job->has_first) return;
  if (event.stage == Stage::prefill) {
    end(event.request, event.stage, event.at);
    return;
  }
  job->has_first = true;
  job->first = event.at;
  job->mark = steps_;
  job->late = event.at - job->arrived > job->slo.ttft;
  count(event.at);
}

std::int64_t SloWorker::end(RequestId id, Stage stage, Time at) {
  count(at);
  queue_.drop(id);
  cache_.let_go(id);
  const auto job = std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& each) { return each.id == id; });
  if (job == jobs_.end()) return 0;
  const std::int64_t tokens = job->has_first ? static_cast<std::int64_t>(steps_ - job->mark) + 1 : 0;
  inputs_ -= job->input;
  kv_ -= job->input + job->answer;
  jobs_.erase(job);
  count(at);
  return stage == Stage::prefill ? 0 : tokens;
}

// ---- What would happen

SloWorker::Estimate SloWorker::estimate(const RequestView& request, Tokens answer, double scale, Time now) const {
  Estimate out;
  const bool decode = request.stage == Stage::decode;
  if (!decode) {
    out.cached = cache_.cached(request);
    out.own = seconds(out.cached, request.input);
    out.wait = queue_.wait(now);
    out.ttft_s = to_s(out.own + out.wait) * scale;
  }
  if (request.stage == Stage::prefill) {
    out.worth = 1;
    return out;
  }
  out.room = kv_capacity_ <= 0 || kv_ + request.input + answer <= kv_capacity_;
  const double own = to_s(out.own) * scale;
  const double wait = to_s(out.wait) * scale;
  const double steps = steps_at(now);
  double tokens = 0;
  for (const Job& job : jobs_) {
    if (job.has_first) tokens += steps - job.mark + 1;
  }
  const Tokens read = inputs_ + static_cast<Tokens>(tokens);
  const double step = step_s(jobs_.size(), read);
  const double longer = step_s(jobs_.size() + 1, read + request.input);
  double ahead = 0;  // prompts up to and including this one's
  for (const Job& job : jobs_) {
    if (!job.has_first) ahead += to_s(job.prompt) * scale;
    if (job.late || job.answer <= 1 || job.slo.itl <= Duration{}) continue;
    double held_up = wait;
    double since = 0;
    double done = 0;
    if (job.has_first) {
      since = to_s(now - job.first);
      done = steps - job.mark;
    } else {
      if (to_s(now - job.arrived) + std::min(ahead, wait) > to_s(job.slo.ttft)) continue;
      held_up = std::max(0.0, wait - ahead);
    }
    const double all = static_cast<double>(job.answer - 1);
    // Longer than expected: as long again as half of what was.
    const double expected = done < all ? all : done + 0.5 * all;
    const double left = std::max(1.0, expected - done);
    const double slack = expected * to_s(job.slo.itl) - since - held_up - left * step;
    const double before = worth_of(slack, left * step);
    if (before <= 0) continue;
    out.harm += before - worth_of(slack - own - left * (longer - step), left * longer);
  }
  if (request.slo.itl <= Duration{} || answer <= 1) {
    out.worth = 1;
  } else {
    const double left = static_cast<double>(answer - 1);
    out.worth = worth_of(left * (to_s(request.slo.itl) - longer), left * longer);
  }
  return out;
}

}  // namespace infbench::route
