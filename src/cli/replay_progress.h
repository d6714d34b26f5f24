// Progress of a replay on stderr: its phase, sent, in flight, done, errors, goodput so far, time left. One line that rewrites
// itself on a terminal, a line every 10 s elsewhere. Owns nothing but the line; one thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "live/replay.h"
#include "measure/live.h"

namespace infbench::cli {

class ReplayProgressLine {
 public:
  // `phase`: what is going on until all is sent.
  ReplayProgressLine(bool wanted, std::string phase, Slo slo, Duration schedule);
  ReplayProgressLine(const ReplayProgressLine&) = delete;
  ReplayProgressLine& operator=(const ReplayProgressLine&) = delete;
  ~ReplayProgressLine();  // wipes the line

  void on_record(const measure::RequestRecord& record);
  void on_progress(const live::ReplayProgress& progress);

 private:
  std::string text(const live::ReplayProgress& progress) const;

  bool wanted_;
  std::string phase_;
  bool terminal_;
  bool shown_ = false;
  Slo slo_;
  Duration schedule_;  // from the first send to the last, 0 if that is not known
  std::int64_t good_ = 0;
  std::int64_t judged_ = 0;
  Duration last_shown_;
};

}  // namespace infbench::cli
