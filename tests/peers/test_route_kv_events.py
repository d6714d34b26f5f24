"""KV events of srtctl serve: the gateway expects exactly the hits that the engine then has."""

import json
import re
import urllib.request

import pytest
from conftest import MODEL, SRTCTL, eventually, http

PAGE = 64
WORDS = ["the", "and", "other", "time", "more", "with", "from", "have", "this", "that"]


def gauge(url, name):
    _, text = http(url)
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + "{") or line.startswith(name + " "))


def ask(url, prompt, chat):
    """(tokens that the gateway expected in the cache, tokens that were)"""
    body = {"model": MODEL, "max_tokens": 2}
    body.update({"messages": [{"role": "user", "content": prompt}]} if chat else {"prompt": prompt})
    path = "/v1/chat/completions" if chat else "/v1/completions"
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        usage = json.loads(answer.read())["usage"]
        details = usage.get("prompt_tokens_details") or {}
        return int(answer.headers["x-srtctl-cached-tokens"]), details.get("cached_tokens") or 0


@pytest.fixture
def pair(serve, program):
    """pair(workers): (gateway, its metrics, workers); the gateway knows all that the workers hold."""

    def start(workers):
        events = {"publisher": "zmq", "topic": "kv-events", "endpoint": "tcp://127.0.0.1:0"}
        # Room for 30 pages: what is asked for below does not fit at once.
        server = serve("--time-scale", 20, "--page-size", PAGE, "--kv-tokens", 30 * PAGE, "--kv-events-config", json.dumps(events), workers=workers)
        endpoints = re.findall(r"kv events (tcp://\S+)", server.output())
        assert len(endpoints) == workers
        flags = ["--port", 0, "--prometheus-port", 0, "--policy", "min_ttft", "--explain", "--kv-events-text", "--kv-tokens", 30 * PAGE]
        gateway = program([SRTCTL, "route", *flags, "--worker-urls", *server.urls, "--kv-events", *endpoints])
        url, metrics = gateway.wait_until(lambda: re.findall(r"http://[^\s,]+", gateway.output()))
        gateway.wait_until(lambda: '"status":"ready"' in http(url + "/readiness")[1].replace(" ", ""))

        def all_known():
            http(url + "/flush_cache", {})
            return gauge(metrics, "srtctl_route_kv_complete") == workers

        assert eventually(all_known)

        def told():
            return gauge(metrics, "srtctl_route_kv_losses_total"), gauge(metrics, "srtctl_route_kv_batches_total")

        def quiet():
            published = sum(gauge(worker + "/metrics", "srtctl_serve_kv_batches_total") for worker in server.urls)
            return told()[1] + missed == published

        missed = sum(gauge(worker + "/metrics", "srtctl_serve_kv_batches_total") for worker in server.urls) - told()[1]
        return url, metrics, quiet

    return start


@pytest.mark.parametrize("kind", ["chat", "text", "ids"])
@pytest.mark.parametrize("workers", [1, 2])
def test_expected_hits_are_the_engines(pair, kind, workers):
    url, metrics, quiet = pair(workers)

    def prompt(name, pages):
        if kind == "ids":
            return [name * 1000 + i for i in range(pages * PAGE + 5)]
        return "".join(f" {WORDS[name]} {WORDS[(i + name) % 10]}" for i in range(pages * PAGE // 2)) + " end"

    hits = []
    # Longer and shorter prompts with common beginnings; together more than fits.
    for name, pages in [(1, 6), (1, 6), (2, 8), (1, 10), (2, 4), (3, 12), (4, 12), (1, 10), (5, 9), (2, 8), (3, 12), (3, 12), (4, 3), (1, 6)]:
        assert eventually(quiet)
        expected, cached = ask(url, prompt(name, pages), kind == "chat")
        assert expected == cached, (name, pages, hits)
        hits.append(cached)
    assert max(hits) >= 10 * PAGE - PAGE and 0 in hits[4:], "some were there, some had been evicted: " + str(hits)
    assert gauge(metrics, "srtctl_route_kv_complete") == workers
