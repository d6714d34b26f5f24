"""/metrics of srtctl route against that of sglang-router: the names that both have mean the same and have the same labels."""

import re
import sys

from conftest import MODEL, SRTCTL, eventually, free_port, http

ROUTER = [sys.executable, "-m", "sglang_router.launch_router", "--worker-startup-check-interval", 1]
HISTOGRAM = re.compile(r"_(bucket|sum|count)$")
# Of these the original's values do not depend on chance, timing or what it asks by itself.
COUNTED = {
    "smg_http_requests_total",
    "smg_http_responses_total",
    "smg_router_requests_total",
    "smg_worker_selection_total",
    "smg_worker_pool_size",
    "smg_worker_health",
    "smg_router_upstream_responses_total",
}


def scrape(url):
    """{name: {frozenset of labels as (key, value): number}}, and {name: type}."""
    status, text = http(url)
    assert status == 200
    samples, types = {}, {}
    for line in text.splitlines():
        if match := re.match(r"# TYPE (\S+) (\S+)", line):
            types[match[1]] = match[2]
        elif line and not line.startswith("#"):
            name, labels, value = re.fullmatch(r"([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)", line).groups()
            pairs = frozenset(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ""))
            samples.setdefault(name, {})[pairs] = float(value)
    return samples, types


def drive(url):
    """The same requests for both."""
    for i in range(3):
        chat = {"model": MODEL, "messages": [{"role": "user", "content": f"number {i}"}], "max_tokens": 3}
        assert http(url + "/v1/chat/completions", chat)[0] == 200
        assert http(url + "/v1/chat/completions", {**chat, "stream": True})[0] == 200
        assert http(url + "/v1/completions", {"model": MODEL, "prompt": "hello", "max_tokens": 3})[0] == 200
        assert http(url + "/generate", {"text": "hello", "sampling_params": {"max_new_tokens": 3}})[0] == 200


def start(program, command, workers):
    port, metrics = free_port(), free_port()
    flags = ["--host", "127.0.0.1", "--port", port, "--prometheus-host", "127.0.0.1", "--prometheus-port", metrics]
    url = f"http://127.0.0.1:{port}"
    process = program([*command, *flags, "--policy", "round_robin", "--worker-urls", *workers], env={"HF_HUB_OFFLINE": "1"})
    process.wait_until(lambda: '"healthy_workers":2' in http(url + "/readiness")[1].replace(" ", ""), 90)
    drive(url)
    text = f"http://127.0.0.1:{metrics}/metrics"
    # A histogram may be updated after the answer has gone out.
    assert eventually(lambda: "smg_router_request_duration_seconds_bucket" in http(text)[1])
    return scrape(text)


def without(samples, name, *keys):
    """The samples of a metric by their labels without some."""
    out = {}
    for labels, value in samples.get(name, {}).items():
        rest = frozenset((key, text) for key, text in labels if key not in keys)
        out[rest] = out.get(rest, 0) + value
    return out


def test_names_and_labels(serve, program):
    workers = serve("--time-scale", 20, workers=2).urls
    theirs, their_types = start(program, ROUTER, workers)
    ours, our_types = start(program, [SRTCTL, "route"], workers)

    both = set(theirs) & set(ours)
    assert COUNTED | {"smg_http_request_duration_seconds_bucket", "smg_worker_cb_state"} <= both
    for name in both:
        keys = [{frozenset(key for key, _ in labels) for labels in samples[name]} for samples in (theirs, ours)]
        assert keys[0] == keys[1], name
        family = HISTOGRAM.sub("", name) if name not in our_types else name
        assert our_types[family] == their_types[family], name
    bounds = [{value for labels in s["smg_http_request_duration_seconds_bucket"] for k, value in labels if k == "le"} for s in (theirs, ours)]
    assert {float(b) for b in bounds[0]} == {float(b) for b in bounds[1]}

    # The model is not told apart, and how often each is asked for its readiness is not the same.
    for name in COUNTED:
        a, b = (without(samples, name, "model") for samples in (theirs, ours))
        if name.startswith("smg_http"):
            a, b = ({k: v for k, v in s.items() if ("method", "GET") not in k and ("status_code", "503") not in k} for s in (a, b))
        if name == "smg_http_responses_total":
            assert set(a) == set(b)
            continue
        assert a == b, name
    # What only this gateway knows.
    assert {"srtctl_route_decision_seconds_count", "srtctl_route_expected_cached_tokens_total", "srtctl_route_worker_load_tokens"} <= set(ours)
