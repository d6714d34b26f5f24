"""aiperf 0.13 against srtctl serve, as the reference's script runs it: a warm-up with synthetic prompts, then a replay."""

import json

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
        *("--extra-inputs", "ignore_eos:true"),
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


def compare_with_ours(theirs, url, trace, ours):
    """srtctl replay of the same trace: its files have no other names, units and statistics than aiperf's, and its lengths."""
    command = [SRTCTL, "replay", "-m", MODEL, "--input-file", trace, "--url", url, "--streaming", "--goodput", GOODPUT]
    code, out, err = run([*command, "--random-seed", 42, "--export-level", "raw", "--speed", 2, "--artifact-dir", ours])
    assert code in (0, 6), f"{out[-3000:]}\n{err[-3000:]}"

    their_summary, our_summary = summary_of(theirs), summary_of(ours)
    assert set(our_summary) - set(their_summary) <= {"generator", "error_request_count", "infbench"}
    for name, metric_ in our_summary.items():
        if isinstance(metric_, dict) and "unit" in metric_ and name in their_summary:
            assert metric_.keys() == their_summary[name].keys(), name
            assert metric_["unit"] == their_summary[name]["unit"], name
    for name in ("request_count", "good_request_count", "output_sequence_length", "total_osl", "osl_mismatch_count"):
        assert our_summary.get(name, their_summary[name]) == their_summary[name], name
    # Theirs are made by cutting a text up and are a token longer now and then.
    isl = their_summary["input_sequence_length"]["avg"]
    assert our_summary["input_sequence_length"]["avg"] == pytest.approx(isl, abs=1)

    their_record, our_record = (read_rows(folder / "profile_export.jsonl")[0] for folder in (theirs, ours))
    assert our_record["metadata"].keys() == their_record["metadata"].keys()
    assert our_record["metrics"].keys() <= their_record["metrics"].keys()
    for name, metric_ in our_record["metrics"].items():
        assert metric_["unit"] == their_record["metrics"][name]["unit"], name

    their_scrape, our_scrape = (json.loads((folder / "server_metrics_export.json").read_text()) for folder in (theirs, ours))
    assert our_scrape["metrics"].keys() == their_scrape["metrics"].keys()
    for name, scraped in our_scrape["metrics"].items():
        assert scraped["type"] == their_scrape["metrics"][name]["type"], name
        assert scraped["series"][0]["labels"] == their_scrape["metrics"][name]["series"][0]["labels"], name
