#include "live/gateway_log_check.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <simdjson.h>

#include "live/gateway_log.h"
#include "live/gateway_log_fields.h"
#include "live/replay_inputs.h"
#include "live/step_times_json.h"

namespace infbench::live {
namespace {

namespace dom = simdjson::dom;

template <class Value>
void read_setting(dom::element from, Value& to) {
  if constexpr (std::is_same_v<Value, Duration>) {
    to = {from.get_int64()};
  } else if constexpr (std::is_same_v<Value, std::string>) {
    to = std::string_view(from.get_string());
  } else if constexpr (std::is_same_v<Value, bool>) {
    to = from.get_bool();
  } else if constexpr (std::is_same_v<Value, double>) {
    to = from.get_double();
  } else if constexpr (std::is_same_v<Value, std::uint64_t>) {
    to = from.get_uint64();
  } else if constexpr (std::is_integral_v<Value> || std::is_enum_v<Value>) {
    to = static_cast<Value>(from.get_int64().value());
  } else if (from.is_null()) {  // an optional
    to.reset();
  } else {
    typename Value::value_type value{};
    read_setting(from, value);
    to = value;
  }
}

Part part_of(std::string_view name) {
  return name == "prefill" ? Part::prefill : name == "decode" ? Part::decode : Part::whole;
}

Role role_of(std::string_view name) {
  return name == "prefill" ? Role::prefill : name == "decode" ? Role::decode : Role::aggregated;
}

// One run of a gateway: what it was told and said, and a fresh one that is told the same.
class Rerun {
 public:
  explicit Rerun(dom::element line) {
    GatewaySettings settings;
    for_each_logged_setting(settings, [&](const char* name, auto& value) { read_setting(line[name].value(), value); });
    const Time at{line["at"].get_int64()};
    log_ = std::make_unique<GatewayLog>(settings, at, line["epoch_ns"].get_int64().value());
    auto gateway = Gateway::make(settings, at, log_.get());
    if (!gateway) throw std::runtime_error(gateway.error().front().what);
    gateway_ = *std::move(gateway);
    now_ = at;
  }

  // True: the line was an input, and the gateway has been given it.
  bool give(std::string_view type, dom::element line) {
    const Time at{line["at"].get_int64()};
    if (at < now_) throw std::runtime_error("a stamp that lies before the last");
    now_ = at;
    return of_call(type, line, at) || of_worker(type, line, at);
  }

  // What the replay has said beyond what was compared.
  std::string& said() { return log_->text(); }
  bool differs = false;

 private:
  bool of_call(std::string_view type, dom::element line, Time at) {
    if (type == "advance") return gateway_->advance(at), true;
    if (type == "arrived") return arrived(line, at), true;
    const bool of_part = type == "answered" || type == "first_bytes" || type == "ended" || type == "broke";
    if (!of_part && type != "left") return false;
    const CallId call = line["request"].get_uint64();
    if (type == "left") return gateway_->left(call, at), true;
    const Part part = part_of(line["part"].get_string());
    if (type == "answered") gateway_->answered(call, part, static_cast<int>(line["status"].get_int64().value()), at);
    if (type == "first_bytes") gateway_->first_bytes(call, part, at);
    if (type == "ended") gateway_->ended(call, part, at);
    if (type == "broke") gateway_->broke(call, part, at);
    return true;
  }

  bool of_worker(std::string_view type, dom::element line, Time at) {
    if (type == "health_asked") return gateway_->health_due(at), true;
    if (type == "worker_added") return add_worker(line, at), true;
    constexpr std::pair<std::string_view, KvChange> kKv[] = {{"kv_stored", KvChange::stored},
                                                             {"kv_removed", KvChange::removed},
                                                             {"kv_cleared", KvChange::cleared},
                                                             {"kv_lost", KvChange::lost}};
    const auto* kv = std::ranges::find(kKv, type, &std::pair<std::string_view, KvChange>::first);
    if (kv == std::end(kKv) && type != "health" && type != "worker_removed") return false;
    const std::uint64_t worker = line["worker"].get_uint64();
    if (worker >= gateway_->workers().size()) throw std::runtime_error("a worker that was not added");
    const WorkerId id{static_cast<std::uint32_t>(worker)};
    if (type == "health") return gateway_->health(id, line["ok"].get_bool(), at), true;
    if (type == "worker_removed") return gateway_->remove_worker(id, at), true;
    gateway_->kv(id, kv->second, pages_of(line), at);
    return true;
  }

  const std::vector<PageHash>& pages_of(dom::element line) {
    prompt_.pages.clear();
    for (const dom::element page : line["pages"].get_array()) prompt_.pages.push_back({page.get_uint64()});
    return prompt_.pages;
  }

  void arrived(dom::element line, Time at) {
    pages_of(line);
    prompt_.input = line["input"].get_int64();
    prompt_.output_max = line["output_max"].get_int64();
    prompt_.chars = static_cast<std::size_t>(line["chars"].get_uint64().value());
    prompt_.streamed = line["streamed"].get_bool();
    prompt_.page_tokens = line["page_tokens"].get_int64();
    prompt_.told_pages = line["told_pages"].get_bool();
    if (prompt_.input <= 0 || prompt_.output_max < 0) throw std::runtime_error("a request without tokens");
    gateway_->arrived(prompt_, line["key"].get_string(), at);
  }

  void add_worker(dom::element line, Time at) {
    auto target = parse_target(std::string(std::string_view(line["url"].get_string())));
    if (!target) throw std::runtime_error(target.error().front().what);
    UpstreamSettings worker{.target = *std::move(target), .role = role_of(line["role"].get_string()), .bootstrap_port = {}};
    worker.kv_capacity = line["kv_capacity"].get_int64();
    if (const dom::element step_times = line["step_times"]; !step_times.is_null()) {
      worker.speed = &speeds_.emplace_back(read_step_times(step_times));
    }
    gateway_->add_worker(worker, at);
  }

  std::deque<cost::StepTime> speeds_;
  std::unique_ptr<GatewayLog> log_;
  std::unique_ptr<Gateway> gateway_;
  PromptInfo prompt_;
  Time now_;
};

// The line has to be the next that the replay has said, itself included if it was an input.
void compare(std::string_view line, Rerun& rerun, GatewayLogCheck& check) {
  if (rerun.differs) return;
  std::string& said = rerun.said();
  const std::string ours = said.substr(0, said.find('\n'));
  said.erase(0, ours.size() + 1);
  if (ours == line) return;
  rerun.differs = true;  // what follows would differ too
  check.differences.push_back("logged " + std::string(line) + ", replayed " + (ours.empty() ? "nothing" : ours));
}

}  // namespace

Result<GatewayLogCheck> check_gateway_log(std::string_view text) {
  GatewayLogCheck check;
  dom::parser parser;
  std::optional<Rerun> rerun;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) break;  // cut short
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    ++number;
    try {
      const dom::element read = parser.parse(line.data(), line.size());
      const std::string_view type = read["type"];
      if (type == "gateway") {
        rerun.emplace(read);
      } else {
        if (!rerun) throw std::runtime_error("no gateway before it");
        if (rerun->give(type, read)) ++check.inputs;
        if (type == "choice") ++check.choices;
      }
      compare(line, *rerun, check);
    } catch (const std::exception& error) {  // simdjson's, or a line that says what cannot be
      return fail(Error{.what = std::string("not a line of a decision log: ") + error.what(),
                        .hint = {},
                        .file = {},
                        .line = number,
                        .source_line = {}});
    }
  }
  return check;
}

}  // namespace infbench::live
