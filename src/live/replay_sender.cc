#include "live/replay_sender.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace infbench::live {
namespace {

// A connection that carried a request may be closed by its server when idle; common servers do so after 5 s.
constexpr Duration kIdleMost = seconds(4);
// Making ready for the next burst begins so long before it, and rests when it is so near.
constexpr Duration kPrepareFrom = seconds(1);
constexpr Duration kPrepareUntil = milliseconds(3);
constexpr std::size_t kPrepareMost = 1024;  // requests
constexpr std::size_t kConnectAtOnce = 1024;

}  // namespace

Sender::Sender(net::EventLoop& loop, const SenderOptions& options, const trace::Trace& trace, const net::WordList& words,
               const trace::Schedule& schedule, Time start, std::size_t cache_bytes, Events events)
    : loop_(loop),
      options_(options),
      trace_(trace),
      words_(words),
      pacer_(schedule, start),
      blocks_(words, options.prompt_seed, options.request.token_ids ? BlockTexts::Form::token_ids : BlockTexts::Form::words,
              cache_bytes),
      writer_(options.request, blocks_, trace),
      events_(std::move(events)),
      timer_(loop, [this] { pump(); }),
      servers_(options.targets.size()),
      followed_(trace.size()) {
  INFBENCH_CHECK(!options.targets.empty());
  for (const trace::Send& send : schedule.sends) {
    if (send.after && !trace::self_contained(trace.request(send.request).prompt)) followed_[send.after->value] = true;
  }
}

Sender::~Sender() = default;

void Sender::start() { pump(); }

void Sender::pump() {
  Time now = net::steady_now();
  while (const auto due = pacer_.take(now)) {
    send({.request = due->request, .scheduled = due->scheduled, .first_sent = {}});
    now = net::steady_now();
  }
  expire(now);
  more_to_prepare_ = prepare(now);
  check_finished();
  if (!finished_) arm();
}

void Sender::arm() {
  Time at = kNever;
  const std::optional<Time> due = pacer_.next();
  if (due) at = *pacer_.awake_from();
  if (!deadlines_.empty()) at = std::min(at, deadlines_.front().at);
  if (more_to_prepare_) {
    at = net::steady_now();
  } else if (due && prepared_for_ != *due) {
    at = std::min(at, *due - kPrepareFrom);
  }
  if (at == kNever) {
    timer_.disarm();
  } else if (due && at <= net::steady_now()) {
    stay_awake();
  } else {
    timer_.arm(at);
  }
}

// Something is due very soon: round and round the loop instead of sleeping. Sockets get their turn in between.
void Sender::stay_awake() {
  if (std::exchange(awake_, true)) return;
  loop_.post([this] {
    awake_ = false;
    pump();
  });
}

// A piece of the work that the next burst will need; whether there is more.
bool Sender::prepare(Time now) {
  const std::optional<Time> due = pacer_.next();
  if (!due || *due - now > kPrepareFrom || *due - now < kPrepareUntil) {
    if (due && *due - now < kPrepareUntil) prepared_for_ = *due;
    return false;
  }
  const std::vector<trace::RequestIndex> burst = pacer_.upcoming(kPrepareMost, {});
  if (prepared_for_ != *due) {
    prepared_for_ = *due;
    prepared_ = 0;
    std::vector<std::size_t> wanted(servers_.size());
    for (const trace::RequestIndex request : burst) ++wanted[target_of(request)];
    for (std::size_t target = 0; target < servers_.size(); ++target) {
      Server& server = servers_[target];
      const auto fresh = static_cast<std::size_t>(std::count_if(server.idle.begin(), server.idle.end(), [&](const Link* link) {
        return !link->used || *due - link->idle_since < kIdleMost;
      }));
      const std::size_t ready = fresh + server.connecting;
      for (std::size_t i = ready; i < std::min(wanted[target], ready + kConnectAtOnce); ++i) open_connection(target);
    }
  }
  if (prepared_ >= burst.size()) return false;
  writer_.warm(burst[prepared_++]);
  return prepared_ < burst.size();
}

void Sender::send(Pending pending) {
  const std::size_t target = target_of(pending.request);
  // A server that has closed one idle connection may have closed them all: the second time over a new one.
  if (Link* link = pending.again ? nullptr : take_idle(target, net::steady_now())) return send_on(*link, pending);
  Server& server = servers_[target];
  server.waiting.push_back(pending);
  if (server.connecting < server.waiting.size()) open_connection(target);
}

