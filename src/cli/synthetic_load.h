// The load that --synthetic names. Pure, usable from any thread.
#pragma once

#include <string_view>

#include "base/result.h"
#include "simulate/closed_loop.h"

namespace infbench::cli {

// "isl=1024,osl=256,concurrency=64,requests=512", in any order; requests may be left out: ten for each that is under way at a
// time. All mistakes are told at once: unknown, missing and repeated keys, values that are not whole numbers from 1 to
// 10,000,000.
Result<simulate::ClosedLoop> closed_loop_of(std::string_view text);

}  // namespace infbench::cli
