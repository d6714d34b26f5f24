#include "launch/port_block.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace infbench::launch {
namespace {

// Below the ports that the kernel gives to outgoing connections (from 32768 on), above those of well-known services.
constexpr int kFirst = 20'000;
constexpr int kLast = 32'000;

bool is_free(int port, const in_addr& address) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return false;
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in wanted{};
  wanted.sin_family = AF_INET;
  wanted.sin_port = htons(static_cast<std::uint16_t>(port));
  wanted.sin_addr = address;
  const bool bound = ::bind(socket, reinterpret_cast<const sockaddr*>(&wanted), sizeof wanted) == 0;
  const bool free = bound && ::listen(socket, 1) == 0;
  ::close(socket);
  return free;
}

// A folder in /tmp that nobody else can have prepared.
Result<std::string> folder_of_locks() {
  const std::string folder = fmt::format("/tmp/srtctl-ports-{}", ::getuid());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(fmt::format("cannot make the folder {}: {}", folder, std::strerror(errno)));
  }
  struct stat facts {};
  if (::lstat(folder.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode) || facts.st_uid != ::getuid()) {
    return fail(fmt::format("expected {} to be a folder of this user, it is not", folder), "remove it");
  }
  return folder;
}

bool are_free(int slot, const in_addr& address) {
  for (int port = slot; port < slot + PortBlock::kSlot; ++port) {
    if (!is_free(port, address)) return false;
  }
  return true;
}

// The open lock file; -1: another run has it.
Result<int> lock_slot(const std::string& folder, int slot) {
  const std::string path = fmt::format("{}/{}-{}", folder, slot, slot + PortBlock::kSlot - 1);
  const int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) return fail(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  ::close(lock);
  return -1;
}

}  // namespace

Result<PortBlock> PortBlock::take(int count, const std::string& bind) {
  const Result<std::string> folder = folder_of_locks();
  if (!folder) return fail(folder.error());
  in_addr address{};
  if (::inet_pton(AF_INET, bind.c_str(), &address) != 1) address.s_addr = htonl(INADDR_ANY);
  const auto wanted = static_cast<std::size_t>((count + kSlot - 1) / kSlot);
  PortBlock block(kFirst, {});
  for (int slot = kFirst; slot + kSlot <= kLast; slot += kSlot) {
    const Result<int> lock = lock_slot(*folder, slot);
    if (!lock) return fail(lock.error());
    const bool free = *lock >= 0 && are_free(slot, address);
    if (free) block.locks_.push_back(*lock);
    if (free && block.locks_.size() == wanted) return block;
    if (free) continue;
    if (*lock >= 0) ::close(*lock);
    block = PortBlock(slot + kSlot, {});
  }
  return fail(fmt::format("no {} ports in a row from {} to {} are free", count, kFirst, kLast),
              "end other runs, or what else listens there");
}

PortBlock::PortBlock(PortBlock&& other) noexcept : base_(other.base_), locks_(std::exchange(other.locks_, {})) {}
PortBlock& PortBlock::operator=(PortBlock&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(locks_, other.locks_);
  return *this;
}
PortBlock::~PortBlock() {
  for (const int lock : locks_) ::close(lock);
}

}  // namespace infbench::launch
