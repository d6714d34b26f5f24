// The body of an inference request, as a worker reads it and as the gateway does. The first byte says which API.
#include "live/gateway_prompt.h"
#include "net/openai.h"
#include "support.h"

namespace infbench::fuzz {
namespace {

live::PromptInfo read_prompt(live::PromptReader& reader, net::Api api, std::string_view text, bool& accepted) {
  std::string body(text);
  live::PromptInfo info;
  accepted = reader.read(api, body, info).has_value();
  require(body == text, "the gateway passes on the body as it came");
  if (!accepted) return info;
  require(info.members_at > 0 && info.members_at <= text.size() && text[info.members_at - 1] == '{', "members stand in braces");
  require(info.input >= 1 && info.output_max >= 0, "a prompt has a token");
  require(!info.told_pages || static_cast<Tokens>(info.pages.size()) * info.page_tokens <= info.input, "pages are full");
  return info;
}

void check_request(const net::InferenceRequest& request) {
  require(request.text.empty() != request.token_ids.empty(), "a prompt is text or ids");
  require(!request.max_tokens || *request.max_tokens >= std::max<Tokens>(request.min_tokens, 1), "limits are in order");
  require(!request.bootstrap || !request.bootstrap->port || *request.bootstrap->port > 0, "ports are above 0");
}

}  // namespace
}  // namespace infbench::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace infbench;
  using namespace infbench::fuzz;
  std::string_view text = text_of(data, size);
  const auto api = static_cast<net::Api>(take_choice(text, 3));
  static net::RequestReader worker;
  static live::PromptReader plain;
  static live::PromptReader told(true, {.page = 4, .words = &words()});

  std::string body(text);
  const auto request = worker.read(api, body);
  require(body == text, "a body is not changed");
  if (request) {
    check_request(*request);
  } else {
    require(request.error().status == 400 && !request.error().message.empty(), "a refusal says why");
    require(!net::error_json(request.error()).empty(), "and is JSON");
  }
  bool by_plain = false;
  bool by_told = false;
  read_prompt(plain, api, text, by_plain);
  read_prompt(told, api, text, by_told);
  require(by_plain == by_told, "what is told makes no difference to what is accepted");
  require(!request || by_plain, "the gateway refuses nothing that a worker takes");
  return 0;
}