Sender::Link* Sender::take_idle(std::size_t target, Time now) {
  Server& server = servers_[target];
  while (!server.idle.empty()) {
    Link* link = server.idle.back();
    server.idle.pop_back();
    if (!link->used || now - link->idle_since < kIdleMost) return link;
    retire(*link);  // and those before it are older still, but for unused ones
  }
  return nullptr;
}

void Sender::open_connection(std::size_t target) {
  ++servers_[target].connecting;
  const Target& to = options_.targets[target];
  net::connect(loop_, to.host, to.port, options_.connect_timeout,
               [this, target, began = net::steady_now()](Result<std::unique_ptr<net::Connection>> connection) {
                 on_connected(target, began, std::move(connection));
               });
}

void Sender::on_connected(std::size_t target, Time began, Result<std::unique_ptr<net::Connection>> connection) {
  Server& server = servers_[target];
  --server.connecting;
  if (finished_) return;
  if (!connection) {
    if (server.waiting.size() <= server.connecting) return;
    const Pending pending = server.waiting.front();
    server.waiting.pop_front();
    fail_unsent(pending, Failure::connect, connection.error().front().what);
    return pump();
  }
  ++connections_;
  Link& link = new_link(target, *std::move(connection));
  link.connecting = net::steady_now() - began;
  if (server.waiting.empty()) {
    link.idle_since = net::steady_now();
    server.idle.push_back(&link);
    return;
  }
  const Pending pending = server.waiting.front();
  server.waiting.pop_front();
  send_on(link, pending);
  arm();
}

Sender::Link& Sender::new_link(std::size_t target, std::unique_ptr<net::Connection> connection) {
  if (free_links_.empty()) {
    links_.push_back(std::make_unique<Link>());
    free_links_.push_back(links_.back().get());
  }
  Link& link = *free_links_.back();
  free_links_.pop_back();
  link.connection = std::move(connection);
  link.target = target;
  link.used = false;
  link.connection->set_events({.on_bytes = [this, &link](std::string_view bytes, Time at) { on_bytes(link, bytes, at); },
                               .on_drained =
                                   [&link] {
                                     if (link.exchange) link.exchange->on_sent(net::steady_now());
                                   },
                               .on_closed = [this, &link](const std::string& reason) { on_closed(link, reason); }});
  return link;
}

void Sender::retire(Link& link) {
  link.connection.reset();
  link.exchange.reset();
  link.ticket = 0;
  free_links_.push_back(&link);
}

measure::LiveRecord Sender::record_of(const Pending& pending) const {
  const trace::Request request = trace_.request(pending.request);
  measure::LiveRecord live;
  measure::RequestRecord& r = live.record;
  r.request = pending.request;
  r.scheduled = pending.scheduled;
  r.sent = pending.first_sent;
  r.input = request.input;
  const RequestWriter::Expected expected = writer_.expected(pending.request);
  r.output_asked = expected.output_asked;
  live.full_length = expected.full_length;
  if (options_.targets.size() > 1) r.worker = WorkerId{static_cast<std::uint32_t>(target_of(pending.request))};
  live.sent_again = pending.again;
  return live;
}

std::vector<RequestWriter::EarlierTurn> Sender::earlier_turns(trace::RequestIndex request) const {
  std::vector<RequestWriter::EarlierTurn> turns;
  if (trace::self_contained(trace_.request(request).prompt)) return turns;
  for (auto turn = trace_.request(request).previous; turn; turn = trace_.request(*turn).previous) {
    const auto answer = answers_.find(turn->value);
    turns.push_back({.request = *turn, .answer = answer == answers_.end() ? std::string_view{} : answer->second});
  }
  std::reverse(turns.begin(), turns.end());
  return turns;
}

void Sender::send_on(Link& link, Pending pending) {
  const bool literal = trace_.request(pending.request).prompt != trace::PromptKind::blocks;
  link.exchange = std::make_unique<Exchange>(ExchangeOptions{.streaming = writer_.expected(pending.request).streaming,
                                                             .keep_text = followed_[pending.request.value],
                                                             .keep_raw = options_.keep_raw,
                                                             .use_server_count = options_.use_server_count,
                                                             .input_by_server = literal,
                                                             .words = &words_},
                                             parser_);
  link.ticket = next_ticket_++;
  const auto parts = writer_.write(pending.request, options_.targets[link.target], earlier_turns(pending.request));
  const Time now = net::steady_now();
  if (!pending.again) {
    pending.first_sent = now;
    counters_.sent.fetch_add(1, std::memory_order_relaxed);
    counters_.in_flight.fetch_add(1, std::memory_order_relaxed);
  }
  link.pending = pending;
  link.exchange->begin(record_of(pending), pending.first_sent);
  deadlines_.push_back({.at = now + options_.request_timeout, .link = &link, .ticket = link.ticket});
  Bytes bytes = 0;
  for (const std::string_view part : parts) bytes += static_cast<Bytes>(part.size());
  link.exchange->on_sending(bytes, link.used, link.used ? Duration{} : link.connecting, now);
  if (options_.keep_raw) link.exchange->keep_request(parts);
  link.connection->send(parts);
  if (link.connection->unsent() == 0) link.exchange->on_sent(net::steady_now());
}

