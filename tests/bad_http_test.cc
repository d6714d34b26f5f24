// Bad HTTP requests to the built servers: tests/bad_input/http_*.txt has every case with what is answered. Afterwards all
// servers still serve, and end without a word.
#include <csignal>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bad_cases.h"
#include "live/gateway_sockets_for_test.h"
#include "process.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

using live::test::eventually;
using live::test::get_text;
using live::test::post_text;
using live::test::RawClient;

constexpr int kPatience = 30;  // seconds without a byte until a server counts as stuck

int number_after(std::string_view text, std::string_view before) {
  const std::size_t at = text.find(before);
  return at == std::string_view::npos ? 0 : std::atoi(text.substr(at + before.size()).data());
}

// The servers by the names they have in the cases.
class Servers {
 public:
  Servers() {
    start("serve", {"serve", "--tp", "2", "--instant", "--context-length", "1000"});
    start("prefill",
          {"serve", "--tp", "2", "--instant", "--disaggregation-mode", "prefill", "--disaggregation-bootstrap-port", "0"});
    start("decode", {"serve", "--tp", "2", "--instant", "--disaggregation-mode", "decode"});
    start("route", {"route", "--worker-urls", url("serve"), "--max-payload-size", "20000"});
    start("keyed", {"route", "--worker-urls", url("serve"), "--api-key", "secret"});
    start("alone", {"route"});
    start("pairs",
          {"route", "--pd-disaggregation", "--prefill", url("prefill"), std::to_string(bootstrap_), "--decode", url("decode")});
    for (const char* name : {"route", "keyed", "pairs"}) EXPECT_TRUE(eventually([&] { return ready(port(name)); })) << name;
  }

  int port(const std::string& name) const { return ports_.at(name); }

  // What stands in answers for ports, which differ from run to run.
  std::map<std::string, std::string> places() const {
    std::map<std::string, std::string> all;
    for (const auto& [name, number] : ports_) all["PORT OF " + name] = ":" + std::to_string(number);
    return all;
  }

  void end() {
    for (const auto& [name, running] : running_) {
      const Finished finished = running->stop(SIGTERM);
      EXPECT_EQ(finished.exit_code, 0) << name;
      EXPECT_EQ(finished.err, "") << name;
    }
  }

 private:
  static bool ready(int port) {
    RawClient client(port);
    client.send(get_text("/readiness"));
    return client.read_answer().starts_with("HTTP/1.1 200");
  }

  std::string url(const std::string& name) const { return "http://127.0.0.1:" + std::to_string(port(name)); }

  void start(const std::string& name, std::vector<std::string> arguments) {
    if (arguments.front() == "route") arguments.insert(arguments.end(), {"--disable-health-check", "--prometheus-port", "0"});
    arguments.insert(arguments.end(), {"--port", "0"});
    arguments.insert(arguments.begin(), SRTCTL);
    running_.emplace_back(name, std::make_unique<Running>(arguments));
    const std::string line = running_.back().second->line();
    ports_[name] = number_after(line, "http://127.0.0.1:");
    if (name == "prefill") bootstrap_ = number_after(line, "bootstrap port ");
    EXPECT_GT(ports_[name], 0) << line;
  }

  std::vector<std::pair<std::string, std::unique_ptr<Running>>> running_;
  std::map<std::string, int> ports_;
  int bootstrap_ = 0;
};

struct Request {
  std::vector<std::string> to;
  std::string bytes;
  bool eof = false;
};

