// OutputFile: a file that is there as a whole or not at all. It is written beside its place under a temporary name, synced to
// disk and renamed by commit(); without commit() nothing stays behind and an older file of that name is left as it was.
//
// Owns a file descriptor. One owner, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace infbench {

enum class Readers : std::uint8_t { all, owner };  // who may read the file

class OutputFile {
 public:
  // The folder of `path` must exist. `hint` goes with every error of this file: what the user can do about it.
  static Result<OutputFile> create(std::string path, std::string hint = {}, Readers readers = Readers::all);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  // Where the bytes are until commit().
  const std::string& temporary_path() const { return temporary_; }
  // False: it could not be written. commit() tells why, and writes after that do nothing.
  bool write(std::string_view bytes);
  Result<void> commit();

 private:
  OutputFile(std::string path, std::string temporary, int descriptor, std::string hint);
  void fail_with(std::string_view action);  // with errno

  std::string path_;
  std::string temporary_;  // empty: no file of ours any more
  int descriptor_ = -1;
  std::string hint_;
  std::string problem_;
};

// create(), write(), commit() at once.
Result<void> write_file(std::string path, std::string_view bytes, std::string hint = {}, Readers readers = Readers::all);

}  // namespace infbench
