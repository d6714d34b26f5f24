// MetricsPort: a port of its own that answers GET /metrics with a text made at that moment, for Prometheus. Lives on its loop's
// thread; made and destroyed there or while the loop does not run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "net/event_loop.h"
#include "net/tcp.h"

namespace infbench::live {

class MetricsPort {
 public:
  // port 0: a free one. Errors: the address is not one of this machine, the port is taken.
  static Result<std::unique_ptr<MetricsPort>> open(net::EventLoop& loop, const std::string& host, int port,
                                                   std::function<std::string()> text);
  explicit MetricsPort(std::function<std::string()> text);  // for open(): not listening yet
  ~MetricsPort();
  MetricsPort(const MetricsPort&) = delete;
  MetricsPort& operator=(const MetricsPort&) = delete;
  int port() const { return listener_->port(); }

 private:
  struct Client;
  void accept(std::unique_ptr<net::Connection> connection);
  void on_bytes(Client& client, std::string_view bytes, Time received);
  void answer(Client& client);

  std::function<std::string()> text_;
  std::unique_ptr<net::Listener> listener_;
  std::unordered_map<const Client*, std::unique_ptr<Client>> clients_;
  std::uint64_t next_number_ = 0;
};

}  // namespace infbench::live
