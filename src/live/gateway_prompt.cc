#include "live/gateway_prompt.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <simdjson.h>

#include "base/hash.h"
#include "live/serve_settings.h"

namespace infbench::live {
namespace {

namespace od = simdjson::ondemand;

constexpr Tokens kBytesPerToken = 4;
constexpr Tokens kMostOutput = Tokens{1} << 30U;  // what is asked for beyond that makes no difference; sums stay far from 2^63

// A prompt as workers see it that tell of their caches; its memory is used again.
struct ToldPrompt {
  PromptReader::Told how;
  std::string text;
  std::vector<std::uint32_t> ids;
};

// Gathers a prompt's bytes into blocks.
class Blocks {
 public:
  Blocks(bool pages, PromptInfo& out, ToldPrompt& told) : pages_(pages), out_(out), told_(told) {}

  void add_text(std::string_view text) {
    add(text);
    if (told_.how.words != nullptr) net::join_message(told_.text, text);
  }

  void add(std::string_view text) {
    bytes_ += text.size();
    if (pages_) fill(text);
  }

  void add_id(std::uint64_t id) {
    ++ids_;
    if (!pages_) return;
    const auto small = static_cast<std::uint32_t>(id);
    if (told_.how.page > 0) told_.ids.push_back(small);
    std::array<char, sizeof small> bytes{};
    std::memcpy(bytes.data(), &small, sizeof small);
    fill({bytes.data(), bytes.size()});
  }

  void finish(bool chat) {
    out_.chars = ids_ > 0 ? static_cast<std::size_t>(ids_ * kBytesPerToken) : bytes_;
    out_.input = std::max<Tokens>(ids_ > 0 ? ids_ : (static_cast<Tokens>(bytes_) + kBytesPerToken - 1) / kBytesPerToken, 1);
    take_told(chat);
  }

 private:
  // In place of the blocks: pages as the workers name them.
  void take_told(bool chat) {
    if (told_.how.page <= 0 || out_.prompts > 1) return;
    if (ids_ > 0 && bytes_ == 0) {
      net::pages_of_ids(told_.ids, told_.how.page, out_.pages);
    } else if (ids_ == 0 && told_.how.words != nullptr) {
      out_.input = net::pages_of_text(*told_.how.words, told_.text, told_.how.page, out_.pages);
      if (chat) out_.input += kChatTemplateTokens;
      out_.input = std::max<Tokens>(out_.input, 1);
    } else {
      return;
    }
    out_.page_tokens = told_.how.page;
    out_.told_pages = true;
  }

  static_assert(kGatewayBlockBytes == static_cast<std::size_t>(kGatewayPage) * sizeof(std::uint32_t));

  // 64 ids fill a block; behind a text they need not end where it does.
  void fill(std::string_view text) {
    while (!text.empty()) {
      if (filled_ == 0 && text.size() >= kGatewayBlockBytes) {
        close(text.substr(0, kGatewayBlockBytes));
        text.remove_prefix(kGatewayBlockBytes);
        continue;
      }
      const std::size_t taken = std::min(text.size(), kGatewayBlockBytes - filled_);
      std::memcpy(block_ + filled_, text.data(), taken);
      filled_ += taken;
      text.remove_prefix(taken);
      if (filled_ < kGatewayBlockBytes) continue;
      close({block_, filled_});
      filled_ = 0;
    }
  }

  void close(std::string_view block) {
    previous_ = chain(previous_, hash_bytes(block));
    out_.pages.push_back(previous_);
  }

  bool pages_;
  PromptInfo& out_;
  ToldPrompt& told_;
  PageHash previous_{};
  std::size_t bytes_ = 0;
  std::size_t filled_ = 0;
  Tokens ids_ = 0;
  char block_[kGatewayBlockBytes];  // NOLINT(modernize-avoid-c-arrays): left unset on purpose
};

// Reads the members of a body that matter. simdjson's errors end the reading; what is there then does not matter.
class BodyReader {
 public:
  BodyReader(net::Api api, bool pages, PromptInfo& out, ToldPrompt& told) : api_(api), out_(out), blocks_(pages, out, told) {}

