// The files that aiperf's users know, as text: profile_export_aiperf.json, profile_export_aiperf.csv and the lines of
// profile_export.jsonl, with aiperf 0.13's keys, names, units and formulas (JSON schema 1.4). Pure functions, usable from any
// thread.
//
// The same inputs give the same bytes: dates count from kVirtualEpochNs, ids are hashes of the inputs, no clock and no host
// name goes in. What differs from aiperf's own files: no `aiperf_version` (aiperf did not write them; readers take it as
// optional), instead `generator` and an object `infbench` with what is ours; in virtual time no lists per token
// (inter_chunk_latency) and nothing measured on sockets (http_req_*). docs/replay.md lists what a run over HTTP does not have.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json_writer.h"
#include "measure/live.h"
#include "measure/record.h"
#include "measure/run.h"
#include "measure/summary.h"

namespace infbench::measure {

// profile_export_aiperf.json, with a final newline.
std::string aiperf_json(const RunInfo& info, const Summary& summary);
// Parts of it that other files have too: the member input_config, and how aiperf writes a date.
void write_input_config(JsonWriter& json, const RunInfo& info, const Summary& summary);
std::string date_text(const RunInfo& info, Time time);

// profile_export_aiperf.csv: the distributions in order of tag, a blank line, the single values in order of tag; two decimals.
std::string aiperf_csv(const Summary& summary);

// The x_request_id of a request's line: a UUID of version 8 (RFC 9562: bits of the maker's own choice), the same for the same
// run and request.
std::uint64_t request_id_seed(const RunInfo& info, const Slo& slo);
void append_request_id(std::string& out, std::uint64_t seed, trace::RequestIndex request);

// The object that tells of an error; `live` adds its class and cause.
void append_error(const RequestRecord& record, const LiveRecord* live, std::string& out);

// profile_export.jsonl and profile_export_raw.jsonl, a record at a time. Made once per run.
class RecordLines {
 public:
  // Both must outlive this.
  RecordLines(const RunInfo& info, const Summary& summary);
  // Appends the line of `record`, with its newline.
  void append(const RequestRecord& record, std::string& out) const;
  // The same of a run over HTTP: with what only HTTP has, the class and cause of an error, the phase, and the list of gaps.
  void append(const LiveRecord& live, std::string& out) const;
  // The line of profile_export_raw.jsonl: the request, and each response (of a stream: each event) with the time it came at.
  // Values of headers that hold a secret are left out.
  void append_raw(const LiveRecord& live, std::string& out) const;

 private:
  struct HttpHead {
    std::string before;  // up to the number
    std::string after;
    bool whole = false;  // a whole number
  };
  void append_http_metrics(const RequestRecord& record, std::string& out) const;
  void append_metadata(const RequestRecord& record, const LiveRecord* live, std::string& out) const;
  void append_line(const RequestRecord& record, const LiveRecord* live, std::string& out) const;

  const Summary& summary_;
  std::uint64_t id_seed_;
  std::int64_t epoch_ns_;
  std::vector<HttpHead> http_heads_;  // in order of http_record_metrics()
  std::string same_for_all_;          // keys from worker_id on: aiperf's own processes, here one client
};

}  // namespace infbench::measure
