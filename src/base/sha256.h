// SHA-256, by libcrypto: the name of a file's content, and the check that a downloaded file is still what it was. One owner,
// one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace infbench {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::string_view bytes);
  // 64 lower-case hexadecimal digits. The last call.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Of a file's bytes, read through in pieces.
Result<std::string> file_sha256(const std::string& path);

}  // namespace infbench
