#include "live/serve_worker.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "live/serve_for_test.h"
#include "net/http_reader.h"
#include "net/sse.h"

namespace infbench::live {
namespace {

using test::get;
using test::post;
using test::prompt_of;
using test::World;

struct Answer {
  int status = 0;
  std::string body;
  std::vector<std::string> events;  // of a stream
  bool complete = false;
};

Answer read(const std::string& bytes) {
  net::HttpReader reader(net::HttpReader::Kind::response, {});
  const auto progress = reader.feed(bytes);
  Answer answer;
  if (bytes.empty()) return answer;
  answer.status = reader.head().status;
  answer.complete = progress.complete;
  for (const auto piece : progress.body) answer.body += piece;
  const std::string* type = reader.head().find("content-type");
  if (type == nullptr || !type->starts_with("text/event-stream")) return answer;
  net::SseSplitter splitter;
  std::vector<std::string_view> events;
  EXPECT_TRUE(splitter.feed(answer.body, events));
  for (const auto event : events) answer.events.emplace_back(event);
  return answer;
}

simdjson::dom::element json(simdjson::dom::parser& parser, const std::string& text) {
  simdjson::dom::element out;
  EXPECT_EQ(parser.parse(text).get(out), simdjson::SUCCESS) << text;
  return out;
}

// One request to one worker, run to its end.
Answer ask(World& world, const std::string& request) {
  const ClientId client = world.client();
  world.send(client, request);
  world.run();
  const Answer answer = read(world.received(client));
  world.hang_up(client);
  return answer;
}

Answer ask(const std::string& request) {
  World world({test::settings()});
  return ask(world, request);
}

std::string text_at(const std::string& event, const std::string& pointer) {
  simdjson::dom::parser parser;
  std::string_view text;
  if (json(parser, event).at_pointer(pointer).get(text) != simdjson::SUCCESS) return "(none)";
  return std::string(text);
}

std::int64_t number_at(const std::string& event, const std::string& pointer) {
  simdjson::dom::parser parser;
  std::int64_t number = -1;
  if (json(parser, event).at_pointer(pointer).get(number) != simdjson::SUCCESS) return -1;
  return number;
}

TEST(ServeWorker, StreamsAChat) {
  const Answer a =
      ask(post("/v1/chat/completions", R"({"model":"test/model","messages":[{"role":"user","content":")" + prompt_of(20) +
                                           R"("}],"max_tokens":3,"stream":true,"stream_options":{"include_usage":true}})"));
  EXPECT_EQ(a.status, 200);
  EXPECT_TRUE(a.complete);
  ASSERT_EQ(a.events.size(), 7U) << a.body;
  EXPECT_EQ(text_at(a.events[0], "/choices/0/delta/role"), "assistant");
  std::string text;
  for (std::size_t i = 1; i <= 3; ++i) {
    const std::string word = text_at(a.events[i], "/choices/0/delta/content");
    EXPECT_EQ(net::count_tokens(test::vocabulary().words(), word), 1) << word;
    text += word;
    EXPECT_EQ(text_at(a.events[i], "/object"), "chat.completion.chunk");
    EXPECT_EQ(text_at(a.events[i], "/model"), "test/model");
    EXPECT_EQ(text_at(a.events[i], "/id"), text_at(a.events[0], "/id"));
  }
  EXPECT_EQ(net::count_tokens(test::vocabulary().words(), text), 3);
  EXPECT_EQ(text_at(a.events[4], "/choices/0/finish_reason"), "length");
  EXPECT_EQ(number_at(a.events[5], "/usage/prompt_tokens"), 20 + kChatTemplateTokens);
  EXPECT_EQ(number_at(a.events[5], "/usage/completion_tokens"), 3);
  EXPECT_EQ(number_at(a.events[5], "/usage/total_tokens"), 31);
  EXPECT_EQ(number_at(a.events[5], "/usage/prompt_tokens_details/cached_tokens"), 0);
  EXPECT_EQ(a.events[6], "[DONE]");
}

