#include "call_watch.h"

#include <utility>

#include "scenario.h"

namespace infbench::faults {
namespace {

bool to_gateway(const Wire& wire) { return wire.to == "gateway" && wire.port == kGatewayPort; }
bool to_worker(const Wire& wire) { return wire.from == "gateway" && wire.port == kServePort; }

// The number behind "bootstrap_room":, or nothing.
std::string room_in(std::string_view body) {
  constexpr std::string_view kName = "\"bootstrap_room\":";
  const std::size_t at = body.find(kName);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = body.substr(at + kName.size());
  return std::string(rest.substr(0, rest.find_first_not_of("0123456789")));
}

}  // namespace

template <typename OnHead, typename OnEnd>
void CallWatch::feed(Half& half, std::string_view bytes, OnHead on_head, OnEnd on_end) {
  while (!bytes.empty() && !half.reader.error()) {
    const auto progress = half.reader.feed(bytes);
    if (progress.head_complete) {
      half.body.clear();
      on_head(half.reader.head());
    }
    for (const std::string_view piece : progress.body) half.body += piece;
    if (progress.complete) on_end(half.reader.head());
    if (progress.consumed == 0) return;
    bytes.remove_prefix(progress.consumed);
  }
}

void CallWatch::sent(const Wire& wire, int side, std::string_view bytes) {
  if (to_worker(wire) && side == 0) {
    Line& line = workers_[wire.number];
    line.host = wire.to;
    const auto role = roles_.find(wire.to);
    if (role == roles_.end()) return wrong("a wire to " + wire.to + ", which is no worker");
    line.role = role->second;
    feed(
        line.requests, bytes,
        [&](const net::HttpHead& head) {
          if (head.method != "POST" || !head.target.starts_with("/v1/")) return;
          const std::string* id = head.find("x-request-id");
          if (id == nullptr) return wrong("an attempt without x-request-id");
          line.id = *id;
          request_to_worker(line);
        },
        [&](const net::HttpHead&) {
          const std::string room = room_in(line.requests.body);
          if (line.id.empty() || room.empty()) return;
          const auto [known, fresh] = rooms_.try_emplace(room, line.id);
          if (!fresh && known->second != line.id) wrong("room " + room + " of " + known->second + " is " + line.id + "'s too");
        });
  } else if (to_gateway(wire) && side == 1) {
    Line& line = clients_[wire.number];
    feed(
        line.answers, bytes, [](const net::HttpHead&) {},
        [&](const net::HttpHead& head) {
          if (head.status >= 200) end_call(line);
        });
  }
}

void CallWatch::read(const Wire& wire, int side, std::string_view bytes) {
  if (to_worker(wire) && side == 0) {
    Line& line = workers_[wire.number];
    line.answered = true;
    feed(
        line.answers, bytes,
        [&](const net::HttpHead& head) {
          if (head.status >= 500 || head.status == 408 || head.status == 429) fail_attempt(line);
        },
        [&](const net::HttpHead& head) {
          if (head.status >= 200) end_attempt(line);
        });
  } else if (to_gateway(wire) && side == 1) {
    Line& line = clients_[wire.number];
    feed(
        line.requests, bytes, [](const net::HttpHead&) {}, [&](const net::HttpHead&) { request_of_client(line); });
  }
}

void CallWatch::gone(const Wire& wire, int side, bool told) {
  if (to_worker(wire) && side == 0) {
    const auto found = workers_.find(wire.number);
    if (found == workers_.end()) return;
    Line& line = found->second;
    // One that was lost with an idle connection has not reached the worker; an answer without a length ends so.
    if (told && !(line.reused && !line.answered) && !line.answers.reader.finish()) fail_attempt(line);
    end_attempt(line);
    workers_.erase(found);
  } else if (to_gateway(wire) && side == 1) {
    Line& line = clients_[wire.number];
    line.over = true;
    while (!line.waiting.empty()) end_call(line);
  }
}

void CallWatch::request_of_client(Line& line) {
  if (line.over) return;
  const net::HttpHead& head = line.requests.reader.head();
  const std::string* id = head.find("x-request-id");
  const bool routed = head.method == "POST" && head.target.starts_with("/v1/") && id != nullptr;
  line.waiting.push_back(routed ? *id : std::string());
  if (!routed) return;
  Call& call = calls_[*id];
  call.sent_again = call.sent_again || call.seen;
  call.seen = true;
  ++call.live;
  ++live_;
  touched_.insert(*id);
}

void CallWatch::end_call(Line& line) {
  if (line.waiting.empty()) return;
  const std::string id = std::move(line.waiting.front());
  line.waiting.pop_front();
  if (id.empty()) return;
  --calls_[id].live;
  --live_;
  touched_.insert(id);
}

void CallWatch::request_to_worker(Line& line) {
  Call& call = calls_[line.id];
  ++dispatched_;
  ++running_;
  ++running_on_[line.host];
  ++count_of(call, line.role);
  line.answered = false;
  touched_.insert(line.id);
  if (call.failed.contains(line.host) && !call.sent_again && !forgiving_)
    wrong(line.id + " goes again to " + line.host + ", which has failed it");
}

void CallWatch::fail_attempt(const Line& line) {
  if (!line.id.empty()) calls_[line.id].failed.insert(line.host);
}

void CallWatch::end_attempt(Line& line) {
  line.reused = true;
  if (line.id.empty()) return;
  --running_;
  --running_on_[line.host];
  --count_of(calls_[line.id], line.role);
  touched_.insert(line.id);
  line.id.clear();
}

bool CallWatch::idles(const Wire& wire) const {
  if (to_worker(wire)) {
    const auto found = workers_.find(wire.number);
    return found != workers_.end() && found->second.id.empty() && found->second.reused;
  }
  const auto found = clients_.find(wire.number);
  return to_gateway(wire) && found != clients_.end() && found->second.waiting.empty() &&
         found->second.requests.reader.between_messages();
}

int CallWatch::attempts_on(const std::string& host) const {
  const auto found = running_on_.find(host);
  return found == running_on_.end() ? 0 : found->second;
}

std::string CallWatch::complaint() {
  for (const std::string& id : touched_) {
    const Call& call = calls_[id];
    for (const int running : {call.whole, call.prefill, call.decode}) {
      if (running <= call.live) continue;
      wrong(call.live == 0 ? id + " runs on a worker, and no client waits for it"
                           : id + " runs on " + std::to_string(running) + " workers at once");
    }
  }
  touched_.clear();
  return complaint_;
}

}  // namespace infbench::faults
