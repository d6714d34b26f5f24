// What other programs answer or send beside inference. The first byte says what: 0 metrics in Prometheus' format, 1 answers
// that a starting deployment is judged by, 2 a node's facts, 3 frames between prefill and decode workers.
#include "launch/questions.h"
#include "launch/slurm_nodes.h"
#include "live/serve_frames.h"
#include "measure/server_metrics.h"
#include "support.h"

namespace infbench::fuzz {
namespace {

void read_metrics(std::string_view text) {
  const auto families = measure::parse_prometheus(text);
  measure::ServerMetrics metrics(1'700'000'000'000'000'000);
  std::string lines;
  for (const Time at : {Time{1'000'000'000}, Time{2'000'000'000}}) {
    const measure::ServerMetrics::Scrape scrape{.sent = at, .first_byte = at};
    metrics.append_line("http://127.0.0.1:1/metrics", scrape, families, lines);
    metrics.add("http://127.0.0.1:1/metrics", scrape, families);
  }
  require(lines.ends_with('\n'), "a scrape is a line");
  require(metrics.json({}, {}, {}).ends_with("}\n"), "the figures are an object");
}

void read_answers(std::string_view text) {
  const launch::Answer answer{.status = 200, .body = std::string(text), .error = {}};
  static_cast<void>(launch::complaint_of_first_token(answer));
  static_cast<void>(launch::complaint_of_router(answer, {}));
  static_cast<void>(launch::engine_version(answer));
  const std::string said = launch::complaint_of_status({.status = 500, .body = std::string(text), .error = {}});
  require(said.size() < 300, "what is shown of an answer is short");
}

void read_facts(std::string_view text) {
  const auto facts = launch::parse_node_facts(text);
  if (!facts) return require(!facts.error().empty(), "a failure has an error");
  const std::string written = launch::to_json(*facts);
  const auto again = launch::parse_node_facts(written);
  require(again.has_value() && launch::to_json(*again) == written, "facts that were written are read as they were");
}

struct Frames {
  std::vector<live::Frame> frames;
  bool good = true;
  friend bool operator==(const Frames&, const Frames&) = default;
};

Frames read_frames(const std::vector<std::string_view>& pieces) {
  live::FrameReader reader;
  Frames out;
  for (const std::string_view piece : pieces) out.good = reader.feed(piece, out.frames) && out.good;
  return out;
}

void check_frames(std::string_view text) {
  const Frames whole = read_frames({text});
  require(whole == read_frames(pieces_of(text)), "it makes no difference how frames are cut");
  std::string written;
  live::append_frame(written, live::hello_frame());
  for (const live::Frame& frame : whole.frames) live::append_frame(written, frame);
  const Frames again = read_frames({written});
  require(again.good && again.frames == whole.frames, "frames that were written are read as they were");
}

}  // namespace
}  // namespace infbench::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench::fuzz;
  std::string_view text = text_of(data, size);
  switch (take_choice(text, 4)) {
    case 0: read_metrics(text); break;
    case 1: read_answers(text); break;
    case 2: read_facts(text); break;
    default: check_frames(text);
  }
  return 0;
}
