// Scenario: a small deployment, its traffic and what goes wrong with it, drawn from a seed. A value and two pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "fake_network.h"
#include "live/gateway_settings.h"

namespace infbench::faults {

// Something that is done to the programs at a moment.
struct Mishap {
  enum class What : std::uint8_t {
    kill,          // a worker ends and comes back after `length`
    vanish,        // its host loses power: nobody is told
    drain,         // it is told to end, and comes back
    pause,         // a host's programs stand still
    close_idle,    // a server closes connections that idle, which nobody may notice
    clock_step,    // the wall clock is set
    remove,        // a worker is taken out of the gateway by DELETE /workers, and brought back
    flush,         // POST /flush_cache
    stop_sending,  // the client sends nothing more
    cancel         // and gives up what is in flight
  };
  What what = What::kill;
  Duration at;
  std::size_t host = 0;  // of kill, vanish, drain, remove a worker; of pause and close_idle: workers, gateway, client
  Duration length;
};

struct Scenario {
  std::uint64_t seed = 0;
  bool calm = false;  // nothing goes wrong that may be noticed: all requests must succeed
  FaultRates rates;
  live::GatewaySettings gateway;
  std::vector<Role> workers;
  std::optional<std::size_t> flaky;  // a worker that is no engine: it answers what it likes
  Tokens kv_capacity = 64'000;
  Duration room_timeout = seconds(5);
  std::string rows;  // of the trace
  std::size_t requests = 0;
  std::optional<int> in_flight_max;
  bool streaming = true;
  bool chat = true;
  bool server_count = false;
  Duration client_timeout = seconds(60);
  std::vector<Mishap> mishaps;
  std::size_t strangers = 0;  // other clients, that behave badly
};

Scenario draw_scenario(std::uint64_t seed);
std::string text_of(const Scenario& scenario);

inline constexpr int kServePort = 8000;
inline constexpr int kBootstrapPort = 9000;
inline constexpr int kGatewayPort = 30000;
inline std::string worker_host(std::size_t index) { return "worker" + std::to_string(index); }

}  // namespace infbench::faults
