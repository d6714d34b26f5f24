#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/connection_impl.h"

namespace infbench::net {
namespace {

constexpr int kReadsAtOnce = 4;  // of the whole buffer, before others get their turn
constexpr std::size_t kSmall = 2048;
constexpr std::size_t kKeepCapacity = std::size_t{64} << 10U;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// The kernel's stamp of the last byte received, in nanoseconds of the epoch.
std::optional<std::int64_t> stamp_of(msghdr& message) {
  const cmsghdr* control = CMSG_FIRSTHDR(&message);
  if (control == nullptr || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS) return std::nullopt;
  timespec stamp{};
  std::memcpy(&stamp, CMSG_DATA(control), sizeof stamp);
  return std::int64_t{stamp.tv_sec} * 1'000'000'000 + stamp.tv_nsec;
}

}  // namespace

Connection::Impl::Impl(SocketPoll& poll, int socket, const sockaddr_storage& peer, std::unique_ptr<TlsSession> tls)
    : poll_(poll), socket_(socket), peer_(peer), tls_(std::move(tls)) {}

Connection::Impl::~Impl() { close(); }

bool Connection::Impl::watch() {
  slot_ = poll_.add(socket_, shared_from_this());
  if (slot_) return true;
  const int error = errno;
  close();
  errno = error;
  return false;
}

void Connection::Impl::on_news(std::uint32_t epoll_events) {
  if ((epoll_events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) flush();
  if ((epoll_events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) hung_up_ = true;
  if ((epoll_events & EPOLLIN) != 0 || hung_up_) readable_ = true;
  read();
}

void Connection::Impl::read() {
  for (int reads = 0; readable_ && may_read(); ++reads) {
    if (reads == kReadsAtOnce) return poll_.ask_again(*slot_);
    if (receive_once() != Got::bytes) return;
  }
}

ssize_t Connection::Impl::receive_stamped(std::span<char> buffer, std::optional<std::int64_t>& stamp) const {
  iovec into{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, 64> control;
  msghdr message{};
  message.msg_iov = &into;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t count = ::recvmsg(socket_, &message, MSG_DONTWAIT);
  if (count > 0) stamp = stamp_of(message);
  return count;
}

Connection::Impl::Got Connection::Impl::receive_once() {
  const std::span<char> buffer = poll_.buffer();
  std::optional<std::int64_t> stamp;
  ssize_t count = 0;
  do {
    count = poll_.stamped() ? receive_stamped(buffer, stamp) : ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    const Time now = steady_now();
    // Less than a full buffer: the kernel has no more, and will tell when it has.
    if (static_cast<std::size_t>(count) < buffer.size() && !hung_up_) readable_ = false;
    const std::string_view bytes{buffer.data(), static_cast<std::size_t>(count)};
    const Time received = stamp ? poll_.on_steady_clock(*stamp, now) : now;
    if (!tls_) {
      deliver(bytes, received);
    } else {
      deliver_opened(bytes, received);
    }
    return Got::bytes;
  }
  readable_ = false;
  if (count < 0 && would_block(errno)) return Got::nothing;
  end_reading(count < 0 ? std::strerror(errno) : broken_);
  return Got::end;
}

void Connection::Impl::deliver(std::string_view bytes, Time received) {
  in_callback_ = true;
  if (events_.on_bytes) events_.on_bytes(bytes, received);
  settle();
}

void Connection::Impl::deliver_opened(std::string_view bytes, Time received) {
  const TlsSession::Opened opened = tls_->open(bytes);
  const std::string_view to_peer = opened.to_peer;
  if (!to_peer.empty() && broken_.empty()) send_raw({&to_peer, 1});
  if (!opened.plain.empty()) deliver(opened.plain, received);
  if ((opened.closed || !opened.broken.empty()) && !ended_) end_reading(opened.broken);
}

// After a callback: what it has asked for.
void Connection::Impl::settle() {
  in_callback_ = false;
  if (released_) {
    events_ = {};
    next_events_.reset();
  } else if (next_events_) {
    events_ = std::move(*next_events_);
    next_events_.reset();
  }
}

void Connection::Impl::end_reading(const std::string& reason) {
  ended_ = true;
  if (!reason.empty() || unsent() == 0) close();  // else what is unsent still goes out
  in_callback_ = true;
  if (events_.on_closed) events_.on_closed(reason);
  released_ = true;  // no more callbacks
  settle();
}

void Connection::Impl::set_events(Events given) {
  if (released_ || ended_) return;
  if (in_callback_) {
    next_events_ = std::move(given);
  } else {
    events_ = std::move(given);
  }
  if (std::exchange(begun_, true)) return;
  if (readable_ && slot_) poll_.ask_again(*slot_);
}

void Connection::Impl::pause() { paused_ = true; }

void Connection::Impl::resume() {
  if (!std::exchange(paused_, false)) return;
  if (readable_ && may_read() && slot_) poll_.ask_again(*slot_);
}

void Connection::Impl::send(std::span<const std::string_view> parts) {
  if (ended_ || released_ || shut_wanted_ || !broken_.empty()) return;
  if (!tls_) return send_raw(parts);
  const std::string sealed = tls_->seal(parts);
  const std::string_view all = sealed;
  if (!all.empty()) send_raw({&all, 1});
}

void Connection::Impl::send_raw(std::span<const std::string_view> parts) {
  const std::size_t taken = unsent() > 0 ? 0 : write_some(parts);
  if (broken_.empty()) keep(parts, taken);
}

// Parts that are small together cost less copied into one piece than told to the kernel one by one. False: they are not small.
bool Connection::Impl::write_small(std::span<const std::string_view> parts, std::size_t& taken) {
  std::array<char, kSmall> whole;
  std::size_t bytes = 0;
  for (const std::string_view part : parts) {
    if (part.size() > whole.size() - bytes) return false;
    part.copy(whole.data() + bytes, part.size());
    bytes += part.size();
  }
  if (bytes == 0) return true;
  ssize_t written = 0;
  do written = ::send(socket_, whole.data(), bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (written < 0 && errno == EINTR);
  if (written >= 0) {
    taken = static_cast<std::size_t>(written);
  } else if (!would_block(errno)) {
    cannot_write(errno);
  }
  return true;
}

// Writes what the kernel takes and returns how many bytes that was.
std::size_t Connection::Impl::write_some(std::span<const std::string_view> parts) {
  std::size_t taken = 0;
  if (write_small(parts, taken)) return taken;
  std::array<iovec, IOV_MAX> pieces;
  for (std::size_t next = 0; next < parts.size();) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    for (; next < parts.size() && count < pieces.size(); ++next) {
      if (parts[next].empty()) continue;
      pieces[count++] = {const_cast<char*>(parts[next].data()), parts[next].size()};
      bytes += parts[next].size();
    }
    if (count == 0) break;
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    ssize_t written = 0;
    do written = ::sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (written < 0 && errno == EINTR);
    if (written < 0) {
      if (!would_block(errno)) cannot_write(errno);
      return taken;
    }
    taken += static_cast<std::size_t>(written);
    if (static_cast<std::size_t>(written) < bytes) return taken;
  }
  return taken;
}

void Connection::Impl::keep(std::span<const std::string_view> parts, std::size_t taken) {
  for (const std::string_view part : parts) {
    const std::size_t skip = std::min(taken, part.size());
    taken -= skip;
    unsent_ += part.substr(skip);
  }
}

void Connection::Impl::flush() {
  if (unsent() == 0) return;
  const std::string_view rest = std::string_view(unsent_).substr(sent_);
  sent_ += write_some({&rest, 1});
  if (unsent() > 0) {
    // Keeps the copy from growing for ever behind a slow peer that is never quite done.
    if (sent_ > unsent_.size() / 2) {
      unsent_.erase(0, sent_);
      sent_ = 0;
    }
    return;
  }
  if (broken_.empty()) all_sent();
}

void Connection::Impl::all_sent() {
  unsent_.clear();
  if (unsent_.capacity() > kKeepCapacity) unsent_.shrink_to_fit();
  sent_ = 0;
  if (ended_) return close();
  if (shut_wanted_) ::shutdown(socket_, SHUT_WR);
  in_callback_ = true;
  if (events_.on_drained) events_.on_drained();
  settle();
}

// Nothing more can be written. What the peer has sent before may still be read; the end of that is told as always.
void Connection::Impl::cannot_write(int error) {
  broken_ = std::strerror(error);
  unsent_.clear();
  sent_ = 0;
  if (ended_) return close();
  hung_up_ = true;
  readable_ = true;
  if (may_read()) poll_.ask_again(*slot_);
}

void Connection::Impl::shut_when_sent() {
  if (std::exchange(shut_wanted_, true) || socket_ < 0) return;
  if (tls_ && broken_.empty()) {
    const std::string end = tls_->seal_end();
    const std::string_view all = end;
    send_raw({&all, 1});
  }
  if (unsent() > 0 || socket_ < 0) return;
  ::shutdown(socket_, SHUT_WR);
}

void Connection::Impl::release() {
  released_ = true;
  ended_ = true;
  close();
  if (!in_callback_) settle();
}

void Connection::Impl::close() {
  if (socket_ < 0) return;
  ::close(std::exchange(socket_, -1));
  if (const auto slot = std::exchange(slot_, std::nullopt)) poll_.remove(*slot);
  poll_.file_closed();
}

std::string Connection::Impl::peer() const { return address_text(peer_); }

void set_stream_options(int socket, bool stamped) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (stamped) ::setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

std::unique_ptr<Connection> make_connection(SocketPoll& poll, int socket, const sockaddr_storage& peer,
                                            std::shared_ptr<const TlsContext> tls) {
  auto session = tls ? std::make_unique<TlsSession>(std::move(tls)) : nullptr;
  auto impl = std::make_shared<Connection::Impl>(poll, socket, peer, std::move(session));
  if (!impl->watch()) return nullptr;
  return std::make_unique<Connection>(std::move(impl));
}

std::string address_text(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &address, sizeof v4);
  ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  return std::string(text.data()) + ":" + std::to_string(ntohs(v4.sin_port));
}

Connection::Connection(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() { impl_->release(); }
void Connection::set_events(Events events) { impl_->set_events(std::move(events)); }
void Connection::send(std::span<const std::string_view> parts) { impl_->send(parts); }
void Connection::send(std::string_view bytes) { impl_->send({&bytes, 1}); }
std::size_t Connection::unsent() const { return impl_->unsent(); }
void Connection::pause_reading() { impl_->pause(); }
void Connection::resume_reading() { impl_->resume(); }
void Connection::shut_when_sent() { impl_->shut_when_sent(); }
std::string Connection::peer() const { return impl_->peer(); }

}  // namespace infbench::net
