// The workers that ./dev bench route puts behind a router: they do next to nothing, so that a router is what is measured.
// usage: route_worker COUNT CHUNKS STEP_US   prints the COUNT ports, one a line, then serves until SIGTERM
//
// A POST whose body asks for a stream gets CHUNKS events, each in a write of its own: with STEP_US = 0 one for each open stream
// in turn, as fast as they go out; else every STEP_US one for all streams of a port, as an engine's step gives them. Any other
// POST gets a short answer, a GET says that all is well.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "live/serve_connection.h"
#include "net/event_loop.h"
#include "net/tcp.h"

namespace infbench {
namespace {

constexpr std::string_view kAnswer =
    R"({"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant",)"
    R"("content":"a"},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}})";
constexpr std::string_view kEvent =
    R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":)"
    R"({"content":" word"},"finish_reason":null}]})";
constexpr std::size_t kUnsentMax = 16384;

class Worker {
 public:
  Worker(net::EventLoop& loop, int chunks, Duration step)
      : loop_(loop), chunks_(chunks), step_(step), timer_(loop, [this] { on_step(); }) {}

  bool open() {
    auto listener = net::Listener::open(loop_, "127.0.0.1", 0, [this](auto connection) { accept(std::move(connection)); });
    if (!listener) return false;
    listener_ = *std::move(listener);
    std::printf("%d\n", listener_->port());
    return true;
  }

 private:
  struct Client {
    explicit Client(std::unique_ptr<net::Connection> socket)
        : connection(std::move(socket)), protocol(net::HttpLimits{.body_bytes = UINT64_MAX}) {}
    std::unique_ptr<net::Connection> connection;
    live::ServeConnection protocol;
    int left = 0;  // of a stream: events
  };

  void accept(std::unique_ptr<net::Connection> connection) {
    auto owned = std::make_shared<Client>(std::move(connection));
    Client& client = *owned;
    clients_.emplace(&client, std::move(owned));
    client.connection->set_events(
        {.on_bytes =
             [this, &client](std::string_view bytes, Time received) {
               bool whole = client.protocol.feed(bytes, received);
               while (whole) {
                 answer(client);
                 whole = client.protocol.next_request();
               }
               send(client);
             },
         .on_drained = {},
         .on_closed = [this, &client](const std::string&) { loop_.post([this, &client] { lose(client); }); }});
  }

  void lose(Client& client) {
    std::erase(streams_, &client);
    clients_.erase(&client);
  }

  void answer(Client& client) {
    const bool post = client.protocol.head().method == "POST";
    const std::string_view body = client.protocol.body();
    const bool stream = post && body.find(R"("stream":true)") != std::string_view::npos;
    if (!stream) return client.protocol.answer(200, "application/json", post ? kAnswer : std::string_view("{}"));
    client.protocol.begin_stream();
    client.left = chunks_;
    if (streams_.empty()) wake();
    streams_.push_back(&client);
  }

  void send(Client& client) {
    if (client.protocol.out().empty()) return;
    client.connection->send(client.protocol.out());
    client.protocol.out().clear();
  }

  void wake() {
    if (step_.ns > 0) return timer_.arm(net::steady_now() + step_);
    loop_.post([this] { on_step(); });
  }

  void on_step() {
    for (std::size_t i = 0; i < streams_.size();) {
      Client& client = *streams_[i];
      if (client.connection->unsent() > kUnsentMax) {
        ++i;
        continue;
      }
      client.protocol.append_event(kEvent);
      const bool last = --client.left == 0;
      if (last) {
        client.protocol.append_event("[DONE]");
        client.protocol.end_stream();
      }
      send(client);
      if (!last) {
        ++i;
        continue;
      }
      streams_[i] = streams_.back();
      streams_.pop_back();
    }
    if (!streams_.empty()) wake();
  }

  net::EventLoop& loop_;
  int chunks_;
  Duration step_;
  net::Timer timer_;
  std::unique_ptr<net::Listener> listener_;
  std::unordered_map<const Client*, std::shared_ptr<Client>> clients_;
  std::vector<Client*> streams_;
};

}  // namespace
}  // namespace infbench

int main(int argc, char** argv) {
  using namespace infbench;
  if (argc != 4) return 2;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  net::EventLoop loop;
  const net::SignalWatch signals(loop, [&](int) { loop.stop(); });
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < std::atoi(arguments[0].c_str()); ++i) {
    workers.push_back(
        std::make_unique<Worker>(loop, std::atoi(arguments[1].c_str()), microseconds(std::atoi(arguments[2].c_str()))));
    if (!workers.back()->open()) return 1;
  }
  std::fflush(stdout);
  loop.run();
}
