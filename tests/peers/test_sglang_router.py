"""sglang-router in front of srtctl serve."""

import json
import sys

import openai
import pytest
from conftest import (
    MODEL,
    SRTCTL,
    TEMPLATE_TOKENS,
    eventually,
    free_port,
    http,
    load,
    metric,
    read_rows,
    run,
)

ROUTER = [sys.executable, "-m", "sglang_router.launch_router", "--host", "127.0.0.1", "--worker-startup-check-interval", 1]


@pytest.fixture
def router(program):
    """router(workers, *flags): its URL, once it says that it has so many healthy workers."""

    def start(workers, *flags):
        url = f"http://127.0.0.1:{(port := free_port())}"
        ports = ["--port", port, "--prometheus-host", "127.0.0.1", "--prometheus-port", free_port()]
        process = program([*ROUTER, *ports, *flags])

        def ready():
            status, text = http(url + "/readiness")
            return status == 200 and json.loads(text).get("healthy_workers", 0) >= workers

        process.wait_until(ready, 90)
        return url

    return start


@pytest.fixture
def behind_router(serve, router):
    """behind_router(mode, *serve flags): (URL of a router, [URLs of its two workers]); of a pair prefill comes first."""

    def start(mode, *flags):
        if mode == "cache_aware":
            workers = serve(*flags, workers=2).urls
            return router(2, "--policy", "cache_aware", "--worker-urls", *workers), workers
        prefill, decode = (
            serve("--disaggregation-mode", role, "--disaggregation-bootstrap-port", 0, *flags) for role in ("prefill", "decode")
        )
        workers = [prefill.urls[0], decode.urls[0]]
        pair = ["--prefill", workers[0], prefill.bootstrap_ports[0], "--decode", workers[1]]
        return router(2, "--policy", "round_robin", "--pd-disaggregation", *pair), workers

    return start


def client_of(url):
    return openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0, timeout=60)


def ask(client, text, tokens, stream):
    """(words of the answer, usage)"""
    request = {"model": MODEL, "messages": [{"role": "user", "content": text}], "max_tokens": tokens}
    if not stream:
        answer = client.chat.completions.create(**request)
        return answer.choices[0].message.content.split(), answer.usage
    chunks = list(client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}))
    words = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    return [word.strip() for word in words], chunks[-1].usage


def workers_of(url):
    status, text = http(url + "/workers")
    assert status == 200
    return json.loads(text)["workers"]


def test_cache_aware(behind_router):
    url, workers = behind_router("cache_aware", "--time-scale", 20, "--page-size", 64)
    listed = workers_of(url)
    assert sorted(worker["url"] for worker in listed) == sorted(workers)
    assert all(worker["is_healthy"] and worker["worker_type"] == "regular" for worker in listed)
    assert {worker["model_id"] for worker in listed} == {MODEL}
    assert [model.id for model in client_of(url).models.list().data] == [MODEL]

    # Two conversations whose prompts have nothing in common, each of three requests with a growing prompt.
    client = client_of(url)
    for opening in (" and the other" * 100, " with more of it" * 100):
        before = [metric(worker, "num_requests_total") for worker in workers]
        cached = []
        for turn, stream in enumerate((False, True, False)):
            words, usage = ask(client, opening + " hello" * 100 * turn, 5, stream)
            assert len(words) == 5
            assert usage.completion_tokens == 5
            cached.append(usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else None)
        taken = [metric(worker, "num_requests_total") - b for worker, b in zip(workers, before)]
        assert sorted(taken) == [0, 3], "one worker has the prefix, and gets all of its requests"
        assert cached[0] == 0
        assert cached[1] >= 256 and cached[2] >= cached[1], cached
    assert sum(metric(worker, "cached_tokens_total") for worker in workers) > 0


