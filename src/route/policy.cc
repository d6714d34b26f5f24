#include "route/policy.h"

namespace infbench::route {

std::string_view name_of(Reason reason) {
  switch (reason) {
    case Reason::turn: return "turn";
    case Reason::chance: return "chance";
    case Reason::longest_match: return "longest_match";
    case Reason::least_load: return "least_load";
    case Reason::imbalance: return "imbalance";
    case Reason::least_ttft: return "least_ttft";
    case Reason::least_context: return "least_context";
    case Reason::routing_key: return "routing_key";
    case Reason::length: return "length";
    case Reason::holder_gone: return "holder_gone";
    case Reason::prefix_hash: return "prefix_hash";
    case Reason::least_cost: return "least_cost";
    case Reason::highest_score: return "highest_score";
    case Reason::within_limits: return "within_limits";
    case Reason::least_harm: return "least_harm";
  }
  return "?";
}

}  // namespace infbench::route
