#include "net/socket_poll.h"

#include <array>

#include <sys/epoll.h>
#include <unistd.h>
#include <ctime>

#include "base/check.h"
#include "net/connection_impl.h"

namespace infbench::net {

SocketPoll::SocketPoll(Hooks hooks, bool stamped)
    : hooks_(std::move(hooks)), stamped_(stamped), epoll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(kBufferBytes) {
  INFBENCH_CHECK(epoll_ >= 0);
}

SocketPoll::~SocketPoll() { ::close(epoll_); }

std::optional<SocketPoll::Slot> SocketPoll::add(int socket, std::shared_ptr<Connection::Impl> connection) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(places_.size()));
    places_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  Place& place = places_[index];
  const Slot slot = Slot{place.generation} << 32U | index;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = slot;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) return std::nullopt;
  free_.pop_back();
  place.connection = std::move(connection);
  return slot;
}

void SocketPoll::remove(Slot slot) {
  const auto index = static_cast<std::uint32_t>(slot);
  ++places_[index].generation;
  free_.push_back(index);
  // Last: the connection may go with it.
  const auto gone = std::move(places_[index].connection);
}

std::shared_ptr<Connection::Impl> SocketPoll::find(Slot slot) const {
  const Place& place = places_[static_cast<std::uint32_t>(slot)];
  return place.generation == slot >> 32U ? place.connection : nullptr;
}

void SocketPoll::ask_again(Slot slot) {
  if (asked_.empty()) hooks_.wake();
  asked_.push_back(slot);
}

void SocketPoll::round() {
  std::array<epoll_event, kBatch> events{};
  const int count = ::epoll_wait(epoll_, events.data(), kBatch, 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    // Gone if the callback of an earlier one has closed it.
    if (const auto connection = find(event.data.u64)) connection->on_news(event.events);
  }
}

void SocketPoll::repeat() {
  asked_now_.swap(asked_);
  for (const Slot slot : asked_now_) {
    if (const auto connection = find(slot)) connection->read();
  }
  asked_now_.clear();
}

Time SocketPoll::on_steady_clock(std::int64_t epoch_ns, Time now) {
  // The two clocks drift by parts in a million: a pairing serves for a while.
  if (now - paired_at_ > milliseconds(10)) {
    timespec real{};
    ::clock_gettime(CLOCK_REALTIME, &real);
    steady_behind_epoch_ns_ = std::int64_t{real.tv_sec} * 1'000'000'000 + real.tv_nsec - steady_now().ns;
    paired_at_ = now;
  }
  const Time stamped{epoch_ns - steady_behind_epoch_ns_};
  return stamped > now || now - stamped > seconds(1) ? now : stamped;
}

}  // namespace infbench::net
