#include "net/download.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include <curl/curl.h>
#include <dlfcn.h>

#include "base/output_file.h"
#include "base/sha256.h"

namespace infbench::net {
namespace {

// libcurl, loaded at the first download: it brings 25 libraries along, which cost more time than a whole dry-run and are not on
// every node. It stays loaded.
struct CurlLibrary {
  decltype(&curl_easy_init) init = nullptr;
  decltype(&curl_easy_setopt) setopt = nullptr;
  decltype(&curl_easy_perform) perform = nullptr;
  decltype(&curl_easy_getinfo) getinfo = nullptr;
  decltype(&curl_easy_strerror) strerror = nullptr;
  decltype(&curl_easy_cleanup) cleanup = nullptr;
  decltype(&curl_version_info) version_info = nullptr;

  // False: it is not on this machine.
  bool load() {
    void* library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    return library != nullptr && find(library, "curl_easy_init", init) && find(library, "curl_easy_setopt", setopt) &&
           find(library, "curl_easy_perform", perform) && find(library, "curl_easy_getinfo", getinfo) &&
           find(library, "curl_easy_strerror", strerror) && find(library, "curl_easy_cleanup", cleanup) &&
           find(library, "curl_version_info", version_info);
  }

 private:
  template <class Function>
  static bool find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    return function != nullptr;
  }
};

bool on_this_machine(std::string_view url) {
  constexpr std::array<std::string_view, 3> kHosts{"http://127.0.0.1", "http://localhost", "http://[::1]"};
  for (const std::string_view host : kHosts) {
    if (!url.starts_with(host)) continue;
    const std::string_view rest = url.substr(host.size());
    // "http://localhost:80@elsewhere" is elsewhere.
    if (url.find('@') == std::string_view::npos && (rest.empty() || rest.front() == ':' || rest.front() == '/')) return true;
  }
  return false;
}

// Where the body goes while it comes.
struct Body {
  OutputFile& file;
  Bytes size_max;
  Bytes size = 0;
  Sha256 hash;
  std::string problem;  // why it was stopped
};

std::size_t take_bytes(char* bytes, std::size_t one, std::size_t count, void* user) {
  Body& body = *static_cast<Body*>(user);
  const std::string_view piece(bytes, one * count);
  body.size += static_cast<Bytes>(piece.size());
  if (body.size > body.size_max) {
    body.problem = "it is larger than the limit of " + std::to_string(body.size_max) + " bytes";
    return 0;
  }
  if (!body.file.write(piece)) {
    body.problem = "cannot write " + body.file.temporary_path() + ": " + std::strerror(errno);
    return 0;
  }
  body.hash.add(piece);
  return piece.size();
}

int tell_progress(void* user, curl_off_t all, curl_off_t done, curl_off_t /*upload*/, curl_off_t /*uploaded*/) {
  static_cast<const Download*>(user)->on_progress(done, all);
  return 0;
}

tl::unexpected<Errors> failed(const std::string& url, const std::string& why) {
  return fail("cannot download " + shown_url(url) + ": " + why);
}

long in_ms(Duration duration) { return static_cast<long>(duration.ns / 1'000'000); }

void set_up(const CurlLibrary& library, CURL* curl, const Download& wanted, Body& body, char* message) {
  const auto set = library.setopt;
  const bool local = on_this_machine(wanted.url);
  set(curl, CURLOPT_URL, wanted.url.c_str());
  set(curl, CURLOPT_PROTOCOLS_STR, local ? "http" : "https");
  set(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
  set(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  set(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  set(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!wanted.ca_file.empty()) {
    set(curl, CURLOPT_CAINFO, wanted.ca_file.c_str());
    set(curl, CURLOPT_CAPATH, nullptr);
  }
  if (local) set(curl, CURLOPT_PROXY, "");
  set(curl, CURLOPT_FOLLOWLOCATION, 1L);
  set(curl, CURLOPT_MAXREDIRS, 5L);
  set(curl, CURLOPT_CONNECTTIMEOUT_MS, in_ms(wanted.connect_timeout));
  set(curl, CURLOPT_TIMEOUT_MS, in_ms(wanted.total_timeout));
  set(curl, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(wanted.size_max));
  set(curl, CURLOPT_FAILONERROR, 1L);
  set(curl, CURLOPT_NOSIGNAL, 1L);
  set(curl, CURLOPT_USERAGENT, "infbench");
  set(curl, CURLOPT_ERRORBUFFER, message);
  set(curl, CURLOPT_WRITEFUNCTION, &take_bytes);
  set(curl, CURLOPT_WRITEDATA, &body);
}

void set_up_progress(const CurlLibrary& library, CURL* curl, const Download& wanted) {
  library.setopt(curl, CURLOPT_NOPROGRESS, 0L);
  library.setopt(curl, CURLOPT_XFERINFOFUNCTION, &tell_progress);
  library.setopt(curl, CURLOPT_XFERINFODATA, &wanted);
}

// Empty if all of it came.
std::optional<std::string> transfer(const Download& wanted, Body& body) {
  CurlLibrary library;
  if (!library.load()) return "libcurl (libcurl.so.4) is not on this machine";
  const std::unique_ptr<CURL, decltype(library.cleanup)> curl(library.init(), library.cleanup);
  if (!curl) return "libcurl cannot start";
  std::array<char, CURL_ERROR_SIZE> message{};
  set_up(library, curl.get(), wanted, body, message.data());
  if (wanted.on_progress) set_up_progress(library, curl.get(), wanted);
  const CURLcode code = library.perform(curl.get());
  long status = 0;
  library.getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (!body.problem.empty()) return body.problem;
  if (code == CURLE_HTTP_RETURNED_ERROR) return "the server answered with HTTP status " + std::to_string(status);
  if (code == CURLE_UNSUPPORTED_PROTOCOL) return "only https addresses are allowed, also after a redirect";
  if (code != CURLE_OK) return message.front() != '\0' ? std::string(message.data()) : std::string(library.strerror(code));
  if (status != 200) return "the server answered with HTTP status " + std::to_string(status);
  return {};
}

// As sha256sum does: the sum, two spaces, the file's name.
Result<void> record_checksum(const std::string& path, const std::string& sha256) {
  const std::string record = checksum_path(path);
  return write_file(record, sha256 + "  " + std::filesystem::path(path).filename().string() + "\n");
}

}  // namespace

std::string shown_url(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t end = std::min(url.find_first_of("/?#", begin), url.size());
  const std::size_t at = url.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < begin) return std::string(url);
  return std::string(url.substr(0, begin)) + "***@" + std::string(url.substr(at + 1));
}

std::string curl_version() {
  CurlLibrary library;
  return library.load() ? library.version_info(CURLVERSION_NOW)->version : std::string();
}

std::string checksum_path(const std::string& path) { return path + ".sha256"; }

bool may_download(std::string_view url) { return url.starts_with("https://") || on_this_machine(url); }

Result<Downloaded> download(const Download& wanted) {
  auto file = OutputFile::create(wanted.path);
  if (!file) return fail(file.error());
  Body body{.file = *file, .size_max = wanted.size_max, .size = 0, .hash = {}, .problem = {}};
  if (const auto problem = transfer(wanted, body)) return failed(wanted.url, *problem);
  if (wanted.accept) {
    const auto accepted = wanted.accept(file->temporary_path());
    if (!accepted) return failed(wanted.url, accepted.error().front().what);
  }
  Downloaded downloaded{.size = body.size, .sha256 = body.hash.finish()};
  // First the sum: if we die between the two, the sum does not fit and the next use says so.
  if (const auto recorded = record_checksum(wanted.path, downloaded.sha256); !recorded) return fail(recorded.error());
  if (const auto committed = file->commit(); !committed) return fail(committed.error());
  return downloaded;
}

Result<bool> verify_checksum(const std::string& path) {
  std::ifstream record(checksum_path(path));
  if (!record) return false;
  std::string recorded;
  record >> recorded;
  const auto sha256 = file_sha256(path);
  if (!sha256) return fail(sha256.error());
  if (*sha256 == recorded) return true;
  return fail(Error{.what = "the file has changed since its download: its SHA-256 is " + *sha256 + ", but " +
                            checksum_path(path) + " says '" + recorded + "'",
                    .hint = {},
                    .file = path,
                    .source_line = {}});
}

}  // namespace infbench::net
