#include "live/serve.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "live/serve_shell.h"
#include "net/event_loop.h"

namespace infbench::live {
namespace {

// One thread: its loop, and the workers that live on it.
struct ServeThread {
  net::EventLoop loop;
  std::vector<std::unique_ptr<ServeShell>> shells;
  std::size_t undrained = 0;
  std::thread thread;
};

}  // namespace

struct Server::Impl {
  Options options;
  int log_file = -1;
  std::vector<ServePorts> ports;
  std::vector<std::unique_ptr<ServeThread>> threads;
  std::atomic<std::size_t> running = 0;
  std::atomic<bool> log_failed = false;

  ~Impl() {
    if (log_file >= 0) ::close(log_file);
  }

  Result<void> open_log() {
    if (options.truth_log.empty()) return {};
    log_file = ::open(options.truth_log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (log_file < 0) return fail("cannot write the truth log '" + options.truth_log + "': " + std::strerror(errno));
    return {};
  }

  // Every port that cannot be opened is told, not only the first.
  Result<void> open_workers() {
    Errors errors;
    for (std::size_t i = 0; i < options.workers.size(); ++i) {
      ServeThread& thread = *threads[i % threads.size()];
      ServeSettings& settings = options.workers[i];
      settings.index = static_cast<std::uint32_t>(i);
      settings.truth_log = log_file >= 0;
      thread.shells.push_back(std::make_unique<ServeShell>(thread.loop, settings, log_file, [&thread] {
        if (--thread.undrained == 0) thread.loop.stop();
      }));
      if (auto opened = thread.shells.back()->open(); !opened) {
        errors.insert(errors.end(), opened.error().begin(), opened.error().end());
        continue;
      }
      ports.push_back(
          {thread.shells.back()->port(), thread.shells.back()->bootstrap_port(), thread.shells.back()->kv_endpoint()});
    }
    if (!errors.empty()) return fail(std::move(errors));
    return {};
  }

  void run(ServeThread& thread) {
    thread.loop.run();
    for (const auto& shell : thread.shells) {
      shell->finish_log();
      if (shell->log_failed()) log_failed = true;
    }
    if (--running == 0 && options.on_ended) options.on_ended();
  }

  void start_threads() {
    running = threads.size();
    for (const auto& thread : threads) {
      thread->undrained = thread->shells.size();
      thread->thread = std::thread([this, &thread = *thread] { run(thread); });
    }
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Server>> Server::start(Options options) {
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  const std::size_t workers = impl->options.workers.size();
  const std::size_t threads =
      std::clamp<std::size_t>(static_cast<std::size_t>(impl->options.threads), 1, std::max<std::size_t>(workers, 1));
  for (std::size_t i = 0; i < threads; ++i) impl->threads.push_back(std::make_unique<ServeThread>());
  if (auto log = impl->open_log(); !log) return fail(std::move(log.error()));
  if (auto opened = impl->open_workers(); !opened) return fail(std::move(opened.error()));
  impl->start_threads();
  return std::make_unique<Server>(std::move(impl));
}

Server::~Server() {
  stop();
  wait();
}

const std::vector<ServePorts>& Server::ports() const { return impl_->ports; }

void Server::drain() {
  for (const auto& thread : impl_->threads) {
    thread->loop.post([&thread = *thread] {
      for (const auto& shell : thread.shells) shell->drain();
    });
  }
}

void Server::stop() {
  for (const auto& thread : impl_->threads) thread->loop.stop();
}

void Server::wait() {
  for (const auto& thread : impl_->threads) {
    if (thread->thread.joinable()) thread->thread.join();
  }
}

bool Server::log_failed() const { return impl_->log_failed; }

}  // namespace infbench::live
