"""srtctl replay against srtctl serve, with both command lines of the reference's script (only the program's name exchanged)."""

import json

import pytest
from conftest import MODEL, QWEN3, SRTCTL, TEMPLATE_TOKENS, load, metric, read_rows, run

GOODPUT = "time_to_first_token:2000 inter_token_latency:25"


def replay(*flags):
    """Runs it; the table that it prints. A busy machine may make it say that it fell behind its schedule, and nothing else."""
    code, out, err = run([SRTCTL, "replay", *flags], seconds=100)
    reasons = [line for line in err.splitlines() if "not valid" in line]
    behind = code == 6 and all("fell behind its schedule" in reason for reason in reasons)
    assert code == 0 or behind, f"{code}\n{out[-3000:]}\n{err[-3000:]}"
    return out


def records_of(folder, count):
    """The records without an error, by the number of the row."""
    records = {}
    for record in read_rows(folder / "profile_export.jsonl"):
        assert record.get("error") is None
        metrics = {name: value["value"] for name, value in record["metrics"].items()}
        records[int(record["metadata"]["conversation_id"].rsplit("_", 1)[1])] = metrics
    assert sorted(records) == list(range(count))
    return [records[i] for i in range(count)]


def test_warm_up_line(serve, tmp_path):
    server = serve("--time-scale", 20)
    out = replay(
        *("-m", MODEL, "--tokenizer", QWEN3, "--url", server.urls[0], "--streaming", "--ui", "simple"),
        *("--concurrency", 10, "--request-count", 20, "--artifact-dir", tmp_path),
    )
    assert "Requests" in out
    summary = json.loads((tmp_path / "profile_export_aiperf.json").read_text())
    assert summary["request_count"]["avg"] == 20
    assert summary["error_summary"] == []
    assert metric(server.urls[0], "num_requests_total") == 20
    assert metric(server.urls[0], "num_aborted_requests_total") == 0
    assert load(server.urls[0])["num_reqs"] == 0


@pytest.mark.parametrize("tokenizer", [QWEN3, "/model"], ids=["tokenizer", "no-such-tokenizer"])
def test_replay_line(serve, small_trace, tmp_path, tokenizer):
    path, rows = small_trace
    flags = [] if tokenizer == "/model" else ["--tokenizer", tokenizer]
    server = serve("--time-scale", 20, "--page-size", 64, *flags)
    url = server.urls[0]
    replay(
        *("-m", MODEL, "--tokenizer", tokenizer, "--input-file", path, "--custom-dataset-type", "mooncake_trace"),
        *("--fixed-schedule", "--url", url, "--streaming", "--random-seed", 42, "--ui", "simple"),
        *("--artifact-dir", tmp_path, "--server-metrics", url + "/metrics", "--goodput", GOODPUT),
    )
    records = records_of(tmp_path, len(rows))
    assert [record["input_sequence_length"] for record in records] == [row["input_length"] for row in rows]
    assert [record["usage_prompt_tokens"] for record in records] == [row["input_length"] + TEMPLATE_TOKENS for row in rows]
    asked = [row["output_length"] for row in rows]
    assert [record["output_sequence_length"] for record in records] == asked
    assert [record["usage_completion_tokens"] for record in records] == asked
    assert metric(url, "generation_tokens_total") == sum(asked)

    summary = json.loads((tmp_path / "profile_export_aiperf.json").read_text())
    assert summary["request_count"]["avg"] == len(rows)
    assert summary["total_osl"]["avg"] == sum(asked)
    # Cache hits as the server counts them, as each answer's usage says, and as the trace's blocks allow.
    cached = [record.get("usage_prompt_cache_read_tokens", 0) for record in records]
    assert sum(cached) == metric(url, "cached_tokens_total") > 0
    assert all(tokens % 64 == 0 and tokens <= row["input_length"] + TEMPLATE_TOKENS for tokens, row in zip(cached, rows))
    ids, ceiling = set(), 0
    for row in rows:
        for block in row["hash_ids"]:
            if block not in ids:
                break
            ceiling += 512
        ids.update(row["hash_ids"])
    assert sum(cached) <= ceiling + 64 * len(rows)

    scraped = json.loads((tmp_path / "server_metrics_export.json").read_text())
    assert scraped["summary"]["endpoints_successful"] == [url + "/metrics"]
    assert "sglang:num_running_reqs" in scraped["metrics"]
    assert all(json.loads(line) for line in (tmp_path / "server_metrics_export.jsonl").read_text().splitlines())


