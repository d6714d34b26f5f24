#include "net/zmq_socket.h"

#include <zmq.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <thread>
#include <utility>

namespace infbench::net {
namespace {

constexpr int kUnsentMax = 100'000;    // messages for one subscriber, as sglang's publisher
constexpr int kUnreadMax = 1'000'000;  // messages that the thread has not received; more are dropped, which the numbers show
constexpr std::size_t kWaitingMax = std::size_t{256} << 20U;   // bytes that wait for the loop; more are dropped as well
constexpr std::int64_t kMessageMax = std::int64_t{64} << 20U;  // bytes; a publisher that sends a larger one is disconnected
constexpr std::size_t kMessageCost = 256;                      // bytes, besides the payload

struct CloseContext {
  void operator()(void* context) const { zmq_ctx_term(context); }
};
struct CloseSocket {
  void operator()(void* socket) const { zmq_close(socket); }
};
using Context = std::unique_ptr<void, CloseContext>;
using Socket = std::unique_ptr<void, CloseSocket>;

Socket make_socket(const Context& context, int type) {
  Socket socket(zmq_socket(context.get(), type));
  const int none = 0;
  zmq_setsockopt(socket.get(), ZMQ_LINGER, &none, sizeof none);
  return socket;
}

void set(const Socket& socket, int option, int value) { zmq_setsockopt(socket.get(), option, &value, sizeof value); }

std::string reason() { return zmq_strerror(zmq_errno()); }

// One part of a message.
class Frame {
 public:
  Frame() { zmq_msg_init(&message_); }
  ~Frame() { zmq_msg_close(&message_); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  bool receive(void* socket) { return zmq_msg_recv(&message_, socket, ZMQ_DONTWAIT) >= 0; }
  bool more() const { return zmq_msg_more(&message_) != 0; }
  std::string_view bytes() { return {static_cast<const char*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)}; }

 private:
  zmq_msg_t message_{};
};

// The parts of the next message; false: there is none.
bool receive(void* socket, std::vector<std::string>& parts) {
  parts.clear();
  for (bool more = true; more;) {
    Frame frame;
    if (!frame.receive(socket)) return false;
    parts.emplace_back(frame.bytes());
    more = frame.more();
  }
  return true;
}

}  // namespace

std::string zmq_version() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  ::zmq_version(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

// ---- Publisher

struct ZmqPublisher::Impl {
  Context context{zmq_ctx_new()};
  Socket socket;
  std::string topic;
  std::uint64_t sequence = 0;
};

ZmqPublisher::ZmqPublisher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ZmqPublisher::~ZmqPublisher() = default;

Result<std::unique_ptr<ZmqPublisher>> ZmqPublisher::bind(const std::string& endpoint, std::string topic) {
  auto impl = std::make_unique<Impl>();
  impl->topic = std::move(topic);
  impl->socket = make_socket(impl->context, ZMQ_PUB);
  set(impl->socket, ZMQ_SNDHWM, kUnsentMax);
  std::string bound = endpoint;
  if (bound.ends_with(":0")) bound.replace(bound.size() - 1, 1, "*");
  if (zmq_bind(impl->socket.get(), bound.c_str()) != 0) {
    return fail("cannot publish on '" + endpoint + "': " + reason(), "expected tcp://ADDRESS:PORT with a free port");
  }
  return std::make_unique<ZmqPublisher>(std::move(impl));
}

void ZmqPublisher::publish(std::string_view payload) {
  std::array<char, 8> number{};
  for (std::size_t i = 0; i < number.size(); ++i) {
    number[i] = static_cast<char>(impl_->sequence >> static_cast<unsigned>(56 - 8 * i) & 0xffU);
  }
  ++impl_->sequence;
  void* socket = impl_->socket.get();
  zmq_send(socket, impl_->topic.data(), impl_->topic.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT);
  zmq_send(socket, number.data(), number.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT);
  zmq_send(socket, payload.data(), payload.size(), ZMQ_DONTWAIT);
}

std::string ZmqPublisher::endpoint() const {
  std::array<char, 256> text{};
  std::size_t length = text.size();
  if (zmq_getsockopt(impl_->socket.get(), ZMQ_LAST_ENDPOINT, text.data(), &length) != 0) return {};
  return text.data();
}

// ---- Subscriber

struct ZmqSubscriber::Impl {
  Impl(EventLoop& owner, OnMessage what) : loop(owner), on_message(std::move(what)) {}

  void receive_until_closed();

  EventLoop& loop;
  OnMessage on_message;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);                                         // the loop's thread only
  std::shared_ptr<std::atomic<std::size_t>> waiting = std::make_shared<std::atomic<std::size_t>>(0);  // bytes, for the loop
  Context context{zmq_ctx_new()};
  std::vector<Socket> sockets;  // the thread's, once it runs
  std::thread thread;
};

void ZmqSubscriber::Impl::receive_until_closed() {
  std::vector<zmq_pollitem_t> items;
  for (const Socket& socket : sockets) items.push_back({socket.get(), 0, ZMQ_POLLIN, 0});
  std::vector<std::string> parts;
  while (zmq_poll(items.data(), static_cast<int>(items.size()), -1) >= 0 || zmq_errno() == EINTR) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      while (receive(items[i].socket, parts)) {
        if (parts.size() != 3 || parts[1].size() != 8) continue;
        std::uint64_t sequence = 0;
        for (const char c : parts[1]) sequence = sequence << 8U | static_cast<std::uint8_t>(c);
        const std::size_t bytes = parts[2].size() + kMessageCost;
        if (waiting->load() + bytes > kWaitingMax) continue;
        *waiting += bytes;
        loop.post([this, still = alive, counted = waiting, bytes, i, sequence, payload = std::move(parts[2])] {
          *counted -= bytes;
          if (*still) on_message(i, sequence, payload);
        });
      }
    }
  }
  sockets.clear();  // the context waits for that
}

ZmqSubscriber::ZmqSubscriber(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ZmqSubscriber::~ZmqSubscriber() {
  *impl_->alive = false;
  zmq_ctx_shutdown(impl_->context.get());  // ends the thread's waiting
  if (impl_->thread.joinable()) impl_->thread.join();
}

Result<std::unique_ptr<ZmqSubscriber>> ZmqSubscriber::connect(EventLoop& loop, const std::vector<std::string>& endpoints,
                                                              const std::string& topic, OnMessage on_message) {
  auto impl = std::make_unique<Impl>(loop, std::move(on_message));
  Errors errors;
  for (const std::string& endpoint : endpoints) {
    impl->sockets.push_back(make_socket(impl->context, ZMQ_SUB));
    const Socket& socket = impl->sockets.back();
    set(socket, ZMQ_RCVHWM, kUnreadMax);
    zmq_setsockopt(socket.get(), ZMQ_MAXMSGSIZE, &kMessageMax, sizeof kMessageMax);
    zmq_setsockopt(socket.get(), ZMQ_SUBSCRIBE, topic.data(), topic.size());
    if (zmq_connect(socket.get(), endpoint.c_str()) == 0) continue;
    errors.push_back({.what = "cannot subscribe to '" + endpoint + "': " + reason(),
                      .hint = "expected tcp://HOST:PORT",
                      .file = {},
                      .source_line = {}});
  }
  if (!errors.empty()) {
    impl->sockets.clear();
    return fail(std::move(errors));
  }
  if (!endpoints.empty()) impl->thread = std::thread([here = impl.get()] { here->receive_until_closed(); });
  return std::make_unique<ZmqSubscriber>(std::move(impl));
}

}  // namespace infbench::net
