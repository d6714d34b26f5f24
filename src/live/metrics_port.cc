#include "live/metrics_port.h"

#include <algorithm>
#include <utility>

#include "live/prometheus_text.h"
#include "live/serve_connection.h"

namespace infbench::live {
namespace {

constexpr std::size_t kClientsMax = 64;  // of more the oldest goes: it may have left without a word
constexpr std::uint64_t kBodyMax = 1024;
constexpr std::size_t kUnsentMax = std::size_t{16} << 20U;  // of a client that asks without reading; then it is closed

}  // namespace

struct MetricsPort::Client {
  Client(std::unique_ptr<net::Connection> socket, std::uint64_t place)
      : connection(std::move(socket)), protocol(net::HttpLimits{.body_bytes = kBodyMax}), number(place) {}
  std::unique_ptr<net::Connection> connection;
  ServeConnection protocol;
  std::uint64_t number;  // in order of arrival
};

MetricsPort::MetricsPort(std::function<std::string()> text) : text_(std::move(text)) {}
MetricsPort::~MetricsPort() = default;

Result<std::unique_ptr<MetricsPort>> MetricsPort::open(net::EventLoop& loop, const std::string& host, int port,
                                                       std::function<std::string()> text) {
  auto made = std::make_unique<MetricsPort>(std::move(text));
  auto listener = net::Listener::open(loop, host, port, [here = made.get()](auto c) { here->accept(std::move(c)); });
  if (!listener) return fail(std::move(listener.error()));
  made->listener_ = *std::move(listener);
  return made;
}

void MetricsPort::accept(std::unique_ptr<net::Connection> connection) {
  if (clients_.size() >= kClientsMax) {
    const auto number = [](const auto& each) { return each.second->number; };
    clients_.erase(std::ranges::min_element(clients_, {}, number));
  }
  auto owned = std::make_unique<Client>(std::move(connection), next_number_++);
  Client& client = *owned;
  clients_.emplace(&client, std::move(owned));
  client.connection->set_events(
      {.on_bytes = [this, &client](std::string_view bytes, Time received) { on_bytes(client, bytes, received); },
       .on_drained = {},
       .on_closed = [this, &client](const std::string&) { clients_.erase(&client); }});
}

void MetricsPort::on_bytes(Client& client, std::string_view bytes, Time received) {
  bool whole = client.protocol.feed(bytes, received);
  while (whole && client.protocol.out().size() <= kUnsentMax) {
    answer(client);
    whole = client.protocol.next_request();
  }
  client.connection->send(client.protocol.out());
  client.protocol.out().clear();
  if (whole || client.connection->unsent() > kUnsentMax) {
    clients_.erase(&client);
    return;
  }
  if (client.protocol.close_when_sent()) client.connection->shut_when_sent();
}

void MetricsPort::answer(Client& client) {
  const net::HttpHead& head = client.protocol.head();
  if (head.path() != "/metrics") return client.protocol.answer(404, "text/plain", "ask for /metrics\n");
  if (head.method != "GET" && head.method != "HEAD") return client.protocol.answer(405, "text/plain", "use GET\n");
  client.protocol.answer(200, kPrometheusType, text_());
}

}  // namespace infbench::live
