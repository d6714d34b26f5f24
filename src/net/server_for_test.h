// ServerForTest: a web server on 127.0.0.1 at a free port, for tests of what downloads. It answers each path with the bytes it
// was given for it, head and all, then closes the connection. Its thread ends with it.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

namespace infbench::net {

// A whole answer of status 200.
inline std::string answer_with(const std::string& body, const std::string& type = "text/plain") {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class ServerForTest {
 public:
  static constexpr const char* kSilence = "";  // as an answer: none, the connection stays open

  explicit ServerForTest(std::map<std::string, std::string> answers)
      : answers_(std::move(answers)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    INFBENCH_CHECK(::bind(listener_, any, size) == 0 && ::listen(listener_, 16) == 0);
    INFBENCH_CHECK(::getsockname(listener_, any, &size) == 0);
    base_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ServerForTest(const ServerForTest&) = delete;
  ServerForTest& operator=(const ServerForTest&) = delete;
  ~ServerForTest() {
    ::shutdown(listener_, SHUT_RDWR);  // ends accept()
    thread_.join();
    ::close(listener_);
  }

  const std::string& base() const { return base_; }
  std::string url(const std::string& path) const { return base_ + path; }
  int requests() const { return requests_; }

 private:
  void serve() {
    std::vector<int> silent;
    for (int connection = 0; (connection = ::accept(listener_, nullptr, nullptr)) >= 0;) {
      const std::string answer = answer_to(read_head(connection));
      ++requests_;
      if (answer.empty()) {
        silent.push_back(connection);
        continue;
      }
      std::size_t sent = 0;
      while (sent < answer.size()) {
        const ssize_t count = ::send(connection, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<std::size_t>(count);
      }
      ::shutdown(connection, SHUT_WR);
      ::close(connection);
    }
    for (const int connection : silent) ::close(connection);
  }

  static std::string read_head(int connection) {
    std::string head;
    char byte = 0;
    while (head.find("\r\n\r\n") == std::string::npos && ::recv(connection, &byte, 1, 0) == 1) head += byte;
    return head;
  }

  std::string answer_to(const std::string& head) const {
    const std::size_t begin = head.find(' ') + 1;
    const auto answer = answers_.find(head.substr(begin, head.find(' ', begin) - begin));
    return answer == answers_.end() ? "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found" : answer->second;
  }

  std::map<std::string, std::string> answers_;
  int listener_;
  std::string base_;
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

}  // namespace infbench::net
