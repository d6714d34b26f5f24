#include "trace/trace.h"

#include <algorithm>

#include "base/check.h"

namespace infbench::trace {

const Trace::Turn* Trace::turn_of(RequestIndex index) const {
  const auto turn = std::ranges::lower_bound(turns_, index.value, {}, &Turn::row);
  return turn == turns_.end() || turn->row != index.value ? nullptr : &*turn;
}

const Trace::BodyRow* Trace::body_of(RequestIndex index) const {
  if (bodies_.empty()) return nullptr;
  const auto body = std::ranges::lower_bound(bodies_, index.value, {}, &BodyRow::row);
  return body == bodies_.end() || body->row != index.value ? nullptr : &*body;
}

Request Trace::request(RequestIndex index) const {
  INFBENCH_CHECK(index.value < rows_.size());
  const Row& row = rows_[index.value];
  const auto blocks = static_cast<std::size_t>(blocks_of(row.input));
  Request request{.at = {row.at_ns},
                  .input = row.input,
                  .output = row.output,
                  .new_input = row.input,
                  .blocks = std::span(blocks_).subspan(row.first_block, blocks),
                  .previous = {},
                  .delay = {}};
  if (const Turn* turn = turn_of(index); turn != nullptr && turn->previous != kNone) {
    request.input += turn->history;
    request.previous = RequestIndex{turn->previous};
    request.delay = turn->delay;
  }
  if (const BodyRow* body = body_of(index)) request.prompt = body->facts.kind;
  return request;
}

Trace::Original Trace::original(RequestIndex index) const {
  Original original;
  if (const Turn* turn = turn_of(index)) {
    original.has_timestamp = turn->has_timestamp;
    original.has_delay = turn->has_delay;
    original.delay = turn->delay;
    if (turn->session != kNone) original.session = sessions_[turn->session];
  }
  const auto extra = std::ranges::lower_bound(extras_, index.value, {}, &Extra::row);
  if (extra != extras_.end() && extra->row == index.value) {
    original.extra = std::string_view(extra_text_).substr(extra->begin, extra->size);
  }
  return original;
}

Body Trace::body(RequestIndex index) const {
  const BodyRow* row = body_of(index);
  if (row == nullptr) return {};
  Body body = row->facts;
  body.tools = text_of(row->tools);
  body.extra = text_of(row->extra);
  return body;
}

void Trace::append_literal(RequestIndex index, std::vector<std::string_view>& pieces) const {
  const BodyRow* row = body_of(index);
  if (row == nullptr) return;
  for (const Piece& piece : std::span(pieces_).subspan(row->first_piece, row->pieces)) pieces.push_back(text_of(piece));
}

}  // namespace infbench::trace
