#include "engine/links.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace infbench::engine {

Links::Links(std::vector<std::int32_t> nodes, LinkSpec inside, LinkSpec across)
    : nodes_(std::move(nodes)), inside_(inside), across_(across), nvlink_(nodes_.size()), card_(nodes_.size()) {
  INFBENCH_CHECK(inside.bytes_per_s > 0 && across.bytes_per_s > 0);
  INFBENCH_CHECK(inside.latency >= microseconds(1) && across.latency >= microseconds(1));
}

void Links::send(const Message& message, Bytes bytes_per_rank, Time now) {
  Transfer transfer{.message = message,
                    .sequence = sequence_++,
                    .inside = nodes_[message.from.value] == nodes_[message.to.value],
                    .left = static_cast<Work>(bytes_per_rank) * 1'000'000'000,
                    .end = {}};
  if (bytes_per_rank <= 0) {
    arrivals_.push({.at = now + link_of(transfer).latency, .sequence = transfer.sequence, .message = message});
    return;
  }
  end_until(now);
  carry_to(now);
  ++port(transfer, message.from).sending;
  ++port(transfer, message.to).receiving;
  transfers_.push_back(transfer);
  set_ends();
}

std::int64_t Links::sharers(const Transfer& transfer) {
  return std::max(port(transfer, transfer.message.from).sending, port(transfer, transfer.message.to).receiving);
}

// Takes the transfers out that end by `now`, one moment after the other: each end changes the rates of the others.
void Links::end_until(Time now) {
  while (!transfers_.empty()) {
    Time first = kNever;
    for (const Transfer& transfer : transfers_) first = std::min(first, transfer.end);
    if (first > now) return;
    carry_to(first);
    const auto ended = [&](const Transfer& transfer) { return transfer.end == first; };
    for (const Transfer& transfer : transfers_) {
      if (!ended(transfer)) continue;
      --port(transfer, transfer.message.from).sending;
      --port(transfer, transfer.message.to).receiving;
      arrivals_.push({.at = first + link_of(transfer).latency, .sequence = transfer.sequence, .message = transfer.message});
    }
    std::erase_if(transfers_, ended);
    set_ends();
  }
}

// What has been carried since, rounded down: only the moments at which rates change count, however often anybody looks.
void Links::carry_to(Time now) {
  const std::int64_t elapsed = (now - carried_to_).ns;
  carried_to_ = now;
  for (Transfer& transfer : transfers_) {
    transfer.left -= static_cast<Work>(link_of(transfer).bytes_per_s) * elapsed / sharers(transfer);
  }
}

void Links::set_ends() {
  for (Transfer& transfer : transfers_) {
    const Work rate = link_of(transfer).bytes_per_s;
    const Work ns = (std::max<Work>(transfer.left, 0) * sharers(transfer) + rate - 1) / rate;
    transfer.end = carried_to_ + Duration{static_cast<std::int64_t>(ns)};
  }
}

std::optional<Time> Links::next() const {
  std::optional<Time> next;
  if (!arrivals_.empty()) next = arrivals_.top().at;
  for (const Transfer& transfer : transfers_) {
    const Time at = transfer.end + link_of(transfer).latency;
    if (!next || at < *next) next = at;
  }
  return next;
}

void Links::advance(Time now, std::vector<Message>& arrived) {
  end_until(now);
  while (!arrivals_.empty() && arrivals_.top().at <= now) {
    arrived.push_back(arrivals_.top().message);
    arrivals_.pop();
  }
}

}  // namespace infbench::engine