Request request_of(const BadCase& bad) {
  Request request;
  std::string body;
  for (const std::string& line : bad.input) {
    if (line.starts_with("| ")) body += expand(line.substr(2));
  }
  const std::map<std::string, std::string> names{{"LENGTH", std::to_string(body.size())}};
  for (const std::string& line : bad.input) {
    if (line.starts_with("to ")) {
      for (std::size_t at = 3; at < line.size();) {
        const std::size_t end = std::min(line.find(' ', at), line.size());
        request.to.push_back(line.substr(at, end - at));
        at = end + 1;
      }
    } else if (line.starts_with("> ")) {
      request.bytes += expand(line.substr(2), names) + "\r\n";
    } else if (line.starts_with("| ")) {
      request.bytes += expand(line.substr(2));
    } else if (line.starts_with("json ")) {
      const std::size_t space = line.find(' ', 5);
      request.bytes +=
          post_text(line.substr(5, space - 5), expand(line.substr(space + 1)), "content-type: application/json\r\n");
    } else if (line == "eof") {
      request.eof = true;
    } else {
      ADD_FAILURE() << bad.name << ": what is this line? " << line;
    }
  }
  if (request.to.empty()) request.to = {"serve", "route"};
  return request;
}

// The value of a header of a head, or empty.
std::string header(std::string_view head, std::string_view name) {
  const std::string before = "\r\n" + std::string(name) + ": ";
  const std::size_t at = head.find(before);
  if (at == std::string_view::npos) return "";
  return std::string(head.substr(at + before.size(), head.find("\r\n", at + 2) - at - before.size()));
}

// Each of the answers in `bytes`: its status, type and body.
std::vector<std::string> answers_in(std::string_view bytes) {
  std::vector<std::string> answers;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find("\r\n\r\n");
    if (!bytes.starts_with("HTTP/1.1 ") || end == std::string_view::npos) {
      answers.push_back("and then: " + std::string(bytes));
      break;
    }
    const std::string_view head = bytes.substr(0, end + 2);
    bytes.remove_prefix(end + 4);
    const std::string length = header(head, "content-length");
    // An answer to HEAD says the length of a body that does not come.
    const std::size_t size = bytes.starts_with("HTTP/1.1 ") || length.empty() ? 0 : std::stoul(length);
    std::string answer(head.substr(9, head.find("\r\n") - 9));
    if (const std::string type = header(head, "content-type"); !type.empty()) answer += ", " + type;
    if (!answer.starts_with("200")) answer += "\n" + std::string(bytes.substr(0, size));
    answers.push_back(answer + (answer.ends_with("\n") ? "" : "\n"));
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  return answers;
}

constexpr std::string_view kProbe = "GET /is-it-there HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

constexpr const char* kStuck = "and then nothing, for a long time\n";

std::vector<std::string> answers_of(int port, std::string_view bytes, bool eof) {
  RawClient client(port, kPatience);
  client.send(bytes);
  if (eof) client.shut();
  std::vector<std::string> answers = answers_in(client.read_all());
  if (client.stuck()) answers.emplace_back(kStuck);
  return answers;
}

// Also whether the connection goes on, and, if it does not, the server.
std::string answer_of(int port, const Request& request) {
  static const std::map<bool, std::string> kEnds{{true, "the connection goes on\n"}, {false, "the connection is closed\n"}};
  std::vector<std::string> answers = answers_of(port, request.bytes + (request.eof ? "" : std::string(kProbe)), request.eof);
  const std::vector<std::string> probe = answers_of(port, kProbe, false);
  const bool serves = !probe.empty() && probe.back() != kStuck;
  const bool goes_on = serves && !request.eof && !answers.empty() && answers.back() == probe.back();
  if (goes_on) answers.pop_back();
  if (!serves) answers.emplace_back("and then the server answers nobody\n");
  std::string all;
  for (const std::string& answer : answers) all += answer;
  return all + kEnds.at(goes_on);
}

TEST(BadInput, HttpRequests) {
  Servers servers;
  check_bad_cases("http", 200, [&](const BadCase& bad) {
    const Request request = request_of(bad);
    std::vector<std::pair<std::string, std::string>> answers;
    for (const std::string& name : request.to) {
      answers.emplace_back(name, shown(answer_of(servers.port(name), request), servers.places()));
    }
    return in_sections(answers);
  });
  for (const char* name : {"serve", "route", "pairs"}) {
    RawClient client(servers.port(name));
    client.send(post_text("/v1/completions", R"({"prompt": "a", "max_tokens": 2})"));
    const std::string answer = client.read_answer();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << name << ": " << answer;
  }
  servers.end();
}

}  // namespace
}  // namespace infbench::tests
