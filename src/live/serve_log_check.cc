// check_log: the inputs of a log through fresh engines in virtual time.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include <simdjson.h>

#include "live/serve_log.h"
#include "live/step_times_json.h"

namespace infbench::live {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kDifferencesMax = 20;

struct LoggedInput {
  std::string type;
  Time at;
  engine::EngineRequest request;  // of other inputs than submit: the id
  std::vector<PageHash> pages;
};

struct LoggedAnswer {
  std::uint64_t request = 0;
  std::vector<Time> due;
};

// Everything that a log says about one worker.
struct LoggedLife {
  LoggedWorker worker;
  std::vector<LoggedInput> inputs;
  std::set<std::uint64_t> requests;
  std::string events;
  std::vector<LoggedAnswer> answers;
};

using Lives = std::map<std::uint64_t, LoggedLife>;

// Each token's due time by request, from steps taken one by one; all else goes on as lines.
class DueTimes final : public engine::Sink {
 public:
  explicit DueTimes(EngineLines& lines) : lines_(lines) {}

  void kv_reserved(RequestId id, Time at) override { lines_.kv_reserved(id, at); }
  void kv_ready(RequestId id, Tokens from, Tokens to, bool last, Time at) override { lines_.kv_ready(id, from, to, last, at); }
  void first_token(RequestId id, Tokens cached, Time at) override {
    due[id.value].push_back(at);
    lines_.first_token(id, cached, at);
  }
  void decoded(const engine::DecodeRun& run) override {
    for (const RequestId id : run.requests) due[id.value].push_back(run.first_end);
    lines_.decoded(run);
  }
  void finished(RequestId id, Time at) override { lines_.finished(id, at); }
  void refused(RequestId id, engine::Refusal why, Time at) override { lines_.refused(id, why, at); }

  std::map<std::uint64_t, std::vector<Time>> due;

 private:
  EngineLines& lines_;
};

// Throws simdjson_error where a member is missing or of another type.
LoggedWorker read_worker(dom::element line) {
  LoggedWorker out;
  out.worker = static_cast<std::uint32_t>(line["worker"].get_uint64().value());
  const std::string_view role = line["role"];
  out.config = {.role = role == "prefill"  ? Role::prefill
                        : role == "decode" ? Role::decode
                                           : Role::aggregated,
                .kv_capacity = line["kv_capacity"].get_int64(),
                .page = line["page"].get_int64(),
                .chunk = line["chunk"].get_int64(),
                .context_length = line["context_length"].get_int64()};
  out.step_times = read_step_times(line["step_times"]);
  return out;
}

LoggedInput read_input(std::string_view type, dom::element line) {
  LoggedInput out;
  out.type = type;
  out.at = {line["at"].get_int64()};
  out.request.id = {line["request"].get_uint64()};
  if (type != "submit") return out;
  const std::string_view stage = line["stage"];
  out.request.stage = stage == "prefill" ? Stage::prefill : stage == "decode" ? Stage::decode : Stage::whole;
  out.request.input = line["input"].get_int64();
  out.request.output = line["output"].get_int64();
  for (const dom::element page : line["pages"].get_array()) out.pages.push_back({page.get_uint64()});
  return out;
}

LoggedAnswer read_answer(dom::element line) {
  LoggedAnswer out;
  out.request = line["request"].get_uint64();
  Time at;
  for (const dom::element distance : line["due"].get_array()) out.due.push_back(at = at + Duration{distance.get_int64()});
  return out;
}

// What an engine would take for a bug of its driver.
void check_input(const LoggedLife& life, const LoggedInput& input) {
  const bool submit = input.type == "submit";
  const Role role = life.worker.config.role;
  if (submit && life.requests.count(input.request.id.value) > 0)
    throw std::runtime_error("a request that was submitted before");
  if (submit && (input.request.input <= 0 || input.request.output <= 0)) throw std::runtime_error("a request without tokens");
  if (!life.inputs.empty() && input.at <= life.inputs.back().at)
    throw std::runtime_error("a stamp that is not later than the last");
  const bool of_prefill = input.type == "room_ready" || input.type == "kv_sent";
  if ((of_prefill && role != Role::prefill) || (input.type == "kv_arrived" && role != Role::decode)) {
    throw std::runtime_error("an input that a worker of this role does not have");
  }
}

void check_worker(const engine::WorkerConfig& config) {
  if (config.page <= 0 || config.chunk < config.page || config.kv_capacity < config.page) {
    throw std::runtime_error("settings that no worker can have");
  }
}

void read_line(std::string_view text, dom::element line, Lives& lives) {
  const std::string_view type = line["type"];
  const std::uint64_t worker = line["worker"].get_uint64();
  if (type == "worker") {
    if (lives.count(worker) > 0) throw std::runtime_error("a worker that was there before");
    const LoggedWorker read = read_worker(line);
    check_worker(read.config);
    lives[worker].worker = read;
    return;
  }
  LoggedLife& life = lives.at(worker);
  if (type == "answer") {
    life.answers.push_back(read_answer(line));
  } else if (type == "submit" || type == "room_ready" || type == "kv_arrived" || type == "kv_sent" || type == "cancel" ||
             type == "flush") {
    LoggedInput input = read_input(type, line);
    check_input(life, input);
    if (type == "submit") life.requests.insert(input.request.id.value);
    life.inputs.push_back(std::move(input));
  } else {
    life.events += text;
    life.events += '\n';
  }
}

Result<Lives> read_log(std::string_view text) {
  Lives lives;
  dom::parser parser;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    try {
      read_line(line, parser.parse(line.data(), line.size()), lives);
    } catch (const std::exception& error) {  // simdjson's, or a worker without settings
      return fail(Error{.what = std::string("not a line of a truth log: ") + error.what(),
                        .hint = {},
                        .file = {},
                        .line = number,
                        .source_line = {}});
    }
  }
  return lives;
}

