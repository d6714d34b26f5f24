// The tables of the recipe room hold together: schema, flags, policies.
#include <algorithm>
#include <cstdlib>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/known_flags.h"
#include "recipe/policies.h"
#include "recipe/schema.h"
#include "recipe/text_rules.h"
#include "recipe/topology.h"

namespace infbench::recipe {
namespace {

void check_section(const BoundSection& section) {
  std::set<std::string_view> keys;
  EXPECT_FALSE(section.doc.empty()) << section.key;
  for (const BoundField& field : section.fields) {
    EXPECT_TRUE(keys.insert(field.key).second) << field.key << " twice";
    EXPECT_FALSE(field.rule.doc.empty()) << field.key;
    EXPECT_FALSE(type_name(field.slot).empty());
    EXPECT_LE(field.rule.range.least, field.rule.range.most);
  }
  for (const BoundSection& inner : section.sections) {
    EXPECT_TRUE(keys.insert(inner.key).second) << inner.key << " twice";
    check_section(inner);
  }
  for (const Refused& refused : section.refused) EXPECT_TRUE(keys.insert(refused.name).second) << refused.name;
  for (const std::string_view ignored : section.ignored) EXPECT_TRUE(keys.insert(ignored).second) << ignored;
}

TEST(Tables, EveryKeyOnceAndDocumented) {
  Recipe recipe;
  check_section(bind_schema(recipe));
  Cluster cluster;
  HealthCheck health_check;
  check_section(bind_cluster_schema(cluster, health_check));
}

TEST(Tables, FlagsAreInOrderAndAliasesLeadSomewhere) {
  for (const FlagTable* table :
       {&sglang_server_flags(), &vllm_server_flags(), &sglang_router_flags(), &srtctl_route_flags(), &aiperf_flags()}) {
    EXPECT_TRUE(std::ranges::is_sorted(table->flags, {}, &KnownFlag::name)) << table->program;
    for (const FlagAlias& alias : table->aliases) {
      EXPECT_NE(table->find(alias.name), nullptr) << alias.alias;
      EXPECT_EQ(table->find(alias.alias), nullptr) << alias.alias;
    }
    for (const std::string_view planned : table->planned) EXPECT_NE(table->find(planned), nullptr) << planned;
  }
  EXPECT_EQ(canonical_flag("tp_size", sglang_server_flags()), "tensor-parallel-size");
  EXPECT_EQ(sglang_server_flags().find("mem-fraction-static")->type, FlagType::number);
  EXPECT_EQ(sglang_server_flags().find("mem-fraction"), nullptr);
  EXPECT_EQ(canonical_flag("tp", vllm_server_flags()), "tensor-parallel-size");
  EXPECT_EQ(vllm_server_flags().find("gpu-memory-utilization")->type, FlagType::number);
  EXPECT_EQ(vllm_server_flags().find("no-enable-prefix-caching")->type, FlagType::truth);
  EXPECT_EQ(vllm_server_flags().find("no-max-model-len"), nullptr) << "only flags of truth have a --no- form";
  EXPECT_EQ(vllm_server_flags().find("no-no-enable-prefix-caching"), nullptr);
  EXPECT_EQ(sglang_server_flags().find("no-trust-remote-code"), nullptr) << "sglang's have none";
  EXPECT_EQ(canonical_flag("artifact-dir", aiperf_flags()), "output-artifact-dir");
}

TEST(Tables, PoliciesOfEachFrontend) {
  using ::testing::UnorderedElementsAre;
  EXPECT_THAT(policies_of("sglang", false),
              UnorderedElementsAre("random", "round_robin", "cache_aware", "power_of_two", "manual"));
  EXPECT_THAT(policies_of("sglang", true),
              UnorderedElementsAre("random", "round_robin", "cache_aware", "power_of_two", "manual", "bucket"));
  EXPECT_THAT(policies_of("srtctl", false),
              UnorderedElementsAre("round_robin", "random", "cache_aware", "min_ttft", "power_of_two", "manual", "bucket",
                                   "slo", "kv", "llmd", "least_load", "prefix_hash", "consistent_hash"));
  EXPECT_THAT(policies_of("srtctl", true),
              UnorderedElementsAre("round_robin", "random", "cache_aware", "min_ttft", "power_of_two", "manual", "bucket",
                                   "slo", "kv", "llmd", "least_load", "prefix_hash", "consistent_hash"));
  EXPECT_EQ(find_policy("fastest"), nullptr);
  for (const PolicyInfo& policy : policies()) EXPECT_EQ(policy.modelled, policy.srtctl_prefill) << policy.name;
}

TEST(Tables, TextRules) {
  for (const std::string_view good : {"01:00:00", "90", "90:00", "2-12", "2-12:30", "2-12:30:00"}) {
    EXPECT_EQ(check_time_limit(good), "") << good;
  }
  for (const std::string_view bad : {"", "1h", "1:2:3:4", "-1", "1-", "1:", ":1", "1-2-3", "01:00:00\n"}) {
    EXPECT_NE(check_time_limit(bad), "") << bad;
  }
  for (const std::string_view bad : {"", "-x", "a b", "a\n", "a/b", "\xC3\xA4"}) EXPECT_NE(check_name(bad), "") << bad;
  EXPECT_EQ(check_name("qwen3-32b_agg.1"), "");
  for (const std::string_view bad : {"", "-v", "a b", "a\tb"}) EXPECT_NE(check_word(bad), "") << bad;
  for (const std::string_view bad : {"", "m", "~/m", "/m,/n", "/m:/n", "/m\n"}) EXPECT_NE(check_absolute_path(bad), "") << bad;
}

struct TextRow {
  TextCheck check;
  std::vector<std::string_view> good, bad;
};

TEST(Tables, MoreTextRules) {
  const std::vector<TextRow> rows{
      {&check_absolute_path, {"/", "/a/b", "/a b", "/a..b/..c"}, {"/a/../b", "/..", "/a/..", "/{job_id}"}},
      {&check_mount_target, {"/a", "/model/x", "/modelx"}, {"a", "/model", "/model/", "/logs", "/configs//"}},
      {&check_model_path,
       {"/m", "hf:org/name", "hf:a.b/c-d_1"},
       {"hf:", "hf:name", "hf:/name", "hf:org/", "hf:a/b/c", "hf:../b"}},
      {&check_image, {"", "a/b:c", "nvcr.io#a/b:c", "/i.sqsh"}, {"a b", "-a", "a\n"}},
      {&check_mount,
       {"/a:/b", "/a:/b:ro", "/a:/b:rw"},
       {"", "/a", "/a:", ":/b", "/a:b", "/a:/b:x", "/a:/b:ro:", "/a,/c:/b", "/a:/b\n"}},
      {&check_file_name, {"", "a.sh", "A_1-2"}, {".", "..", "../a", "a/b", "-a", ".a", "a b", "a\n", "a;b"}},
      {&check_log_dir,
       {"logs", "./a/{job_id}", "/a/{job_id}/b", "{job_id}"},
       {"", "..", "../a", "a/../b", "{job}", "a{", "a\n"}},
      {&check_option, {"qos", "mail-type", "k8s"}, {"", "-q", "--qos", "Qos", "a b", "a=b", "a\n", "8"}},
      {&check_line, {"", "a b", "a\"b"}, {"a\nb", "\r", "\t"}},
      {&check_not_empty, {"a", " a\n"}, {"", " ", "\n"}},
      {&check_interface, {"", "eth0", "bond0.1"}, {"eth 0", "-e", "an-interface-too-long"}},
      {&check_address, {"0.0.0.0", "::", "node-1"}, {"", "-a", "a b", "0.0.0.0;"}},
      {&check_requirement,
       {"a>=1", "ttft_ms.p99<=2000", "a>=0.5", "a<=1e3"},
       {"", "a", "a>1", "a>=", ">=1", "a=1", "a>=1x", "a b>=1"}},
  };
  for (const TextRow& row : rows) {
    for (const std::string_view good : row.good) EXPECT_EQ(row.check(good), "") << good;
    for (const std::string_view bad : row.bad) EXPECT_NE(row.check(bad), "") << bad;
  }
}

TEST(Tables, VariablesOfTheEnvironment) {
  ASSERT_EQ(setenv("INFBENCH_TEST_A", "a", 1), 0);
  ASSERT_EQ(unsetenv("INFBENCH_NO_SUCH_VARIABLE"), 0);
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", ""},
      {"$INFBENCH_TEST_A", "a"},
      {"/x/${INFBENCH_TEST_A}b$INFBENCH_TEST_A/", "/x/aba/"},
      {"$", "$"},
      {"a$/b$$1${", "a$/b$$1${"},
      {"${INFBENCH_TEST_A", "${INFBENCH_TEST_A"},
      {"${INFBENCH-TEST}", "${INFBENCH-TEST}"},
  };
  for (const auto& [text, expanded] : rows) {
    std::vector<std::string> unset;
    EXPECT_EQ(expand_variables(text, unset), expanded) << text;
    EXPECT_TRUE(unset.empty()) << text;
  }
  std::vector<std::string> unset;
  EXPECT_EQ(expand_variables("$INFBENCH_NO_SUCH_VARIABLE/$INFBENCH_TEST_A", unset), "$INFBENCH_NO_SUCH_VARIABLE/a");
  EXPECT_THAT(unset, ::testing::ElementsAre("INFBENCH_NO_SUCH_VARIABLE"));
}

struct TopologyRow {
  std::string_view why;
  std::vector<WorkersAsked> asked;
  int nodes, gpus_per_node;
  std::vector<std::string> placed;  // role index @ first node x nodes : first GPU + count
  int nodes_used;
  bool spread = false;
};

TEST(Topology, TheRulesOfTheReference) {
  const std::vector<TopologyRow> rows{
      {"packed", {{Role::aggregated, 3, 2}}, 1, 8, {"agg0@0x1:0+2", "agg1@0x1:2+2", "agg2@0x1:4+2"}, 1},
      {"the rest of a node is too small", {{Role::aggregated, 2, 3}}, 2, 4, {"agg0@0x1:0+3", "agg1@1x1:0+3"}, 2},
      {"whole nodes", {{Role::aggregated, 2, 8}}, 4, 4, {"agg0@0x2:0+4", "agg1@2x2:0+4"}, 4},
      {"decode shares a node when none is left",
       {{Role::prefill, 1, 2}, {Role::decode, 1, 2}},
       1,
       8,
       {"prefill0@0x1:0+2", "decode0@0x1:2+2"},
       1},
      {"decode starts on a fresh node when one is left",
       {{Role::prefill, 1, 2}, {Role::decode, 1, 2}},
       2,
       8,
       {"prefill0@0x1:0+2", "decode0@1x1:0+2"},
       2},
      {"whole nodes after a part of one",
       {{Role::prefill, 1, 2}, {Role::decode, 1, 8}},
       2,
       8,
       {"prefill0@0x1:0+2", "decode0@1x1:0+8"},
       2},
      {"spread", {{Role::aggregated, 3, 2}}, 3, 8, {"agg0@0x1:0+2", "agg1@1x1:0+2", "agg2@2x1:0+2"}, 3, true},
      {"spread over whole nodes", {{Role::aggregated, 2, 8}}, 4, 4, {"agg0@0x2:0+4", "agg1@2x2:0+4"}, 4, true},
      {"spread, too many", {{Role::aggregated, 3, 2}}, 2, 8, {}, 3, true},
      {"too many: the nodes they would need", {{Role::aggregated, 8, 4}}, 2, 8, {}, 4},
  };
  for (const TopologyRow& row : rows) {
    const Topology topology = place_workers(row.asked, row.nodes, row.gpus_per_node, row.spread);
    std::vector<std::string> placed;
    for (const PlacedWorker& worker : topology.workers) {
      placed.push_back(std::string(name_of(worker.role)) + std::to_string(worker.index) + "@" +
                       std::to_string(worker.first_node) + "x" + std::to_string(worker.nodes) + ":" +
                       std::to_string(worker.gpus.front()) + "+" + std::to_string(worker.gpus.size()));
    }
    if (!row.placed.empty()) {
      EXPECT_EQ(placed, row.placed) << row.why;
    }
    EXPECT_EQ(topology.nodes_used, row.nodes_used) << row.why;
  }
}

}  // namespace
}  // namespace infbench::recipe
