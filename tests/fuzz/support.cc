#include "support.h"

#include <algorithm>
#include <stdexcept>

#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/random.h"
#include "net/word_data.h"
#include "recipe/secrets.h"

namespace infbench::fuzz {

std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast): bytes
}

void require(bool holds, std::string_view what) {
  if (!holds) throw std::logic_error("does not hold: " + std::string(what));
}

unsigned take_choice(std::string_view& text, unsigned choices) {
  if (text.empty()) return 0;
  const auto byte = static_cast<unsigned char>(text.front());
  text.remove_prefix(1);
  return (byte - unsigned{'0'}) % choices;
}

std::vector<std::string_view> pieces_of(std::string_view text) {
  constexpr std::size_t kMostPieces = 2000;
  constexpr std::uint64_t kLongest = 40;
  Random random(hash_bytes(text));
  std::vector<std::string_view> pieces;
  while (!text.empty() && pieces.size() < kMostPieces) {
    // Short ones often: the hard places are between two bytes that belong together.
    const std::uint64_t longest = random.below(4) == 0 ? kLongest : 3;
    const std::size_t size = std::min<std::size_t>(random.below(longest + 1), text.size());
    pieces.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  if (!text.empty()) pieces.push_back(text);
  return pieces;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  for (std::size_t end = 0; (end = text.find(separator)) != std::string_view::npos;) {
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + separator.size());
  }
  parts.push_back(text);
  return parts;
}

const net::WordList& words() {
  static const net::WordList list = [] {
    std::vector<std::string> made = {"hello", "world", "you", "are", "a", "helpful", "assistant", "what"};
    for (char a = 'a'; a <= 'p'; ++a) {
      for (char b = 'a'; b <= 'p'; ++b) made.push_back({a, b, 's'});
    }
    return net::WordList(net::make_word_data({made.begin(), made.end()}));
  }();
  return list;
}

void check_errors(const Errors& errors, std::string_view text) {
  require(!errors.empty(), "a failure has an error");
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  for (const Error& error : errors) {
    require(!error.what.empty(), "an error says what is wrong");
    require(error.line >= 0 && error.line <= lines, "an error's line is in the text");
    require(error.column >= 0, "an error's column counts from 1");
    const bool whole = !error.source_line.empty() && !error.source_line.ends_with(recipe::kHidden);
    require(!whole || static_cast<std::size_t>(error.column) <= error.source_line.size() + 1,
            "an error's column is in its line");
  }
  require(!format_errors(errors).empty(), "errors can be shown");
}

MemoryFile::MemoryFile(std::string_view text) : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
  if (descriptor_ < 0) throw std::runtime_error("no memory file");
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written <= 0) throw std::runtime_error("the memory file cannot be written");
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  path_ = "/proc/self/fd/" + std::to_string(descriptor_);
}

MemoryFile::~MemoryFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace infbench::fuzz
