#include "launch/guard.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/number.h"

namespace infbench::launch {
namespace {

namespace fs = std::filesystem;

constexpr int kLooks = 60;  // for what is left, kBetweenLooks_us apart; after half of them SIGKILL
constexpr useconds_t kBetweenLooks_us = 100'000;
constexpr char kOrderly = '.';  // the pipe is about to be closed, and nobody is being started

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The process group of a process that is no zombie; 0: there is none. /proc/PID/stat is "PID (NAME) STATE PARENT GROUP ...".
int live_group_of(const fs::path& process) {
  const std::string stat = read_file(process / "stat");
  const std::size_t after_name = stat.rfind(')');
  if (after_name == std::string::npos || after_name + 4 >= stat.size()) return 0;
  if (stat[after_name + 2] == 'Z' || stat[after_name + 2] == 'X') return 0;
  const std::size_t parent = after_name + 4;
  const std::size_t group = stat.find(' ', parent) + 1;
  int value = 0;
  std::from_chars(stat.data() + group, stat.data() + stat.size(), value);
  return value;
}

// Sends the signal if the process belongs to the run. The pidfd is opened first: a number that is given to another process
// meanwhile is not mistaken.
bool end_if_of_run(int pid, const std::set<int>& groups, const std::string& variable, int signal) {
  const fs::path process = fmt::format("/proc/{}", pid);
  const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) return false;
  const int group = live_group_of(process);
  bool ours = group != 0 && groups.contains(group);
  if (group != 0 && !ours) {
    const std::string environment = std::string(1, '\0') + read_file(process / "environ");
    ours = environment.find(variable) != std::string::npos;
  }
  if (ours) ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
  ::close(pidfd);
  return ours;
}

// How many processes of the run there are; each gets the signal.
int end_all(const std::set<int>& groups, const std::string& run_id, int signal) {
  const std::string variable = std::string(1, '\0') + kRunVariable + "=" + run_id + std::string(1, '\0');
  int found = 0;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    const auto pid = number_in<int>(name);
    if (!pid || *pid == ::getpid()) continue;
    found += end_if_of_run(*pid, groups, variable, signal) ? 1 : 0;
  }
  return found;
}

// A name that no other run has: the moment and the process.
std::string new_run_id() {
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  return fmt::format("{}-{}", ::getpid(), now);
}

}  // namespace

Result<Guard> Guard::start(const std::string& program) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  std::string run_id = new_run_id();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  std::string name = program;
  std::string command = kGuardCommand;
  std::array<char*, 4> argv{name.data(), command.data(), run_id.data(), nullptr};
  pid_t child = -1;
  const int error = ::posix_spawn(&child, program.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  ::close(ends[0]);
  if (error == 0) return Guard(ends[1], child, std::move(run_id));
  ::close(ends[1]);
  return fail(fmt::format("cannot start {}: {}", program, std::strerror(error)));
}

Guard::Guard(Guard&& other) noexcept
    : pipe_(std::exchange(other.pipe_, -1)), child_(std::exchange(other.child_, -1)), run_id_(std::move(other.run_id_)) {}

Guard::~Guard() {
  if (pipe_ < 0) return;
  tell(kOrderly, 0);
  ::close(pipe_);
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// The guard may have been killed by somebody: that must not end us by SIGPIPE, and there is nothing else to do about it.
void Guard::tell(char what, int process_group) {
  const std::string line = fmt::format("{}{}\n", what, process_group);
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  [[maybe_unused]] const ssize_t written = ::write(pipe_, line.data(), line.size());
  ::sigaction(SIGPIPE, &before, nullptr);
}

void Guard::add(int process_group) { tell('+', process_group); }
void Guard::remove(int process_group) { tell('-', process_group); }

int guard_main(const std::string& run_id) {
  std::set<int> groups;
  bool orderly = false;
  std::string rest;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    rest.append(buffer.data(), static_cast<std::size_t>(count));
    for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
      int group = 0;
      std::from_chars(rest.data() + 1, rest.data() + end, group);
      if (rest[0] == '+') groups.insert(group);
      if (rest[0] == '-') groups.erase(group);
      orderly = rest[0] == kOrderly;
      rest.erase(0, end + 1);
    }
  }
  int empty_looks = 0;
  for (int look = 0; look < kLooks; ++look) {
    // The first SIGTERM may come before a process has a handler; so it is not sent again and again, but twice.
    const int signal = look == 0 || look == kLooks / 4 ? SIGTERM : look < kLooks / 2 ? 0 : SIGKILL;
    // A process that was being started when we were killed has neither the group nor the variable yet: a second look finds it.
    empty_looks = end_all(groups, run_id, signal) == 0 ? empty_looks + 1 : 0;
    if (empty_looks == (orderly ? 1 : 2)) return 0;
    ::usleep(kBetweenLooks_us);
  }
  return 1;
}

}  // namespace infbench::launch