def test_round_robin_uses_all(serve, router):
    server = serve("--time-scale", 20, workers=2)
    client = client_of(router(2, "--policy", "round_robin", "--worker-urls", *server.urls))
    for i in range(6):
        words, usage = ask(client, f"number {i}", 3, stream=True)
        assert len(words) == 3 and usage.completion_tokens == 3
    assert [metric(worker, "num_requests_total") for worker in server.urls] == [3, 3]


def test_prefill_and_decode(behind_router):
    url, workers = behind_router("prefill-decode", "--time-scale", 20, "--page-size", 64)
    listed = {(worker["url"], worker["worker_type"]) for worker in workers_of(url) if worker["is_healthy"]}
    assert listed == {(workers[0], "prefill"), (workers[1], "decode")}

    client = client_of(url)
    prompt = " and the other" * 100
    whole, usage = ask(client, prompt, 12, stream=False)
    assert len(whole) == 12
    assert (usage.prompt_tokens, usage.completion_tokens) == (300 + TEMPLATE_TOKENS, 12)
    streamed, usage = ask(client, prompt, 12, stream=True)
    assert streamed == whole
    assert (usage.prompt_tokens, usage.completion_tokens) == (300 + TEMPLATE_TOKENS, 12)
    assert usage.prompt_tokens_details.cached_tokens >= 192

    for worker in workers:
        assert metric(worker, "num_requests_total") == 2
        assert metric(worker, "num_aborted_requests_total") == 0
        assert load(worker)["num_reqs"] == 0


def test_prefill_and_decode_errors(behind_router):
    url, workers = behind_router("prefill-decode", "--time-scale", 20, "--context-length", 1024)
    client = client_of(url)
    with pytest.raises(openai.APIStatusError):
        ask(client, " word" * 2000, 3, stream=True)
    words, _ = ask(client, "hello", 3, stream=True)
    assert len(words) == 3
    assert [load(worker)["num_reqs"] for worker in workers] == [0, 0]


@pytest.mark.parametrize("mode", ["cache_aware", "prefill-decode"])
def test_replay_through_the_router(behind_router, small_trace, tmp_path, mode):
    path, rows = small_trace
    url, workers = behind_router(mode, "--time-scale", 20, "--page-size", 64)
    command = [SRTCTL, "replay", "-m", MODEL, "--url", url, "--input-file", path, "--speed", 2, "--streaming"]
    code, out, err = run([*command, "--max-lag-ms", 60000, "--no-server-metrics", "--artifact-dir", tmp_path / "artifacts"])
    assert code == 0, f"{out[-3000:]}\n{err[-3000:]}"
    records = read_rows(tmp_path / "artifacts/profile_export.jsonl")
    asked = sorted(row["output_length"] for row in rows)
    assert sorted(record["metrics"]["output_sequence_length"]["value"] for record in records) == asked
    taken = [metric(worker, "num_requests_total") for worker in workers]
    assert taken == [len(rows)] * 2 if mode == "prefill-decode" else sum(taken) == len(rows)
    assert [metric(worker, "num_aborted_requests_total") for worker in workers] == [0, 0]


@pytest.mark.parametrize("mode", ["cache_aware", "prefill-decode"])
def test_abandoned_stream_frees_the_workers(behind_router, mode):
    url, workers = behind_router(mode)  # real time: 4,000 tokens would take most of a minute
    request = {"model": MODEL, "messages": [{"role": "user", "content": " and so on" * 100}], "max_tokens": 4000}
    stream = client_of(url).chat.completions.create(**request, stream=True)
    for _, _chunk in zip(range(5), stream):
        pass
    assert sum(load(worker)["num_reqs"] for worker in workers) == 1
    stream.close()
    free = {"num_reqs": 0, "num_waiting_reqs": 0, "num_tokens": 0}
    assert eventually(lambda: all(load(worker) == free for worker in workers), 5), [load(worker) for worker in workers]
    assert sum(metric(worker, "num_aborted_requests_total") for worker in workers) == 1
