// The bytes of a server's answer as replay reads them: HTTP, event stream, chunks; and as the gateway does: HTTP alone. The
// first byte says how: 1 streaming, 2 with the text kept, 4 with the bytes kept.
#include "live/replay_exchange.h"
#include "net/http_reader.h"
#include "support.h"

namespace infbench::fuzz {
namespace {

constexpr Time kNow{1'000'000};

struct Outcome {
  std::string error_class, error, answer, responses;
  Tokens output = 0, input = 0, cached = 0;
  std::int64_t chunks = 0;
  bool reusable = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome run(const live::ExchangeOptions& options, const std::vector<std::string_view>& pieces) {
  live::JsonParser parser;
  live::Exchange exchange(options, parser);
  exchange.begin({}, kNow);
  exchange.on_sending(100, false, {}, kNow);
  exchange.on_sent(kNow);
  for (const std::string_view piece : pieces) exchange.on_bytes(piece, kNow);
  const bool reusable = exchange.done() && exchange.reusable();
  exchange.on_closed({}, kNow);
  require(exchange.done(), "an exchange ends with its connection");
  measure::GapHistogram gaps;
  exchange.add_gaps_to(gaps);
  const measure::LiveRecord& record = exchange.record();
  const bool failed = !record.error_class.empty();
  require(failed == !measure::succeeded(record.record), "a failure has a class");
  require(failed || record.record.output > 0, "a success has a token");
  require(failed || measure::itl_within(record.record, milliseconds(25)), "an answer that came at once keeps every limit");
  // Of several things wrong with a head, which one is found first depends on where it is cut.
  const bool not_http = record.error_class == live::class_of(live::Failure::bad_http);
  std::string responses;
  if (record.raw != nullptr) {
    for (const auto& response : record.raw->responses) responses += response.text + "\n";
  }
  return {.error_class = std::string(record.error_class),
          .error = not_http ? "" : record.record.error,
          .answer = exchange.answer(),
          .responses = responses,
          .output = record.record.output,
          .input = record.record.input,
          .cached = record.record.cached,
          .chunks = record.chunks,
          .reusable = reusable};
}

// Heads and bodies, and how it ended.
std::string read(const std::vector<std::string_view>& pieces) {
  net::HttpReader reader(net::HttpReader::Kind::response, {.head_bytes = 4096, .headers = 20, .body_bytes = 8192});
  std::string seen;
  for (std::string_view piece : pieces) {
    while (!piece.empty() && !reader.error()) {
      const auto progress = reader.feed(piece);
      require(progress.consumed > 0 || reader.error(), "the reader gets on");
      piece.remove_prefix(progress.consumed);
      if (progress.head_complete) seen += "head " + std::to_string(reader.head().status) + "\n";
      for (const std::string_view part : progress.body) seen += part;
      if (progress.complete) seen += "end\n";
    }
  }
  const bool ended = reader.finish();
  require(!ended || !reader.error(), "a message that ended is whole");
  return seen + (reader.error() ? reader.error()->what : ended ? "ended" : "");
}

}  // namespace
}  // namespace infbench::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench;
  using namespace infbench::fuzz;
  std::string_view text = text_of(data, size);
  const unsigned bits = take_choice(text, 8);
  const live::ExchangeOptions options{.streaming = (bits & 1U) != 0,
                                      .keep_text = (bits & 2U) != 0,
                                      .keep_raw = (bits & 4U) != 0,
                                      .use_server_count = (bits & 2U) != 0,
                                      .words = &words()};
  require(run(options, {text}) == run(options, pieces_of(text)), "it makes no difference how the bytes are cut");
  static_cast<void>(read({text}));
  static_cast<void>(read(pieces_of(text)));
  return 0;
}
