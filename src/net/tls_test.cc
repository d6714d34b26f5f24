// TLS sessions against an OpenSSL client in memory, byte by byte, and over a real listener.
#include "net/tls.h"

#include <array>
#include <fstream>
#include <functional>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "net/loop_for_test.h"
#include "net/tcp.h"
#include "net/tls_identity_for_test.h"

namespace infbench::net {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

// The other end, without looking at the certificate.
class Client {
 public:
  Client() {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
    SSL_do_handshake(ssl_.get());
  }
  void take(std::string_view bytes) {
    if (!bytes.empty()) BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    std::array<char, 4096> buffer;
    for (int count = 1; count > 0;) {
      count = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
      if (count > 0) heard.append(buffer.data(), static_cast<std::size_t>(count));
      if (count <= 0) over = SSL_get_error(ssl_.get(), count) == SSL_ERROR_ZERO_RETURN;
    }
  }
  void say(std::string_view text) { SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())); }
  void say_end() { SSL_shutdown(ssl_.get()); }
  bool ready() const { return SSL_is_init_finished(ssl_.get()) == 1; }
  std::string outgoing() {
    std::string bytes(BIO_ctrl_pending(SSL_get_wbio(ssl_.get())), '\0');
    if (!bytes.empty()) BIO_read(SSL_get_wbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  std::string heard;
  bool over = false;

 private:
  Owned<SSL_CTX> context_{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  Owned<SSL> ssl_{SSL_new(context_.get()), SSL_free};
};

std::string seal(TlsSession& session, std::string_view text) { return session.seal({&text, 1}); }

TEST(Tls, AConversationInPiecesOfAnySize) {
  const IdentityForTest identity("pieces");
  const std::string question(100'000, 'q');
  for (const std::size_t piece : {1U, 7U, 1000U, 1'000'000U}) {
    TlsSession server(identity.context());
    Client client;
    EXPECT_EQ(seal(server, "early "), "") << "there is no key yet";
    std::string plain;
    bool closed = false;
    const auto pass = [&] {
      for (bool more = true; more;) {
        const std::string bytes = client.outgoing();
        more = !bytes.empty();
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
          const TlsSession::Opened opened = server.open(std::string_view(bytes).substr(at, piece));
          ASSERT_EQ(opened.broken, "");
          plain += opened.plain;
          closed = closed || opened.closed;
          client.take(opened.to_peer);
        }
      }
    };
    pass();
    ASSERT_TRUE(client.ready());
    client.say(question);
    pass();
    EXPECT_EQ(plain, question);
    const std::array<std::string_view, 3> parts{"an", "", "swer"};
    client.take(server.seal(parts));
    EXPECT_EQ(client.heard, "early answer");
    client.say_end();
    pass();
    EXPECT_TRUE(closed);
    client.take(server.seal_end());
    EXPECT_TRUE(client.over) << "the client is told that this was all";
  }
}

TEST(Tls, WhatIsNotTlsIsBroken) {
  TlsSession server(IdentityForTest("broken").context());
  const TlsSession::Opened opened = server.open("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  EXPECT_THAT(opened.broken, StartsWith("TLS: "));
  EXPECT_EQ(opened.plain, "");
  EXPECT_FALSE(opened.closed);
  EXPECT_EQ(seal(server, "x"), "");
}

TEST(Tls, FilesThatCannotBeUsed) {
  const IdentityForTest one("one");
  const IdentityForTest other("other");
  const std::string garbage = ::testing::TempDir() + "garbage.pem";
  std::ofstream(garbage) << "no certificate";
  for (const auto& [certificate, key, said] :
       {std::array<std::string, 3>{"/nowhere.pem", one.key,
                                   "cannot use the certificate '/nowhere.pem': No such file or directory"},
        {garbage, one.key, "cannot use the certificate '"},
        {one.certificate, "/nowhere.pem", "cannot use the key '/nowhere.pem': "},
        {one.certificate, other.key, "cannot use the key '"}}) {
    const auto made = TlsContext::server(certificate, key);
    ASSERT_FALSE(made) << certificate << key;
    EXPECT_THAT(made.error().front().what, HasSubstr(said));
  }
}

// A server that repeats what it hears until the client ends, over a socket; and one client that does not speak TLS.
TEST(Tls, OverAListener) {
  const IdentityForTest identity("listener");
  EventLoop loop;
  std::unique_ptr<Connection> served;
  std::string reason = "open";
  const auto on_accept = [&](std::unique_ptr<Connection> accepted) {
    served = std::move(accepted);
    served->set_events({.on_bytes = [&](std::string_view bytes, Time) { served->send(bytes); },
                        .on_drained = {},
                        .on_closed =
                            [&](const std::string& why) {
                              reason = why;
                              loop.stop();
                            }});
  };
  const auto listener = Listener::open(loop, "127.0.0.1", 0, on_accept, identity.context());
  ASSERT_TRUE(listener);
  std::unique_ptr<Connection> socket;
  std::function<void(std::string_view)> on_bytes;
  std::function<void()> on_open;
  const auto dial = [&] {
    connect(loop, "127.0.0.1", (*listener)->port(), seconds(10), [&](Result<std::unique_ptr<Connection>> connected) {
      ASSERT_TRUE(connected);
      socket = *std::move(connected);
      socket->set_events(
          {.on_bytes = [&](std::string_view bytes, Time) { on_bytes(bytes); }, .on_drained = {}, .on_closed = {}});
      on_open();
    });
  };

  Client client;
  const std::string text(1 << 20U, 't');
  bool said = false;
  on_open = [&] { socket->send(client.outgoing()); };
  on_bytes = [&](std::string_view bytes) {
    client.take(bytes);
    if (client.ready() && !std::exchange(said, true)) client.say(text);
    if (client.heard.size() == text.size()) client.say_end();
    socket->send(client.outgoing());
  };
  dial();
  run_until_stopped(loop);
  EXPECT_EQ(client.heard, text);
  EXPECT_EQ(reason, "");

  on_open = [&] { socket->send("GET / HTTP/1.1\r\n\r\n"); };
  on_bytes = [](std::string_view) {};
  dial();
  run_until_stopped(loop);
  EXPECT_THAT(reason, StartsWith("TLS: "));
}

}  // namespace
}  // namespace infbench::net
