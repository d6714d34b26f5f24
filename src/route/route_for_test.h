// What the tests of this room share: prompts made of named pieces, a step time with round numbers, a policy with views set by
// hand. For tests only, one thread.
#pragma once

#include <initializer_list>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "cost/step_time.h"
#include "route/factory.h"
#include "route/policy.h"

namespace infbench::route::testing {

inline constexpr Tokens kPage = 64;

struct Prompt {
  std::vector<PageHash> pages;
  Tokens input = 0;
};

// A piece is `pages` pages of one text; pieces with the same name after the same beginning are equal from their start.
struct Piece {
  std::uint64_t name = 0;
  int pages = 0;
};

inline Prompt prompt_of(std::initializer_list<Piece> pieces, Tokens partial_page = 0) {
  Prompt prompt;
  PageHash last;
  for (const Piece& piece : pieces) {
    for (int i = 0; i < piece.pages; ++i) {
      last = chain(last, mix64(piece.name * 1'000'003 + static_cast<std::uint64_t>(i)));
      prompt.pages.push_back(last);
    }
  }
  prompt.input = static_cast<Tokens>(prompt.pages.size()) * kPage + partial_page;
  return prompt;
}

inline RequestView view_of(std::uint64_t id, const Prompt& prompt, Tokens output_max = 100, Time at = {}) {
  return {.id = RequestId{id},
          .at = at,
          .pages = prompt.pages,
          .page_tokens = kPage,
          .input = prompt.input,
          .output_max = output_max,
          .chars = static_cast<std::size_t>(prompt.input) * 4,
          .key = {},
          .slo = {.ttft = seconds(2), .itl = milliseconds(25)},
          .prefill = {}};
}

// 100 us for each token of a step; a decode step takes 10 ms more, and 1 us for each 1,000 tokens of context.
inline cost::StepTime round_speed() {
  cost::Coefficients coefficients;
  coefficients.step = 1;
  coefficients.token = microseconds(100).ns * cost::kTicksPerNs;
  coefficients.decode_step = milliseconds(10).ns * cost::kTicksPerNs;
  coefficients.kv_token = cost::kTicksPerNs;
  return cost::StepTime(coefficients);
}

inline std::unique_ptr<Policy> policy_named(std::string_view name) {
  Result<std::unique_ptr<Policy>> policy = make_policy(name, {});
  return policy.has_value() ? std::move(*policy) : nullptr;
}

inline std::vector<WorkerSpec> workers_of(std::initializer_list<Role> roles, const cost::StepTime* speed = nullptr,
                                          Tokens kv_capacity = 1'000'000) {
  std::vector<WorkerSpec> specs;
  for (const Role role : roles) {
    const WorkerId id{static_cast<std::uint32_t>(specs.size())};
    specs.push_back({.id = id, .role = role, .kv_capacity = kv_capacity, .speed = speed});
  }
  return specs;
}

// A policy among workers whose views a test sets by hand.
class PolicyBench {
 public:
  PolicyBench(std::unique_ptr<Policy> policy, const std::vector<WorkerSpec>& specs) : policy_(std::move(policy)), random_(1) {
    for (const WorkerSpec& spec : specs) {
      views.push_back({.id = spec.id, .role = spec.role, .kv_capacity = spec.kv_capacity, .requests = {}, .speed = spec.speed});
      tell({.what = Event::What::up, .worker = spec.id, .spec = &spec});
    }
  }

  std::vector<WorkerView> views;  // of those that can be had
  Time now;

  std::variant<Pick, Hold> try_ask(const RequestView& request) { return policy_->pick(request, views, random_, now); }
  Pick ask(const RequestView& request) { return std::get<Pick>(try_ask(request)); }

  void dispatch(RequestView request, Pick pick) {
    tell({.what = Event::What::dispatched,
          .at = now,
          .worker = pick.worker,
          .request = request.id,
          .stage = request.stage,
          .cached = pick.cached,
          .pages = request.pages,
          .asked = &request});
  }

  Pick send(const RequestView& request) {
    const Pick pick = ask(request);
    dispatch(request, pick);
    return pick;
  }

  void tell(const Event& event) { policy_->on(event, now); }
  void tell(Event::What what, WorkerId worker, RequestId request = {}, Stage stage = Stage::whole) {
    tell({.what = what, .at = now, .worker = worker, .request = request, .stage = stage});
  }

 private:
  std::unique_ptr<Policy> policy_;
  Random random_;
};

}  // namespace infbench::route::testing
