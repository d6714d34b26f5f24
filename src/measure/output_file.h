// OutputFile: a file that is there as a whole or not at all. It is written beside its place under a temporary name, synced to
// disk and renamed by commit(); without commit() nothing stays behind and an older file of that name is left as it was.
//
// Owns a file descriptor. One owner, one thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace infbench::measure {

class OutputFile {
 public:
  static Result<OutputFile> create(std::string path);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  // What fails here is told by commit().
  void write(std::string_view bytes);
  Result<void> commit();

 private:
  OutputFile(std::string path, std::string temporary, int descriptor);
  void fail_with(std::string_view action);  // with errno
  void discard();

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
  std::string problem_;
};

// create(), write(), commit() at once.
Result<void> write_file(std::string path, std::string_view bytes);

// Creates the folder and those above it.
Result<void> create_folder(const std::string& path);

}  // namespace infbench::measure
