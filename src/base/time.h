// Time and Duration: integer nanoseconds, strong types, the only clock readings that cross rooms.
//
// A Time counts nanoseconds from the start of its world (the first request of a virtual run, the start of a process); which
// world that is, nobody below simulate/ or live/ knows. Value types, usable from any thread. Range: about 292 years.
#pragma once

#include <compare>
#include <cstdint>

namespace infbench {

struct Duration {
  std::int64_t ns = 0;

  friend constexpr auto operator<=>(Duration, Duration) = default;
  constexpr Duration& operator+=(Duration other) {
    ns += other.ns;
    return *this;
  }
  constexpr Duration& operator-=(Duration other) {
    ns -= other.ns;
    return *this;
  }
  friend constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
  friend constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
  friend constexpr Duration operator*(Duration a, std::int64_t n) { return {a.ns * n}; }
};

struct Time {
  std::int64_t ns = 0;

  friend constexpr auto operator<=>(Time, Time) = default;
  friend constexpr Time operator+(Time t, Duration d) { return {t.ns + d.ns}; }
  friend constexpr Time operator-(Time t, Duration d) { return {t.ns - d.ns}; }
  friend constexpr Duration operator-(Time a, Time b) { return {a.ns - b.ns}; }
};

// Later than every moment of every run.
inline constexpr Time kNever{INT64_MAX};

constexpr Duration microseconds(std::int64_t us) { return {us * 1'000}; }
constexpr Duration milliseconds(std::int64_t ms) { return {ms * 1'000'000}; }
constexpr Duration seconds(std::int64_t s) { return {s * 1'000'000'000}; }

// For output only: a double holds a millisecond count exactly to well below a nanosecond for any run of days.
constexpr double to_ms(Duration d) { return static_cast<double>(d.ns) / 1e6; }
constexpr double to_s(Duration d) { return static_cast<double>(d.ns) / 1e9; }

}  // namespace infbench