TEST(ServeWorker, StreamsACompletion) {
  const Answer a = ask(post("/v1/completions", R"({"prompt":"hello","max_tokens":2,"stream":true})"));
  ASSERT_EQ(a.events.size(), 3U) << a.body;
  EXPECT_EQ(text_at(a.events[0], "/object"), "text_completion");
  EXPECT_EQ(text_at(a.events[0], "/choices/0/finish_reason"), "(none)");
  EXPECT_EQ(text_at(a.events[1], "/choices/0/finish_reason"), "length");
  EXPECT_EQ(net::count_tokens(test::vocabulary().words(), text_at(a.events[1], "/choices/0/text")), 1);
  EXPECT_EQ(a.events[2], "[DONE]");
}

TEST(ServeWorker, StreamsGenerateAsSglangDoes) {
  const Answer a =
      ask(post("/generate", R"({"input_ids":[5,6,7],"sampling_params":{"max_new_tokens":3},"stream":true,"rid":"mine"})"));
  ASSERT_EQ(a.events.size(), 4U) << a.body;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(number_at(a.events[i], "/meta_info/completion_tokens"), static_cast<std::int64_t>(i) + 1);
    const std::string text = text_at(a.events[i], "/text");  // all of it so far
    EXPECT_EQ(net::count_tokens(test::vocabulary().words(), text), static_cast<Tokens>(i) + 1);
  }
  EXPECT_EQ(number_at(a.events[2], "/meta_info/prompt_tokens"), 3);
  EXPECT_EQ(text_at(a.events[1], "/meta_info/finish_reason/type"), "(none)");
  EXPECT_EQ(text_at(a.events[2], "/meta_info/finish_reason/type"), "length");
  EXPECT_EQ(text_at(a.events[2], "/meta_info/id"), "mine");
}

TEST(ServeWorker, AnswersWholeWhatItStreams) {
  const std::string chat = R"("messages":[{"role":"user","content":"same words"}],"max_tokens":4)";
  const Answer stream = ask(post("/v1/chat/completions", "{" + chat + R"(,"stream":true})"));
  const Answer whole = ask(post("/v1/chat/completions", "{" + chat + "}"));
  std::string text;
  for (std::size_t i = 1; i <= 4; ++i) text += text_at(stream.events.at(i), "/choices/0/delta/content");
  EXPECT_EQ(text_at(whole.body, "/choices/0/message/content"), text);
  EXPECT_EQ(text_at(whole.body, "/object"), "chat.completion");
  EXPECT_EQ(text_at(whole.body, "/choices/0/finish_reason"), "length");
  EXPECT_EQ(number_at(whole.body, "/usage/completion_tokens"), 4);

  const Answer completion = ask(post("/v1/completions", R"({"prompt":[1,2,3,4],"max_tokens":2})"));
  EXPECT_EQ(number_at(completion.body, "/usage/prompt_tokens"), 4);
  EXPECT_NE(text_at(completion.body, "/choices/0/text"), "(none)");
  const Answer generate = ask(post("/generate", R"({"text":"a b","sampling_params":{"max_new_tokens":2}})"));
  EXPECT_EQ(number_at(generate.body, "/meta_info/completion_tokens"), 2);
}

TEST(ServeWorker, AnswersOfNoStatedLength) {
  EXPECT_EQ(number_at(ask(post("/v1/completions", R"({"prompt":"a"})")).body, "/usage/completion_tokens"), 16);
  const Answer chat = ask(post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"a"}]})"));
  EXPECT_EQ(number_at(chat.body, "/usage/completion_tokens"), 128);
  EXPECT_EQ(text_at(chat.body, "/choices/0/finish_reason"), "stop");
  EXPECT_EQ(number_at(ask(post("/v1/completions", R"({"prompt":"a","min_tokens":40})")).body, "/usage/completion_tokens"), 40);
}

