#include "live/kv_publishing.h"

#include <simdjson.h>

#include "base/number.h"
#include "live/kv_events.h"

namespace infbench::live {
namespace {

constexpr std::string_view kHint =
    R"(expected something like {"publisher":"zmq","topic":"kv-events","endpoint":"tcp://*:5557"})";

auto wrong(const std::string& what) { return fail("--kv-events-config: " + what, std::string(kHint)); }

}  // namespace

Result<std::optional<KvPublishing>> read_kv_events_config(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS) return wrong("not a JSON object");
  KvPublishing out;
  std::string_view publisher = "null";
  for (const auto [key, value] : object) {
    const bool text = key == "publisher" || key == "endpoint" || key == "topic";
    std::string_view word;
    if (text && value.get(word) != simdjson::SUCCESS) return wrong("expected a text for " + std::string(key));
    if (key == "publisher") publisher = word;
    if (key == "endpoint") out.endpoint = word;
    if (key == "topic") out.topic = word;
    if (key == "replay_endpoint" && !value.is_null())
      return wrong("replay_endpoint is not supported: lost events are learned anew");
  }
  if (publisher == "null") return std::nullopt;
  if (publisher != "zmq") return wrong("expected zmq or null for publisher, found " + std::string(publisher));
  if (!out.endpoint.starts_with("tcp://")) return wrong("expected an endpoint that begins with tcp://, found " + out.endpoint);
  const std::string_view port = std::string_view(out.endpoint).substr(out.endpoint.rfind(':') + 1);
  const auto number = number_in<int>(port);
  const bool whole = number && *number >= 0 && *number <= 65535;
  if (!whole && port != "*") return wrong("expected a port from 0 to 65535 at the end of the endpoint, found " + out.endpoint);
  return out;
}

KvPublishing with_port_offset(KvPublishing publishing, int offset) {
  const std::size_t colon = publishing.endpoint.rfind(':');
  const int port = number_in<int>(std::string_view(publishing.endpoint).substr(colon + 1)).value_or(0);
  if (port == 0) return publishing;  // any free one
  publishing.endpoint = publishing.endpoint.substr(0, colon + 1) + std::to_string(port + offset);
  return publishing;
}

std::string kv_batch_of(const engine::KvJournal& journal, Tokens page, double epoch_s) {
  using What = engine::KvJournal::Change::What;
  KvBatch batch{.epoch_s = epoch_s, .events = {}};
  for (const engine::KvJournal::Change& change : journal.changes()) {
    KvEvent& event = batch.events.emplace_back();
    event.what = change.what == What::stored    ? KvEvent::What::stored
                 : change.what == What::removed ? KvEvent::What::removed
                                                : KvEvent::What::cleared;
    for (const PageHash hash : journal.pages_of(change)) event.blocks.push_back(hash.value);
    if (change.parent != PageHash{}) event.parent = change.parent.value;
    event.block_size = page;
  }
  return write_kv_batch(batch);
}

}  // namespace infbench::live
