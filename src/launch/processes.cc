#include "launch/processes.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace infbench::launch {
namespace {

// Our own environment with the command's variables, which win, and the run's mark.
std::vector<std::string> environment_of(const plan::Command& command, const std::string& run_id) {
  plan::Environment added = command.environment;
  added.emplace_back(kRunVariable, run_id);
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view own = *entry;
    const std::string_view name = own.substr(0, own.find('='));
    const bool replaced = std::ranges::find(added, name, &plan::Environment::value_type::first) != added.end();
    if (!replaced && std::ranges::find(command.unset, name) == command.unset.end()) all.emplace_back(own);
  }
  for (const auto& [name, value] : added) all.push_back(fmt::format("{}={}", name, value));
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

// A child starts as if from a terminal of its own: no signal blocked or ignored, its own group.
class SpawnSettings {
 public:
  explicit SpawnSettings(int log) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, log, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

}  // namespace

std::string log_written_by_us(const plan::Command& command) {
  if (command.launch_argv == command.argv) return command.log;
  std::string log = command.log;
  if (log.ends_with(".out")) log.resize(log.size() - 4);
  return log + ".srun.err";
}

Processes::Processes(net::EventLoop& loop, Guard& guard, OnExit on_exit)
    : loop_(loop), guard_(guard), on_exit_(std::move(on_exit)) {}

Processes::~Processes() {
  for (auto& [process, running] : running_) {
    running.watch.reset();
    reap(running.pid);
  }
}

Result<void> Processes::start(int process, const plan::Command& command) {
  if (command.launch_argv.empty()) return fail("the plan has no command line for it");
  const std::string log_path = log_written_by_us(command);
  const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) return fail(fmt::format("cannot open the log {}: {}", log_path, std::strerror(errno)));
  std::vector<std::string> words = command.launch_argv;
  std::vector<std::string> variables = environment_of(command, guard_.run_id());
  const SpawnSettings settings(log);
  pid_t child = -1;
  const int error = ::posix_spawnp(&child, words.front().c_str(), &settings.actions, &settings.attributes,
                                   pointers(words).data(), pointers(variables).data());
  ::close(log);
  if (error != 0) return fail(fmt::format("{}: {}", command.launch_argv.front(), std::strerror(error)));
  guard_.add(child);
  Running& running = running_[process];
  running.pid = child;
  running.watch = std::make_unique<net::ExitWatch>(loop_, child, [this, process] { on_exit(process); });
  if (running.watch->watching()) return {};
  reap(child);
  running_.erase(process);
  return fail("it cannot be watched: the limit of open files is reached");
}

// What the leader leaves of its group goes with it; it keeps the group's number until it is reaped.
Exit Processes::reap(int pid) {
  ::kill(-pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  guard_.remove(pid);
  if (WIFSIGNALED(status)) return {.signal = WTERMSIG(status)};
  return {.code = WEXITSTATUS(status)};
}

void Processes::on_exit(int process) {
  const auto found = running_.find(process);
  const int pid = found->second.pid;
  running_.erase(found);
  on_exit_(process, reap(pid));
}

void Processes::signal(int process, int signal) {
  const auto found = running_.find(process);
  if (found != running_.end()) ::kill(-found->second.pid, signal);
}

}  // namespace infbench::launch
