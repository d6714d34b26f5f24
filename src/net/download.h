// Download: one file from the network into a folder, completely or not at all.
//
// The bytes go to a temporary file beside the target, which is flushed to disk and renamed only when the transfer was complete,
// the server said 200, and the caller has accepted the content; so the target is never half a file or an error page. The
// SHA-256 of the file is recorded beside it as FILE.sha256 (as sha256sum writes it). Blocking calls by libcurl; one thread per
// call.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "base/types.h"

namespace infbench::net {

struct Download {
  std::string url;   // https; http only from this machine (127.0.0.1, [::1], localhost). Redirects must lead to https
  std::string path;  // its folder must exist
  Bytes size_max = Bytes{2} << 30U;
  std::string ca_file = {};  // certificates to trust, PEM, instead of the system's; empty: those
  Duration connect_timeout = seconds(15);
  Duration total_timeout = seconds(600);
  // Asked with the path of the complete temporary file whether it is what was wanted; its first error says why not.
  // May be empty.
  std::function<Result<void>(const std::string& path)> accept;
  // Told now and then how much has come, and of how much (0: the server has not said). May be empty.
  std::function<void(Bytes done, Bytes all)> on_progress = {};
};

struct Downloaded {
  Bytes size = 0;
  std::string sha256;
};

// The address without the "user:password@" that may be in it, as it may be shown.
std::string shown_url(std::string_view url);

// Whether it is an address that download() takes, without asking anybody.
bool may_download(std::string_view url);

// Errors name the address; then nothing has changed at `path`.
Result<Downloaded> download(const Download& wanted);

// Of the library on this machine: "7.88.1"; empty: there is none. Loads it.
std::string curl_version();

// Where the SHA-256 of a file is recorded.
std::string checksum_path(const std::string& path);

// Whether the file is still what was recorded: true if so, false if nothing is recorded. Error: it has changed (with both
// sums), or one of the two cannot be read.
Result<bool> verify_checksum(const std::string& path);

}  // namespace infbench::net
