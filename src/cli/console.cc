#include "cli/console.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace infbench::cli {

ExitCode report_errors(const Errors& errors, ExitCode code) {
  std::fputs(format_errors(errors).c_str(), stderr);
  return code;
}

bool wants_color() {
  const char* no_color = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

Result<void> raise_file_limit(std::size_t needed) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return {};
  return fail(fmt::format("the limit of open files is {}, and this needs at least {}", limit.rlim_cur, needed),
              fmt::format("raise it: ulimit -n {}", needed));
}

}  // namespace infbench::cli