TEST(ServeWorker, TellsHowMuchWasCached) {
  World world({test::settings()});
  const auto cached = [&](const std::string& body) {
    return number_at(ask(world, post("/v1/completions", body)).body, "/usage/prompt_tokens_details/cached_tokens");
  };
  const std::string prompt = prompt_of(100);
  EXPECT_EQ(cached(R"({"prompt":")" + prompt + R"(","max_tokens":40})"), 0);
  EXPECT_EQ(cached(R"({"prompt":")" + prompt + R"(","max_tokens":1})"), 96);
  // A next turn repeats prompt and answer.
  const Answer answer = ask(world, post("/v1/completions", R"({"prompt":")" + prompt + R"(","max_tokens":40})"));
  const std::string turn = prompt + text_at(answer.body, "/choices/0/text") + prompt_of(30, 5);
  EXPECT_EQ(cached(R"({"prompt":")" + turn + R"(","max_tokens":1})"), 128);
  std::string ids = "[1";
  for (int i = 2; i <= 40; ++i) ids += "," + std::to_string(i);
  EXPECT_EQ(cached(R"({"prompt":)" + ids + R"(]})"), 0);
  EXPECT_EQ(cached(R"({"prompt":)" + ids + R"(,99]})"), 32);
  EXPECT_EQ(ask(world, post("/flush_cache", "")).status, 200);
  EXPECT_EQ(cached(R"({"prompt":)" + ids + R"(]})"), 0);
}

TEST(ServeWorker, RefusesWithAnErrorObject) {
  struct Case {
    std::string path;
    std::string body;
    int status;
    std::string param;
    std::string message;  // a part of it
  };
  const std::string chat = "/v1/chat/completions";
  const std::string messages = R"("messages":[{"role":"user","content":"a"}])";
  for (const Case& c : {
           Case{chat, "{", 400, "(none)", "not valid JSON"},
           Case{chat, "[1]", 400, "(none)", "expected an object, found an array"},
           Case{chat, "{}", 400, "messages", "missing"},
           Case{chat, R"({"messages":"hi"})", 400, "messages", "expected an array, found a string"},
           Case{chat, R"({"messages":[]})", 400, "messages", "at least one"},
           Case{chat, R"({"messages":[{"content":"a"}]})", 400, "messages.role", "without a role"},
           Case{chat, R"({"messages":[{"role":"user","content":5}]})", 400, "messages.content", "found a number"},
           Case{chat, "{" + messages + R"(,"model":"other"})", 404, "model", "`other` does not exist"},
           Case{chat, "{" + messages + R"(,"model":7})", 400, "model", "expected a string"},
           Case{chat, "{" + messages + R"(,"n":2})", 400, "n", "must be 1"},
           Case{chat, "{" + messages + R"(,"max_tokens":-1})", 400, "max_tokens", "at least 1, got -1"},
           Case{chat, "{" + messages + R"(,"max_tokens":"9"})", 400, "max_tokens", "found a string"},
           Case{chat, "{" + messages + R"(,"max_tokens":1.5})", 400, "max_tokens", "whole number"},
           Case{chat, "{" + messages + R"(,"stream":"yes"})", 400, "stream", "expected a boolean"},
           Case{chat, "{" + messages + R"(,"logprobs":true})", 400, "logprobs", "not supported"},
           Case{chat, "{" + messages + R"(,"stop":[1]})", 400, "stop", "array of strings"},
           Case{chat, "{" + messages + R"(,"min_tokens":9,"max_tokens":3})", 400, "min_tokens", "got 9 and 3"},
           Case{chat, "{" + messages + R"(,"max_tokens":9000})", 400, "messages", "maximum context length of 8192"},
           Case{"/v1/completions", R"({"prompt":["a","b"]})", 400, "prompt", "one prompt"},
           Case{"/v1/completions", R"({"prompt":""})", 400, "prompt", "must not be empty"},
           Case{"/v1/completions", R"({"prompt":[1,-2]})", 400, "prompt", "token ids"},
           Case{"/v1/completions", R"({"prompt":"a","max_tokens":8190,"stream":true})", 400, "(none)", "(any)"},
           Case{"/generate", R"({"text":"a","sampling_params":5})", 400, "sampling_params", "expected an object"},
           Case{"/nowhere", "{}", 404, "(none)", "nothing at POST /nowhere"},
       }) {
    World world({test::settings()});
    const bool stream_that_fits = c.message == "(any)";
    const Answer a = ask(world, post(c.path, c.body));
    EXPECT_TRUE(world.worker().idle()) << c.body;
    if (stream_that_fits) continue;
    EXPECT_EQ(a.status, c.status) << c.body;
    EXPECT_EQ(text_at(a.body, "/error/param"), c.param) << a.body;
    EXPECT_NE(text_at(a.body, "/error/message").find(c.message), std::string::npos) << a.body;
    EXPECT_EQ(number_at(a.body, "/error/code"), c.status);
    EXPECT_NE(text_at(a.body, "/error/type"), "(none)");
  }
}

