// GatewayBench: a Gateway in virtual time whose commands become short lines of text ("send 1 whole 0": call 1 goes to worker
// 0), so that tests can be read as timelines. For tests only; one thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "live/gateway.h"

namespace infbench::live::test {

inline UpstreamSettings upstream(int number, Role role = Role::aggregated) {
  UpstreamSettings worker;
  worker.target.host = "worker" + std::to_string(number);
  worker.target.port = 8000 + number;
  worker.target.url = "http://" + worker.target.host + ":" + std::to_string(worker.target.port);
  worker.role = role;
  return worker;
}

// Aggregated workers, all healthy, that are used in turn; no jitter.
inline GatewaySettings gateway_settings(int workers) {
  GatewaySettings s;
  for (int i = 0; i < workers; ++i) s.workers.push_back(upstream(i));
  s.policy = "round_robin";
  s.health.enabled = false;
  s.retry.jitter = 0;
  return s;
}

// Prefill workers first, then decode workers.
inline GatewaySettings pair_settings(int prefill, int decode) {
  GatewaySettings s = gateway_settings(0);
  s.disaggregated = true;
  for (int i = 0; i < prefill + decode; ++i) s.workers.push_back(upstream(i, i < prefill ? Role::prefill : Role::decode));
  return s;
}

inline PromptInfo prompt_info(std::uint64_t name = 1, Tokens tokens = 640) {
  PromptInfo prompt;
  PageHash last;
  for (Tokens i = 0; i < tokens / kGatewayPage; ++i) {
    last = chain(last, mix64(name * 1'000'003 + static_cast<std::uint64_t>(i)));
    prompt.pages.push_back(last);
  }
  prompt.input = tokens;
  prompt.output_max = 100;
  prompt.chars = static_cast<std::size_t>(tokens) * 4;
  return prompt;
}

inline std::string part_name(Part part) { return part == Part::whole ? "whole" : part == Part::prefill ? "prefill" : "decode"; }

inline std::string text_of(const GatewayCommand& c) {
  using What = GatewayCommand::What;
  const std::string call = std::to_string(c.call);
  const std::string part = " " + part_name(c.part);
  switch (c.what) {
    case What::send: return "send " + call + part + " " + std::to_string(c.worker.value);
    case What::drop: return "drop " + call + part;
    case What::relay: return "relay " + call + part;
    case What::refuse: return "refuse " + call + " " + std::to_string(c.status) + " " + std::string(c.code);
    case What::cut: return "cut " + call;
    case What::finished: return "finished " + call;
  }
  return "?";
}

class GatewayBench {
 public:
  using Lines = std::vector<std::string>;

  explicit GatewayBench(const GatewaySettings& settings) : now(Time{} + seconds(1)) {
    auto made = Gateway::make(settings, now);
    INFBENCH_CHECK(made.has_value());
    gateway = *std::move(made);
    gateway->advance(now);
  }

  CallId arrive(const PromptInfo& prompt = prompt_info(), std::string_view key = {}) {
    return gateway->arrived(prompt, key, now);
  }
  // Head, body and end of a good answer.
  void serve(CallId call, Part part = Part::whole, int status = 200) {
    gateway->answered(call, part, status, now);
    gateway->first_bytes(call, part, now);
    gateway->ended(call, part, now);
  }
  // Time goes by, from one due moment to the next.
  void pass(Duration duration) {
    const Time until = now + duration;
    while (gateway->next() <= until) {
      now = std::max(now, gateway->next());
      for (const WorkerId id : gateway->health_due(now)) gateway->health(id, !sick.contains(id.value), now);
      gateway->advance(now);
      take();
    }
    now = until;
  }

  // What the gateway has wanted since the last time.
  Lines commands() {
    take();
    return std::exchange(lines_, {});
  }

  int in_ledger(std::uint32_t worker) const {
    const auto& ledger = gateway->router().ledger();
    if (!ledger.knows({worker})) return 0;
    const route::WorkerView view = ledger.view({worker}, now);
    return view.waiting + view.running;
  }
  // Nothing is left of any call.
  bool is_idle() const {
    if (gateway->calls() != 0) return false;
    for (std::uint32_t i = 0; i < gateway->workers().size(); ++i) {
      if (gateway->workers()[i].active != 0 || in_ledger(i) != 0) return false;
    }
    return true;
  }

  Time now;
  std::unique_ptr<Gateway> gateway;
  std::set<std::uint32_t> sick;  // workers that answer health checks with an error

 private:
  void take() {
    std::vector<GatewayCommand> taken;
    gateway->take_commands(taken);
    for (const GatewayCommand& command : taken) lines_.push_back(text_of(command));
  }

  Lines lines_;
};

}  // namespace infbench::live::test
