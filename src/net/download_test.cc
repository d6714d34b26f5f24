#include "net/download.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "net/server_for_test.h"

namespace infbench::net {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A folder of its own for each test, and a target in it.
class DownloadTest : public ::testing::Test {
 protected:
  DownloadTest() : folder_(::testing::TempDir() + "download_test_" + std::to_string(::getpid())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~DownloadTest() override { fs::remove_all(folder_); }

  std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {})); }
  std::string target() const { return folder_ + "/trace.jsonl"; }
  Result<Downloaded> get(const std::string& url) const { return download({.url = url, .path = target(), .accept = {}}); }

  std::string folder_;
};

TEST_F(DownloadTest, StoresTheFileAndItsChecksum) {
  const ServerForTest server({{"/a", answer_with("abc")}});
  const auto downloaded = get(server.url("/a"));
  ASSERT_TRUE(downloaded.has_value()) << format_errors(downloaded.error());
  constexpr const char* kSum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // of "abc", FIPS 180-2
  EXPECT_EQ(downloaded->size, 3);
  EXPECT_EQ(downloaded->sha256, kSum);
  EXPECT_EQ(content_of(target()), "abc");
  EXPECT_EQ(content_of(checksum_path(target())), std::string(kSum) + "  trace.jsonl\n");
  EXPECT_EQ(files(), 2U);
  EXPECT_TRUE(verify_checksum(target()).value());
}

TEST_F(DownloadTest, IgnoresAProxyForThisMachine) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  const ServerForTest server({{"/a", answer_with("abc")}});
  EXPECT_TRUE(get(server.url("/a")).has_value());
  ::unsetenv("http_proxy");
}

TEST_F(DownloadTest, NothingIsStoredUnlessAllOfItCame) {
  const ServerForTest server({
      {"/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"},
      {"/chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n9\r\nab"},
      {"/large", answer_with(std::string(2000, 'x'))},
      {"/endless", "HTTP/1.1 200 OK\r\n\r\n" + std::string(2000, 'x')},
      {"/broken", "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops"},
      {"/empty", "HTTP/1.1 204 No Content\r\n\r\n"},
      {"/plain", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/a\r\nContent-Length: 0\r\n\r\n"},
      {"/file", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"},
      {"/silent", ServerForTest::kSilence},
      {"/page", answer_with("<html>log in first</html>", "text/html")},
  });
  struct Case {
    std::string url;
    std::string why;
  };
  const std::vector<Case> cases = {
      {server.url("/missing"), "HTTP status 404"},
      {server.url("/broken"), "HTTP status 500"},
      {server.url("/empty"), "HTTP status 204"},
      {server.url("/short"), "91 bytes"},  // remaining, says libcurl
      {server.url("/chunk"), ""},
      {server.url("/large"), "ile size"},  // libcurl: "Maximum file size exceeded"
      {server.url("/endless"), "larger than the limit of 1000 bytes"},
      {server.url("/plain"), "only https"},
      {server.url("/file"), "only https"},
      {server.url("/silent"), "timed out"},
      {server.url("/page"), "it is a web page"},
      {"http://127.0.0.1:1/nobody", ""},
      {"http://example.com/a", "only https"},
      {"http://localhost.example.com/a", "only https"},
      {"http://127.0.0.1:80@example.com/a", "only https"},
      {"file:///etc/passwd", "only https"},
  };
  for (const Case& one : cases) {
    Download wanted{.url = one.url, .path = target(), .accept = {}};
    wanted.size_max = 1000;
    wanted.connect_timeout = milliseconds(2000);
    wanted.total_timeout = one.url == server.url("/silent") ? milliseconds(200) : milliseconds(20'000);
    wanted.accept = [](const std::string& path) -> Result<void> {
      if (content_of(path).starts_with("<html>")) return fail("it is a web page");
      return {};
    };
    const auto downloaded = download(wanted);
    ASSERT_FALSE(downloaded.has_value()) << one.url;
    EXPECT_THAT(format_errors(downloaded.error()), HasSubstr("cannot download " + shown_url(one.url) + ": ")) << one.url;
    EXPECT_THAT(format_errors(downloaded.error()), HasSubstr(one.why)) << one.url;
    EXPECT_EQ(files(), 0U) << one.url;
  }
}

TEST_F(DownloadTest, AFailureLeavesTheOldFileAlone) {
  const ServerForTest server({{"/a", answer_with("abc")}});
  ASSERT_TRUE(get(server.url("/a")).has_value());
  EXPECT_FALSE(get(server.url("/missing")).has_value());
  EXPECT_EQ(content_of(target()), "abc");
  EXPECT_TRUE(verify_checksum(target()).value());
  EXPECT_EQ(files(), 2U);
}

TEST_F(DownloadTest, AChangedFileIsNoticed) {
  const ServerForTest server({{"/a", answer_with("abc")}});
  ASSERT_TRUE(get(server.url("/a")).has_value());
  std::ofstream(target(), std::ios::app) << "d";
  const auto verified = verify_checksum(target());
  ASSERT_FALSE(verified.has_value());
  EXPECT_THAT(format_errors(verified.error()), HasSubstr("trace.jsonl: the file has changed since its download"));
  fs::remove(checksum_path(target()));
  EXPECT_FALSE(verify_checksum(target()).value());
}

TEST_F(DownloadTest, AFolderThatIsNotThereIsAnError) {
  const auto downloaded = download({.url = "http://127.0.0.1:1/a", .path = "/no/such/folder/file", .accept = {}});
  ASSERT_FALSE(downloaded.has_value());
  EXPECT_THAT(format_errors(downloaded.error()), HasSubstr("/no/such/folder/file: cannot write the file: No such file"));
}

}  // namespace
}  // namespace infbench::net
