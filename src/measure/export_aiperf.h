// The files that aiperf's users know, as text: profile_export_aiperf.json, profile_export_aiperf.csv and the lines of
// profile_export.jsonl, with aiperf 0.13's keys, names, units and formulas (JSON schema 1.4). Pure functions, usable from any
// thread.
//
// The same inputs give the same bytes: dates count from kVirtualEpochNs, ids are hashes of the inputs, no clock and no host
// name goes in. What differs from aiperf's own files: no `aiperf_version` (aiperf did not write them; readers take it as
// optional), instead `generator` and an object `infbench` with what is ours; no lists per token (inter_chunk_latency), nothing
// measured on sockets (http_req_*).
#pragma once

#include <span>
#include <string>

#include "measure/live.h"
#include "measure/record.h"
#include "measure/run.h"
#include "measure/summary.h"

namespace infbench::measure {

// profile_export_aiperf.json, with a final newline. `live` adds what only a run over HTTP has.
std::string aiperf_json(const RunInfo& info, const Summary& summary, const LiveFigures* live = nullptr);

// profile_export_aiperf.csv: the distributions in order of tag, a blank line, the single values in order of tag; two decimals.
std::string aiperf_csv(const Summary& summary);

// The x_request_id of a request's line: a UUID of version 8 (RFC 9562: bits of the maker's own choice), the same for the same
// run and request.
std::uint64_t request_id_seed(const RunInfo& info, const Slo& slo);
void append_request_id(std::string& out, std::uint64_t seed, trace::RequestIndex request);

// profile_export.jsonl, a record at a time. Made once per run.
class RecordLines {
 public:
  // Both must outlive this.
  RecordLines(const RunInfo& info, const Summary& summary);
  // Appends the line of `record`, with its newline.
  void append(const RequestRecord& record, std::string& out) const;
  // The same of a run over HTTP: with the class and cause of an error, the phase, and the list of gaps if it was kept.
  void append(const LiveRecord& live, std::string& out) const;

 private:
  void append_metadata(const RequestRecord& record, const LiveRecord* live, std::string& out) const;
  void append_line(const RequestRecord& record, const LiveRecord* live, std::string& out) const;

  const Summary& summary_;
  std::uint64_t id_seed_;
  std::int64_t epoch_ns_;
  std::string same_for_all_;  // keys from worker_id on: aiperf's own processes, here one client
};

}  // namespace infbench::measure
