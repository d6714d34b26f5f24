#include "live/gateway_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace infbench::live {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Time at_ms(std::int64_t ms) { return Time{} + milliseconds(ms); }

std::unique_ptr<Gateway> two_workers() {
  GatewaySettings settings;
  settings.policy = "round_robin";
  settings.health.enabled = false;
  for (const char* url : {"http://a:1", "http://b:2"}) {
    settings.workers.push_back({.target = {.host = "a", .port = 1, .path = {}, .url = url}, .bootstrap_port = {}});
  }
  return *Gateway::make(settings, at_ms(0));
}

TEST(GatewayMetrics, CountsWhatHappensByTheOriginalsNames) {
  const auto gateway = two_workers();
  GatewayMetrics metrics("round_robin", "", "");
  GatewayMetrics::Request request;
  metrics.begin(request, "POST", "/v1/chat/completions", at_ms(100));
  metrics.routed(request, net::Api::chat, true);
  PromptInfo prompt;
  prompt.input = 70;
  gateway->arrived(prompt, "", at_ms(100));
  std::vector<GatewayChoice> choices;
  gateway->take_choices(choices);
  ASSERT_EQ(choices.size(), 1U);
  choices[0].route.pick.cached = 64;
  metrics.chosen(request, choices[0], 70, Role::aggregated);
  metrics.decided(Duration{1500});
  choices[0].attempt = 2;
  metrics.chosen(request, choices[0], 70, Role::aggregated);
  metrics.answer_began(200);
  metrics.first_bytes(request, at_ms(103));
  metrics.end(request, 200, at_ms(120));
  metrics.end(request, 200, at_ms(130));  // has ended: not twice
  metrics.begin(request, "PATCH", "/x", at_ms(200));
  request.code = "not_found";
  metrics.end(request, 404, at_ms(200));
  metrics.health_checked(Role::aggregated, false);

  const std::string text = metrics.text(*gateway, 7, at_ms(300));
  const std::string router =
      R"(router_type="http",backend_type="regular",connection_mode="http",model="default",endpoint="chat")";
  for (
      const std::string& line :
      {std::string(R"(smg_http_requests_total{method="POST",path="/v1/chat/completions"} 1.0)"),
       std::string(R"(smg_http_requests_total{method="other",path="other"} 1.0)"),
       std::string(R"(smg_http_request_duration_seconds_bucket{le="0.025",method="POST",path="/v1/chat/completions"} 1.0)"),
       std::string(R"(smg_http_request_duration_seconds_bucket{le="0.01",method="POST",path="/v1/chat/completions"} 0.0)"),
       std::string(R"(smg_http_responses_total{status_code="200",error_code=""} 1.0)"),
       std::string(R"(smg_http_responses_total{status_code="404",error_code="not_found"} 1.0)"),
       std::string("smg_http_connections_active 7.0"),
       "smg_router_requests_total{" + router + R"(,streaming="true"} 1.0)",
       "smg_router_ttft_seconds_sum{" + router + "} 0.003",
       "smg_router_request_duration_seconds_sum{" + router + "} 0.02",
       std::string(R"(smg_router_upstream_responses_total{router_type="http",status_code="200",error_code=""} 1.0)"),
       std::string(R"(smg_worker_pool_size{worker_type="regular",connection_mode="http",model="default"} 2.0)"),
       std::string(
           R"(smg_worker_selection_total{worker_type="regular",connection_mode="http",model="default",policy="round_robin"} 2.0)"),
       std::string(R"(smg_worker_retries_total{worker_type="regular",endpoint="chat"} 1.0)"),
       std::string(R"(smg_worker_health_checks_total{worker_type="regular",result="failure"} 1.0)"),
       std::string(R"(smg_worker_requests_active{worker="http://a:1"} 1.0)"),
       std::string(R"(srtctl_route_expected_cached_tokens_total{worker="http://a:1"} 128.0)"),
       std::string(R"(srtctl_route_prompt_tokens_total{worker="http://a:1"} 140.0)"),
       std::string(R"(srtctl_route_worker_load_tokens{worker="http://a:1"} 70.0)"),
       std::string(R"(srtctl_route_choices_total{worker="http://a:1",reason="turn"} 2.0)"),
       std::string(R"(srtctl_route_decision_seconds_bucket{le="2e-06"} 1.0)"),
       std::string("srtctl_route_requests 1.0")}) {
    EXPECT_THAT(text, HasSubstr(line + "\n"));
  }
  gateway->remove_worker({0}, at_ms(301));
  EXPECT_THAT(metrics.text(*gateway, 7, at_ms(302)), Not(HasSubstr(R"(smg_worker_health{worker="http://a:1"})")));
}

TEST(GatewayMetrics, BreakersAreToldWithTheirChanges) {
  GatewaySettings settings;
  settings.health.enabled = false;
  settings.breaker.failures_to_open = 1;
  settings.retry.attempts_max = 1;
  settings.workers.push_back({.target = {.host = "a", .port = 1, .path = {}, .url = "http://a:1"}, .bootstrap_port = {}});
  const auto gateway = *Gateway::make(settings, at_ms(0));
  PromptInfo prompt;
  prompt.input = 1;
  const CallId call = gateway->arrived(prompt, "", at_ms(1));
  gateway->broke(call, Part::whole, at_ms(2));
  const std::string text = GatewayMetrics("cache_aware", "", "").text(*gateway, 0, at_ms(3));
  EXPECT_THAT(text, HasSubstr("smg_worker_cb_state{worker=\"http://a:1\"} 1.0\n"));
  EXPECT_THAT(text, HasSubstr("smg_worker_cb_outcomes_total{worker=\"http://a:1\",outcome=\"failure\"} 1.0\n"));
  EXPECT_THAT(text, HasSubstr("smg_worker_cb_transitions_total{worker=\"http://a:1\",from=\"closed\",to=\"open\"} 1.0\n"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "smg_worker_errors_total{worker_type=\"regular\",connection_mode=\"http\",error_type=\"backend_error\"} 1.0\n"));
}

}  // namespace
}  // namespace infbench::live
