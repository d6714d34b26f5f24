#include "net/tcp.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "net/connection_impl.h"
#include "net/event_loop_impl.h"

namespace infbench::net {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
using Endpoints = std::vector<tcp::endpoint>;

constexpr int kBacklog = 4096;
constexpr int kAcceptsAtOnce = 64;  // before others get their turn
constexpr auto kFilesRetry = std::chrono::milliseconds(100);

// All addresses of a name; waits for the network if need be.
Result<Endpoints> resolve(const std::string& host, int port, bool to_listen) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV | (to_listen ? AI_PASSIVE : AI_ADDRCONFIG);
  addrinfo* found = nullptr;
  const int failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (failure != 0) {
    const char* why = failure == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(failure);
    return fail(fmt::format("cannot find the host '{}': {}", host, why), "check its name");
  }
  Endpoints all;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    tcp::endpoint& endpoint = all.emplace_back();
    std::memcpy(endpoint.data(), one->ai_addr, std::min<std::size_t>(one->ai_addrlen, endpoint.capacity()));
  }
  ::freeaddrinfo(found);
  return all;
}

// The endpoint, if the host is an address.
std::optional<tcp::endpoint> parse_address(const std::string& host, int port) {
  error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error) return std::nullopt;
  return tcp::endpoint(address, static_cast<unsigned short>(port));
}

sockaddr_storage storage_of(const tcp::endpoint& endpoint) {
  sockaddr_storage address{};
  std::memcpy(&address, endpoint.data(), endpoint.size());
  return address;
}

bool is_port(int port) { return port >= 0 && port <= 65535; }

}  // namespace

struct Listener::Impl : std::enable_shared_from_this<Listener::Impl> {
  Impl(EventLoop::Impl& given_loop, OnAccept given, std::shared_ptr<const TlsContext> given_tls)
      : loop(given_loop), acceptor(loop.io), files_retry(loop.io), on_accept(std::move(given)), tls(std::move(given_tls)) {}

  error_code open(const tcp::endpoint& endpoint) {
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.native_non_blocking(true, error);
    if (error) return error;
    set_stream_options(acceptor.native_handle(), loop.sockets.stamped());
    acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(kBacklog, error);
    return error;
  }

  void wait() {
    acceptor.async_wait(tcp::acceptor::wait_read, [self = shared_from_this()](const error_code& error) {
      if (!error) self->accept_some();
    });
  }

