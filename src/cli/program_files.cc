#include "cli/program_files.h"

#include <cstdlib>
#include <filesystem>

namespace infbench::cli {

std::string own_program() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

Result<std::string> data_dir() {
  namespace fs = std::filesystem;
  std::error_code error;
  if (const char* given = std::getenv("SRTCTL_DATA_DIR"); given != nullptr && *given != '\0') {
    if (fs::is_directory(fs::path(given) / "step_times", error)) return std::string(given);
    return fail("$SRTCTL_DATA_DIR is '" + std::string(given) + "', but there is no folder step_times in it",
                "set it to the folder 'data' of infbench, or unset it");
  }
  const fs::path program = fs::path(own_program()).parent_path();
  std::string looked;
  for (const char* place : {"../share/infbench/data", "../../data"}) {
    const fs::path folder = (program / place).lexically_normal();
    if (fs::is_directory(folder / "step_times", error)) return folder.string();
    looked += (looked.empty() ? "" : ", ") + folder.string();
  }
  return fail("the data files (step times) of the engine model were not found",
              "looked in " + looked + "; set $SRTCTL_DATA_DIR");
}

}  // namespace infbench::cli
