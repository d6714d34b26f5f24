#include "live/serve_settings.h"

#include <utility>

#include "base/json_writer.h"
#include "base/random.h"

namespace infbench::live {

Vocabulary::Vocabulary(net::WordList words) : words_(std::move(words)) {
  escaped_.reserve(words_.size());
  for (std::size_t i = 0; i < words_.size(); ++i) {
    std::string quoted;
    append_json(quoted, words_.word(i));
    escaped_.push_back(quoted.substr(1, quoted.size() - 2));
  }
}

std::size_t Vocabulary::index_of(std::uint64_t content, Tokens k) const {
  return static_cast<std::size_t>(mix64(content + static_cast<std::uint64_t>(k)) % escaped_.size());
}

}  // namespace infbench::live
