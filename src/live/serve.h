// Server: the workers of `serve` with their ports: sockets, timers and threads around ServeWorkers, and nothing else.
//
// Each worker lives on one thread with an event loop of its own; workers are dealt out to the threads in turn and share nothing
// that changes. start(), wait() and the destructor belong to one thread; drain() and stop() may be called from any.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "live/serve_settings.h"

namespace infbench::live {

struct ServePorts {
  int port = 0;
  int bootstrap_port = 0;  // of prefill workers, else 0
  std::string kv_events;   // where it publishes, else empty
};

class Server {
 public:
  struct Options {
    std::vector<ServeSettings> workers;
    int threads = 1;
    std::string truth_log;           // a file; empty: none is kept
    std::function<void()> on_ended;  // once all threads have ended by themselves; called on one of them
  };

  // All ports are open when it returns. Errors: a port that is taken, a log that cannot be written; then nothing runs.
  static Result<std::unique_ptr<Server>> start(Options options);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const std::vector<ServePorts>& ports() const;  // by worker
  void drain();                                  // takes no new connections, finishes the answers under way, ends
  void stop();                                   // ends at once
  void wait();                                   // until the threads have ended
  bool log_failed() const;                       // the truth log could not be written to its end; after wait()

  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);  // start() makes it

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace infbench::live
