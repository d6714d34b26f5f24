// What the tests of `serve` share: a model with round times, workers without sockets, a little world in virtual time that
// carries bytes between a client, a prefill and a decode worker. For tests only; one thread.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "live/serve_worker.h"

namespace infbench::live::test {

inline const Vocabulary& vocabulary() {
  static const Vocabulary words(net::WordList::built_in("data").value());
  return words;
}

// A step takes 1 ms and 1 us for each token computed; 1,000 bytes of KV a token.
inline std::shared_ptr<const cost::Model> round_model() {
  cost::Coefficients c;
  c.step = 1'000'000 * cost::kTicksPerNs;
  c.token = 1'000 * cost::kTicksPerNs;
  cost::KvCapacity kv;
  kv.kv_per_token_per_gpu = 1'000;
  return std::make_shared<const cost::Model>(
      cost::Model{.key = {.model = "test/model", .precision = "bf16", .gpu = "h200", .tp = 1, .engine = "sglang"},
                  .models = {"test/model"},
                  .gpu_aliases = {},
                  .step_time = cost::StepTime(c),
                  .kv = kv,
                  .provenance = {}});
}

inline ServeSettings settings(Role role = Role::aggregated) {
  ServeSettings s;
  s.model_name = "test/model";
  s.model_path = "/model";
  s.config = {.role = role, .kv_capacity = 64'000, .page = 16, .chunk = 1024, .context_length = 8192};
  s.model = round_model();
  s.vocabulary = &vocabulary();
  s.room_timeout = seconds(30);
  s.truth_log = true;
  return s;
}

inline std::string post(std::string_view path, std::string_view body, std::string_view more_headers = {}) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nhost: x\r\ncontent-length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more_headers) + "\r\n" + std::string(body);
}

inline std::string get(std::string_view path) { return "GET " + std::string(path) + " HTTP/1.1\r\nhost: x\r\n\r\n"; }

// "word word word": so many tokens, other ones for another name.
inline std::string prompt_of(std::size_t tokens, std::size_t name = 0) {
  std::string text;
  for (std::size_t i = 0; i < tokens; ++i) text += vocabulary().word((name * 7919 + i * 31) % vocabulary().words().size());
  return text;
}

// Several workers, their clients and the connections between them, in virtual time. A byte takes no time.
class World {
 public:
  explicit World(const std::vector<ServeSettings>& workers) {
    for (const ServeSettings& each : workers) {
      workers_.push_back(std::make_unique<ServeWorker>(each));
      workers_.back()->set_ports(8000 + static_cast<int>(workers_.size()), 9000 + static_cast<int>(workers_.size()));
    }
    carry();
  }

  ServeWorker& worker(std::size_t index = 0) { return *workers_[index]; }
  Time now() const { return now_; }

  ClientId client(std::size_t worker = 0) { return workers_[worker]->client_came(); }

  void send(ClientId client, std::string_view bytes, std::size_t worker = 0) {
    workers_[worker]->client_bytes(client, bytes, now_, now_);
    carry();
  }

  void hang_up(ClientId client, std::size_t worker = 0) {
    workers_[worker]->client_gone(client, now_);
    carry();
  }

  // Breaks every connection over a bootstrap port.
  void cut() {
    const auto cut = std::exchange(connections_, {});
    for (const Joint& joint : cut) {
      workers_[joint.prefill]->peer_gone(joint.at_prefill, "cut", now_);
      workers_[joint.decode]->peer_gone(joint.at_decode, "cut", now_);
    }
    carry();
  }

  // Lets time pass up to `until`, from one due moment to the next.
  void run_until(Time until) {
    while (true) {
      Time next = kNever;
      for (const auto& each : workers_) next = std::min(next, each->next().value_or(kNever));
      if (next > until) break;
      now_ = std::max(now_, next);
      for (const auto& each : workers_) each->advance(now_);
      carry();
    }
    now_ = std::max(now_, until);
  }
  void run() { run_until(now_ + seconds(20)); }

  // What the client has got so far.
  std::string received(ClientId client, std::size_t worker = 0) { return received_[{worker, client}]; }
  std::string log(std::size_t worker = 0) {
    workers_[worker]->close_log();
    return *workers_[worker]->log_text();
  }
  bool refuse_connections = false;

 private:
  struct Joint {
    std::size_t prefill;
    PeerId at_prefill;
    std::size_t decode;
    PeerId at_decode;
  };

  void carry() {
    bool busy = true;
    while (busy) {
      busy = false;
      for (std::size_t w = 0; w < workers_.size(); ++w) busy = carry_from(w) || busy;
    }
  }

  bool carry_from(std::size_t w) {
    std::vector<ClientId> dirty;
    workers_[w]->take_dirty_clients(dirty);
    for (const ClientId client : dirty) {
      std::string& out = workers_[w]->connection(client).out();
      received_[{w, client}] += out;
      out.clear();
      workers_[w]->client_sent(client, now_);
    }
    std::vector<PeerCommand> commands;
    workers_[w]->take_peer_commands(commands);
    for (const PeerCommand& command : commands) obey(w, command);
    return !commands.empty();
  }

  void obey(std::size_t w, const PeerCommand& command) {
    using What = PeerCommand::What;
    if (command.what == What::connect) {
      const auto prefill = static_cast<std::size_t>(command.port - 9001);
      if (refuse_connections || prefill >= workers_.size()) return workers_[w]->peer_gone(command.peer, "refused", now_);
      const PeerId at_prefill = *workers_[prefill]->peer_came();
      connections_.push_back({prefill, at_prefill, w, command.peer});
      return workers_[w]->peer_connected(command.peer, now_);
    }
    const auto joint = std::find_if(connections_.begin(), connections_.end(), [&](const Joint& each) {
      return (each.decode == w && each.at_decode == command.peer) || (each.prefill == w && each.at_prefill == command.peer);
    });
    if (joint == connections_.end()) return;  // to a connection that is cut
    const bool from_decode = joint->decode == w;
    ServeWorker& to = *workers_[from_decode ? joint->prefill : joint->decode];
    const PeerId peer = from_decode ? joint->at_prefill : joint->at_decode;
    if (command.what == What::send) return to.peer_bytes(peer, command.bytes, now_);
    connections_.erase(joint);
    to.peer_gone(peer, "closed", now_);
  }

  std::vector<std::unique_ptr<ServeWorker>> workers_;
  std::vector<Joint> connections_;
  std::map<std::pair<std::size_t, ClientId>, std::string> received_;
  Time now_;
};

}  // namespace infbench::live::test
