#include "route/simple_policies.h"

#include <algorithm>

namespace infbench::route {

std::variant<Pick, Hold> RoundRobin::pick(const RequestView&, std::span<const WorkerView> workers, Random&, Time) const {
  const auto found =
      std::find_if(workers.begin(), workers.end(), [&](const WorkerView& worker) { return worker.id.value >= next_; });
  const WorkerView& worker = found == workers.end() ? workers.front() : *found;
  return Pick{.worker = worker.id, .cached = 0, .why = Reason::turn};
}

void RoundRobin::on(const Event& event, Time) {
  if (event.what == Event::What::dispatched) next_ = std::uint64_t{event.worker.value} + 1;
}

std::variant<Pick, Hold> RandomChoice::pick(const RequestView&, std::span<const WorkerView> workers, Random& random,
                                            Time) const {
  return Pick{.worker = workers[random.below(workers.size())].id, .cached = 0, .why = Reason::chance};
}

}  // namespace infbench::route
