#include "run.h"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "base/check.h"
#include "live/replay_schedule.h"
#include "live/serve_for_test.h"
#include "trace/read.h"

namespace infbench::faults {
namespace {

constexpr Duration kHealAfter = seconds(8);
constexpr Duration kPatience = seconds(5'000);  // for the whole run
constexpr Duration kRest = seconds(66);         // longer than every linger and idle time
constexpr std::uint64_t kStepsMost = 2'000'000;
constexpr std::uint64_t kLogged = 8;  // of so many seeds one keeps a decision log

std::map<std::string, Role> roles_of(const Scenario& scenario) {
  std::map<std::string, Role> roles;
  for (std::size_t i = 0; i < scenario.workers.size(); ++i) roles[worker_host(i)] = scenario.workers[i];
  return roles;
}

}  // namespace

Run::Run(const Scenario& scenario, bool verbose)
    : scenario_(scenario), network_(scenario.seed, scenario.rates), calls_(roles_of(scenario)) {
  network_.verbose = verbose;
  network_.watch = {.sent = [this](const Wire& w, int side, std::string_view bytes) { calls_.sent(w, side, bytes); },
                    .read = [this](const Wire& w, int side, std::string_view bytes) { calls_.read(w, side, bytes); },
                    .gone = [this](const Wire& w, int side, bool told) { calls_.gone(w, side, told); },
                    .stepped = [this](LoopId loop) { check_step(network_.host_of(loop)); }};
}

Run::~Run() {
  network_.watch = {};
  strangers_.clear();
  admins_.clear();
  if (!log_path_.empty()) static_cast<void>(::unlink(log_path_.c_str()));
}

void Run::wrong(const std::string& what) {
  if (!complaint_.empty() || what.empty()) return;
  complaint_ = what;
  network_.note("WRONG: " + what);
}

// When the first request is due. Where none may fail all workers are to be known as healthy by then.
Duration Run::begin() const { return scenario_.calm ? seconds(4) : milliseconds(500); }

// ---- The programs

void Run::start_workers() {
  for (std::size_t i = 0; i < scenario_.workers.size(); ++i) {
    workers_.push_back(nullptr);
    if (scenario_.flaky == i) {
      flaky_ = std::make_unique<FlakyProgram>(i, scenario_.workers[i]);
    } else {
      workers_.back() = std::make_unique<WorkerProgram>(scenario_, i);
      workers_.back()->start();
    }
  }
}

void Run::start_gateway() {
  network_.enter("gateway");
  gateway_loop_ = std::make_unique<net::EventLoop>();
  if (scenario_.seed % kLogged == 0) {
    log_path_ = "/tmp/faults_test." + std::to_string(::getpid()) + ".jsonl";
    static_cast<void>(::unlink(log_path_.c_str()));
    log_ = std::make_unique<live::GatewayLog>(scenario_.gateway, network_.now(), network_.epoch_ns(network_.now()));
    log_file_ = std::make_unique<live::DecisionFile>(live::DecisionFile::open(log_path_).value());
  }
  auto gateway = live::Gateway::make(scenario_.gateway, network_.now(), log_.get());
  INFBENCH_CHECK(gateway.has_value());
  gateway_ = std::make_unique<live::GatewayShell>(*gateway_loop_, scenario_.gateway, *std::move(gateway),
                                                  [this] { gateway_drained_ = true; });
  if (log_ != nullptr) gateway_->write_log_to(*log_, *log_file_);
  INFBENCH_CHECK(gateway_->open().has_value());
}

void Run::start_client(const std::string& rows) {
  sender_.reset();
  network_.enter("client");
  client_loop_ = std::make_unique<net::EventLoop>();
  trace_ = trace::read_trace_text(rows, "rows").value().trace;
  sender_options_.targets = {scenario_.gateway.workers.front().target};
  sender_options_.targets.front().host = "gateway";
  sender_options_.targets.front().port = kGatewayPort;
  sender_options_.request.model = "test/model";
  sender_options_.request.endpoint = scenario_.chat ? live::Endpoint::chat : live::Endpoint::completions;
  sender_options_.request.streaming = scenario_.streaming;
  ++sender_options_.request.id_seed;
  sender_options_.keep_raw = true;
  sender_options_.use_server_count = scenario_.server_count;
  sender_options_.request_timeout = scenario_.client_timeout;
  sender_options_.connect_timeout = seconds(2);
  trace::Schedule schedule = live::fixed_schedule(trace_, 1.0, {}, {});
  schedule.in_flight_max = scenario_.in_flight_max;
  sender_ = std::make_unique<live::Sender>(*client_loop_, sender_options_, trace_, live::test::vocabulary().words(), schedule,
                                           network_.now() + begin(), std::size_t{1} << 20U,
                                           live::Sender::Events{.on_record = [this](const auto& live) { check_record(live); },
                                                                .on_finished = [this] { ++finished_; }});
  client_loop_->post([this] { sender_->start(); });
}

// ---- What goes wrong

void Run::plan_mishaps() {
  for (const Mishap& mishap : scenario_.mishaps) {
    network_.at(network_.now() + begin() + mishap.at, kNoLoop, [this, mishap] { do_mishap(mishap); });
  }
  for (std::size_t i = 0; i < scenario_.strangers; ++i) {
    network_.at(network_.now() + network_.up_to(seconds(5)), kNoLoop,
                [this, i] { strangers_.push_back(std::make_unique<StrangerProgram>(i, scenario_.chat)); });
  }
  network_.at(network_.now() + kHealAfter, kNoLoop, [this] { heal(); });
}

void Run::do_mishap(const Mishap& m) {
  using What = Mishap::What;
  switch (m.what) {
    case What::kill: return end_worker(m.host, m.length);
    case What::vanish:
      if (workers_[m.host] != nullptr && workers_[m.host]->runs()) network_.go_dark(worker_host(m.host));
      return end_worker(m.host, m.length);
    case What::drain:
      if (workers_[m.host] == nullptr || !workers_[m.host]->runs()) return;
      network_.note(worker_host(m.host) + " is drained");
      workers_[m.host]->drain();
      network_.at(network_.now() + m.length, kNoLoop, [this, m] { end_worker(m.host, milliseconds(10)); });
      return;
    case What::pause: {
      const std::size_t workers = workers_.size();
      return network_.pause(m.host < workers ? worker_host(m.host) : m.host == workers ? "gateway" : "client", m.length);
    }
    case What::close_idle:
      return network_.close_idle(m.host < workers_.size() ? worker_host(m.host) : "gateway",
                                 [this](const Wire& wire) { return calls_.idles(wire); });
    case What::clock_step: return network_.step_epoch(m.length);
    case What::remove: return replace_worker(m.host, m.length);
    case What::flush: admin({.method = "POST", .path = "/flush_cache"}); return;
    case What::stop_sending:
      network_.note("the client sends nothing more");
      return client_loop_->post([this] { sender_->stop_sending(); });
    case What::cancel:
      network_.note("the client gives up");
      return client_loop_->post([this] {
        cancelled_ = true;
        sender_->cancel();
      });
  }
}

void Run::end_worker(std::size_t index, Duration length) {
  WorkerProgram* worker = workers_[index].get();
  if (worker == nullptr || !worker->runs()) return;
  worker->kill();
  network_.at(network_.now() + length, kNoLoop, [this, index] { start_worker(*workers_[index]); });
}

void Run::start_worker(WorkerProgram& worker) {
  network_.come_back(worker.host());
  if (!worker.runs()) worker.start();
}

void Run::replace_worker(std::size_t index, Duration length) {
  replaced_ = true;
  calls_.forget_failures();
  const live::UpstreamSettings& worker = scenario_.gateway.workers[index];
  network_.note(worker_host(index) + " is taken out of the gateway");
  admin({.method = "DELETE", .path = "/workers/" + worker.target.url});
  std::string body = R"({"url":")" + worker.target.url + R"(","worker_type":")" +
                     (worker.role == Role::aggregated ? "regular" : std::string(name_of(worker.role))) + "\"";
  if (worker.bootstrap_port) body += ",\"bootstrap_port\":" + std::to_string(*worker.bootstrap_port);
  for (const Duration after : {length, kHealAfter * 3}) {  // the first may be lost on its way
    network_.at(network_.now() + after, kNoLoop, [this, index, body = body + "}"] {
      network_.note(worker_host(index) + " is given to the gateway");
      admin({.method = "POST", .path = "/workers", .body = body});
    });
  }
}

void Run::admin(const live::HttpCall::Request& request) {
  admins_.push_back(std::make_unique<AdminProgram>("gateway", kGatewayPort, request));
}

void Run::heal() {
  network_.note("nothing new goes wrong from here on");
  network_.heal();
  for (const auto& worker : workers_) {
    if (worker != nullptr) start_worker(*worker);
  }
}

// ---- The run

std::string Run::go() {
  network_.note(text_of(scenario_));
  start_workers();
  start_gateway();
  start_client(scenario_.rows);
  plan_mishaps();
  if (!run_until_finished()) wrong("the client's requests never end");
  check_client();
  if (complaint_.empty()) run_for(kRest + (network_.counts().stalls > 0 ? scenario_.rates.stall_most * 2 : Duration{}));
  if (complaint_.empty()) check_rest();
  if (complaint_.empty()) check_counters();
  if (complaint_.empty()) ask_again();
  if (complaint_.empty()) end_all();
  figures_.steps = network_.steps();
  figures_.faults = network_.counts();
  figures_.attempts = calls_.dispatched();
  return complaint_;
}

RunFigures Run::figures() const { return figures_; }

bool Run::run_until_finished() {
  const Time limit = network_.now() + kPatience;
  while (finished_ == 0 && complaint_.empty() && network_.steps() < kStepsMost) {
    if (!network_.step(limit)) return false;
  }
  return finished_ > 0 || !complaint_.empty();
}

void Run::run_for(Duration duration) {
  const Time until = network_.now() + duration;
  while (complaint_.empty() && network_.step(until)) {
  }
}

// Whatever has been, everything works again: as many requests as may be under way at once succeed.
void Run::ask_again() {
  const live::GatewaySettings& g = scenario_.gateway;
  std::size_t requests = static_cast<std::size_t>(g.admission.concurrent_max.value_or(3));
  if (g.clients_max > 0) requests = std::min(requests, g.clients_max);
  std::string rows;
  for (std::size_t i = 0; i < requests; ++i) {
    rows += R"({"timestamp": 0, "input_length": 20, "output_length": 3, "hash_ids": [)" + std::to_string(100 + i) + "]}\n";
  }
  records_.clear();
  finished_ = 0;
  cancelled_ = false;
  scenario_.calm = !scenario_.flaky;
  // A breaker that is half open lets one through at a time.
  const bool closed = std::ranges::all_of(gateway_->gateway().workers(), [](const live::GatewayWorker& worker) {
    return worker.removed || worker.breaker.state() == live::CircuitBreaker::State::closed;
  });
  scenario_.in_flight_max = closed ? std::nullopt : std::optional(1);
  network_.note("everything is well, " + std::to_string(requests) + " requests more");
  start_client(rows);
  if (!run_until_finished()) wrong("the client's last requests never end");
  check_client();
}

// Everybody is asked to end, does, and leaves nothing behind that calls back.
void Run::end_all() {
  gateway_->drain();
  run_for(scenario_.gateway.shutdown_grace + seconds(1));
  if (!gateway_drained_) wrong("the gateway does not come to its end");
  for (const auto& worker : workers_) {
    if (worker != nullptr) worker->drain();
  }
  run_for(seconds(5));
  for (const auto& worker : workers_) {
    if (worker != nullptr && !worker->drained()) wrong(worker->host() + " does not come to its end");
  }
  sender_.reset();
  client_loop_.reset();
  gateway_.reset();
  gateway_loop_.reset();
  check_log();
  workers_.clear();
  flaky_.reset();
  strangers_.clear();
  admins_.clear();
  network_.watch = {};
  run_for(seconds(30));
}

}  // namespace infbench::faults