  simdjson::error_code read(od::object object) {
    for (auto field : object) {
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return error;
      od::value value;
      if (const auto error = field.value().get(value)) return error;
      if (const auto error = member(key, value)) return error;
    }
    blocks_.finish(api_ == net::Api::chat);
    return simdjson::SUCCESS;
  }

  const std::string& wrong() const { return wrong_; }  // a member of the wrong type

 private:
  simdjson::error_code member(std::string_view key, od::value value) {
    const bool prompt = (api_ == net::Api::completions && key == "prompt") ||
                        (api_ == net::Api::generate && (key == "text" || key == "input_ids"));
    if (prompt) return text_or_ids(value, true);
    if (key.starts_with("bootstrap_")) out_.names_room = true;
    if (api_ == net::Api::chat && key == "messages") return messages(value);
    if (key == "max_tokens" || key == "max_completion_tokens") return most(value);
    if (key == "stream") return streamed(value);
    if (api_ == net::Api::generate && key == "sampling_params") return sampling(value);
    return simdjson::SUCCESS;  // passed over by the parser
  }

  simdjson::error_code streamed(od::value value) {
    bool asked = false;
    out_.streamed = value.get(asked) == simdjson::SUCCESS && asked;
    return simdjson::SUCCESS;
  }

  simdjson::error_code most(od::value value) {
    std::int64_t tokens = 0;
    if (value.get(tokens) == simdjson::SUCCESS && tokens > 0) {
      out_.output_max = std::max(out_.output_max, std::min(tokens, kMostOutput));
    }
    return simdjson::SUCCESS;
  }

  simdjson::error_code sampling(od::value value) {
    od::object params;
    if (value.get(params) != simdjson::SUCCESS) return simdjson::SUCCESS;
    for (auto field : params) {
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return error;
      if (key != "max_new_tokens") continue;
      od::value tokens;
      if (const auto error = field.value().get(tokens)) return error;
      if (const auto error = most(tokens)) return error;
    }
    return simdjson::SUCCESS;
  }

  simdjson::error_code messages(od::value value) {
    od::array all;
    if (value.get(all) != simdjson::SUCCESS) return refuse("messages");
    for (auto each : all) {
      od::object message;
      if (each.get(message) != simdjson::SUCCESS) return refuse("messages");
      for (auto field : message) {
        std::string_view key;
        if (const auto error = field.unescaped_key().get(key)) return error;
        od::value part;
        if (const auto error = field.value().get(part)) return error;
        if (key == "role") {
          std::string_view role;
          if (part.get(role) == simdjson::SUCCESS) blocks_.add(role);
        } else if (key == "content") {
          if (const auto error = content(part)) return error;
        }
      }
    }
    return simdjson::SUCCESS;
  }

  // A text, or parts of which some have a text.
  simdjson::error_code content(od::value value) {
    od::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type == od::json_type::string) return add_text(value);
    if (type != od::json_type::array) return simdjson::SUCCESS;
    od::array parts;
    if (const auto error = value.get(parts)) return error;
    for (auto each : parts) {
      od::object part;
      if (each.get(part) != simdjson::SUCCESS) return refuse("messages.content");
      od::value text;
      if (part["text"].get(text) != simdjson::SUCCESS) continue;
      if (const auto error = add_text(text)) return error;
    }
    return simdjson::SUCCESS;
  }

  simdjson::error_code add_text(od::value value) {
    std::string_view text;
    if (const auto error = value.get(text)) return error == simdjson::INCORRECT_TYPE ? simdjson::SUCCESS : error;
    blocks_.add_text(text);
    return simdjson::SUCCESS;
  }

