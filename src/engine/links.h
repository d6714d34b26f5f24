// Links: how KV and short messages travel between workers, one link per TP rank and worker, all ranks alike.
//
// A transfer takes the sending and the receiving side's link whole, one after the other in the order they were sent; its last
// byte is there bytes / bandwidth + latency after it started. Workers of one node talk over NVLink, others over their network
// card; the two are separate links. Messages without bytes take the latency only. One owner (the driver), one thread; `now`
// never goes back.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "base/time.h"
#include "base/types.h"

namespace infbench::engine {

struct LinkSpec {
  std::int64_t bytes_per_s = 0;  // > 0, of one rank in one direction
  Duration latency;              // >= 1 us, so that the order in which workers are driven never matters
};

// 50 GB/s is a 400 Gbit/s card per GPU. NVLink 4 (H100, H200) carries 450 GB/s in each direction.
inline constexpr LinkSpec kAcrossNodes{.bytes_per_s = 50'000'000'000, .latency = microseconds(10)};
inline constexpr LinkSpec kInsideNode{.bytes_per_s = 450'000'000'000, .latency = microseconds(2)};

struct Message {
  enum class What : std::uint8_t {
    room,   // decode -> prefill: room is set aside
    kv,     // prefill -> decode: a part of the KV
    kv_end  // prefill -> decode: the last part
  };
  What what = What::room;
  RequestId request;
  WorkerId from;
  WorkerId to;
};

class Links {
 public:
  // The node of each worker, by WorkerId.
  Links(std::vector<std::int32_t> nodes, LinkSpec inside, LinkSpec across);

  void send(const Message& message, Bytes bytes_per_rank, Time now);
  std::optional<Time> next() const;  // the first arrival still to come
  // Appends what has arrived by `now`, in order of arrival, then of sending.
  void advance(Time now, std::vector<Message>& arrived);

 private:
  struct Transfer {
    Time arrival;
    std::uint64_t sequence = 0;
    Message message;
  };
  struct Later {
    bool operator()(const Transfer& a, const Transfer& b) const {
      return a.arrival != b.arrival ? a.arrival > b.arrival : a.sequence > b.sequence;
    }
  };
  // Until when each direction of a worker's link is taken.
  struct Port {
    Time sending;
    Time receiving;
  };

  std::vector<std::int32_t> nodes_;
  LinkSpec inside_;
  LinkSpec across_;
  std::vector<Port> nvlink_;
  std::vector<Port> card_;
  std::priority_queue<Transfer, std::vector<Transfer>, Later> under_way_;
  std::uint64_t sequence_ = 0;
};

}  // namespace infbench::engine