  void accept_some() {
    for (int i = 0; i < kAcceptsAtOnce && acceptor.is_open(); ++i) {
      sockaddr_storage peer{};
      socklen_t size = sizeof peer;
      const int socket =
          ::accept4(acceptor.native_handle(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket >= 0) {
        if (auto connection = make_connection(loop.sockets, socket, peer, tls)) on_accept(std::move(connection));
        continue;
      }
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return wait_for_files();
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      // Others (ECONNABORTED, EPROTO...) are of the one connection, which has gone.
    }
    if (acceptor.is_open()) wait();
  }

  // Connections stay in the kernel's queue until a file of this loop was closed, or a while has passed (others may have closed
  // one).
  void wait_for_files() {
    waits_for_files = true;
    const std::weak_ptr<Impl> weak = weak_from_this();
    if (!std::exchange(told_loop, true)) {  // once, however long there is no file
      loop.waiting_for_files.emplace_back([weak] {
        const auto self = weak.lock();
        if (!self) return;
        self->told_loop = false;
        self->try_again();
      });
    }
    files_retry.expires_after(kFilesRetry);
    files_retry.async_wait([weak](const error_code& error) {
      const auto self = weak.lock();
      if (self && !error) self->try_again();
    });
  }

  void try_again() {
    if (!std::exchange(waits_for_files, false) || !acceptor.is_open()) return;
    files_retry.cancel();
    accept_some();
  }

  void close() {
    error_code ignored;
    acceptor.close(ignored);
    files_retry.cancel();
  }

  EventLoop::Impl& loop;
  tcp::acceptor acceptor;
  boost::asio::steady_timer files_retry;
  bool waits_for_files = false;
  bool told_loop = false;  // it has a callback of ours
  OnAccept on_accept;
  std::shared_ptr<const TlsContext> tls;
};

Result<std::unique_ptr<Listener>> Listener::open(EventLoop& loop, const std::string& host, int port, OnAccept on_accept,
                                                 std::shared_ptr<const TlsContext> tls) {
  if (!is_port(port)) return fail(fmt::format("expected a port from 0 to 65535, found {}", port));
  auto endpoint = parse_address(host, port);
  if (!endpoint) {
    auto found = resolve(host, port, true);
    if (!found) return fail(std::move(found.error()));
    endpoint = found->front();
  }
  auto impl = std::make_shared<Impl>(loop.impl(), std::move(on_accept), std::move(tls));
  if (const error_code error = impl->open(*endpoint)) {
    const char* hint = error.value() == EADDRINUSE      ? "another program listens there; choose another port or end it"
                       : error.value() == EADDRNOTAVAIL ? "the address must be one of this machine, or 0.0.0.0 for all of them"
                       : error.value() == EACCES        ? "ports below 1024 are the administrator's; choose another"
                                                        : "";
    return fail(fmt::format("cannot listen on {}: {}", address_text(storage_of(*endpoint)), std::strerror(error.value())),
                hint);
  }
  impl->wait();
  return std::make_unique<Listener>(std::move(impl));
}

Listener::Listener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Listener::~Listener() { impl_->close(); }

int Listener::port() const {
  error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

namespace {

// One connect(): a name's addresses, tried in order until one answers or the time is over. Its timer keeps it alive.
class Connecting : public std::enable_shared_from_this<Connecting> {
 public:
  using OnConnected = std::function<void(Result<std::unique_ptr<Connection>>)>;

  Connecting(EventLoop::Impl& loop, const std::string& host, int port, Duration timeout, OnConnected on_connected)
      : loop_(loop),
        socket_(loop.io),
        timer_(loop.io),
        host_(host),
        port_(port),
        timeout_(timeout),
        on_connected_(std::move(on_connected)) {}

  void start() {
    timer_.expires_after(std::chrono::nanoseconds(timeout_.ns));
    timer_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->finish(fail(self->text(fmt::format("no answer within {} s", to_s(self->timeout_)))));
    });
    if (!is_port(port_) || port_ == 0) return fail_soon(fmt::format("expected a port from 1 to 65535, found {}", port_));
    if (const auto endpoint = parse_address(host_, port_)) {
      endpoints_ = {*endpoint};
      return try_next();
    }
    resolve_elsewhere();
  }

 private:
  std::string text(const std::string& why) const { return fmt::format("cannot connect to {}:{}: {}", host_, port_, why); }

  // A thread of its own, that nobody waits for: looking up a name can take long and cannot be stopped.
  void resolve_elsewhere() {
    const auto look_up = [host = host_, port = port_, door = loop_.door, weak = weak_from_this()] {
      auto found = resolve(host, port, false);
      const std::lock_guard lock(door->mutex);
      if (door->io == nullptr) return;
      boost::asio::post(*door->io, [weak, found = std::move(found)]() mutable {
        if (const auto self = weak.lock()) self->resolved(std::move(found));
      });
    };
    try {
      std::thread(look_up).detach();
    } catch (const std::exception& error) {
      fail_soon(error.what());
    }
  }

  void resolved(Result<Endpoints> found) {
    if (!found) return finish(fail(std::move(found.error())));
    endpoints_ = std::move(*found);
    try_next();
  }

  void try_next() {
    error_code error;
    socket_.close(error);
    const tcp::endpoint& endpoint = endpoints_[tried_++];
    socket_.open(endpoint.protocol(), error);
    if (error) return fail_soon(std::strerror(error.value()));
    set_stream_options(socket_.native_handle(), loop_.sockets.stamped());
    socket_.async_connect(endpoint, [self = shared_from_this()](const error_code& failure) { self->tried(failure); });
  }

  void tried(const error_code& failure) {
    if (!on_connected_) return;
    if (failure && tried_ < endpoints_.size()) return try_next();
    if (failure) return finish(fail(text(std::strerror(failure.value()))));
    const sockaddr_storage peer = storage_of(endpoints_[tried_ - 1]);
    error_code error;
    socket_.native_non_blocking(true, error);
    const int socket = socket_.release(error);
    auto connection = error ? nullptr : make_connection(loop_.sockets, socket, peer);
    if (!connection) return finish(fail(text(std::strerror(errno))));
    finish(std::move(connection));
  }

  void fail_soon(const std::string& why) {
    boost::asio::post(loop_.io, [self = shared_from_this(), what = text(why)] { self->finish(fail(what)); });
  }

  void finish(Result<std::unique_ptr<Connection>> result) {
    const OnConnected callback = std::exchange(on_connected_, nullptr);
    if (!callback) return;
    timer_.cancel();
    error_code ignored;
    socket_.close(ignored);
    callback(std::move(result));
  }

  EventLoop::Impl& loop_;
  tcp::socket socket_;
  boost::asio::steady_timer timer_;
  std::string host_;
  int port_;
  Duration timeout_;
  OnConnected on_connected_;
  Endpoints endpoints_;
  std::size_t tried_ = 0;
};

}  // namespace

void connect(EventLoop& loop, const std::string& host, int port, Duration timeout,
             std::function<void(Result<std::unique_ptr<Connection>>)> on_connected) {
  std::make_shared<Connecting>(loop.impl(), host, port, timeout, std::move(on_connected))->start();
}

}  // namespace infbench::net
