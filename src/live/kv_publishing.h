// What --kv-events-config says, as sglang and vLLM take it: where a worker publishes its KV events. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/kv_journal.h"

namespace infbench::live {

struct KvPublishing {
  std::string endpoint = "tcp://*:5557";  // tcp://ADDRESS:PORT, bound
  std::string topic;
};

// A JSON object with publisher ("zmq"; "null" or none: nothing is published), endpoint and topic; what else engines know there
// (buffer_steps, hwm, ...) has no meaning here. Errors: not that, or a replay_endpoint, which we do not have.
Result<std::optional<KvPublishing>> read_kv_events_config(std::string_view json);

// The same for the worker that is `offset` places behind the first: its port is as much higher, as with engines' ranks.
KvPublishing with_port_offset(KvPublishing publishing, int offset);

// The journal as one batch of events, for `page` tokens in a page. Blocks go by our own names and have no token ids.
std::string kv_batch_of(const engine::KvJournal& journal, Tokens page, double epoch_s);

}  // namespace infbench::live
