"""aiperf 0.13 against srtctl serve, as the reference's script runs it: a warm-up with synthetic prompts, then a replay."""

import csv
import json
import pathlib
import re
import sys

import pytest
from conftest import MODEL, SRTCTL, load, metric, read_rows, run

GOODPUT = "time_to_first_token:2000 inter_token_latency:25"


def summary_of(folder):
    summary = json.loads((folder / "profile_export_aiperf.json").read_text())
    assert not summary["was_cancelled"]
    assert summary["error_summary"] == []
    return summary


def test_warm_up(serve, aiperf):
    server = serve("--time-scale", 20)
    folder = aiperf(
        *("-m", MODEL, "--tokenizer", MODEL, "--url", server.urls[0], "--streaming"),
        *("--concurrency", 10, "--request-count", 20),
    )
    assert summary_of(folder)["request_count"]["avg"] == 20
    assert metric(server.urls[0], "num_requests_total") >= 20
    assert metric(server.urls[0], "num_aborted_requests_total") == 0
    assert load(server.urls[0])["num_reqs"] == 0


def test_replay(serve, aiperf, small_trace):
    path, rows = small_trace
    server = serve("--time-scale", 20, "--page-size", 64)
    folder = aiperf(
        *("-m", MODEL, "--tokenizer", MODEL, "--input-file", path, "--custom-dataset-type", "mooncake_trace"),
        *("--fixed-schedule", "--url", server.urls[0], "--streaming", "--random-seed", 42, "--goodput", GOODPUT),
        *("--extra-inputs", "ignore_eos:true", "--export-level", "raw"),
        *("--server-metrics-formats", "json", "csv", "jsonl"),
    )
    summary = summary_of(folder)
    assert summary["request_count"]["avg"] == len(rows)
    assert summary["good_request_count"]["avg"] == len(rows)
    assert summary["output_sequence_length"]["avg"] == pytest.approx(sum(row["output_length"] for row in rows) / len(rows))

    records = {}
    for record in read_rows(folder / "profile_export.jsonl"):
        assert record.get("error") is None
        number = int(record["metadata"]["conversation_id"].rsplit("_", 1)[1])
        records[number] = {name: value["value"] for name, value in record["metrics"].items()}
    assert sorted(records) == list(range(len(rows)))
    # Counted by aiperf with Qwen3's tokenizer from the text: our words are one token each there.
    asked = [row["output_length"] for row in rows]
    assert [records[i]["output_sequence_length"] for i in range(len(rows))] == asked
    assert all(records[i]["time_to_first_token"] > 0 for i in records)
    # One token a chunk: as many gaps as tokens less one.
    assert [len(records[i]["inter_chunk_latency"]) for i in range(len(rows))] == [tokens - 1 for tokens in asked]
    assert metric(server.urls[0], "generation_tokens_total") == sum(asked)
    assert metric(server.urls[0], "cached_tokens_total") > 0
    # It has found and read our /metrics.
    names = json.loads((folder / "server_metrics_export.json").read_text())["metrics"]
    assert "sglang:num_running_reqs" in names
    compare_with_ours(folder, server.urls[0], path, folder.parent / "ours")


# What replay cannot tell apart or has no part in, as docs/replay.md lists it.
ABSENT_METRICS = {"http_req_dns_lookup"}
ABSENT_MEMBERS = {"aiperf_version", "telemetry_data"}
# What both must say alike of the same requests to the same server. (Prompts are others, and theirs a token longer now and then.)
ALIKE = (
    *("request_count", "completed_request_count", "request_error_rate", "good_request_count", "good_request_fraction"),
    *("output_sequence_length", "output_token_count", "total_osl", "total_output_tokens"),
    *("usage_completion_tokens", "total_usage_completion_tokens", "usage_completion_tokens_diff_pct"),
    *("osl_mismatch_diff_pct", "osl_mismatch_count", "usage_discrepancy_count"),
    *("http_req_blocked", "http_req_chunks_sent"),
)


