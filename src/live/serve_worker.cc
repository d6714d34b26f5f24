#include "live/serve_worker.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "live/serve_info.h"

namespace infbench::live {
namespace {

std::unique_ptr<ServeLog> log_for(const ServeSettings& settings) {
  if (!settings.truth_log) return nullptr;
  return std::make_unique<ServeLog>(LoggedWorker{.worker = settings.index,
                                                 .config = settings.config,
                                                 .step_times = settings.model->step_time.coefficients(),
                                                 .start_epoch_ns = settings.start_epoch_ns,
                                                 .time_scale = settings.clock.scale,
                                                 .instant = settings.clock.instant});
}

RoomSettings rooms_for(const ServeSettings& settings) {
  return {.timeout = settings.room_timeout,
          .link = settings.link,
          .kv_per_token_per_gpu = settings.model->kv.kv_per_token_per_gpu,
          .clock = settings.clock};
}

}  // namespace

ServeWorker::ServeWorker(const ServeSettings& settings)
    : settings_(settings),
      log_(log_for(settings)),
      journal_(settings.kv_events ? std::make_unique<engine::KvJournal>() : nullptr),
      host_(settings.config, settings.model->step_time, settings.clock, log_.get(), journal_.get()) {
  if (settings.config.role == Role::prefill) prefill_rooms_.emplace(rooms_for(settings));
  if (settings.config.role == Role::decode) decode_rooms_.emplace(rooms_for(settings));
}

void ServeWorker::set_ports(int port, int bootstrap_port) {
  settings_.port = port;
  settings_.bootstrap_port = bootstrap_port;
}

// ---- Clients

ClientId ServeWorker::client_came() {
  const ClientId id = next_client_++;
  clients_[id] = std::make_unique<Client>(net::HttpLimits{});
  return id;
}

void ServeWorker::mark(ClientId id) {
  Client& client = *clients_.at(id);
  if (client.dirty) return;
  client.dirty = true;
  dirty_.push_back(id);
}

void ServeWorker::client_bytes(ClientId id, std::string_view bytes, Time received, Time now) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = *found->second;
  mark(id);
  bool ready = client.connection.feed(bytes, received);
  while (ready) {
    handle(id, client, now);
    settle(now);
    ready = client.connection.next_request();
  }
  take_waiting(now);
}

// Requests that came behind one whose answer took its time and has ended now.
void ServeWorker::take_waiting(Time now) {
  while (!freed_.empty()) {
    const ClientId id = freed_.back();
    freed_.pop_back();
    const auto found = clients_.find(id);
    if (found == clients_.end()) continue;
    Client& client = *found->second;
    while (client.connection.next_request()) {
      mark(id);
      handle(id, client, now);
      settle(now);
    }
    mark(id);  // one that cannot be read has been answered too
  }
}

void ServeWorker::client_gone(ClientId id, Time now) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = *found->second;
  if (client.request) {
    const auto answer = answers_.find(client.request->value);
    leave_room(answer->second.plan(), "the client has left");
    host_.cancel(*client.request, now);
    stats_.aborted();
    end(answer, "cancelled", now);
  }
  client_sent(id, now);
  clients_.erase(found);
  settle(now);
  take_waiting(now);
}

void ServeWorker::client_sent(ClientId id, Time now) {
  if (!log_) return;
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  const auto note = [&](const std::vector<Time>& due, std::vector<std::int64_t>& late) {
    if (settings_.clock.instant) return;
    while (late.size() < due.size()) late.push_back((now - settings_.clock.to_real(due[late.size()])).ns);
  };
  Client& client = *found->second;
  for (EndedAnswer& ended : client.ended) {
    note(ended.due, ended.sent_late_ns);
    log_->answer({.request = ended.request,
                  .x_request_id = ended.x_request_id,
                  .outcome = ended.outcome,
                  .received_epoch_ns = settings_.start_epoch_ns + (ended.received - settings_.clock.start).ns,
                  .cached = ended.cached,
                  .due = ended.due,
                  .sent_late_ns = ended.sent_late_ns});
  }
  client.ended.clear();
  if (!client.request) return;
  ServeAnswer& answer = answers_.at(client.request->value);
  if (answer.plan().stream) note(answer.due, answer.sent_late_ns);
}

void ServeWorker::take_dirty_clients(std::vector<ClientId>& out) {
  out.clear();
  out.swap(dirty_);
  std::erase_if(out, [this](ClientId id) { return clients_.count(id) == 0; });
  for (const ClientId id : out) clients_.at(id)->dirty = false;
}

