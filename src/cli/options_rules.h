// Rules for the values of options, in words of our own: "expected a whole number from 1 to 65535, found '0'". CLI11's ranges
// let "nan" pass, wrap "-1" around in unsigned numbers, and print their limits as "65535.000000". Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace CLI {
class Validator;
}

namespace infbench::cli {

inline constexpr std::uint64_t kNoMost = std::numeric_limits<std::uint64_t>::max();
inline constexpr std::uint64_t kMostRequests = std::numeric_limits<std::uint32_t>::max();  // they are counted in 32 bits

// `most` kNoMost: whatever 64 bits hold, and the message does not name it.
CLI::Validator whole_number(std::int64_t least, std::uint64_t most = kNoMost);
CLI::Validator number(double least, double most);
CLI::Validator speed();                                        // how many times as fast as the clock
CLI::Validator one_of(const std::vector<std::string>& words);  // help shows them

}  // namespace infbench::cli
