// TemporaryFile: a new file beside its target, which either takes the target's place at once or vanishes. One owner, one
// thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace infbench::net {

class TemporaryFile {
 public:
  // In the folder of `target`, which must exist.
  static Result<TemporaryFile> beside(const std::string& target);

  TemporaryFile(TemporaryFile&& other) noexcept;
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile();  // removes the file, unless it was committed

  const std::string& path() const { return path_; }
  // False: it could not be written (errno).
  bool write(std::string_view bytes);
  // Flushes to disk and renames to the target.
  Result<void> commit();

 private:
  TemporaryFile(std::string target, std::string path, int descriptor)
      : target_(std::move(target)), path_(std::move(path)), descriptor_(descriptor) {}
  tl::unexpected<Errors> cannot_write() const;

  std::string target_;
  std::string path_;  // empty: no file of ours any more
  int descriptor_;
};

}  // namespace infbench::net
