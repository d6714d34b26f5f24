#include "route/in_flight.h"

#include <algorithm>

namespace infbench::route {
namespace {

template <typename T>
void drop_front(std::vector<T>& items, std::size_t count) {
  items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace

void InFlightList::push(const InFlight& request) {
  if (front_ > 16 && front_ > items_.size() / 2) {  // each item is moved at most once per doubling: cheap on average
    drop_front(items_, front_);
    drop_front(marks_, front_);
    front_ = 0;
  }
  items_.push_back(request);
  marks_.push_back(0);
}

std::size_t InFlightList::find(RequestId id) const {
  for (std::size_t i = front_; i < items_.size(); ++i) {
    if (items_[i].id == id) return i - front_;
  }
  return kNone;
}

void InFlightList::erase(std::size_t place) {
  const auto at = static_cast<std::ptrdiff_t>(front_ + place);
  const auto front = static_cast<std::ptrdiff_t>(front_);
  if (place < size() / 2) {
    std::move_backward(items_.begin() + front, items_.begin() + at, items_.begin() + at + 1);
    std::move_backward(marks_.begin() + front, marks_.begin() + at, marks_.begin() + at + 1);
    ++front_;
  } else {
    items_.erase(items_.begin() + at);
    marks_.erase(marks_.begin() + at);
  }
}

}  // namespace infbench::route
