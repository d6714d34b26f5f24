#include "launch/run_folder.h"

#include <ctime>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/json_writer.h"
#include "base/output_file.h"

namespace infbench::launch {
namespace {

namespace fs = std::filesystem;

constexpr int kMostOfOneName = 1000;
constexpr std::streamoff kMostOfALog = 8192;

// Of a recipe's name what is plain in a file's name.
std::string plain(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool keep = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    out += keep ? c : '-';
  }
  return out.substr(0, 80);
}

std::string local_time(std::int64_t epoch_ms) {
  const std::time_t seconds = epoch_ms / 1000;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return fmt::format("{:04}{:02}{:02}-{:02}{:02}{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
}

tl::unexpected<Errors> cannot_make(const fs::path& path, const std::string& why) {
  return fail(fmt::format("cannot make the folder {}: {}", path.string(), why), "choose another one with -o DIR");
}

std::string text_of(simdjson::dom::element document, const char* key) {
  std::string_view text;
  return document[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

std::optional<std::int64_t> number_of(simdjson::dom::element document, const char* key) {
  std::int64_t number = 0;
  if (document[key].get(number) != simdjson::SUCCESS) return std::nullopt;
  return number;
}

}  // namespace

std::string to_json(const RunStatus& status) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  json.begin_object();
  json.member("job", std::string_view(status.job));
  json.member("launcher", std::string_view(status.launcher));
  json.member("recipe", std::string_view(status.recipe));
  json.member("phase", std::string_view(status.phase));
  json.member("waiting_for", std::string_view(status.waiting_for));
  json.member("pid", status.pid);
  json.member("host", std::string_view(status.host));
  json.member("started_ms", status.started_ms);
  json.member("ended_ms", status.ended_ms);
  json.member("exit_code", status.exit_code);
  json.member("reason", std::string_view(status.reason));
  json.end_object();
  return out + "\n";
}

Result<RunStatus> parse_status(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (parser.parse(simdjson::padded_string(json)).get(document) != simdjson::SUCCESS || !document.is_object()) {
    return fail("expected the status of a run, found something else");
  }
  RunStatus status{.job = text_of(document, "job"),
                   .launcher = text_of(document, "launcher"),
                   .recipe = text_of(document, "recipe"),
                   .phase = text_of(document, "phase"),
                   .waiting_for = text_of(document, "waiting_for"),
                   .pid = static_cast<int>(number_of(document, "pid").value_or(0)),
                   .host = text_of(document, "host"),
                   .started_ms = number_of(document, "started_ms").value_or(0),
                   .ended_ms = number_of(document, "ended_ms"),
                   .exit_code = {},
                   .reason = text_of(document, "reason")};
  if (const auto code = number_of(document, "exit_code")) status.exit_code = static_cast<int>(*code);
  return status;
}

std::string to_json(const Fingerprint& fingerprint) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  json.begin_object();
  json.member("srtctl_version", std::string_view(fingerprint.version));
  json.member("host", std::string_view(fingerprint.host));
  json.member("kernel", std::string_view(fingerprint.kernel));
  json.key("gpus");
  json.begin_array();
  for (const std::string& gpu : fingerprint.gpus) json.value(std::string_view(gpu));
  json.end_array();
  json.member("driver", std::string_view(fingerprint.driver));
  json.member("engine_version", std::string_view(fingerprint.engine_version));
  json.key("trace");
  json.begin_object();
  json.member("file", std::string_view(fingerprint.trace_file));
  json.member("sha256", std::string_view(fingerprint.trace_sha256));
  json.end_object();
  json.end_object();
  return out + "\n";
}

Result<RunFolder> RunFolder::create(const std::string& path, bool again) {
  std::error_code error;
  const fs::path folder = fs::absolute(path, error).lexically_normal();
  if (error) return cannot_make(path, error.message());
  if (!again && fs::exists(folder / "status.json", error)) {
    return fail(fmt::format("the folder {} has a run in it already", folder.string()), "choose another one with -o DIR");
  }
  for (const char* inner : {"logs", "artifacts"}) {
    fs::create_directories(folder / inner, error);
    if (error) return cannot_make(folder / inner, error.message());
  }
  return RunFolder(folder.string());
}

Result<RunFolder> RunFolder::create_new(const std::string& parent, const std::string& recipe_name, std::int64_t epoch_ms) {
  std::error_code error;
  fs::create_directories(parent, error);
  if (error) return cannot_make(parent, error.message());
  const std::string first = fmt::format("{}-{}", local_time(epoch_ms), plain(recipe_name));
  for (int number = 1; number < kMostOfOneName; ++number) {
    const fs::path folder = fs::path(parent) / (number == 1 ? first : fmt::format("{}-{}", first, number));
    if (fs::create_directory(folder, error)) return create(folder.string(), false);
    if (error) return cannot_make(folder, error.message());
  }
  return cannot_make(fs::path(parent) / first, "there are too many of that name");
}

std::string RunFolder::name() const { return fs::path(path_).filename().string(); }

Result<void> RunFolder::write(std::string_view name, std::string_view text) const { return write_file(file(name), text); }

std::string last_lines(const std::string& path, int lines) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - kMostOfALog));
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  while (text.ends_with('\n')) text.pop_back();
  std::size_t at = text.size();
  for (int line = 0; line < lines && at != std::string::npos; ++line) {
    at = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
  }
  return at == std::string::npos ? text : text.substr(at + 1);
}

}  // namespace infbench::launch
