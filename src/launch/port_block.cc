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

}  // namespace

Result<PortBlock> PortBlock::take(int count, const std::string& bind) {
  const Result<std::string> folder = folder_of_locks();
  if (!folder) return fail(folder.error());
  in_addr address{};
  if (::inet_pton(AF_INET, bind.c_str(), &address) != 1) address.s_addr = htonl(INADDR_ANY);
  for (int base = kFirst; base + count <= kLast; base += count) {
    const std::string path = fmt::format("{}/{}-{}", *folder, base, base + count - 1);
    const int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) return fail(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
    bool free = ::flock(lock, LOCK_EX | LOCK_NB) == 0;
    for (int port = base; free && port < base + count; ++port) free = is_free(port, address);
    if (free) return PortBlock(base, lock);
    ::close(lock);
  }
  return fail(fmt::format("no block of {} ports from {} to {} is free", count, kFirst, kLast),
              "end other runs, or what else listens there");
}

PortBlock::PortBlock(PortBlock&& other) noexcept : base_(other.base_), lock_(std::exchange(other.lock_, -1)) {}
PortBlock::~PortBlock() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace infbench::launch
