// Literal prompts of a trace's rows in tokens, by the same rule as everything else that counts text (net/text_tokens.h). Pure,
// usable from any thread.
#pragma once

#include <string_view>

#include "base/result.h"
#include "net/text_tokens.h"
#include "trace/row_reader.h"

namespace infbench::live {

// The tokens of a prompt (at least 1) and an id for each block of 512 of them, so that prompts that begin alike share blocks as
// those of a trace with hash_ids do. Of messages their texts count, joined as serve joins them; of a payload its messages, or
// its prompt (a text, texts, or token ids). Chat template, tools, images and the like do not count. `json` is the value of the
// row's field. Errors: it is not JSON that simdjson takes (a lone half of a surrogate pair, a huge number).
Result<trace::CountedPrompt> count_literal(const net::WordList& words, trace::PromptKind kind, std::string_view json);

}  // namespace infbench::live