def csv_rows(folder):
    """The names in the two blocks of the CSV, as sets."""
    with (folder / "profile_export_aiperf.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    blank = rows.index([])
    end = next((i for i in range(blank + 1, len(rows)) if not rows[i]), len(rows))
    return {row[0] for row in rows[:blank]}, {row[0] for row in rows[blank + 1 : end]}


def same_shape(ours, theirs, where):
    """The same keys all the way down, and values of the same kind; of lists the first elements."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict) and ours.keys() == theirs.keys(), where
        for key in theirs:
            same_shape(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(theirs, list) and theirs and ours:
        same_shape(ours[0], theirs[0], f"{where}[0]")
    elif theirs is not None and ours is not None:
        numbers = (int, float)
        assert type(ours) is type(theirs) or (isinstance(ours, numbers) and isinstance(theirs, numbers)), where


def compare_with_ours(theirs, url, trace, ours):
    """srtctl replay of the same trace: its files have aiperf's names, units and statistics, but for the lists above."""
    command = [SRTCTL, "replay", "-m", MODEL, "--input-file", trace, "--url", url, "--streaming", "--goodput", GOODPUT]
    code, out, err = run([*command, "--random-seed", 42, "--export-level", "raw", "--speed", 2, "--artifact-dir", ours])
    assert code in (0, 6), f"{out[-3000:]}\n{err[-3000:]}"
    compare_summaries(summary_of(theirs), summary_of(ours))
    our_blocks, their_blocks = csv_rows(ours), csv_rows(theirs)
    assert our_blocks[0] == their_blocks[0] - {"HTTP DNS Lookup (ms)"}
    assert our_blocks[1] - {"Error Request Count"} == their_blocks[1]
    compare_records(theirs, ours)
    compare_scrapes(theirs, ours)


def compare_summaries(theirs, ours):
    assert ours.keys() - theirs.keys() <= {"generator", "error_request_count", "infbench"}
    assert theirs.keys() - ours.keys() <= ABSENT_METRICS | ABSENT_MEMBERS
    for name, metric_ in ours.items():
        if isinstance(metric_, dict) and "unit" in metric_ and name in theirs:
            assert list(metric_) == list(theirs[name]), name
            assert metric_["unit"] == theirs[name]["unit"], name
    for name in ALIKE:
        assert ours[name] == pytest.approx(theirs[name]), name
    isl = theirs["input_sequence_length"]["avg"]
    assert ours["input_sequence_length"]["avg"] == pytest.approx(isl, abs=1)


def compare_records(theirs, ours):
    their_record, our_record = (read_rows(folder / "profile_export.jsonl")[0] for folder in (theirs, ours))
    assert our_record["metadata"].keys() == their_record["metadata"].keys()
    assert our_record["metrics"].keys() == their_record["metrics"].keys() - ABSENT_METRICS
    for name, metric_ in our_record["metrics"].items():
        same_shape(metric_, their_record["metrics"][name], name)
        assert metric_["unit"] == their_record["metrics"][name]["unit"], name

    their_raw, our_raw = (read_rows(folder / "profile_export_raw.jsonl")[0] for folder in (theirs, ours))
    assert our_raw.keys() == their_raw.keys()
    for part in ("metadata", "status", "responses"):
        same_shape(our_raw[part], their_raw[part], part)
    assert our_raw["payload"].keys() - their_raw["payload"].keys() == set()
    assert len(our_raw["responses"]) == len(their_raw["responses"])
    assert our_raw["responses"][-1]["packets"][0]["value"] == "[DONE]"


def compare_scrapes(theirs, ours):
    their_scrape, our_scrape = (json.loads((folder / "server_metrics_export.json").read_text()) for folder in (theirs, ours))
    assert our_scrape.keys() - {"generator"} == their_scrape.keys() - {"aiperf_version"}
    same_shape(our_scrape["summary"], their_scrape["summary"], "summary")
    assert our_scrape["metrics"].keys() == their_scrape["metrics"].keys()
    for name, scraped in our_scrape["metrics"].items():
        their_metric = their_scrape["metrics"][name]
        assert scraped.get("unit") == their_metric.get("unit"), name
        assert scraped["type"] == their_metric["type"], name
        assert scraped["series"][0]["labels"] == their_metric["series"][0]["labels"], name
        same_shape(scraped, their_metric, name)
    their_line, our_line = (read_rows(folder / "server_metrics_export.jsonl")[-1] for folder in (theirs, ours))
    assert our_line["metrics"].keys() == their_line["metrics"].keys()
    for name in our_line["metrics"]:
        same_shape(our_line["metrics"][name], their_line["metrics"][name], name)


def flags_in(help_text):
    """The flags that a help text in a table lists: those that stand before the description."""
    flags = set()
    for line in help_text.splitlines():
        head = re.match(r"[\s│*]*((?:--?[A-Za-z][\w-]*(?:[\s,]+|$))+)", line)
        if head:
            flags.update(re.findall(r"--?[A-Za-z][\w-]*", head.group(1)))
    return flags


def test_every_flag_is_supported_or_refused_by_name(tmp_path):
    program = pathlib.Path(sys.executable).parent / "aiperf"
    code, out, err = run([program, "profile", "--help"], env={"COLUMNS": "500", "HOME": str(tmp_path)}, cwd=tmp_path)
    assert code == 0, err
    theirs = flags_in(out) - {"--help", "-h"}
    assert len(theirs) > 300  # the table was read
    assert {"--model", "-m", "--fixed-schedule-end-offset", "--no-fixed-schedule", "--warmup-request-rate-ramp-duration"} <= theirs
    code, out, err = run([SRTCTL, "replay", "--help"])
    assert code == 0, err
    ours = flags_in(out)
    assert {"--model", "-m", "--speed"} <= ours
    refused = sorted(theirs - ours)
    code, _, err = run([SRTCTL, "replay", "-m", MODEL, *refused])
    assert code not in (0, 6), err
    said = set(re.findall(r"replay does not have aiperf's flag (\S+): \S", err))
    assert [flag for flag in refused if flag not in said] == []
