// What a run asks over HTTP: each question as a request, and what an answer to it means. Pure, usable from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "plan/plan.h"

namespace infbench::launch {

enum class QuestionKind : std::uint8_t {
  health,          // of a worker: is it healthy by itself
  router_workers,  // of the router: which workers does it know, and how are they
  first_token,     // through the router: does a token come
  flush,           // of a worker: forget what is cached
  engine_info,     // of the first worker: which engine is it
};

struct Question {
  QuestionKind kind = QuestionKind::health;
  int worker = 0;  // index into Plan::workers, of health and flush

  friend auto operator<=>(const Question&, const Question&) = default;
};

// What came back: a status and a body, or why nothing came.
struct Answer {
  int status = 0;
  std::string body;
  std::string error;  // empty: an answer came
};

struct Request {
  std::string url;  // of the server
  std::string method = "GET";
  std::string path;
  std::string body;
  Duration timeout;
  std::string api_key = {};  // goes with it as a bearer token; empty: none does
};
Request request_for(const plan::Plan& plan, const Question& question);

// Why the answer is none that was hoped for, as a clause: "connection refused", "HTTP status 503: loading". Empty: it is.
std::string complaint_of_status(const Answer& answer);

// Why no first token came; empty: one did.
std::string complaint_of_first_token(const Answer& answer);

// What keeps the router's list of workers from being the plan's, each worker healthy and in its role; empty: nothing. Of GET
// /workers of sglang-router 0.3: {"workers":[{"url","worker_type":"regular"|"prefill"|"decode","is_healthy"}]}.
std::string complaint_of_router(const Answer& answer, const plan::Plan& plan);

// The engine's version in the answer to engine_info; empty: it names none.
std::string engine_version(const Answer& answer);

}  // namespace infbench::launch