void give(engine::Worker& worker, LoggedInput& input) {
  const RequestId id = input.request.id;
  if (input.type == "submit") {
    input.request.pages = input.pages;
    worker.submit(input.request, input.at);
  } else if (input.type == "room_ready") {
    worker.room_ready(id, input.at);
  } else if (input.type == "kv_arrived") {
    worker.kv_arrived(id, input.at);
  } else if (input.type == "kv_sent") {
    worker.kv_sent(id, input.at);
  } else if (input.type == "cancel") {
    worker.cancel(id, input.at);
  }
}

void run_until(engine::Worker& worker, Time until, engine::Sink& sink) {
  for (auto end = worker.next(); end && *end < until; end = worker.next()) {
    worker.advance(*end, sink);
    worker.settle(*end, sink);
  }
}

void complain(LogCheck& check, std::string what) {
  if (check.differences.size() < kDifferencesMax) check.differences.push_back(std::move(what));
}

// Line by line; what a log does not say any more (it was cut when the server stopped) is no difference.
void compare_events(std::string_view logged, std::string_view replayed, LogCheck& check) {
  while (!logged.empty()) {
    const std::string_view ours = replayed.substr(0, std::min(replayed.find('\n'), replayed.size()));
    const std::string_view line = logged.substr(0, std::min(logged.find('\n'), logged.size()));
    logged.remove_prefix(std::min(line.size() + 1, logged.size()));
    replayed.remove_prefix(std::min(ours.size() + 1, replayed.size()));
    ++check.events;
    if (line == ours) continue;
    complain(check, "logged " + std::string(line) + ", replayed " + std::string(ours));
    return;  // what follows would differ too
  }
}

void replay_life(LoggedLife& life, LogCheck& check) {
  const cost::StepTime step_time(life.worker.step_times);
  engine::Worker worker(life.worker.config, step_time);
  std::string text;
  EngineLines lines(life.worker.worker, text);
  DueTimes sink(lines);
  for (LoggedInput& input : life.inputs) {
    run_until(worker, input.at, sink);
    worker.advance(input.at, sink);
    if (input.type == "flush") {
      worker = engine::Worker(life.worker.config, step_time);
      continue;
    }
    give(worker, input);
    worker.settle(input.at, sink);
  }
  run_until(worker, kNever, sink);
  lines.end_run();
  check.inputs += life.inputs.size();
  compare_events(life.events, text, check);
  for (const LoggedAnswer& answer : life.answers) {
    const std::vector<Time>& due = sink.due[answer.request];
    check.tokens += answer.due.size();
    if (due.size() < answer.due.size() || !std::equal(answer.due.begin(), answer.due.end(), due.begin())) {
      complain(check, "due times of request " + std::to_string(answer.request) + " differ");
    }
  }
}

}  // namespace

Result<LogCheck> check_log(std::string_view text) {
  auto lives = read_log(text);
  if (!lives) return fail(std::move(lives.error()));
  LogCheck check;
  for (auto& [worker, life] : *lives) replay_life(life, check);
  return check;
}

}  // namespace infbench::live
