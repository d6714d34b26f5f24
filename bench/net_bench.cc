// What net/ costs per chunk, per event, per block of prompt text and per prompt counted: what a client and a server pay for
// every token.
#include <sys/resource.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "net/http_reader.h"
#include "net/sse.h"
#include "net/tcp.h"
#include "net/text_tokens.h"

namespace infbench::net {
namespace {

constexpr const char* kHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\ntransfer-encoding: "
    "chunked\r\n\r\n";

// One token of a chat answer as engines send it, about 200 bytes.
std::string event() {
  return "data: "
         "{\"id\":\"chatcmpl-7d0b2c1e9a\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"Qwen/"
         "Qwen3-32B\","
         "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"finish_reason\":null}]}\n\n";
}

std::string chunk_of(const std::string& bytes) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + bytes + "\r\n";
}

const WordList& words() {
  static const WordList loaded = [] {
    const char* folder = std::getenv("SRTCTL_DATA_DIR");
    auto read = WordList::built_in(folder == nullptr ? "data" : folder);
    if (!read) std::abort();
    return std::move(*read);
  }();
  return loaded;
}

std::string prompt(Tokens tokens) {
  std::string text;
  for (std::uint64_t id = 0; tokens > 0; ++id, tokens -= 512)
    append_block_text(words(), id, 1, std::min<Tokens>(tokens, 512), text);
  return text;
}

void HttpPerChunk(benchmark::State& state) {
  HttpReader reader(HttpReader::Kind::response, {.body_bytes = UINT64_MAX});
  reader.feed(kHead);
  const std::string chunk = chunk_of(event());
  for (auto _ : state) {
    if (reader.feed(chunk).body.size() != 1) std::abort();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(chunk.size()));
}
BENCHMARK(HttpPerChunk);

void SsePerEvent(benchmark::State& state) {
  SseSplitter splitter;
  std::vector<std::string_view> events;
  const std::string one = event();
  for (auto _ : state) {
    events.clear();
    splitter.feed(one, events);
    benchmark::DoNotOptimize(events.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(one.size()));
}
BENCHMARK(SsePerEvent);

void BlockText(benchmark::State& state) {
  std::string text;
  std::uint64_t id = 0;
  for (auto _ : state) {
    text.clear();
    append_block_text(words(), id++, 1, 512, text);
    benchmark::DoNotOptimize(text.data());
  }
}
BENCHMARK(BlockText)->Unit(benchmark::kMicrosecond);

void CountTokens(benchmark::State& state) {
  const std::string text = prompt(10'600);  // about 48 KB
  for (auto _ : state) benchmark::DoNotOptimize(count_tokens(words(), text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(CountTokens)->Unit(benchmark::kMicrosecond);

void PagesOfText(benchmark::State& state) {
  const std::string text = prompt(10'600);
  std::vector<PageHash> pages;
  for (auto _ : state) benchmark::DoNotOptimize(pages_of_text(words(), text, state.range(0), pages));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(PagesOfText)->Arg(1)->Arg(64)->Unit(benchmark::kMicrosecond);

void LoadWords(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(WordList::built_in("data"));
}
BENCHMARK(LoadWords)->Unit(benchmark::kMillisecond);

// Any tokenizer.json: $TOKENIZER_JSON.
void LoadTokenizer(benchmark::State& state) {
  const char* path = std::getenv("TOKENIZER_JSON");
  if (path == nullptr) return state.SkipWithError("set TOKENIZER_JSON");
  for (auto _ : state) {
    if (!WordList::from_tokenizer(path)) return state.SkipWithError("not a tokenizer");
  }
}
BENCHMARK(LoadTokenizer)->Unit(benchmark::kMillisecond);

// Pairs of connections, both ends on one loop.
struct Streams {
  EventLoop loop;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Connection>> clients;
  std::vector<std::unique_ptr<Connection>> servers;

  explicit Streams(std::size_t count) {
    const auto done = [this, count] {
      if (clients.size() == count && servers.size() == count) loop.stop();
    };
    listener = Listener::open(loop, "127.0.0.1", 0, [=, this](std::unique_ptr<Connection> accepted) {
                 servers.push_back(std::move(accepted));
                 done();
               }).value();
    for (std::size_t i = 0; i < count; ++i) {
      connect(loop, "127.0.0.1", listener->port(), seconds(30), [=, this](Result<std::unique_ptr<Connection>> connected) {
        if (!connected) std::abort();
        clients.push_back(std::move(*connected));
        done();
      });
    }
    loop.run();
  }
};

double cpu_s(bool kernel) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const timeval& t = kernel ? used.ru_stime : used.ru_utime;
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

// One message there and back on one connection.
void PingPong(benchmark::State& state) {
  Streams streams(1);
  const std::string message = event();
  streams.servers[0]->set_events(
      {.on_bytes = [&](std::string_view bytes, Time) { streams.servers[0]->send(bytes); }, .on_drained = {}, .on_closed = {}});
  streams.clients[0]->set_events(
      {.on_bytes = [&](std::string_view, Time) { streams.loop.stop(); }, .on_drained = {}, .on_closed = {}});
  for (auto _ : state) {
    streams.clients[0]->send(message);
    streams.loop.run();
  }
}
BENCHMARK(PingPong)->Unit(benchmark::kMicrosecond);

// A round of one chunk on each of many streams, sent and received on one thread, with HTTP and SSE parsing: the items are
// chunks, the counters user and kernel CPU per chunk of both sides together (sending is nearly all kernel).
void StreamChunks(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  Streams streams(count);
  const std::string chunk = chunk_of(event());
  std::size_t events_seen = 0;
  std::vector<HttpReader> readers;
  std::vector<SseSplitter> splitters(count);
  std::vector<std::string_view> events;
  for (std::size_t i = 0; i < count; ++i) {
    readers.emplace_back(HttpReader::Kind::response, HttpLimits{}).feed(kHead);
    const auto on_bytes = [&, i](std::string_view bytes, Time received) {
      benchmark::DoNotOptimize(received);
      events.clear();
      for (const std::string_view piece : readers[i].feed(bytes).body) splitters[i].feed(piece, events);
      events_seen += events.size();
      if (events_seen == count) streams.loop.stop();
    };
    streams.clients[i]->set_events({.on_bytes = on_bytes, .on_drained = {}, .on_closed = {}});
  }
  const double user = cpu_s(false);
  const double kernel = cpu_s(true);
  for (auto _ : state) {
    events_seen = 0;
    for (const auto& server : streams.servers) server->send(chunk);
    streams.loop.run();
  }
  const double chunks = static_cast<double>(state.iterations()) * static_cast<double>(count);
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["user_us"] = (cpu_s(false) - user) / chunks * 1e6;
  state.counters["kernel_us"] = (cpu_s(true) - kernel) / chunks * 1e6;
}
BENCHMARK(StreamChunks)->Arg(1)->Arg(20)->Arg(1000);

}  // namespace
}  // namespace infbench::net