void ServeWorker::drain() {
  draining_ = true;
  for (auto& [id, client] : clients_) {
    client->connection.close_after_answer();
    mark(id);
  }
}

void ServeWorker::close_log() {
  if (log_) log_->close();
}

// ---- Peers

std::optional<PeerId> ServeWorker::peer_came() {
  INFBENCH_CHECK(prefill_rooms_.has_value());
  const auto peer = prefill_rooms_->peer_came();
  take_room_actions(Time{});  // the hello
  return peer;
}

void ServeWorker::peer_connected(PeerId peer, Time now) {
  if (decode_rooms_) decode_rooms_->peer_connected(peer);
  settle(now);
  take_waiting(now);
}

void ServeWorker::peer_bytes(PeerId peer, std::string_view bytes, Time now) {
  if (prefill_rooms_) prefill_rooms_->peer_bytes(peer, bytes, now);
  if (decode_rooms_) decode_rooms_->peer_bytes(peer, bytes);
  settle(now);
  take_waiting(now);
}

void ServeWorker::peer_gone(PeerId peer, const std::string& why, Time now) {
  if (prefill_rooms_) prefill_rooms_->peer_gone(peer, now);
  if (decode_rooms_) decode_rooms_->peer_gone(peer, why);
  settle(now);
  take_waiting(now);
}

void ServeWorker::take_peer_commands(std::vector<PeerCommand>& out) {
  out.clear();
  out.swap(commands_);
}

bool ServeWorker::open_room(const ServeAnswer::Plan& plan, Time now) {
  if (prefill_rooms_) return prefill_rooms_->open(plan.bootstrap->room, plan.request, now);
  if (decode_rooms_) {
    return decode_rooms_->open(plan.bootstrap->room, plan.bootstrap->host, *plan.bootstrap->port, plan.request);
  }
  return true;
}

void ServeWorker::leave_room(const ServeAnswer::Plan& plan, const std::string& why) {
  if (prefill_rooms_) prefill_rooms_->give_up(plan.bootstrap->room, why);
  if (decode_rooms_) decode_rooms_->give_up(plan.bootstrap->room, why);
}

// ---- Time

std::optional<Time> ServeWorker::next() const {
  Time next = host_.next().value_or(kNever);
  if (prefill_rooms_) next = std::min(next, prefill_rooms_->next().value_or(kNever));
  if (decode_rooms_) next = std::min(next, decode_rooms_->next().value_or(kNever));
  return next == kNever ? std::nullopt : std::optional(next);
}

void ServeWorker::advance(Time now) {
  host_.advance(now);
  settle(now);
  take_waiting(now);
}

bool ServeWorker::idle() const {
  return answers_.empty() && host_.worker().idle() && (!prefill_rooms_ || prefill_rooms_->rooms() == 0) &&
         (!decode_rooms_ || decode_rooms_->empty());
}

// What the engine tells the rooms and the rooms the engine, until neither has anything left to say at this moment.
void ServeWorker::settle(Time now) {
  do {
    while (take_events(now)) {
    }
    if (prefill_rooms_) prefill_rooms_->advance(now);
    if (decode_rooms_) decode_rooms_->advance(now);
  } while (take_room_actions(now));
}

bool ServeWorker::take_events(Time now) {
  host_.take_events(events_);
  if (events_.empty()) return false;
  std::vector<EngineEvent> events = std::exchange(events_, {});  // handling one may drive the engine on
  for (const EngineEvent& event : events) on(event, now);
  events_ = std::move(events);
  return true;
}

bool ServeWorker::take_room_actions(Time now) {
  if (prefill_rooms_) prefill_rooms_->take_actions(actions_);
  if (decode_rooms_) decode_rooms_->take_actions(actions_);
  if (actions_.empty()) return false;
  std::vector<RoomAction> actions = std::exchange(actions_, {});
  for (RoomAction& action : actions) on(action, now);
  return true;
}

// ---- What the engine tells

