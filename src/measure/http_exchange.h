// HttpExchange: what a client saw of one request beneath its tokens: what the connection cost, when its bytes went and came,
// the gaps between chunks, and what the server said it counted. Only requests over HTTP have one. Filled by the client, then
// constant and shared by all copies of a record; usable from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/time.h"
#include "base/types.h"

namespace infbench::measure {

// The server's own counts, from the last usage of an answer; -1: it did not say.
struct ServerUsage {
  Tokens prompt = -1;
  Tokens completion = -1;
  Tokens total = -1;
  Tokens cached = -1;
};

struct HttpExchange {
  // Names and meaning of the phases as k6 and aiperf have them. There is no limit on connections, so no request waits for one
  // to come free; the look-up of the server's name is part of connecting.
  bool connection_reused = false;  // it has carried a request before
  Duration connecting;             // what opening the connection took, 0 when reused
  std::optional<Time> send_start;
  std::optional<Time> send_end;  // the kernel has taken the last byte
  std::optional<Time> receive_start;
  Time receive_end;  // of the last byte that was read; with receive_start
  Bytes sent = 0;    // head and body
  Bytes received = 0;
  std::int64_t reads = 0;

  std::optional<Time> first_output;   // the first text that is not reasoning; of a stream
  std::vector<std::int64_t> gaps_ns;  // between chunks with text; of a stream
  ServerUsage usage;
};

// For a run with more gaps than there should be in memory.
inline std::shared_ptr<const HttpExchange> without_gaps(const HttpExchange& http) {
  auto copy = std::make_shared<HttpExchange>(http);
  copy->gaps_ns = {};
  return copy;
}

}  // namespace infbench::measure
