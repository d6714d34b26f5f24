#include "launch/slurm_nodes.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/json_writer.h"
#include "launch/run_tool.h"

namespace infbench::launch {
namespace {

struct Interface {
  std::string name;
  std::string address;
  bool loopback = false;
};

std::string dotted(const sockaddr* address) {
  const auto* inet = static_cast<const sockaddr_in*>(static_cast<const void*>(address));
  std::array<char, INET_ADDRSTRLEN> text{};
  return inet_ntop(AF_INET, &inet->sin_addr, text.data(), text.size()) == nullptr ? "" : text.data();
}

// Those that are up and have an IPv4 address.
std::vector<Interface> interfaces() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  std::vector<Interface> found;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET || (one->ifa_flags & IFF_UP) == 0) continue;
    found.push_back(
        {.name = one->ifa_name, .address = dotted(one->ifa_addr), .loopback = (one->ifa_flags & IFF_LOOPBACK) != 0});
  }
  return found;
}

// The first address that the name stands for and that is not loopback (Debian gives a host's own name 127.0.1.1).
std::string address_of_name(const std::string& name) {
  addrinfo wanted{};
  wanted.ai_family = AF_INET;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &wanted, &list) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    std::string address = dotted(one->ai_addr);
    if (!address.starts_with("127.")) return address;
  }
  return {};
}

Result<std::string> find_address(const std::string& interface, const std::string& node) {
  const std::vector<Interface> all = interfaces();
  std::string names;
  for (const Interface& one : all) {
    if (!interface.empty() && one.name == interface) return one.address;
    names += (names.empty() ? "" : ", ") + one.name + " (" + one.address + ")";
  }
  const std::string hint = names.empty() ? "no interface is up" : "there are " + names;
  if (!interface.empty()) return fail("node " + node + ": no interface '" + interface + "' with an IPv4 address", hint);
  if (std::string address = address_of_name(node); !address.empty()) return address;
  const auto first = std::find_if(all.begin(), all.end(), [](const Interface& one) { return !one.loopback; });
  if (first != all.end()) return first->address;
  return fail("node " + node + ": no IPv4 address but loopback", hint);
}

// "NVIDIA H200, 550.54.15" per GPU.
void add_gpus(NodeFacts& facts) {
  if (!has_tool("nvidia-smi")) return;
  const auto said =
      run_tool({"nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"}, {.limit = seconds(30)});
  if (!said || said->exit_code != 0) return;
  std::string_view rest = said->out;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t comma = line.rfind(", ");
    if (comma == std::string_view::npos) continue;
    facts.gpus.emplace_back(line.substr(0, comma));
    facts.driver = line.substr(comma + 2);
  }
}

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(at));
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
  return parts;
}

std::string text_of(const simdjson::dom::object& object, const char* key) {
  std::string_view text;
  return object[key].get_string().get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

// One object per node, whatever else the nodes print around it.
std::vector<NodeFacts> parse_lines(std::string_view text) {
  std::vector<NodeFacts> all;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with('{')) continue;
    if (auto facts = parse_node_facts(line)) all.push_back(*std::move(facts));
  }
  return all;
}

}  // namespace

std::string own_host() {
  utsname system{};
  uname(&system);
  return system.nodename;
}

std::string own_kernel() {
  utsname system{};
  uname(&system);
  return fmt::format("{} {}", system.sysname, system.release);
}

Result<NodeFacts> own_node_facts(const std::string& interface) {
  NodeFacts facts;
  facts.host = own_host();
  facts.kernel = own_kernel();
  facts.node = variable("SLURMD_NODENAME");
  if (facts.node.empty()) facts.node = facts.host;
  auto address = find_address(interface, facts.node);
  if (!address) return fail(std::move(address.error()));
  facts.address = *std::move(address);
  facts.visible_gpus = variable("CUDA_VISIBLE_DEVICES");
  add_gpus(facts);
  return facts;
}

std::string to_json(const NodeFacts& facts) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.member("node", facts.node);
  json.member("host", facts.host);
  json.member("address", facts.address);
  json.member("kernel", facts.kernel);
  json.key("gpus");
  json.begin_array();
  for (const std::string& gpu : facts.gpus) json.value(gpu);
  json.end_array();
  json.member("driver", facts.driver);
  json.member("visible_gpus", facts.visible_gpus);
  json.end_object();
  return out;
}

Result<NodeFacts> parse_node_facts(std::string_view line) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(simdjson::padded_string(line)).get_object().get(object) != simdjson::SUCCESS) {
    return fail("expected a node's facts as a JSON object, found: " + std::string(line));
  }
  NodeFacts facts{.node = text_of(object, "node"),
                  .host = text_of(object, "host"),
                  .address = text_of(object, "address"),
                  .kernel = text_of(object, "kernel"),
                  .gpus = {},
                  .driver = text_of(object, "driver"),
                  .visible_gpus = text_of(object, "visible_gpus")};
  if (facts.node.empty() || facts.address.empty()) return fail("a node's facts lack its name or address: " + std::string(line));
  simdjson::dom::array gpus;
  if (object["gpus"].get_array().get(gpus) == simdjson::SUCCESS) {
    for (const auto gpu : gpus) {
      std::string_view name;
      if (gpu.get_string().get(name) == simdjson::SUCCESS) facts.gpus.emplace_back(name);
    }
  }
  return facts;
}

Result<std::vector<NodeFacts>> ask_nodes(const Allocation& allocation, const std::string& program,
                                         const std::string& interface) {
  const std::string nodes = std::to_string(allocation.nodes.size());
  std::vector<std::string> argv = {
      "srun",     "--jobid", allocation.job,      "--overlap", "--job-name",           "node-facts", "--nodes",   nodes,
      "--ntasks", nodes,     "--ntasks-per-node", "1",         "--kill-on-bad-exit=1", program,      "node-facts"};
  if (!interface.empty()) argv.insert(argv.end(), {"--interface", interface});
  auto said = run_tool(argv, {.limit = seconds(120)});
  if (!said) return fail(std::move(said.error()));
  if (said->exit_code != 0) return fail("the nodes did not all answer; srun printed:\n" + said->err);
  const std::vector<NodeFacts> all = parse_lines(said->out);
  std::vector<NodeFacts> in_order;
  for (const std::string& node : allocation.nodes) {
    const auto facts = std::find_if(all.begin(), all.end(), [&](const NodeFacts& one) { return one.node == node; });
    if (facts == all.end()) return fail("node " + node + " did not say its address; srun printed:\n" + said->out + said->err);
    in_order.push_back(*facts);
  }
  return in_order;
}

plan::Inventory inventory_of(const std::vector<NodeFacts>& facts, const recipe::Cluster& cluster) {
  plan::Inventory inventory;
  for (const NodeFacts& node : facts) {
    inventory.nodes.push_back({.name = node.node,
                               .address = cluster.shared_host ? "127.0.0.1" : node.address,
                               .gpus = split(node.visible_gpus, ',')});
  }
  return inventory;
}

}  // namespace infbench::launch
