// TLS of a server, without sockets: bytes from the peer go in, plain bytes and bytes for the peer come out. TLS 1.2 and 1.3 by
// OpenSSL, without client certificates.
//
// A TlsContext is immutable and shared by all sessions, from any thread. A TlsSession belongs to one connection, one thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace infbench::net {

std::string openssl_version();  // of the library that is loaded: "3.0.17"

class TlsContext {
 public:
  // Of a certificate (with the chain behind it) and its key, files in PEM. Errors: a file cannot be read or holds something
  // else, the key needs a password or is not the certificate's.
  static Result<std::shared_ptr<const TlsContext>> server(const std::string& certificate_file, const std::string& key_file);
  explicit TlsContext(ssl_ctx_st* context);  // takes it
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsSession;
  ssl_ctx_st* context_;
};

class TlsSession {
 public:
  explicit TlsSession(std::shared_ptr<const TlsContext> context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  struct Opened {
    std::string plain;
    std::string to_peer;  // also when it is broken: says why
    bool closed = false;  // the peer has said that this was all
    std::string broken;   // why it cannot go on; empty: it can
  };
  Opened open(std::string_view bytes);
  // The parts for the peer. While the handshake goes on: nothing yet, they come with open().
  std::string seal(std::span<const std::string_view> parts);
  std::string seal_end();  // this was all

 private:
  void write(std::string_view plain);
  std::string outgoing();

  std::shared_ptr<const TlsContext> context_;
  ssl_st* session_;
  std::string waiting_;  // plain, for after the handshake
};

}  // namespace infbench::net
