#include "cli/workload.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "cli/progress.h"
#include "net/download.h"
#include "trace/read.h"

namespace infbench::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMooncake = "https://raw.githubusercontent.com/kvcache-ai/Mooncake/main";
constexpr std::string_view kWithoutNetwork =
    "without network, give a trace with --trace FILE or --trace-dir DIR, or make a stand-in with "
    "`srtctl trace synthesize --like conversation -o FILE`";

struct Workload {
  std::string_view name;
  std::string_view folder;  // in the Mooncake repository
};
constexpr std::array<Workload, 4> kWorkloads{{{"conversation", "FAST25-release/traces"},
                                              {"toolagent", "FAST25-release/traces"},
                                              {"synthetic", "FAST25-release/traces"},
                                              {"mooncake", "FAST25-release/arxiv-trace"}}};

std::string file_name(const Workload& workload) { return fmt::format("{}_trace.jsonl", workload.name); }

Result<Workload> workload_named(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Workload& workload : kWorkloads) {
    if (workload.name == name) return workload;
    names.push_back(workload.name);
  }
  return fail(fmt::format("expected a workload (conversation, toolagent, synthetic or mooncake), found '{}'", name),
              did_you_mean(name, names));
}

std::string published_url(const Workload& workload, const TraceEnvironment& environment) {
  std::string_view base = environment.mirror.empty() ? kMooncake : std::string_view(environment.mirror);
  while (base.ends_with('/')) base.remove_suffix(1);
  return fmt::format("{}/{}/{}", base, workload.folder, file_name(workload));
}

// Relative values of $XDG_CACHE_HOME are to be ignored, says the XDG Base Directory Specification.
Result<fs::path> cache_folder(const TraceEnvironment& environment) {
  if (environment.cache_home.starts_with('/')) return fs::path(environment.cache_home) / "srtctl" / "traces";
  if (!environment.home.empty()) return fs::path(environment.home) / ".cache" / "srtctl" / "traces";
  return fail("there is no folder for downloaded traces: neither XDG_CACHE_HOME nor HOME is set", std::string(kWithoutNetwork));
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// The file is what was downloaded, as far as is known.
Result<std::string> intact(const fs::path& path, const std::string& repair) {
  const auto verified = net::verify_checksum(path.string());
  if (verified) return path.string();
  Errors errors = verified.error();
  for (Error& error : errors) error.hint = repair;
  return fail(std::move(errors));
}

Result<FetchedTrace> download_to(const fs::path& path, const std::string& url) {
  if (!net::may_download(url)) {
    return fail(fmt::format("expected an address that begins with https://, found '{}'", net::shown_url(url)),
                std::string(kWithoutNetwork));
  }
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return fail(fmt::format("cannot make the folder {}: {}", path.parent_path().string(), error.message()));
  fmt::print(stderr, "downloading {} to {}\n", net::shown_url(url), path.string());
  Progress progress(path.filename().string(), kMegabytes);
  net::Download wanted{.url = url, .path = path.string(), .accept = {}, .on_progress = {}};
  if (const char* own = std::getenv("SSL_CERT_FILE")) wanted.ca_file = own;  // as the programs of OpenSSL and curl do
  wanted.on_progress = [&](Bytes done, Bytes all) { progress(static_cast<std::size_t>(done), static_cast<std::size_t>(all)); };
  wanted.accept = [](const std::string& came) -> Result<void> {
    if (const auto read = trace::read_trace(came); !read) {
      return fail(Error{.what = "it is not a trace: " + read.error().front().what, .hint = {}, .file = {}, .source_line = {}});
    }
    return {};
  };
  const auto downloaded = net::download(wanted);
  if (downloaded) return FetchedTrace{.path = path.string(), .url = url, .sha256 = downloaded->sha256};
  Errors errors = downloaded.error();
  errors.front().hint = kWithoutNetwork;
  return fail(std::move(errors));
}

Result<std::string> find_workload(const Workload& workload, const TraceSource& source, const TraceEnvironment& environment,
                                  Download download) {
  for (const std::string& folder : {source.trace_dir, environment.trace_dir}) {
    const fs::path path = fs::path(folder) / file_name(workload);
    if (!folder.empty() && is_there(path)) return intact(path, "copy or download the file again");
  }
  const auto cache = cache_folder(environment);
  if (!cache) return fail(cache.error());
  const fs::path path = *cache / file_name(workload);
  if (is_there(path)) return intact(path, fmt::format("download it again with `srtctl trace fetch {}`", workload.name));
  if (download == Download::no) {
    return fail(fmt::format("the {} trace is not on this machine: {} is not there", workload.name, path.string()),
                fmt::format("download it where there is a network with `srtctl trace fetch {}`, or give --trace-dir DIR",
                            workload.name));
  }
  const auto fetched = download_to(path, published_url(workload, environment));
  if (!fetched) return fail(fetched.error());
  return fetched->path;
}

}  // namespace

TraceEnvironment trace_environment() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  return {.trace_dir = variable("SRTCTL_TRACE_DIR"),
          .cache_home = variable("XDG_CACHE_HOME"),
          .home = variable("HOME"),
          .mirror = variable("SRTCTL_TRACE_URL")};
}

Result<std::string> find_trace(const TraceSource& source, const TraceEnvironment& environment, Download download) {
  std::error_code ignored;
  if (!source.trace_dir.empty() && !fs::is_directory(source.trace_dir, ignored)) {
    return fail(fmt::format("expected a folder for --trace-dir, found '{}'", source.trace_dir));
  }
  if (!source.file.empty()) {
    if (is_there(source.file)) return intact(source.file, "copy or download the file again");
    return fail(Error{.what = "there is no such trace file", .hint = {}, .file = source.file, .source_line = {}});
  }
  const auto workload = workload_named(source.workload);
  if (!workload) return fail(workload.error());
  return find_workload(*workload, source, environment, download);
}

Result<std::string> find_trace(const TraceSource& source, Download download) {
  return find_trace(source, trace_environment(), download);
}

Result<FetchedTrace> fetch_trace(const std::string& name, const std::string& url, const TraceEnvironment& environment) {
  const auto workload = workload_named(name);
  if (!workload) return fail(workload.error());
  const auto cache = cache_folder(environment);
  if (!cache) return fail(cache.error());
  const fs::path path = *cache / file_name(*workload);
  if (url.empty() && is_there(path) && net::verify_checksum(path.string()).value_or(false)) {
    return FetchedTrace{.path = path.string(), .url = {}, .sha256 = {}};
  }
  return download_to(path, url.empty() ? published_url(*workload, environment) : url);
}

}  // namespace infbench::cli