void ServeWorker::on(const EngineEvent& event, Time now) {
  using What = EngineEvent::What;
  if (event.what == What::kv_reserved) return decode_rooms_->kv_reserved(event.request, now);
  if (event.what == What::kv_ready) {
    return prefill_rooms_->kv_ready(event.request, event.from, event.to, event.last, event.due);
  }
  const auto found = answers_.find(event.request.value);
  if (found == answers_.end()) return;  // cancelled in the step under way
  switch (event.what) {
    case What::first_token:
      if (!decode_rooms_) found->second.set_cached(event.to);  // a decode worker has it from the other side
      if (prefill_rooms_) prefill_rooms_->first_token(event.request, event.to);
      stats_.prompt(found->second.plan().input, found->second.cached());
      stats_.first_token(now - found->second.plan().received);
      return on_token(event, found->second, now);
    case What::token: stats_.token(now - found->second.last_token()); return on_token(event, found->second, now);
    case What::finished: return end(found, "finished", now);
    default: break;
  }
  const bool context = event.refusal == engine::Refusal::above_context_length;
  const auto& plan = found->second.plan();
  leave_room(plan, "the engine has refused the request");
  fail(found,
       {.status = 400,
        .message = context ? "Requested token count exceeds the model's maximum context length of " +
                                 std::to_string(settings_.config.context_length) + " tokens: the prompt has " +
                                 std::to_string(plan.input) + " tokens, " + std::to_string(plan.output) + " are asked for."
                           : "Prompt and answer are larger than the KV memory of this worker, which holds " +
                                 std::to_string(settings_.config.kv_capacity) + " tokens.",
        .param = plan.api == net::Api::chat ? "messages" : "prompt"},
       now);
}

void ServeWorker::on_token(const EngineEvent& event, ServeAnswer& answer, Time now) {
  answer.token(now);
  if (log_) answer.due.push_back(event.due);
  if (answer.plan().stream) mark(answer.plan().connection);
}

// ---- What the rooms tell

void ServeWorker::on(RoomAction& action, Time now) {
  using What = RoomAction::What;
  const auto found = answers_.find(action.request.value);
  switch (action.what) {
    case What::room_ready: return host_.room_ready(action.request, now);
    case What::kv_sent:
      host_.kv_sent(action.request, now);
      if (found != answers_.end()) end(found, "finished", now);
      return;
    case What::kv_arrived:
      if (found != answers_.end()) found->second.set_cached(action.cached);
      return host_.kv_arrived(action.request, now);
    case What::fail:
      if (found == answers_.end()) return;
      host_.cancel(action.request, now);
      return fail(found, {.status = 502, .message = "disaggregation: " + action.text, .param = {}}, now);
    case What::send: {
      PeerCommand command{.what = PeerCommand::What::send, .peer = action.peer, .bytes = {}, .port = 0};
      append_frame(command.bytes, action.frame);
      commands_.push_back(std::move(command));
      return;
    }
    case What::connect:
      commands_.push_back(
          {.what = PeerCommand::What::connect, .peer = action.peer, .bytes = std::move(action.text), .port = action.port});
      return;
    case What::close:
      commands_.push_back({.what = PeerCommand::What::close, .peer = action.peer, .bytes = {}, .port = 0});
      return;
  }
}

// ---- Ends

void ServeWorker::fail(Answers::iterator answer, const net::ApiError& error, Time now) {
  answer->second.fail(error);
  mark(answer->second.plan().connection);
  stats_.aborted();
  const bool refused = error.status == 400;
  end(answer, refused ? "refused" : error.message, now);
}

void ServeWorker::end(Answers::iterator found, const std::string& outcome, Time now) {
  ServeAnswer& answer = found->second;
  const ClientId id = answer.plan().connection;
  Client& client = *clients_.at(id);
  if (outcome == "finished") {
    stats_.answer(now - answer.plan().received);
    answer.finish();
    mark(id);
  }
  if (log_) {
    client.ended.push_back({.request = answer.plan().request,
                            .x_request_id = answer.plan().x_request_id,
                            .outcome = outcome,
                            .received = answer.plan().received,
                            .cached = answer.cached(),
                            .due = std::move(answer.due),
                            .sent_late_ns = std::move(answer.sent_late_ns)});
  }
  client.request.reset();
  freed_.push_back(id);
  answers_.erase(found);
}

EngineGauges ServeWorker::gauges() const {
  const engine::Worker& worker = host_.worker();
  return {.running = worker.running(),
          .waiting = worker.waiting(),
          .used = worker.kv().in_use() * worker.page(),
          .capacity = worker.kv().capacity() * worker.page()};
}

std::int64_t ServeWorker::epoch_s(Time now) const {
  return (settings_.start_epoch_ns + (now - settings_.clock.start).ns) / 1'000'000'000;
}

}  // namespace infbench::live
