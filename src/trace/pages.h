// Pages: the identity of a request's tokens, page by page, as the prefix caches of engines and routers see them.
//
// The tokens of a request are its whole run: prompt and answer, for a later turn of a session all earlier turns' prompts and
// answers first. A prompt token is known by its block and its place in that block; the tokens of an answer are unlike all
// others, but for a next turn that repeats them. Two requests share page hashes exactly as far as their tokens are equal in
// whole pages, at any page size. Pure functions, usable from any thread.
#pragma once

#include <vector>

#include "base/types.h"
#include "trace/trace.h"

namespace infbench::trace {

// The chained hashes of the full pages of prompt and answer, in `out` (emptied first): (input + output) / page_tokens of them,
// rounded down, of which the first input / page_tokens hold prompt tokens only. page_tokens must be at least 1.
void pages_of(const Trace& trace, RequestIndex index, Tokens page_tokens, std::vector<PageHash>& out);

// How many tokens of each prompt, in whole pages, occur in requests before it, prompts and answers: what an infinite prefix
// cache that all of them share would hit. By RequestIndex.
std::vector<Tokens> infinite_cache_hits(const Trace& trace, Tokens page_tokens);

}  // namespace infbench::trace
