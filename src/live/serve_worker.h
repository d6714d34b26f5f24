// ServeWorker: one worker of `serve` as a state machine without sockets: bytes of clients and of the other workers in, bytes
// out, an engine in between.
//
// The owner calls inputs and advance() with real time, then takes what is to be sent: of every client in dirty_clients(), and
// the peer commands; then waits for more bytes or for next(). Owns connections' protocol states, answers, engine and rooms; the
// settings' vocabulary and model outlive it. One owner, one thread; several workers share nothing that changes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "live/engine_host.h"
#include "live/serve_answer.h"
#include "live/serve_connection.h"
#include "live/serve_log.h"
#include "live/serve_room.h"
#include "live/serve_settings.h"
#include "live/serve_stats.h"
#include "net/openai.h"

namespace infbench::live {

using ClientId = std::uint32_t;

// What the owner is to do with the connections over bootstrap ports.
struct PeerCommand {
  enum class What : std::uint8_t { connect, send, close };
  What what = What::send;
  PeerId peer;
  std::string bytes;  // connect: the host
  int port = 0;
};

class ServeWorker {
 public:
  explicit ServeWorker(const ServeSettings& settings);
  ServeWorker(const ServeWorker&) = delete;
  ServeWorker& operator=(const ServeWorker&) = delete;

  // Once, before anything else: the ports that the owner has opened.
  void set_ports(int port, int bootstrap_port);

  ClientId client_came();
  void client_bytes(ClientId client, std::string_view bytes, Time received, Time now);
  void client_gone(ClientId client, Time now);

  std::optional<PeerId> peer_came();  // prefill: a decode worker; none: too many
  void peer_connected(PeerId peer, Time now);
  void peer_bytes(PeerId peer, std::string_view bytes, Time now);
  void peer_gone(PeerId peer, const std::string& why, Time now);

  void advance(Time now);
  std::optional<Time> next() const;

  // Clients for which there is something to send or that are to be closed. `out` is emptied first.
  void take_dirty_clients(std::vector<ClientId>& out);
  ServeConnection& connection(ClientId client) { return clients_.at(client)->connection; }
  bool has_client(ClientId client) const { return clients_.count(client) > 0; }
  void client_sent(ClientId client, Time now);  // its bytes have gone to the kernel; only the truth log asks
  void take_peer_commands(std::vector<PeerCommand>& out);
  std::string* log_text() { return log_ ? &log_->text() : nullptr; }

  // From now on connections close after their answer; those without a request at once.
  void drain();
  bool drained() const { return answers_.empty(); }
  void close_log();

  const ServeSettings& settings() const { return settings_; }
  bool idle() const;  // no request, no room
  std::size_t clients() const { return clients_.size(); }

  // What its prefix cache has done, to be published and cleared; null: nothing is.
  engine::KvJournal* kv_journal() { return journal_.get(); }
  void kv_published() { stats_.kv_batch(); }

 private:
  struct EndedAnswer {
    RequestId request;
    std::string x_request_id;
    std::string outcome;
    Time received;
    Tokens cached = 0;
    std::vector<Time> due;
    std::vector<std::int64_t> sent_late_ns;
  };
  struct Client {
    explicit Client(const net::HttpLimits& limits) : connection(limits) {}
    ServeConnection connection;
    std::optional<RequestId> request;  // being answered
    bool dirty = false;
    std::vector<EndedAnswer> ended;  // whose last bytes are not sent yet
  };
  using Answers = std::unordered_map<std::uint64_t, ServeAnswer>;

  void mark(ClientId client);
  void handle(ClientId id, Client& client, Time now);
  void handle_inference(ClientId id, Client& client, net::Api api, Time now);
  bool handle_get(ServeConnection& connection, std::string_view path, Time now);
  void refuse(Client& client, const net::ApiError& error);
  std::optional<net::ApiError> check(const net::InferenceRequest& request) const;
  ServeAnswer::Plan plan_of(const net::InferenceRequest& request, Time received);
  void pages_of(const net::InferenceRequest& request, const ServeAnswer::Plan& plan);
  bool open_room(const ServeAnswer::Plan& plan, Time now);
  void leave_room(const ServeAnswer::Plan& plan, const std::string& why);

  void take_waiting(Time now);
  void settle(Time now);
  bool take_events(Time now);
  bool take_room_actions(Time now);
  void on(const EngineEvent& event, Time now);
  void on(RoomAction& action, Time now);
  void on_token(const EngineEvent& event, ServeAnswer& answer, Time now);
  void end(Answers::iterator answer, const std::string& outcome, Time now);
  void fail(Answers::iterator answer, const net::ApiError& error, Time now);
  EngineGauges gauges() const;
  std::int64_t epoch_s(Time now) const;

  ServeSettings settings_;
  std::unique_ptr<ServeLog> log_;               // null: none is kept
  std::unique_ptr<engine::KvJournal> journal_;  // null: nothing is published
  EngineHost host_;
  std::optional<PrefillRooms> prefill_rooms_;
  std::optional<DecodeRooms> decode_rooms_;
  ServeStats stats_;
  net::RequestReader reader_;

  std::unordered_map<ClientId, std::unique_ptr<Client>> clients_;
  Answers answers_;  // by request
  ClientId next_client_ = 0;
  std::vector<ClientId> freed_;  // whose answers have ended: the next request may be there
  std::uint64_t next_request_ = 0;
  bool draining_ = false;

  std::vector<ClientId> dirty_;
  std::vector<PeerCommand> commands_;
  std::vector<EngineEvent> events_;
  std::vector<RoomAction> actions_;
  std::vector<PageHash> pages_;
  std::string words_;  // of an answer
};

}  // namespace infbench::live
