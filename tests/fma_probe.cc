// Prints bits that depend on whether glibc's exp uses fused multiply-add: shows the determinism test that it really hides FMA.
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstring>

int main() {
  std::uint64_t mixed = 0;
  for (int i = 1; i <= 20'000; ++i) {
    const volatile double x = i * 0.00137;
    const double y = std::exp(x);
    std::uint64_t bits = 0;
    std::memcpy(&bits, &y, sizeof bits);
    mixed = mixed * 31 + bits;
  }
  std::printf("%s %016" PRIx64 "\n", __builtin_cpu_supports("fma") != 0 ? "fma" : "plain", mixed);
}
