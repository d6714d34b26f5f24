#include "engine/links.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace infbench::engine {
namespace {

__extension__ using Int128 = __int128;

Duration time_to_carry(Bytes bytes, const LinkSpec& link) {
  const Int128 ns = (static_cast<Int128>(bytes) * 1'000'000'000 + link.bytes_per_s - 1) / link.bytes_per_s;
  return {static_cast<std::int64_t>(ns)};
}

}  // namespace

Links::Links(std::vector<std::int32_t> nodes, LinkSpec inside, LinkSpec across)
    : nodes_(std::move(nodes)), inside_(inside), across_(across), nvlink_(nodes_.size()), card_(nodes_.size()) {
  INFBENCH_CHECK(inside.bytes_per_s > 0 && across.bytes_per_s > 0);
  INFBENCH_CHECK(inside.latency >= microseconds(1) && across.latency >= microseconds(1));
}

void Links::send(const Message& message, Bytes bytes_per_rank, Time now) {
  const bool same_node = nodes_[message.from.value] == nodes_[message.to.value];
  const LinkSpec& link = same_node ? inside_ : across_;
  Time arrival = now + link.latency;
  if (bytes_per_rank > 0) {
    std::vector<Port>& ports = same_node ? nvlink_ : card_;
    Time& sending = ports[message.from.value].sending;
    Time& receiving = ports[message.to.value].receiving;
    const Time end = std::max({now, sending, receiving}) + time_to_carry(bytes_per_rank, link);
    sending = receiving = end;
    arrival = end + link.latency;
  }
  under_way_.push({.arrival = arrival, .sequence = sequence_++, .message = message});
}

std::optional<Time> Links::next() const { return under_way_.empty() ? std::nullopt : std::optional(under_way_.top().arrival); }

void Links::advance(Time now, std::vector<Message>& arrived) {
  while (!under_way_.empty() && under_way_.top().arrival <= now) {
    arrived.push_back(under_way_.top().message);
    under_way_.pop();
  }
}

}  // namespace infbench::engine
