#include "measure/recorder.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace infbench::measure {

Recorder::Recorder(std::size_t requests) {
  records_.reserve(requests);
  place_.reserve(requests);
}

std::uint32_t& Recorder::place_of(trace::RequestIndex request) {
  INFBENCH_CHECK(request.value != kNone);
  if (place_.size() <= request.value) place_.resize(std::size_t{request.value} + 1, kNone);
  return place_[request.value];
}

RequestRecord& Recorder::of(trace::RequestIndex request) {
  std::uint32_t& place = place_of(request);
  if (place == kNone) {
    place = static_cast<std::uint32_t>(records_.size());
    records_.emplace_back().request = request;
  }
  return records_[place];
}

void Recorder::add(RequestRecord record) {
  std::uint32_t& place = place_of(record.request);
  INFBENCH_CHECK(place == kNone);
  place = static_cast<std::uint32_t>(records_.size());
  records_.push_back(std::move(record));
}

std::vector<RequestRecord> Recorder::take() {
  const auto earlier = [](const RequestRecord& a, const RequestRecord& b) { return a.request < b.request; };
  if (!std::is_sorted(records_.begin(), records_.end(), earlier)) std::sort(records_.begin(), records_.end(), earlier);
  place_.clear();
  return std::exchange(records_, {});
}

}  // namespace infbench::measure
