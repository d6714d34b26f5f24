#include "live/gateway_headers.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace infbench::live {
namespace {

constexpr std::size_t kLongestId = 256;

bool is_of_connection(std::string_view name) {
  constexpr std::array<std::string_view, 10> kNames{
      "connection", "content-length",    "expect",          "host", "keep-alive", "te", "trailer",
      "upgrade",    "transfer-encoding", "proxy-connection"};
  return std::ranges::find(kNames, name) != kNames.end() || name.starts_with("proxy-auth");
}

// The names that `connection` lists besides its own options.
std::vector<std::string> listed(const net::HttpHead& head) {
  std::vector<std::string> names;
  for (const auto& [name, value] : head.headers) {
    if (name != "connection") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      std::string_view item = rest.substr(0, comma);
      while (item.starts_with(' ') || item.starts_with('\t')) item.remove_prefix(1);
      while (item.ends_with(' ') || item.ends_with('\t')) item.remove_suffix(1);
      if (item != "close" && item != "keep-alive" && item != "Keep-Alive") names.push_back(lower_case(item));
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return names;
}

}  // namespace

void append_end_to_end(const net::HttpHead& head, std::string_view but, std::string& out) {
  const std::vector<std::string> dropped = listed(head);
  for (const auto& [name, value] : head.headers) {
    if (is_of_connection(name) || name == but || std::ranges::find(dropped, name) != dropped.end()) continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
}

std::string request_id(const net::HttpHead& head, const std::vector<std::string>& names, Random& random) {
  for (const std::string& name : names) {
    const std::string* given = head.find(name);
    if (given != nullptr && !given->empty() && given->size() <= kLongestId) return *given;
  }
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string id = "req-";
  for (int i = 0; i < 24; ++i) id += kLetters[random.below(kLetters.size())];
  return id;
}

bool has_key(const net::HttpHead& head, std::string_view key) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string* given = head.find("authorization");
  if (given == nullptr || given->size() < kScheme.size() || lower_case(given->substr(0, kScheme.size())) != kScheme)
    return false;
  const std::string_view token = std::string_view(*given).substr(kScheme.size());
  // Every byte of what was given is looked at, whether or not one before it was wrong.
  unsigned difference = token.size() == key.size() ? 0U : 1U;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const char expected = key.empty() ? '\0' : key[i % key.size()];
    difference |= static_cast<unsigned>(static_cast<unsigned char>(token[i]) ^ static_cast<unsigned char>(expected));
  }
  return difference == 0;
}

std::string message_of(std::string_view code) {
  if (code == "no_available_workers") return "no worker can take the request";
  if (code == "too_many_requests") return "too many requests are waiting";
  if (code == "queue_timeout") return "the request has waited too long for its turn";
  if (code == "timeout") return "the worker did not finish in time";
  return "the worker failed, and so did what was tried instead";
}

}  // namespace infbench::live
