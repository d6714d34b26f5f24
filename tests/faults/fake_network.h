// FakeNetwork: hosts, wires and one clock in virtual time, all drawn from a seed. fake_sockets.cc puts net/'s event loops,
// timers and connections on it, so that the live programs run unchanged in one thread, and everything that a network and an
// operating system may do to them happens to them, the same way every time.
//
// Owns the clock, the queue of events and the wires; a loop's events die with the loop. Events of one moment come in an order
// that the seed decides. One thread; one FakeNetwork at a time is here() on a thread, as the kernel is.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "net/tcp.h"

namespace infbench::faults {

using LoopId = std::uint32_t;
inline constexpr LoopId kNoLoop = 0;  // of events that are the network's own

// How often what goes wrong; chances are per connection.
struct FaultRates {
  double refuse = 0;       // the connection is refused although somebody listens
  double lose = 0;         // nobody answers: it fails when its time is over
  double reset = 0;        // breaks after so many bytes: both sides see a reset
  double close = 0;        // both sides see an orderly end in the middle
  double idle_break = 0;   // breaks at some moment, whatever is on it
  double stall = 0;        // nothing comes through for a while
  double small = 0;        // bytes come in very small pieces
  double narrow = 0;       // little fits into the wire: the sender has to wait
  double slow = 0;         // a long way: a tenth of a second instead of a tenth of a millisecond
  double late_timers = 0;  // chance per timer to go off late
  Duration stall_most = seconds(20);
  bool ticking = false;  // the clock goes on while code runs
};

// How one wire fares, drawn when it is made. Directions: 0 from who connected, 1 to it.
struct Fate {
  enum class Break : std::uint8_t { none, reset, close };
  Duration latency = microseconds(100);
  Duration jitter = microseconds(50);
  std::size_t piece = 65536;                 // most bytes that arrive together
  std::size_t room = std::size_t{1} << 20U;  // bytes under way and not read
  Break breaks = Break::none;
  std::array<std::optional<std::size_t>, 2> break_after;  // bytes
  std::array<std::optional<std::size_t>, 2> stall_after;  // bytes
  Duration stall;
};

// Both directions of a connection between two endpoints.
struct Wire {
  struct Direction {
    Time last_arrival;
    std::size_t given = 0;     // bytes, since the beginning
    std::size_t in_there = 0;  // given and not read
    std::uint32_t epoch = 0;   // bytes of an earlier one are lost
    bool ended = false;        // its end is on its way
    bool cut = false;          // it is about to break: nothing more comes through
  };
  std::uint64_t number = 0;
  Fate fate;
  std::string from;  // host
  std::string to;    // host
  int port = 0;
  bool broken = false;
  std::array<Direction, 2> directions;
  std::array<std::weak_ptr<net::Connection::Impl>, 2> ends;
};

// What can be watched. `side` 0 is who connected. Any may be empty.
struct Watch {
  std::function<void(const Wire&, int side, std::string_view bytes)> sent;  // given to the kernel by that side
  std::function<void(const Wire&, int side, std::string_view bytes)> read;  // told to that side
  // That side has let go of it, or (`told`) was told its end.
  std::function<void(const Wire&, int side, bool told)> gone;
  std::function<void(LoopId)> stepped;  // an event of that loop is over
};

struct FaultCounts {
  std::uint64_t connections = 0, refused = 0, lost = 0, resets = 0, closes = 0, stalls = 0, pauses = 0, clock_steps = 0;
};

class FakeNetwork {
 public:
  FakeNetwork(std::uint64_t seed, const FaultRates& rates);
  ~FakeNetwork();
  FakeNetwork(const FakeNetwork&) = delete;
  FakeNetwork& operator=(const FakeNetwork&) = delete;
  static FakeNetwork& here();

  // ---- Clock
  Time now() const { return now_; }
  Time read_clock();  // as programs see it
  std::int64_t epoch_ns(Time steady) const { return steady.ns + epoch_minus_steady_ns_; }
  void step_epoch(Duration by);