def test_several_servers_in_turn(serve, small_trace, tmp_path):
    path, rows = small_trace
    server = serve("--time-scale", 20, workers=3)
    urls = [flag for url in server.urls for flag in ("--url", url)]
    replay(*("-m", MODEL, *urls, "--input-file", path, "--speed", 4, "--streaming", "--artifact-dir", tmp_path))
    records_of(tmp_path, len(rows))
    assert [metric(url, "num_requests_total") for url in server.urls] == [len(rows) // 3] * 3


@pytest.mark.parametrize("endpoint", ["chat", "completions"])
@pytest.mark.parametrize("streaming", [True, False])
def test_instant_server(serve, small_trace, tmp_path, endpoint, streaming):
    path, rows = small_trace
    server = serve("--instant")
    flags = ["--streaming"] if streaming else []
    replay(
        *("-m", MODEL, "--url", server.urls[0], "--input-file", path, "--no-fixed-schedule", "--concurrency", 10),
        *("--endpoint-type", endpoint, "--artifact-dir", tmp_path, *flags),
    )
    records = records_of(tmp_path, len(rows))
    assert [record["output_sequence_length"] for record in records] == [row["output_length"] for row in rows]
    template = TEMPLATE_TOKENS if endpoint == "chat" else 0
    assert [record["usage_prompt_tokens"] for record in records] == [row["input_length"] + template for row in rows]


# As aiperf has it: by the client, where a prompt is as long as it was made, or by the server, whose chat template counts too.
@pytest.mark.parametrize("by_server", [False, True])
def test_whose_count_the_lengths_are(serve, small_trace, tmp_path, by_server):
    path, rows = small_trace
    server = serve("--instant")
    flags = ["--use-server-token-count"] if by_server else []
    replay(
        *("-m", MODEL, "--url", server.urls[0], "--input-file", path, "--no-fixed-schedule", "--concurrency", 10),
        *("--streaming", "--artifact-dir", tmp_path, *flags),
    )
    more = TEMPLATE_TOKENS if by_server else 0
    records = records_of(tmp_path, len(rows))
    assert [record["input_sequence_length"] for record in records] == [row["input_length"] + more for row in rows]
    assert all((record["usage_prompt_tokens_diff_pct"] == 0) == by_server for record in records)
    summary = json.loads((tmp_path / "profile_export_aiperf.json").read_text())
    assert summary["total_isl"]["avg"] == sum(row["input_length"] + more for row in rows)
    # A connection for each slot of the closed loop, used again and again.
    assert json.loads((tmp_path / "summary.json").read_text())["live"]["connections"] == 10


def test_unknown_model_is_an_error_of_each_request(serve, small_trace, tmp_path):
    path, rows = small_trace
    server = serve("--instant")
    flags = ["--no-fixed-schedule", "--concurrency", 5, "--streaming", "--artifact-dir", tmp_path]
    code, _, err = run([SRTCTL, "replay", "-m", "no-such-model", "--url", server.urls[0], "--input-file", path, *flags])
    assert code == 6, err
    errors = [record["error"] for record in read_rows(tmp_path / "profile_export.jsonl")]
    assert [error["code"] for error in errors] == [404] * len(rows)
    assert all("no-such-model" in error["message"] for error in errors)
