// What the fuzz targets of this folder share. A target is one .cc file with a LLVMFuzzerTestOneInput: it gives a text to a
// parser and holds what comes out to what must be true of any text. libFuzzer runs it in the build `fuzz`, the program
// fuzz_regression_test in all others. Functions and value types; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/text_tokens.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace infbench::fuzz {

std::string_view text_of(const std::uint8_t* data, std::size_t size);

// Throws when it does not hold: libFuzzer takes that for a crash, the regression test for a failure.
void require(bool holds, std::string_view what);

// Takes the first byte off: a number below `choices`, "0" being 0; 0 if there is none.
unsigned take_choice(std::string_view& text, unsigned choices);

// The text in pieces of 0 to 40 bytes, cut at places that follow from it; of a long text the last piece is its rest.
std::vector<std::string_view> pieces_of(std::string_view text);

// The parts of a text between the separators.
std::vector<std::string_view> split(std::string_view text, std::string_view separator);

// A small list with which every target counts tokens.
const net::WordList& words();

// Errors say something, and point into `text` or at its end; they can be shown.
void check_errors(const Errors& errors, std::string_view text);

// A file that holds the text, for readers that want a path. Its owner keeps it as long as the path is used.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view text);
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile();

  const std::string& path() const { return path_; }

 private:
  int descriptor_ = -1;
  std::string path_;
};

}  // namespace infbench::fuzz
