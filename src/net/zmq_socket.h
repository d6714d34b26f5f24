// ZeroMQ, as much of it as engines' KV events take: a publisher that binds, and subscribers that connect. libzmq inside, in
// zmq_socket.cc only. Messages have three parts: topic, an 8-byte big-endian sequence number that counts from 0, the payload.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/event_loop.h"

namespace infbench::net {

std::string zmq_version();  // of the library that is loaded: "4.3.4"

// One thread. publish() never blocks: what a subscriber does not take is dropped for it, which it sees from the numbers.
class ZmqPublisher {
 public:
  // `endpoint`: tcp://ADDRESS:PORT to bind, "*" for all addresses, port 0 or "*" for a free one. Errors: it cannot be bound.
  static Result<std::unique_ptr<ZmqPublisher>> bind(const std::string& endpoint, std::string topic);
  struct Impl;
  explicit ZmqPublisher(std::unique_ptr<Impl> impl);  // for the above
  ~ZmqPublisher();
  ZmqPublisher(const ZmqPublisher&) = delete;
  ZmqPublisher& operator=(const ZmqPublisher&) = delete;

  void publish(std::string_view payload);
  std::string endpoint() const;  // with the port that it has

 private:
  std::unique_ptr<Impl> impl_;
};

// Receives in a thread of its own and hands over on the loop's thread. Connects again by itself when a publisher comes back.
class ZmqSubscriber {
 public:
  // `from`: which of the endpoints. The views live during the call.
  using OnMessage = std::function<void(std::size_t from, std::uint64_t sequence, std::string_view payload)>;

  // Errors: an endpoint that is none. That nobody listens there is no error.
  static Result<std::unique_ptr<ZmqSubscriber>> connect(EventLoop& loop, const std::vector<std::string>& endpoints,
                                                        const std::string& topic, OnMessage on_message);
  struct Impl;
  explicit ZmqSubscriber(std::unique_ptr<Impl> impl);  // for the above
  ~ZmqSubscriber();
  ZmqSubscriber(const ZmqSubscriber&) = delete;
  ZmqSubscriber& operator=(const ZmqSubscriber&) = delete;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace infbench::net