void Sender::on_bytes(Link& link, std::string_view bytes, Time received) {
  if (!link.exchange) {  // bytes that nobody asked for: nothing that comes on this connection can be trusted
    std::erase(servers_[link.target].idle, &link);
    return retire(link);
  }
  link.exchange->on_bytes(bytes, received);
  if (link.exchange->done()) finish(link);
}

void Sender::on_closed(Link& link, const std::string& reason) {
  if (!link.exchange) {
    std::erase(servers_[link.target].idle, &link);
    return retire(link);
  }
  const bool lost_race = link.used && !link.exchange->any_bytes() && !link.pending.again;
  if (lost_race) {
    Pending pending = link.pending;
    pending.again = true;
    retire(link);
    send(pending);
    return arm();
  }
  link.exchange->on_closed(reason, net::steady_now());
  finish(link);
}

// The request on the link has its record.
void Sender::finish(Link& link) {
  const std::unique_ptr<Exchange> exchange = std::move(link.exchange);
  const bool ok = measure::succeeded(exchange->record().record);
  const trace::RequestIndex request = link.pending.request;
  exchange->add_gaps_to(gaps_);
  if (followed_[request.value] && ok) answers_[request.value] = exchange->answer();
  const Time now = net::steady_now();
  link.ticket = 0;
  if (exchange->reusable()) {
    link.used = true;
    link.idle_since = now;
    servers_[link.target].idle.push_back(&link);
  } else {
    retire(link);
  }
  counters_.in_flight.fetch_sub(1, std::memory_order_relaxed);
  const auto given_up = pacer_.ended(request, ok, now);
  pass_on(exchange->take_record());
  give_up(given_up, now);
  if (!cancelled_ && (pacer_.next() || pacer_.finished())) pump();
}

void Sender::fail_unsent(const Pending& pending, Failure failure, const std::string& cause) {
  const Time now = net::steady_now();
  Pending tried = pending;
  if (!tried.again) {
    tried.first_sent = now;
    counters_.sent.fetch_add(1, std::memory_order_relaxed);
  } else {
    counters_.in_flight.fetch_sub(1, std::memory_order_relaxed);
  }
  Exchange exchange({}, parser_);
  exchange.begin(record_of(tried), tried.first_sent);
  exchange.fail(failure, cause, now);
  const auto given_up = pacer_.ended(pending.request, false, now);
  pass_on(exchange.take_record());
  give_up(given_up, now);
}

void Sender::give_up(const std::vector<trace::RequestIndex>& turns, Time now) {
  for (const trace::RequestIndex turn : turns) {
    Exchange exchange({}, parser_);
    exchange.begin(record_of({.request = turn, .scheduled = now, .first_sent = now}), now);
    exchange.fail(Failure::previous_turn, "", now);
    pass_on(exchange.take_record());
  }
}

void Sender::pass_on(measure::LiveRecord record) { events_.on_record(std::move(record)); }

void Sender::expire(Time now) {
  while (!deadlines_.empty()) {
    const Deadline first = deadlines_.front();
    const bool gone = first.link->ticket != first.ticket;
    if (!gone && first.at > now) return;
    deadlines_.pop_front();
    if (gone) continue;
    first.link->exchange->fail(Failure::timeout, "", now);
    finish(*first.link);
  }
}

void Sender::check_finished() {
  if (finished_ || !pacer_.finished()) return;
  finished_ = true;
  timer_.disarm();
  events_.on_finished();
}

void Sender::stop_sending() {
  not_sent_ += static_cast<std::int64_t>(pacer_.stop());
  pump();
}

void Sender::cancel() {
  cancelled_ = true;
  not_sent_ += static_cast<std::int64_t>(pacer_.stop());
  const Time now = net::steady_now();
  for (Server& server : servers_) {
    for (const Pending& pending : std::exchange(server.waiting, {})) {
      ++not_sent_;
      if (pending.again) counters_.in_flight.fetch_sub(1, std::memory_order_relaxed);
      pacer_.ended(pending.request, false, now);
    }
  }
  for (const auto& link : links_) {
    if (!link->exchange) continue;
    link->exchange->fail(Failure::cancelled, "", now);
    finish(*link);
  }
  check_finished();
}

}  // namespace infbench::live
