// The output folder of a run: files go in whole or not at all (base/output_file.h), and errors say what to do about the folder.
// One thread per folder.
#pragma once

#include <string>
#include <string_view>

#include "base/output_file.h"
#include "base/result.h"

namespace infbench::measure {

// What every error about a file of the folder advises.
inline constexpr const char* kFolderHint = "choose another output folder with -o, or make room or permission there";

// A whole file of the folder at once.
Result<void> write_file(std::string path, std::string_view bytes);

// Creates the folder and those above it.
Result<void> create_folder(const std::string& path);

}  // namespace infbench::measure
