#include "base/sha256.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include <openssl/evp.h>

#include "base/check.h"

namespace infbench {

struct Sha256::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  INFBENCH_CHECK(state_->context != nullptr && EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

void Sha256::add(std::string_view bytes) {
  INFBENCH_CHECK(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  INFBENCH_CHECK(EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size) == 1);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += kDigits[digest.at(i) >> 4U];
    hex += kDigits[digest.at(i) & 15U];
  }
  return hex;
}

Result<std::string> file_sha256(const std::string& path) {
  constexpr std::size_t kPiece = std::size_t{1} << 18U;
  const auto cannot_read = [&path] {
    return fail(Error{
        .what = std::string("cannot read the file: ") + std::strerror(errno), .hint = {}, .file = path, .source_line = {}});
  };
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  if (!file) return cannot_read();
  Sha256 hash;
  std::vector<char> piece(kPiece);
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), file.get())) hash.add({piece.data(), count});
  if (std::ferror(file.get()) != 0) return cannot_read();
  return hash.finish();
}

}  // namespace infbench
