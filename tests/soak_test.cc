// `./dev soak` in small: serve, route and replay with 200 streams while workers are killed and started again. Every request is
// accounted for: it ended well, or was on a worker that was killed. Nothing here is about time or memory.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "live/gateway_sockets_for_test.h"
#include "process.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

using live::test::eventually;
using live::test::get_text;
using live::test::RawClient;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr std::size_t kWorkers = 5;
constexpr std::size_t kKills = 3;
constexpr std::size_t kRequests = 2000;

// Free ports that no outgoing connection takes while their server is down.
std::vector<int> fixed_ports(std::size_t count) {
  int first_outgoing = 32768;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> first_outgoing;
  std::vector<int> found;
  // Begins elsewhere in each process, so that two tests at once do not take each other's.
  for (int port = first_outgoing - 1 - getpid() % 8192; port > 1024 && found.size() < count; --port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) found.push_back(port);
    ::close(socket);
  }
  return found;
}

std::unique_ptr<Running> start_worker(int port) {
  auto worker =
      std::make_unique<Running>(std::vector<std::string>{SRTCTL, "serve", "--port", std::to_string(port), "--gpu", "h200",
                                                         "--tp", "2", "--page-size", "64", "--time-scale", "20"});
  EXPECT_THAT(worker->line(), HasSubstr("ready"));
  return worker;
}

template <typename Visit>
void for_each_line(const std::string& file, Visit visit) {
  simdjson::dom::parser parser;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    simdjson::dom::element row;
    ASSERT_EQ(parser.parse(line).get(row), simdjson::SUCCESS) << line;
    visit(row);
  }
}

struct Client {
  std::size_t ok = 0;
  std::size_t failed = 0;
  std::set<std::int64_t> sessions;
};

Client read_records(const std::string& file) {
  Client client;
  for_each_line(file, [&](simdjson::dom::element row) {
    client.sessions.insert(std::int64_t(row["metadata"]["session_num"]));
    (row["error"].is_null() ? client.ok : client.failed)++;
  });
  return client;
}

struct Gateway {
  std::size_t arrived = 0;
  std::size_t over = 0;
  std::size_t elsewhere = 0;        // ended in another way
  std::map<std::int64_t, int> cut;  // by worker
};

Gateway read_decisions(const std::string& file) {
  Gateway gateway;
  std::map<std::int64_t, std::int64_t> worker_of;  // by request
  for_each_line(file, [&](simdjson::dom::element row) {
    const std::string_view type = row["type"];
    if (type == "arrived") ++gateway.arrived;
    if (type == "choice") worker_of[std::int64_t(row["request"])] = std::int64_t(row["worker"]);
    if (type == "over") ++gateway.over;
    if (type == "cut") ++gateway.cut[worker_of.at(std::int64_t(row["request"]))];
    if (type == "refused" || type == "left") ++gateway.elsewhere;
  });
  return gateway;
}

std::string address(int port) { return "http://127.0.0.1:" + std::to_string(port); }

// Five workers, the gateway and the client.
class SoakTest : public ::testing::Test {
 protected:
  SoakTest() {
    std::vector<std::string> words{SRTCTL,
                                   "route",
                                   "--port",
                                   "0",
                                   "--policy",
                                   "slo",
                                   "--prometheus-port",
                                   "0",
                                   "--health-check-interval-secs",
                                   "1",
                                   "--cb-timeout-duration-secs",
                                   "1",
                                   "--decision-log",
                                   decisions_,
                                   "--worker-urls"};
    for (const int port : ports_) {
      workers_.push_back(start_worker(port));
      words.push_back(address(port));
    }
    route_ = std::make_unique<Running>(words);
    const int port = port_in(route_->line());
    EXPECT_TRUE(eventually([&] {
      RawClient asking(port);
      asking.send(get_text("/readiness"));
      return asking.read_answer().find("\"healthy_workers\":5") != std::string::npos;
    }));
    replay_ = std::make_unique<Running>(std::vector<std::string>{SRTCTL,
                                                                 "replay",
                                                                 "-m",
                                                                 "Qwen/Qwen3-32B",
                                                                 "--url",
                                                                 address(port),
                                                                 "--streaming",
                                                                 "--ui",
                                                                 "none",
                                                                 "--no-server-metrics",
                                                                 "--synthetic",
                                                                 "isl=64,osl=50",
                                                                 "--concurrency",
                                                                 "200",
                                                                 "--request-count",
                                                                 std::to_string(kRequests),
                                                                 "--max-lag-ms",
                                                                 "60000",
                                                                 "--artifact-dir",
                                                                 folder_ + "/out"});
  }

  const std::string folder_ = scratch_folder();
  const std::string decisions_ = folder_ + "/decisions.jsonl";
  const std::string records_ = folder_ + "/out/profile_export.jsonl";
  const std::vector<int> ports_ = fixed_ports(kWorkers);
  std::vector<std::unique_ptr<Running>> workers_;
  std::unique_ptr<Running> route_;
  std::unique_ptr<Running> replay_;
};

TEST_F(SoakTest, EveryRequestIsAccountedForWhileWorkersAreKilled) {
  ASSERT_EQ(ports_.size(), kWorkers);
  for (std::size_t kill = 0; kill < kKills; ++kill) {
    EXPECT_TRUE(eventually([&] { return lines_of(read_text(records_)) >= (kill + 1) * kRequests / (kKills + 2); }));
    workers_[kill + 1]->stop(SIGKILL);
    workers_[kill + 1] = start_worker(ports_[kill + 1]);
  }
  const Finished finished = replay_->stop(0);
  EXPECT_THAT(finished.exit_code, AnyOf(0, 6)) << finished.err;  // 6: more than 1 % were on killed workers
  EXPECT_EQ(route_->stop(SIGTERM).exit_code, 0);
  for (const auto& worker : workers_) EXPECT_EQ(worker->stop(SIGTERM).exit_code, 0);

  const Client client = read_records(records_);
  const Gateway gateway = read_decisions(decisions_);
  EXPECT_EQ(client.sessions.size(), kRequests) << "each request has one record";
  EXPECT_EQ(client.ok + client.failed, kRequests);
  EXPECT_EQ(gateway.arrived, kRequests);
  EXPECT_EQ(gateway.over, client.ok);
  EXPECT_EQ(gateway.elsewhere, 0U);
  std::size_t cut = 0;
  for (const auto& [worker, streams] : gateway.cut) {
    EXPECT_THAT(worker, AnyOf(1, 2, 3)) << "it has not been killed";
    cut += static_cast<std::size_t>(streams);
  }
  EXPECT_EQ(cut, client.failed);
  EXPECT_GT(cut, 0U);
}

}  // namespace
}  // namespace infbench::tests
