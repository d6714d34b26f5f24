#include "base/sha256.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace infbench {
namespace {

std::string hash_of(std::string_view text, std::size_t piece) {
  Sha256 hash;
  for (std::size_t i = 0; i < text.size(); i += piece) hash.add(text.substr(i, piece));
  return hash.finish();
}

// The examples of FIPS 180-2, appendix B.
TEST(Sha256, GivesThePublishedValues) {
  EXPECT_EQ(hash_of("", 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash_of("abc", 2), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_of(std::string(1'000'000, 'a'), 4'321), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  const std::string path = ::testing::TempDir() + "sha256_test_file";
  std::ofstream(path, std::ios::binary) << std::string(1'000'000, 'a');
  EXPECT_EQ(file_sha256(path).value(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  std::filesystem::remove(path);
}

TEST(Sha256, OfAMissingFileIsAnErrorWithItsName) {
  const auto hash = file_sha256("/no/such/file");
  ASSERT_FALSE(hash.has_value());
  EXPECT_EQ(format_errors(hash.error()), "/no/such/file: cannot read the file: No such file or directory\n");
}

}  // namespace
}  // namespace infbench
