#include "launch/run_tool.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace infbench::launch {
namespace {

// A file in memory: holds what a program reads or prints, however much, without a thread beside it.
class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("srtctl-tool", MFD_CLOEXEC)) {}
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int fd() const { return fd_; }

  bool fill(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = write(fd_, bytes.data(), bytes.size());
      if (count < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return lseek(fd_, 0, SEEK_SET) == 0;
  }

  std::string text() const {
    std::string all;
    std::array<char, 16384> buffer{};
    for (;;) {
      const ssize_t count = pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(all.size()));
      if (count <= 0) return all;
      all.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }

 private:
  int fd_;
};

// 0 and the child's number, or errno.
int spawn(const std::vector<std::string>& argv, std::array<int, 3> streams, pid_t& child) {
  std::vector<std::string> words = argv;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int i = 0; i < 3; ++i) posix_spawn_file_actions_adddup2(&actions, streams[static_cast<std::size_t>(i)], i);
  // The program gets the usual signals, whatever this one has done with its own.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t usual = none;
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&usual, signal);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int failed = posix_spawnp(&child, pointers.front(), &actions, &attributes, pointers.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failed;
}

// False: it still runs at the deadline.
bool wait_for_end(pid_t child, Duration limit) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline = Clock::now() + std::chrono::nanoseconds(limit.ns);
  const auto descriptor = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  bool ended = false;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd watched{.fd = descriptor, .events = POLLIN, .revents = 0};
    ended = poll(&watched, 1, left > 0 ? static_cast<int>(left) + 1 : 0) > 0;
    if (ended || Clock::now() >= deadline) break;  // else: interrupted by a signal
  }
  close(descriptor);
  return ended;
}

}  // namespace

Result<ToolOutput> run_tool(const std::vector<std::string>& argv, const ToolOptions& options) {
  const MemoryFile in;
  const MemoryFile out;
  const MemoryFile err;
  if (in.fd() < 0 || out.fd() < 0 || err.fd() < 0 || !in.fill(options.input)) {
    return fail(fmt::format("cannot start {}: {}", argv.at(0), std::strerror(errno)));
  }
  pid_t child = 0;
  if (const int failed = spawn(argv, {in.fd(), out.fd(), err.fd()}, child); failed != 0) {
    return fail(fmt::format("cannot start {}: {}", argv.at(0), std::strerror(failed)));
  }
  const bool ended = wait_for_end(child, options.limit);
  if (!ended) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    return fail(fmt::format("{} did not end within {} s", argv.at(0), options.limit.ns / 1'000'000'000), err.text());
  }
  const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return ToolOutput{.exit_code = code, .out = out.text(), .err = err.text()};
}

bool has_tool(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string file = std::string(rest.substr(0, end)) + "/" + name;
    if (end > 0 && access(file.c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

}  // namespace infbench::launch
