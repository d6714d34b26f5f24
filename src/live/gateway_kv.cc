// What workers tell of their caches, on its way to the Gateway.
#include "live/gateway_shell.h"

namespace infbench::live {

// The endpoints belong to the workers with a prefix cache, in order: all but decode workers.
Result<void> GatewayShell::open_kv() {
  if (settings_.kv.endpoints.empty()) return {};
  for (std::size_t i = 0; i < settings_.workers.size() && kv_.size() < settings_.kv.endpoints.size(); ++i) {
    if (settings_.workers[i].role == Role::decode) continue;
    kv_.push_back({WorkerId{static_cast<std::uint32_t>(i)}, KvIndex(settings_.kv.page)});
  }
  if (kv_.size() < settings_.kv.endpoints.size()) {
    return fail("--kv-events: expected at most one address for each worker with a prefix cache, found " +
                std::to_string(settings_.kv.endpoints.size()) + " for " + std::to_string(kv_.size()));
  }
  auto subscriber = net::ZmqSubscriber::connect(
      loop_, settings_.kv.endpoints, settings_.kv.topic,
      [this](std::size_t from, std::uint64_t sequence, std::string_view payload) { on_kv(kv_[from], sequence, payload); });
  if (!subscriber) return fail(std::move(subscriber.error()));
  kv_subscriber_ = *std::move(subscriber);
  return {};
}

void GatewayShell::on_kv(KvSource& source, std::uint64_t sequence, std::string_view payload) {
  const Turn turn(*this);
  source.index.take(sequence, payload, [&](KvChange change, std::span<const PageHash> pages) {
    gateway_->kv(source.worker, change, pages, net::steady_now());
  });
}

void GatewayShell::write_kv_metrics(std::string& out) const {
  const auto family = [&](std::string_view name, std::string_view type, std::string_view help, const auto& value) {
    write_family(out, name, type, help);
    for (const KvSource& source : kv_) {
      const std::string& url = gateway_->workers()[source.worker.value].settings.target.url;
      write_value(out, name, "worker=\"" + label_value(url) + "\"", static_cast<double>(value(source.index)));
    }
  };
  if (kv_.empty()) return;
  family("srtctl_route_kv_batches_total", "counter", "Batches of KV events.", [](const KvIndex& i) { return i.batches(); });
  family("srtctl_route_kv_losses_total", "counter", "How often the index of a worker's cache was dropped.",
         [](const KvIndex& i) { return i.losses(); });
  family("srtctl_route_kv_blocks", "gauge", "Blocks in the index.", [](const KvIndex& i) { return i.blocks(); });
  family("srtctl_route_kv_complete", "gauge", "1: the index has all that the worker holds.",
         [](const KvIndex& i) { return i.complete() ? 1 : 0; });
}

}  // namespace infbench::live