TEST(ServeWorker, AcceptsWhatClientsSend) {
  const std::string messages =
      R"("messages":[{"role":"system","content":null},{"role":"user","content":[{"type":"text","text":"a"}]}])";
  for (const std::string& more :
       {std::string(R"("model":"default")"),
        std::string(R"("model":"/model","n":1,"seed":7,"stop":["x","y"],"logprobs":false)"),
        std::string(R"("max_tokens":null,"temperature":0.5,"tools":[],"unheard_of":{"deep":[[]]})"),
        std::string(R"("max_completion_tokens":3.0,"ignore_eos":true,"stream_options":null,"user":"u")")}) {
    EXPECT_EQ(ask(post("/v1/chat/completions", "{" + messages + "," + more + "}")).status, 200) << more;
  }
}

TEST(ServeWorker, TellsAboutItself) {
  World world({test::settings()});
  const Answer models = ask(world, get("/v1/models"));
  EXPECT_EQ(text_at(models.body, "/data/0/id"), "test/model");
  EXPECT_EQ(number_at(models.body, "/data/0/max_model_len"), 8192);
  for (const char* path : {"/health", "/health_generate"}) EXPECT_EQ(ask(world, get(path)).status, 200);
  for (const char* path : {"/get_model_info", "/model_info"}) {
    EXPECT_EQ(text_at(ask(world, get(path)).body, "/model_path"), "/model");
  }
  for (const char* path : {"/get_server_info", "/server_info"}) {
    const Answer info = ask(world, get(path));
    EXPECT_EQ(text_at(info.body, "/served_model_name"), "test/model");
    EXPECT_EQ(text_at(info.body, "/disaggregation_mode"), "null");
    EXPECT_EQ(number_at(info.body, "/port"), 8001);
  }
  EXPECT_EQ(ask(world, get("/v1/chat/completions")).status, 405);
  EXPECT_EQ(ask(world, get("/v1/chat")).status, 404);
}

TEST(ServeWorker, SaysHowBusyItIs) {
  World world({test::settings()});
  const ClientId busy = world.client();
  world.send(busy, post("/v1/completions", R"({"prompt":")" + prompt_of(100) + R"(","max_tokens":50})"));
  world.run_until(world.now() + milliseconds(10));
  const ClientId asks = world.client();
  world.send(asks, get("/get_load") + get("/metrics"));
  EXPECT_EQ(world.received(asks).find("\"num_reqs\":0"), std::string::npos);
  EXPECT_NE(world.received(asks).find("\"num_tokens\":112"), std::string::npos) << world.received(asks);
  EXPECT_NE(world.received(asks).find("sglang:num_running_reqs{engine_type=\"unified\",model_name=\"test/model\"} 1.0"),
            std::string::npos);
  EXPECT_EQ(ask(world, post("/flush_cache", "")).status, 400);
  world.run();
  world.send(asks, get("/metrics"));
  const std::string metrics = world.received(asks);
  for (const char* line :
       {"sglang:num_running_reqs{engine_type=\"unified\",model_name=\"test/model\"} 0.0",
        "sglang:prompt_tokens_total{engine_type=\"unified\",model_name=\"test/model\"} 100.0",
        "sglang:generation_tokens_total{engine_type=\"unified\",model_name=\"test/model\"} 50.0",
        "sglang:cache_hit_rate{engine_type=\"unified\",model_name=\"test/model\"} 0.0",
        "sglang:time_to_first_token_seconds_bucket{le=\"0.1\",engine_type=\"unified\",model_name=\"test/model\"} 1.0",
        "sglang:inter_token_latency_seconds_count{engine_type=\"unified\",model_name=\"test/model\"} 49.0"}) {
    EXPECT_NE(metrics.find(line), std::string::npos) << line << "\n" << metrics;
  }
}

