// What a streamed token costs the server: real sockets over loopback, the client in this process, its CPU time taken off.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "live/serve.h"
#include "live/serve_settings.h"
#include "net/event_loop.h"

namespace infbench::live {
namespace {

double cpu_s(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  INFBENCH_CHECK(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

struct Load {
  int streams = 0;
  int tokens = 0;
};

// Sends all requests, reads to the end of all streams; counts events by how their JSON ends (split ones are rare).
std::int64_t run_client(int port, const Load& load, double& client_cpu_s) {
  const double begun = cpu_s(CLOCK_THREAD_CPUTIME_ID);
  const int poll = ::epoll_create1(0);
  const std::string body = R"({"prompt":"a b","max_tokens":)" + std::to_string(load.tokens) + R"(,"stream":true})";
  const std::string request =
      "POST /v1/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: " + std::to_string(body.size()) +
      "\r\n\r\n" + body;
  for (int i = 0; i < load.streams; ++i) {
    const int fd = connect_to(port);
    INFBENCH_CHECK(::send(fd, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
  }
  static thread_local std::array<char, 65536> buffer;
  std::int64_t events = 0;
  for (int open = load.streams; open > 0;) {
    std::array<epoll_event, 256> ready{};
    const int count = ::epoll_wait(poll, ready.data(), static_cast<int>(ready.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[static_cast<std::size_t>(i)].data.fd;
      const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (got <= 0) {
        ::close(fd);
        --open;
        continue;
      }
      const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
      for (std::size_t at = text.find("}]}"); at != std::string_view::npos; at = text.find("}]}", at + 3)) ++events;
    }
  }
  ::close(poll);
  client_cpu_s = cpu_s(CLOCK_THREAD_CPUTIME_ID) - begun;
  return events;
}

ServeSettings settings(const Vocabulary& vocabulary, std::int64_t step_us) {
  cost::Coefficients c;
  c.step = step_us * 1'000 * cost::kTicksPerNs;
  ServeSettings s;
  s.model_name = s.model_path = "bench";
  s.model = std::make_shared<const cost::Model>(
      cost::Model{.key = {}, .models = {}, .gpu_aliases = {}, .step_time = cost::StepTime(c), .kv = {}, .provenance = {}});
  s.vocabulary = &vocabulary;
  s.config = {.role = Role::aggregated, .kv_capacity = 10'000'000, .page = 64, .chunk = 8192, .context_length = 100'000};
  s.clock = {.start = net::steady_now(), .scale = 1, .instant = false};
  return s;
}

// Streams that all get a token every so many microseconds. With more than the server can do, it sends several at once.
void BM_ServeStreams(benchmark::State& state) {
  const Load load{.streams = static_cast<int>(state.range(0)), .tokens = static_cast<int>(state.range(2))};
  const Vocabulary vocabulary(net::WordList::built_in("data").value());
  for (auto _ : state) {
    auto server =
        Server::start({.workers = {settings(vocabulary, state.range(1))}, .threads = 1, .truth_log = {}, .on_ended = {}});
    INFBENCH_CHECK(server.has_value());
    double client_cpu = 0;
    std::int64_t events = 0;
    const double cpu = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    const double wall = cpu_s(CLOCK_MONOTONIC);
    std::thread client([&] { events = run_client((*server)->ports().front().port, load, client_cpu); });
    client.join();
    const double server_cpu = cpu_s(CLOCK_PROCESS_CPUTIME_ID) - cpu - client_cpu;
    INFBENCH_CHECK(events >= static_cast<std::int64_t>(load.streams) * load.tokens);
    const auto chunks = static_cast<double>(events);
    state.counters["chunks_per_s"] = chunks / (cpu_s(CLOCK_MONOTONIC) - wall);
    state.counters["server_us_per_chunk"] = server_cpu * 1e6 / chunks;
    state.counters["chunks_per_server_cpu_s"] = chunks / server_cpu;
  }
}
// Streams, microseconds between tokens, tokens.
BENCHMARK(BM_ServeStreams)
    ->Args({100, 10'000, 200})
    ->Args({1'000, 50'000, 60})
    ->Args({1'000, 25'000, 100})
    ->Args({1'000, 5'000, 400})
    ->Iterations(1)
    ->Unit(benchmark::kSecond);

}  // namespace
}  // namespace infbench::live
