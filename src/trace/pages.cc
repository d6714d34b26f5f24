#include "trace/pages.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"
#include "base/prefix_cache.h"
#include "base/random.h"

namespace infbench::trace {
namespace {

// What tokens are made of: a block of a prompt, or the answer to a row. Hashed, so that a block and an answer never look alike.
std::uint64_t block_content(std::uint64_t id) { return mix64(id ^ 0x626c6f636b000000ULL); }
std::uint64_t answer_content(RequestIndex row) { return mix64(row.value ^ 0x616e737765720000ULL); }

constexpr std::uint64_t kOffset = 0x9fb21c651e98df25ULL;
constexpr std::uint64_t kLength = 0xd6e8feb86659fd93ULL;

// `length` tokens of a content from `offset` on.
std::uint64_t piece_hash(std::uint64_t content, Tokens offset, Tokens length) {
  return mix64(content + static_cast<std::uint64_t>(offset) * kOffset + static_cast<std::uint64_t>(length) * kLength);
}

// Cuts a run of tokens, given as pieces, into pages. Each piece is as long as the tokens of its content follow one another, so
// equal runs come as equal pieces and the pieces of a page say all about it.
class Pager {
 public:
  Pager(Tokens page_tokens, std::vector<PageHash>& out) : page_tokens_(page_tokens), out_(out) {}

  void add(std::uint64_t content, Tokens length) {
    Tokens offset = 0;
    if (filled_ > 0) offset = add_to_page(content, 0, length);
    offset = add_whole_pages(content, offset, length);
    if (offset < length) add_to_page(content, offset, length);
  }

 private:
  // Pages that hold this content only. Each is known by what came before the first of them, the content, and its place in it,
  // so that none waits for the one before.
  Tokens add_whole_pages(std::uint64_t content, Tokens offset, Tokens length) {
    const std::uint64_t base = mix64(last_.value) + content;
    for (; length - offset >= page_tokens_; offset += page_tokens_) {
      last_ = {mix64(base + static_cast<std::uint64_t>(offset) * kOffset)};
      out_.push_back(last_);
    }
    return offset;
  }

  // Up to the end of the page begun; the offset reached.
  Tokens add_to_page(std::uint64_t content, Tokens offset, Tokens length) {
    const Tokens taken = std::min(length - offset, page_tokens_ - filled_);
    pieces_ = mix64(pieces_ ^ piece_hash(content, offset, taken)) + 1;
    filled_ += taken;
    if (filled_ == page_tokens_) {
      last_ = chain(last_, pieces_);
      out_.push_back(last_);
      filled_ = 0;
      pieces_ = 0;
    }
    return offset + taken;
  }

  Tokens page_tokens_;
  std::vector<PageHash>& out_;
  PageHash last_{};
  Tokens filled_ = 0;         // tokens of the page begun
  std::uint64_t pieces_ = 0;  // and what they are
};

void add_prompt(const Trace& trace, const Request& request, Pager& pager) {
  Tokens left = request.new_input;
  for (const BlockNumber block : request.blocks) {
    const Tokens length = std::min(left, kBlockTokens);
    pager.add(block_content(trace.block_id(block)), length);
    left -= length;
  }
}

}  // namespace

void pages_of(const Trace& trace, RequestIndex index, Tokens page_tokens, std::vector<PageHash>& out) {
  INFBENCH_CHECK(page_tokens > 0);
  const Request request = trace.request(index);
  out.clear();
  out.reserve(static_cast<std::size_t>((request.input + request.output) / page_tokens));
  Pager pager(page_tokens, out);
  if (request.previous && !self_contained(request.prompt)) {
    std::vector<RequestIndex> earlier;
    for (auto turn = request.previous; turn; turn = trace.request(*turn).previous) earlier.push_back(*turn);
    std::ranges::reverse(earlier);
    for (const RequestIndex turn : earlier) {
      const Request before = trace.request(turn);
      add_prompt(trace, before, pager);
      pager.add(answer_content(turn), before.output);
    }
  }
  add_prompt(trace, request, pager);
  pager.add(answer_content(index), request.output);
}

std::vector<Tokens> infinite_cache_hits(const Trace& trace, Tokens page_tokens) {
  PrefixCache cache;
  std::vector<Tokens> hits;
  hits.reserve(trace.size());
  std::vector<PageHash> pages;
  for (std::uint32_t i = 0; i < trace.size(); ++i) {
    pages_of(trace, {i}, page_tokens, pages);
    const Tokens of_prompt = trace.request({i}).input / page_tokens;
    hits.push_back(std::min(of_prompt, cache.insert(pages).already) * page_tokens);
  }
  return hits;
}

}  // namespace infbench::trace
