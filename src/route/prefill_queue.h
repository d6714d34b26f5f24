// PrefillQueue: when a worker will be through with the prompts sent to it, guessed from step times and corrected by each first
// token.
//
// Prompts are computed one after the other, so a prompt sent now begins when all before it are done: at `busy_until`, which
// each dispatch moves by the prompt's own seconds. A first token says where the worker really is: what is queued behind it has
// been computed by nothing (it starts now) up to one step of `chunk` tokens (its beginning shared the step), so busy_until is
// brought between these two. While no first token comes, time passing lowers the guess only as far as the prompt at the head:
// the others cannot have been done. Belongs to one policy, one thread.
#pragma once

#include <deque>

#include "base/time.h"
#include "base/types.h"

namespace infbench::route {

class PrefillQueue {
 public:
  // `step`: the time of one full step of prompt tokens.
  void set_step(Duration step) { step_ = step; }

  // `seen`: its first token will be told. Others count until their time is up by the guess.
  void push(RequestId id, Duration seconds, Time now, bool seen = true);
  void computed(RequestId id, Time at);  // its first token came
  void drop(RequestId id);               // it will not be computed, or has been
  void clear();

  Duration wait(Time now) const;  // until a prompt sent now can begin
  std::size_t size() const { return prompts_.size(); }

 private:
  struct Prompt {
    RequestId id;
    Duration seconds;
  };
  bool take(RequestId id, Duration& seconds);

  std::deque<Prompt> prompts_;  // in order of dispatch
  Duration sum_;                // of all of them
  Duration step_;
  Time busy_until_;
  Time unseen_until_;
};

}  // namespace infbench::route
