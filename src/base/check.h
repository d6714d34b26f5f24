// INFBENCH_CHECK: an assertion about our own code, kept in every build. A user's mistake is never a check but an Error.
#pragma once

#include <cstdio>
#include <cstdlib>

#define INFBENCH_CHECK(condition)                                                                         \
  do {                                                                                                    \
    if (!(condition)) {                                                                                   \
      std::fprintf(stderr, "%s:%d: bug in infbench: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                                       \
    }                                                                                                     \
  } while (false)
