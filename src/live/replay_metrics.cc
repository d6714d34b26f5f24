#include "live/replay_metrics.h"

#include <algorithm>
#include <utility>

#include "live/replay_inputs.h"

namespace infbench::live {
namespace {

constexpr Duration kBetween = milliseconds(333);
constexpr Duration kPatience = seconds(10);
constexpr Duration kLastPatience = seconds(2);

}  // namespace

Result<Target> metrics_target(const std::string& url) {
  auto target = parse_target(url);
  if (!target) return target;
  if (target->path.ends_with("/metrics")) target->path.resize(target->path.size() - 8);
  return target;
}

MetricsCollector::MetricsCollector(net::EventLoop& loop, std::vector<Target> endpoints, HttpCall::Headers headers,
                                   std::int64_t epoch_ns, OnLine on_line)
    : loop_(loop),
      headers_(std::move(headers)),
      on_line_(std::move(on_line)),
      timer_(loop, [this] { ask(); }),
      metrics_(epoch_ns) {
  for (Target& target : endpoints) {
    Endpoint& endpoint = endpoints_.emplace_back();
    endpoint.url = "http://" + target.authority() + target.path + "/metrics";
    endpoint.target = std::move(target);
  }
}

MetricsCollector::~MetricsCollector() = default;

std::vector<std::string> MetricsCollector::configured() const {
  std::vector<std::string> urls;
  for (const Endpoint& endpoint : endpoints_) urls.push_back(endpoint.url);
  return urls;
}

void MetricsCollector::start() {
  running_ = true;
  ask();
}

bool MetricsCollector::any_pending() const {
  return std::any_of(endpoints_.begin(), endpoints_.end(), [](const Endpoint& endpoint) { return endpoint.pending; });
}

void MetricsCollector::finish() {
  for (Endpoint& endpoint : endpoints_) {
    endpoint.get.reset();
    endpoint.pending = false;
  }
  finishing_ = true;
  ask();
  net::Timer patience(loop_, [this] { loop_.stop(); });
  patience.arm(net::steady_now() + kLastPatience);
  if (any_pending()) loop_.run();
  running_ = false;
  timer_.disarm();
  for (Endpoint& endpoint : endpoints_) endpoint.get.reset();
}

void MetricsCollector::ask() {
  if (!running_) return;
  bool any = false;
  for (Endpoint& endpoint : endpoints_) {
    any = any || !endpoint.gone;
    if (endpoint.gone || endpoint.pending) continue;
    endpoint.pending = true;
    endpoint.get = std::make_unique<HttpCall>(
        loop_, endpoint.target, HttpCall::Request{.path = "/metrics", .headers = headers_}, kPatience,
        [this, &endpoint](const Result<HttpAnswer>& answer) { on_answer(endpoint, answer); });
  }
  if (any && !finishing_) timer_.arm(net::steady_now() + kBetween);
}

void MetricsCollector::on_answer(Endpoint& endpoint, const Result<HttpAnswer>& answer) {
  endpoint.pending = false;
  if (finishing_ && !any_pending()) loop_.stop();
  if (!running_) return;
  std::vector<measure::MetricFamily> families;
  if (answer && answer->status == 200) families = measure::parse_prometheus(answer->body);
  if (families.empty()) {
    endpoint.gone = !endpoint.ever;
    return;
  }
  endpoint.ever = true;
  const measure::ServerMetrics::Scrape scrape{.sent = answer->sent, .first_byte = answer->first_byte};
  line_.clear();
  metrics_.append_line(endpoint.url, scrape, families, line_);
  on_line_(line_);
  metrics_.add(endpoint.url, scrape, std::move(families));
}

}  // namespace infbench::live
