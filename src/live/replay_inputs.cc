#include "live/replay_inputs.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/json_writer.h"
#include "base/number.h"
#include "base/utf8.h"
#include "net/download.h"

namespace infbench::live {
namespace {

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t at = std::min(text.find_first_of(separators), text.size());
    if (at > 0) parts.push_back(text.substr(0, at));
    text.remove_prefix(std::min(at + 1, text.size()));
  }
  return parts;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

void set_extra(std::vector<ExtraInput>& all, ExtraInput extra) {
  const auto same = std::find_if(all.begin(), all.end(), [&](const ExtraInput& e) { return e.name == extra.name; });
  if (same == all.end()) {
    all.push_back(std::move(extra));
  } else {
    *same = std::move(extra);
  }
}

// The value in JSON: as it is if it is JSON, else as a string.
std::string as_json(std::string_view value) {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  if (!value.empty() && parser.parse(simdjson::padded_string(value)).get(element) == simdjson::SUCCESS) {
    return simdjson::minify(element);
  }
  std::string text;
  append_json(text, value);
  return text;
}

Result<void> add_object(const std::string& text, std::vector<ExtraInput>& all) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(simdjson::padded_string(text)).get_object().get(object) != simdjson::SUCCESS) {
    return fail("expected a JSON object or key:value for --extra-inputs, found '" + text + "'");
  }
  for (const auto& [key, value] : object) set_extra(all, {.name = std::string(key), .json = simdjson::minify(value)});
  return {};
}

Result<void> set_limit(std::string_view part, Slo& slo) {
  const std::size_t colon = part.find(':');
  const std::string_view tag = part.substr(0, colon);
  const auto value = colon == std::string_view::npos ? std::nullopt : number_in<double>(part.substr(colon + 1));
  if (!value || !(*value >= 1e-6 && *value <= 3.6e6)) {
    return fail(fmt::format("expected TAG:MILLISECONDS (0.000001 to 3600000) for --goodput, found '{}'", part));
  }
  const Duration limit{std::llround(*value * 1e6)};
  if (tag == "time_to_first_token") {
    slo.ttft = limit;
  } else if (tag == "inter_token_latency") {
    slo.itl = limit;
  } else {
    return fail(fmt::format("--goodput judges by time_to_first_token and inter_token_latency, not by '{}'", tag),
                did_you_mean(tag, {"time_to_first_token", "inter_token_latency"}));
  }
  return {};
}

// Headers of which a second one would let two programs read the request in two ways.
bool frames_the_message(std::string_view name) {
  const std::string lower = lower_case(name);
  return lower == "content-length" || lower == "transfer-encoding" || lower == "host" || lower == "connection";
}

}  // namespace

Result<Target> parse_target(const std::string& url) {
  const auto wrong = [&url](std::string_view what) {
    return fail(fmt::format("expected an address as http://host:port, found '{}'{}", net::shown_url(url), what));
  };
  std::string_view rest = url;
  if (rest.starts_with("https://")) return wrong(" (TLS is not supported: put a proxy before the server)");
  const bool scheme = rest.starts_with("http://");
  if (scheme) rest.remove_prefix(7);
  const auto never = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '?' || c == '#'; };
  if (rest.find("://") != std::string_view::npos || std::any_of(rest.begin(), rest.end(), never)) return wrong("");
  Target target;
  target.url = scheme ? url : "http://" + url;
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view path = rest.substr(slash);
  std::string_view authority = rest.substr(0, slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.ends_with("/v1")) path.remove_suffix(3);
  target.path = path;
  std::size_t colon = authority.rfind(':');
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return wrong("");
    colon = close + 1 < authority.size() && authority[close + 1] == ':' ? close + 1 : std::string_view::npos;
    target.host = authority.substr(1, close - 1);
  } else {
    target.host = authority.substr(0, colon);
  }
  if (target.host.empty() || target.host.find('@') != std::string::npos) return wrong("");
  target.port = scheme ? 80 : 8000;
  if (colon != std::string_view::npos) {
    const auto port = number_in<int>(authority.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535) return wrong("");
    target.port = *port;
  }
  return target;
}

Result<Slo> parse_goodput(std::string_view text) {
  Slo slo{.ttft = kNoLimit, .itl = kNoLimit};
  Errors errors;
  const std::vector<std::string_view> parts = split(text, " ,");
  if (parts.empty()) return fail("expected \"time_to_first_token:MS inter_token_latency:MS\" for --goodput, found nothing");
  for (const std::string_view part : parts) {
    if (const auto set = set_limit(part, slo); !set) errors.insert(errors.end(), set.error().begin(), set.error().end());
  }
  if (!errors.empty()) return fail(std::move(errors));
  return slo;
}

Result<std::vector<ExtraInput>> parse_extra_inputs(std::span<const std::string> inputs) {
  std::vector<ExtraInput> all;
  for (const std::string& input : inputs) {
    if (trimmed(input).starts_with('{')) {
      if (const auto added = add_object(input, all); !added) return fail(added.error());
      continue;
    }
    const std::size_t colon = input.find(':');
    if (colon == std::string::npos || colon == 0) {
      return fail("expected key:value or a JSON object for --extra-inputs, found '" + input + "'");
    }
    set_extra(all, {.name = std::string(trimmed(std::string_view(input).substr(0, colon))),
                    .json = as_json(trimmed(std::string_view(input).substr(colon + 1)))});
  }
  return all;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_headers(std::span<const std::string> headers) {
  std::vector<std::pair<std::string, std::string>> all;
  const auto in_name = [](char c) {
    const bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter_or_digit || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;  // RFC 9110, 5.6.2
  };
  const auto is_control = [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f'; };
  for (const std::string& header : headers) {
    const std::size_t colon = header.find(':');
    const std::string_view name = trimmed(std::string_view(header).substr(0, colon));
    if (colon == std::string::npos || name.empty() || !std::all_of(name.begin(), name.end(), in_name) ||
        std::any_of(header.begin(), header.end(), is_control)) {
      // Its value may be a secret: at most the name is repeated.
      if (colon == std::string::npos) return fail("expected NAME:VALUE for --header, found no ':'");
      return fail("expected NAME:VALUE for --header, found '" + header.substr(0, colon) + ":...'");
    }
    if (frames_the_message(name)) return fail(fmt::format("--header: '{}' is set by replay itself", name), "leave it out");
    all.emplace_back(std::string(name), std::string(trimmed(std::string_view(header).substr(colon + 1))));
  }
  return all;
}

Result<void> parse_synthetic(std::string_view text, std::optional<Tokens>& isl, std::optional<Tokens>& osl) {
  for (const std::string_view part : split(text, ",")) {
    const Tokens value = part.size() > 4 ? number_in<Tokens>(part.substr(4)).value_or(0) : 0;
    const bool in = part.starts_with("isl=");
    if ((!in && !part.starts_with("osl=")) || value < 1 || value > 100'000'000) {
      return fail(fmt::format("expected isl=TOKENS,osl=TOKENS for --synthetic, found '{}'", text));
    }
    (in ? isl : osl) = value;
  }
  return {};
}

}  // namespace infbench::live
