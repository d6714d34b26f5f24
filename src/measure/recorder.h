// Recorder: collects the records of one run, fed in any order of completion, and hands them over in order of request.
//
// It owns the records until they are taken; no clock, no socket, no thread: one owner, one thread. About 200 bytes per request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "measure/record.h"

namespace infbench::measure {

class Recorder {
 public:
  // `requests`: how many are expected, to make room once; more may come.
  explicit Recorder(std::size_t requests = 0);

  // The record of a request, to be filled in piece by piece; begun at the first call. Later calls for other requests may move
  // it, so hold no reference across them.
  RequestRecord& of(trace::RequestIndex request);

  // A finished record at once. Its request must not have one yet.
  void add(RequestRecord record);

  std::size_t size() const { return records_.size(); }

  // In order of request. The recorder is empty afterwards.
  std::vector<RequestRecord> take();

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  std::uint32_t& place_of(trace::RequestIndex request);

  std::vector<RequestRecord> records_;  // in order of their first mention
  std::vector<std::uint32_t> place_;    // by request: where in records_, or kNone
};

}  // namespace infbench::measure