  // A text, token ids, or at the top an array of several of these: a batch.
  simdjson::error_code text_or_ids(od::value value, bool top) {
    od::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type == od::json_type::string) return add_text(value);
    if (type == od::json_type::null) return simdjson::SUCCESS;
    if (type != od::json_type::array) return refuse("prompt");
    od::array all;
    if (const auto error = value.get(all)) return error;
    std::size_t several = 0;
    for (auto each : all) {
      od::value item;
      if (const auto error = each.get(item)) return error;
      std::int64_t id = 0;  // signed: "-0" is a number too
      if (item.get(id) == simdjson::SUCCESS && id >= 0) {
        blocks_.add_id(static_cast<std::uint64_t>(id));
        continue;
      }
      if (!top) return refuse("prompt");
      ++several;
      if (const auto error = text_or_ids(item, false)) return error;
    }
    if (several > 0) out_.prompts = several;
    return simdjson::SUCCESS;
  }

  simdjson::error_code refuse(std::string_view name) {
    wrong_ = name;
    return simdjson::INCORRECT_TYPE;
  }

  net::Api api_;
  PromptInfo& out_;
  Blocks blocks_;
  std::string wrong_;
};

constexpr std::string_view kBlanks = " \t\r\n";

// Where the object begins, and whether it is an empty one.
bool find_members(std::string_view body, PromptInfo& out) {
  const std::size_t brace = body.find_first_not_of(kBlanks);
  if (brace == std::string_view::npos || body[brace] != '{') return false;
  out.members_at = brace + 1;
  const std::size_t next = body.find_first_not_of(kBlanks, brace + 1);
  out.has_members = next != std::string_view::npos && body[next] != '}';
  return true;
}

}  // namespace

struct PromptReader::State {
  ToldPrompt told;
  od::parser parser;
  bool pages = true;
};

PromptReader::PromptReader(bool pages, const Told& told) : state_(std::make_unique<State>()) {
  state_->pages = pages;
  if (pages) state_->told.how = told;
}
PromptReader::~PromptReader() = default;
PromptReader::PromptReader(PromptReader&&) noexcept = default;
PromptReader& PromptReader::operator=(PromptReader&&) noexcept = default;

tl::expected<void, net::ApiError> PromptReader::read(net::Api api, std::string& body, PromptInfo& out) {
  const auto refuse = [](std::string message, std::string param = {}) {
    return tl::unexpected(net::ApiError{.status = 400, .message = std::move(message), .param = std::move(param)});
  };
  out.pages.clear();
  out = {.pages = std::move(out.pages)};
  if (!find_members(body, out)) return refuse("the body is not a JSON object");
  if (body.size() > kReadMax) {
    out.chars = body.size();
    out.input = static_cast<Tokens>(body.size()) / kBytesPerToken;
    // A name may be spelled with escapes, which no writer uses for letters.
    const auto has = [&body](const char* text) { return body.find(text) != std::string::npos; };
    out.names_room = has("\"bootstrap_") || has("\\u005") || has("\\u006") || has("\\u007");
    return {};
  }
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  state_->told.text.clear();
  state_->told.ids.clear();
  BodyReader reader(api, state_->pages, out, state_->told);
  od::document document;
  auto error = state_->parser.iterate(body.data(), body.size(), body.capacity()).get(document);
  od::object object;
  if (!error) error = document.get_object().get(object);
  if (!error) error = reader.read(object);
  // Nothing may follow the object: a location that can be told is one with something at it.
  if (const char* rest = nullptr; !error && document.current_location().get(rest) == simdjson::SUCCESS) {
    error = simdjson::TRAILING_CONTENT;
  }
  if (!error) return {};
  if (!reader.wrong().empty()) return refuse("wrong type of '" + reader.wrong() + "'", reader.wrong());
  return refuse(std::string("the body is not valid JSON: ") + simdjson::error_message(error));
}

}  // namespace infbench::live
