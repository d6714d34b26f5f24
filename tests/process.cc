#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/number.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

std::string read_all(int fd) {
  std::string out;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t count = pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(out.size()));
    if (count <= 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

// A file in memory: takes what a program prints, however much, without a reader beside it.
class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("printed", MFD_CLOEXEC)) {
    if (fd_ < 0) throw std::runtime_error("memfd_create failed");
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int fd() const { return fd_; }

  std::string text() const { return read_all(fd_); }

 private:
  int fd_;
};

std::vector<std::string> with_own_environment(const std::vector<std::string>& added) {
  std::vector<std::string> all = added;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string own = *entry;
    const std::string name = own.substr(0, own.find('=') + 1);
    if (std::none_of(added.begin(), added.end(), [&](const std::string& a) { return a.starts_with(name); })) all.push_back(own);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

namespace {

// Starts the program with these descriptors as its output; the process id, or -1.
pid_t spawn(const std::vector<std::string>& argv, const std::vector<std::string>& environment, int out, int err,
            Group group = Group::ours) {
  std::vector<std::string> arguments = argv;
  std::vector<std::string> variables = with_own_environment(environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  if (group == Group::own) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t child = 0;
  const int failed =
      posix_spawn(&child, argv.at(0).c_str(), &actions, &attributes, pointers(arguments).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return failed == 0 ? child : -1;
}

int exit_code_of(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Finished run_program(const std::vector<std::string>& argv, const std::vector<std::string>& environment) {
  const MemoryFile out;
  const MemoryFile err;
  const pid_t child = spawn(argv, environment, out.fd(), err.fd());
  if (child < 0) return {.exit_code = -1, .out = {}, .err = "cannot start " + argv.at(0)};
  const int code = exit_code_of(child);
  return {.exit_code = code, .out = out.text(), .err = err.text()};
}

Finished run_forked(const std::function<int()>& body, unsigned most_seconds) {
  const MemoryFile out;
  const MemoryFile err;
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) return {.exit_code = -1, .out = {}, .err = "cannot fork"};
  if (child == 0) {
    dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    dup2(out.fd(), STDOUT_FILENO);
    dup2(err.fd(), STDERR_FILENO);
    alarm(most_seconds);
    const int code = [&]() noexcept { return body(); }();  // an exception ends it here
    std::fflush(nullptr);
    _exit(code);
  }
  const int code = exit_code_of(child);
  return {.exit_code = code, .out = out.text(), .err = err.text()};
}

Running::Running(const std::vector<std::string>& argv, const std::vector<std::string>& environment, Group group)
    : err_(memfd_create("printed", MFD_CLOEXEC)) {
  std::array<int, 2> ends{};
  if (err_ < 0 || pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no descriptors for a program's output");
  out_ = ends[0];
  child_ = spawn(argv, environment, ends[1], err_, group);
  close(ends[1]);
}

Running::~Running() {
  if (child_ > 0) stop(SIGKILL);
  close(out_);
  close(err_);
}

bool Running::read_more() {
  std::array<char, 4096> buffer{};
  const ssize_t count = read(out_, buffer.data(), buffer.size());
  if (count <= 0) return false;
  rest_.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

std::optional<std::string> Running::next_line() {
  std::size_t end = rest_.find('\n');
  while (end == std::string::npos && read_more()) end = rest_.find('\n');
  if (end == std::string::npos && rest_.empty()) return std::nullopt;
  std::string line = rest_.substr(0, end);
  rest_.erase(0, end == std::string::npos ? end : end + 1);
  return line;
}

std::string Running::line() { return next_line().value_or(""); }

std::string Running::line_with(const std::string& text) {
  std::optional<std::string> line = next_line();
  while (line && line->find(text) == std::string::npos) line = next_line();
  return line.value_or("");
}

Finished Running::stop_group(int signal) {
  if (child_ > 0) kill(-child_, signal);
  return stop(0);
}

Finished Running::stop(int signal) {
  Finished finished{.exit_code = -1, .out = {}, .err = "not running"};
  if (child_ <= 0) return finished;
  if (signal != 0) kill(child_, signal);
  while (read_more()) continue;
  finished.out = std::exchange(rest_, {});
  finished.exit_code = exit_code_of(std::exchange(child_, -1));
  finished.err = read_all(err_);
  return finished;
}

std::vector<int> processes_with(const std::string& text) {
  std::vector<int> found;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const auto id = number_in<int>(at->path().filename().string());
    if (!id || *id == getpid()) continue;
    if ((read_text(at->path() / "environ") + command_line_of(*id)).find(text) != std::string::npos) found.push_back(*id);
  }
  return found;
}

std::string command_line_of(int process) { return read_text("/proc/" + std::to_string(process) + "/cmdline"); }

std::string url_in(const std::string& line) {
  const std::size_t begin = line.find("http://");
  return begin == std::string::npos ? "" : line.substr(begin, line.find_first_of(" ,\n", begin) - begin);
}

int port_in(const std::string& line) {
  constexpr std::string_view kBefore = "http://127.0.0.1:";
  const std::size_t begin = line.find(kBefore);
  return begin == std::string::npos ? 0 : std::atoi(line.c_str() + begin + kBefore.size());
}

}  // namespace infbench::tests
