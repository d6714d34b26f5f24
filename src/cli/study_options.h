// What simulate and compare can do beyond one run of each recipe, as the command line says it. Values, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace infbench::cli {

struct StudyOptions {
  std::vector<std::string> grids;    // KEY=V1,V2,...
  std::uint32_t draws = 0;           // 0: the fitted coefficients alone
  std::string find;                  // "speed", or empty
  std::vector<std::string> require;  // of --find
  bool explain = false;
  unsigned jobs = 0;  // threads; 0: one for each core
};

}  // namespace infbench::cli
