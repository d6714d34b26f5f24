#include "cli/build_info.h"

#include <fmt/format.h>

#include "net/download.h"
#include "net/tls.h"
#include "net/zmq_socket.h"

namespace infbench::cli {

std::string version_text(bool verbose) {
  std::string out = fmt::format("srtctl {} (commit {}, {})\n", version(), commit(), build_type());
  if (!verbose) return out;
  out += libraries();
  const std::string curl = net::curl_version();
  out += fmt::format("  here: OpenSSL {}, ZeroMQ {}, {}\n", net::openssl_version(), net::zmq_version(),
                     curl.empty() ? "no libcurl" : "libcurl " + curl);
  return out + fmt::format("  hardened: {}\n", hardening().empty() ? "no" : hardening());
}

}  // namespace infbench::cli
