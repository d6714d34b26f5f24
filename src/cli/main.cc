#include <csignal>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/secret_words.h"

int main(int argc, char** argv) {
  using namespace infbench;
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow (ulimit -f) is an error like a full disk, not the end
  const auto parsed = cli::parse(argc, argv);
  cli::hide_secrets(argc, argv);
  if (const auto* ended = std::get_if<ExitCode>(&parsed)) return static_cast<int>(*ended);
  const ExitCode code = std::visit([](const auto& options) { return cli::run(options); }, std::get<cli::Command>(parsed));
  return static_cast<int>(code);
}