TEST(ServeWorker, AClientThatLeavesIsCancelledAtOnce) {
  World world({test::settings()});
  const std::string body = R"({"prompt":")" + prompt_of(100) + R"(","max_tokens":1000,"stream":true})";
  const ClientId stays = world.client();
  const ClientId leaves = world.client();
  world.send(leaves, post("/v1/completions", body, "X-Request-ID: left-1\r\n"));
  world.run_until(world.now() + milliseconds(20));
  world.send(stays, post("/v1/completions", R"({"prompt":"b","max_tokens":30,"stream":true})"));
  world.run_until(world.now() + milliseconds(20));
  EXPECT_GT(read(world.received(leaves)).events.size(), 10U);
  world.hang_up(leaves);
  world.run_until(world.now() + milliseconds(2));  // the step it was part of
  EXPECT_LE(world.worker().next().value_or(Time{}), world.now() + milliseconds(2));
  world.run();
  EXPECT_EQ(read(world.received(stays)).events.size(), 31U);
  EXPECT_TRUE(world.worker().idle());
  EXPECT_NE(world.log().find(R"("x_request_id":"left-1","outcome":"cancelled")"), std::string::npos);
  EXPECT_NE(world.log().find(R"("x_request_id":"","outcome":"finished")"), std::string::npos);
}

TEST(ServeWorker, TokensComeWhenTheyAreDue) {
  World world({test::settings()});
  const ClientId client = world.client();
  world.send(client, post("/v1/completions", R"({"prompt":")" + prompt_of(100) + R"(","max_tokens":5,"stream":true})"));
  EXPECT_EQ(read(world.received(client)).status, 200);  // the head comes at once
  EXPECT_EQ(read(world.received(client)).events.size(), 0U);
  for (std::size_t token = 1; token <= 4; ++token) {
    world.run_until(Time{} + microseconds(1'100 + 1'001 * (static_cast<std::int64_t>(token) - 1) + 5));
    EXPECT_EQ(read(world.received(client)).events.size(), token);
  }
}

TEST(ServeWorker, DrainsToTheLastAnswer) {
  World world({test::settings()});
  const ClientId idle = world.client();
  const ClientId busy = world.client();
  world.send(busy, post("/v1/completions", R"({"prompt":"a","max_tokens":5,"stream":true})"));
  world.worker().drain();
  EXPECT_TRUE(world.worker().connection(idle).close_when_sent());
  EXPECT_FALSE(world.worker().drained());
  world.run();
  EXPECT_TRUE(world.worker().drained());
  EXPECT_TRUE(world.worker().connection(busy).close_when_sent());
  EXPECT_EQ(read(world.received(busy)).events.size(), 6U);
}

TEST(ServeWorker, TheTruthLogReplays) {
  World world({test::settings()});
  std::vector<ClientId> clients;
  for (std::size_t i = 0; i < 20; ++i) {
    clients.push_back(world.client());
    const std::string stream = i % 2 == 0 ? "true" : "false";
    world.send(clients.back(), post("/v1/completions", R"({"prompt":")" + prompt_of(50 + 97 * i, i / 4) + R"(","max_tokens":)" +
                                                           std::to_string(5 + i) + R"(,"stream":)" + stream + "}"));
    world.run_until(world.now() + microseconds(700));
  }
  world.hang_up(clients[18]);
  world.run();
  const auto check = check_log(world.log());
  ASSERT_TRUE(check.has_value()) << format_errors(check.error());
  EXPECT_EQ(check->differences, std::vector<std::string>{});
  EXPECT_EQ(check->inputs, 21U);
  EXPECT_GT(check->tokens, 200U);
}

}  // namespace
}  // namespace infbench::live
