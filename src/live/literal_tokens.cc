#include "live/literal_tokens.h"

#include <algorithm>
#include <string>

#include <simdjson.h>

#include "base/hash.h"
#include "net/openai.h"

namespace infbench::live {
namespace {

namespace dom = simdjson::dom;

// What a prompt is made of: text, or ids.
struct Prompt {
  std::string text;
  std::vector<std::uint64_t> ids;
};

void add_content(dom::element content, Prompt& out) {
  std::string_view text;
  if (content.get(text) == simdjson::SUCCESS) return net::join_message(out.text, text);
  dom::array parts;
  if (content.get(parts) != simdjson::SUCCESS) return;
  for (const dom::element part : parts) {
    if (part["text"].get(text) == simdjson::SUCCESS) net::join_message(out.text, text);
  }
}

void add_messages(dom::element messages, Prompt& out) {
  dom::array all;
  if (messages.get(all) != simdjson::SUCCESS) return;
  for (const dom::element message : all) {
    dom::element content;
    if (message["content"].get(content) == simdjson::SUCCESS) add_content(content, out);
  }
}

// A text, texts, token ids, or several lists of these.
void add_prompt(dom::element prompt, Prompt& out) {
  std::string_view text;
  std::uint64_t id = 0;
  dom::array several;
  if (prompt.get(text) == simdjson::SUCCESS) {
    net::join_message(out.text, text);
  } else if (prompt.get(id) == simdjson::SUCCESS) {
    out.ids.push_back(id);
  } else if (prompt.get(several) == simdjson::SUCCESS) {
    for (const dom::element each : several) add_prompt(each, out);
  }
}

trace::CountedPrompt counted_text(const net::WordList& words, std::string_view text) {
  trace::CountedPrompt counted;
  std::vector<PageHash> pages;
  counted.tokens = std::max<Tokens>(net::pages_of_text(words, text, trace::kBlockTokens, pages), 1);
  for (const PageHash page : pages) counted.blocks.push_back(page.value);
  if (static_cast<std::int64_t>(pages.size()) < trace::blocks_of(counted.tokens)) {
    counted.blocks.push_back(hash_bytes(text, counted.blocks.empty() ? 0 : counted.blocks.back()));
  }
  return counted;
}

trace::CountedPrompt counted_ids(const std::vector<std::uint64_t>& ids) {
  constexpr auto kBlock = static_cast<std::size_t>(trace::kBlockTokens);
  trace::CountedPrompt counted{.tokens = static_cast<Tokens>(ids.size()), .blocks = {}};
  std::uint64_t hash = 0x6964730000000000ULL;  // never that of a text
  for (std::size_t at = 0; at < ids.size(); at += kBlock) {
    for (std::size_t i = at; i < std::min(at + kBlock, ids.size()); ++i) hash = chain(PageHash{hash}, ids[i]).value;
    counted.blocks.push_back(hash);
  }
  return counted;
}

}  // namespace

Result<trace::CountedPrompt> count_literal(const net::WordList& words, trace::PromptKind kind, std::string_view json) {
  dom::parser parser;
  dom::element root;
  const auto parsed = parser.parse(simdjson::padded_string(json)).get(root);
  if (parsed != simdjson::SUCCESS) return fail(simdjson::error_message(parsed));
  Prompt prompt;
  dom::element part;
  switch (kind) {
    case trace::PromptKind::text_input: add_content(root, prompt); break;
    case trace::PromptKind::messages: add_messages(root, prompt); break;
    default:
      if (root["messages"].get(part) == simdjson::SUCCESS) {
        add_messages(part, prompt);
      } else if (root["prompt"].get(part) == simdjson::SUCCESS) {
        add_prompt(part, prompt);
      }
  }
  return prompt.ids.empty() ? counted_text(words, prompt.text) : counted_ids(prompt.ids);
}

}  // namespace infbench::live
