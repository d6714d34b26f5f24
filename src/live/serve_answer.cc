#include "live/serve_answer.h"

namespace infbench::live {

using net::Api;

void ServeAnswer::begin() {
  if (begun_ || !plan_.stream) return;
  begun_ = true;
  connection_.begin_stream();
}

void ServeAnswer::token(Time now) {
  if (given_ == plan_.output_here) return;
  last_token_ = now;
  const std::size_t word = vocabulary_.index_of(plan_.content, given_);
  ++given_;
  if (plan_.stream) {
    stream_token(word);
  } else {
    text_ += vocabulary_.word(word);
  }
}

void ServeAnswer::stream_token(std::size_t word) {
  begin();
  if (given_ == 1 && plan_.api == Api::chat) connection_.append_event(writer_.first_event());
  const bool last = given_ == plan_.output_here;
  if (plan_.api == Api::generate) {
    text_ += vocabulary_.word(word);
    event_.clear();
    writer_.generate_event(event_, text_, usage(), last ? plan_.finish_reason : std::string_view());
    connection_.append_event(event_);
  } else if (last && plan_.api == Api::completions) {
    connection_.append_event(writer_.last_event(vocabulary_.escaped(word), plan_.finish_reason));
  } else {
    connection_.append_event(writer_.before_token(), vocabulary_.escaped(word), writer_.after_token());
  }
}

void ServeAnswer::finish() {
  if (!plan_.stream) {
    connection_.answer(200, "application/json", writer_.whole(text_, usage(), plan_.finish_reason));
    return;
  }
  begin();
  if (plan_.api == Api::chat) connection_.append_event(writer_.last_event({}, plan_.finish_reason));
  if (plan_.include_usage && plan_.api != Api::generate) connection_.append_event(writer_.usage_event(usage()));
  connection_.append_event("[DONE]");
  connection_.end_stream();
}

void ServeAnswer::fail(const net::ApiError& error) {
  if (!begun_) {
    connection_.answer(error.status, "application/json", net::error_json(error));
    return;
  }
  connection_.append_event(net::error_json(error));
  connection_.append_event("[DONE]");
  connection_.end_stream();
}

}  // namespace infbench::live
