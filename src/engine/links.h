// Links: how KV and short messages travel between workers, one link per TP rank and worker, all ranks alike.
//
// Transfers under way share the links fairly: each gets the smaller of two equal shares, of its sender's link and of its
// receiver's. When one begins or ends, the others go on at their new rates. The last byte is there a latency after it was
// carried. Workers of one node talk over NVLink, others over their network card; the two are separate links, and each carries
// both ways at once. Messages without bytes take the latency only. One owner (the driver), one thread; `now` never goes back.
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
  std::optional<Time> next() const;  // the first arrival still to come, unless more is sent before
  // Appends what has arrived by `now`, in order of arrival, then of sending.
  void advance(Time now, std::vector<Message>& arrived);

 private:
  struct Arrival {
    Time at;
    std::uint64_t sequence = 0;
    Message message;
  };
  struct Later {
    bool operator()(const Arrival& a, const Arrival& b) const { return a.at != b.at ? a.at > b.at : a.sequence > b.sequence; }
  };
  // How many transfers use each direction of a worker's link.
  struct Port {
    std::int64_t sending = 0;
    std::int64_t receiving = 0;
  };
  // Work: bytes times 10^9, of which bytes_per_s / sharers is done in a nanosecond.
  __extension__ using Work = __int128;
  struct Transfer {
    Message message;
    std::uint64_t sequence = 0;
    bool inside = false;
    Work left = 0;
    Time end;  // at the present rate
  };

  const LinkSpec& link_of(const Transfer& transfer) const { return transfer.inside ? inside_ : across_; }
  Port& port(const Transfer& transfer, WorkerId worker) { return (transfer.inside ? nvlink_ : card_)[worker.value]; }
  std::int64_t sharers(const Transfer& transfer);
  void end_until(Time now);
  void carry_to(Time now);
  void set_ends();

  std::vector<std::int32_t> nodes_;
  LinkSpec inside_;
  LinkSpec across_;
  std::vector<Port> nvlink_;
  std::vector<Port> card_;
  std::vector<Transfer> transfers_;  // in order of sending
  Time carried_to_;                  // up to here `left` is right
  std::priority_queue<Arrival, std::vector<Arrival>, Later> arrivals_;
  std::uint64_t sequence_ = 0;
};

}  // namespace infbench::engine
