// AppendFile: a file of lines that grows while a run lasts, so that a run that is killed leaves what it had. Each piece goes to
// the system by itself; one that cannot be written to its end (the disk is full) is cut off again, and nothing is written after
// it: what is there is whole lines. Only a kill in the middle of a piece can leave a part of one, at the end of the file.
//
// Owns a file descriptor; nobody else may append to the file meanwhile. One owner, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace infbench {

class AppendFile {
 public:
  enum class Older : std::uint8_t { kept, replaced };  // what a file of that name had; a last line without its end goes
  // The folder of `path` must exist.
  static Result<AppendFile> open(std::string path, Older older);

  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&&) = delete;
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  ~AppendFile();

  void write(std::string_view piece);  // whole lines
  void sync();                         // to disk
  // Why nothing is written any more, as the system says it; empty: all is well.
  const std::string& problem() const { return problem_; }
  const std::string& path() const { return path_; }

 private:
  AppendFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  std::string path_;
  int descriptor_ = -1;
  std::string problem_;
};

}  // namespace infbench