  // ---- Hosts and loops. What is made belongs to the host that was entered last.
  void enter(const std::string& host) { host_ = host; }
  LoopId add_loop();
  void remove_loop(LoopId loop);
  const std::string& host_of(LoopId loop) const { return loops_[loop].host; }
  void pause(const std::string& host, Duration duration);  // its programs do nothing
  void go_dark(const std::string& host);  // as if its power were cut: its connections are not ended, nobody answers
  void come_back(const std::string& host);
  void post(LoopId loop, std::function<void()> callback);
  // Past moments are now.
  void at(Time when, LoopId loop, std::function<void()> callback);
  // The next event up to `until`; false: there is none, the clock stands at `until`.
  bool step(Time until);

  // ---- Wires
  using Accept = std::function<void(std::shared_ptr<net::Connection::Impl>)>;
  bool listen(LoopId loop, int& port, std::weak_ptr<Accept> accept);  // false: the port is taken
  void unlisten(const std::string& host, int port);
  void connect(LoopId loop, const std::string& host, int port, Duration timeout,
               std::function<void(std::shared_ptr<net::Connection::Impl>, const char* error)> on_connected);
  // As many of the bytes as fit.
  std::size_t give(const std::shared_ptr<Wire>& wire, int side, std::string_view bytes);
  void end(const std::shared_ptr<Wire>& wire, int side, bool reset);
  void took(const std::shared_ptr<Wire>& wire, int side, std::size_t bytes);  // `side` has read them

  // A host's server lets go of connections that nothing is under way on, as `idle` knows: it is told first, the other side
  // later, and what that sends meanwhile is lost.
  void close_idle(const std::string& host, const std::function<bool(const Wire&)>& idle);

  // No more faults from now on; what is drawn already is taken back but for stalls under way.
  void heal();
  Random& random() { return random_; }
  bool chance(double probability) { return probability > 0 && random_.unit() < probability; }
  Duration up_to(Duration most) {
    return Duration{static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(most.ns) + 1))};
  }
  const FaultRates& rates() const { return rates_; }
  const FaultCounts& counts() const { return counts_; }
  std::uint64_t steps() const { return steps_; }
  // Ends of wires that programs on the host hold open.
  std::size_t open_ends(const std::string& host) const;
  std::size_t armed_timers(const std::string& host) const;
  void timer_armed(LoopId loop, bool armed) { loops_[loop].timers += armed ? 1 : -1; }

  Watch watch;
  // Lines of what happens, with their moments, on stderr.
  bool verbose = false;
  void note(const std::string& line) const;

 private:
  struct Event {
    Time at;
    std::uint64_t order = 0;
    LoopId loop = kNoLoop;
    std::function<void()> run;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const { return a.at != b.at ? a.at > b.at : a.order > b.order; }
  };
  struct Loop {
    std::string host;
    bool alive = true;
    Time paused_until;
    std::deque<std::function<void()>> posts;
    int timers = 0;
  };
  struct Port {
    LoopId loop = kNoLoop;
    std::weak_ptr<Accept> accept;
  };

  Fate draw_fate();
  std::shared_ptr<Wire> make_wire(const std::string& from, const std::string& to, int port);
  void establish(LoopId loop, const std::string& host, int port, Time late,
                 const std::function<void(std::shared_ptr<net::Connection::Impl>, const char*)>& on_connected);
  Duration transit(const Wire& wire);
  void arrive(const std::shared_ptr<Wire>& wire, int side, const std::string& bytes, std::uint32_t epoch);
  void arrive_end(const std::shared_ptr<Wire>& wire, int side, bool reset, std::uint32_t epoch);
  void break_now(const std::shared_ptr<Wire>& wire, Fate::Break how);
  std::size_t piece_of(const Wire& wire, std::size_t bytes);

  FaultRates rates_;
  Random random_;
  Time now_;
  std::int64_t epoch_minus_steady_ns_ = 1'700'000'000'000'000'000;
  std::string host_ = "nowhere";
  std::vector<Event> events_;  // a heap
  std::vector<Loop> loops_;
  std::map<std::pair<std::string, int>, Port> ports_;
  std::set<std::string> dark_;
  std::vector<std::weak_ptr<Wire>> wires_;
  std::uint64_t next_wire_ = 1;
  std::uint64_t steps_ = 0;
  std::uint64_t order_ = 0;
  FaultCounts counts_;
  FakeNetwork* before_;
};

}  // namespace infbench::faults
