// Downloads over https, from a server on this machine: whom they trust, and what they do not take.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "net/download.h"
#include "net/event_loop.h"
#include "net/server_for_test.h"
#include "net/tcp.h"
#include "net/tls_identity_for_test.h"

namespace infbench::net {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Answers each path with the bytes it was given for it, over TLS, and closes.
class HttpsServer {
 public:
  HttpsServer(const IdentityForTest& identity, std::map<std::string, std::string> answers) : answers_(std::move(answers)) {
    auto opened = Listener::open(
        loop_, "127.0.0.1", 0, [this](auto connection) { accept(std::move(connection)); }, identity.context());
    INFBENCH_CHECK(opened.has_value());
    listener_ = *std::move(opened);
    thread_ = std::thread([this] { loop_.run(); });
  }
  HttpsServer(const HttpsServer&) = delete;
  HttpsServer& operator=(const HttpsServer&) = delete;
  ~HttpsServer() {
    loop_.stop();
    thread_.join();
    clients_.clear();
    listener_.reset();
  }

  std::string url(const std::string& path) const { return "https://127.0.0.1:" + std::to_string(listener_->port()) + path; }

 private:
  struct Client {
    std::unique_ptr<Connection> connection;
    std::string heard;
    bool answered = false;
  };

  void accept(std::unique_ptr<Connection> connection) {
    Client& client = *clients_.emplace_back(std::make_unique<Client>());
    client.connection = std::move(connection);
    client.connection->set_events({.on_bytes = [this, &client](std::string_view bytes, Time) { on_bytes(client, bytes); },
                                   .on_drained = {},
                                   .on_closed = [](const std::string&) {}});
  }

  void on_bytes(Client& client, std::string_view bytes) {
    client.heard += bytes;
    if (client.answered || client.heard.find("\r\n\r\n") == std::string::npos) return;
    client.answered = true;
    const std::size_t begin = client.heard.find(' ') + 1;
    client.connection->send(answers_[client.heard.substr(begin, client.heard.find(' ', begin) - begin)]);
    client.connection->shut_when_sent();
  }

  EventLoop loop_;
  std::map<std::string, std::string> answers_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::unique_ptr<Listener> listener_;
  std::thread thread_;
};

class HttpsTest : public ::testing::Test {
 protected:
  HttpsTest() : folder_(::testing::TempDir() + "https_test_" + std::to_string(::getpid())) {
    ::setenv("no_proxy", "127.0.0.1", 1);
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~HttpsTest() override {
    ::unsetenv("no_proxy");
    fs::remove_all(folder_);
  }

  // Empty: it came; else why not. Then nothing is left in the folder.
  std::string get(const std::string& url, const std::string& ca_file) {
    Download wanted{.url = url, .path = folder_ + "/file", .size_max = 1000, .ca_file = ca_file, .accept = {}};
    wanted.connect_timeout = milliseconds(10'000);
    wanted.total_timeout = milliseconds(20'000);
    const auto got = download(wanted);
    if (got) return {};
    EXPECT_TRUE(fs::is_empty(folder_)) << url;
    return format_errors(got.error());
  }

  std::string folder_;
};

TEST_F(HttpsTest, OnlyFromAServerWhoseCertificateIsTrustedAndForItsName) {
  const IdentityForTest right("https_right", "IP:127.0.0.1");
  const IdentityForTest other("https_other", "IP:127.0.0.2");
  const HttpsServer server(right, {{"/a", answer_with("abc")}});
  EXPECT_THAT(get(server.url("/a"), ""), HasSubstr("certificate")) << "nobody knows who signed it";
  EXPECT_THAT(get(server.url("/a"), other.certificate), HasSubstr("certificate")) << "signed by somebody else";
  EXPECT_EQ(get(server.url("/a"), right.certificate), "");
  fs::remove_all(folder_);
  fs::create_directories(folder_);
  EXPECT_NE(get(server.url("/a"), "/no/such/file.pem"), "");
  const HttpsServer elsewhere(other, {{"/a", answer_with("abc")}});
  EXPECT_THAT(get(elsewhere.url("/a"), other.certificate), HasSubstr("127.0.0.1")) << "the certificate is for another address";
}

TEST_F(HttpsTest, NothingTooLargeAndNothingThatLeadsAwayFromHttps) {
  const IdentityForTest identity("https_limits", "IP:127.0.0.1");
  const ServerForTest plain({{"/a", answer_with("abc")}});
  const auto to = [](const std::string& url) {
    return "HTTP/1.1 302 Found\r\nLocation: " + url + "\r\nContent-Length: 0\r\n\r\n";
  };
  const HttpsServer server(identity, {{"/large", answer_with(std::string(2000, 'x'))},
                                      {"/endless", "HTTP/1.1 200 OK\r\n\r\n" + std::string(2000, 'x')},
                                      {"/plain", to(plain.url("/a"))},
                                      {"/file", to("file:///etc/passwd")},
                                      {"/again", to("/again")},
                                      {"/there", to("/a")},
                                      {"/a", answer_with("abc")}});
  const auto why = [&](const std::string& path) { return get(server.url(path), identity.certificate); };
  EXPECT_THAT(why("/large"), HasSubstr("ile size"));
  EXPECT_THAT(why("/endless"), HasSubstr("larger than the limit of 1000 bytes"));
  EXPECT_THAT(why("/plain"), HasSubstr("only https"));
  EXPECT_EQ(plain.requests(), 0);
  EXPECT_THAT(why("/file"), HasSubstr("only https"));
  EXPECT_THAT(why("/again"), HasSubstr("redirect"));
  EXPECT_EQ(why("/there"), "");
}

TEST(Download, AddressesAreShownWithoutTheirPasswords) {
  for (const auto& [url, shown] : std::map<std::string, std::string>{{"https://a/b", "https://a/b"},
                                                                     {"https://me:pw@a/b", "https://***@a/b"},
                                                                     {"https://me@a", "https://***@a"},
                                                                     {"https://x@y@a/", "https://***@a/"},
                                                                     {"me:pw@a:80/b", "***@a:80/b"},
                                                                     {"https://a/@b", "https://a/@b"},
                                                                     {"https://a?x=@b", "https://a?x=@b"}}) {
    EXPECT_EQ(shown_url(url), shown);
  }
}

}  // namespace
}  // namespace infbench::net
