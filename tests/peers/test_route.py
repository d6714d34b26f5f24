"""srtctl route in front of srtctl serve, in the hands of real clients, and beside sglang-router 0.3.2, whose place it takes."""

import argparse
import http.client
import http.server
import json
import re
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request

import openai
import pytest
from conftest import MODEL, SRTCTL, TEMPLATE_TOKENS, Program, eventually, free_port, load, metric, read_rows, run
from conftest import http as ask_http
from test_aiperf import summary_of
from test_sglang_router import ask, client_of, router, workers_of  # noqa: F401 (router is a fixture)

FAST = ("--time-scale", 20, "--page-size", 64)
WORDS = " and the other" * 100  # 300 tokens


@pytest.fixture
def route(tmp_path):
    """route(workers, *flags): the URL of a gateway, once so many workers are healthy. It ends with exit code 0."""
    started = []

    def start(workers, *flags):
        command = [SRTCTL, "route", "--port", 0, *flags]
        gateway = Program(command, tmp_path / f"route{len(started)}.log")
        started.append(gateway)
        said = gateway.wait_until(lambda: re.search(r"^gateway ready: (http\S+)", gateway.output(), re.MULTILINE))
        url = said.group(1)
        gateway.wait_until(lambda: json.loads(readiness(url))["healthy_workers"] >= workers)
        return url

    yield start
    died = [gateway.output() for gateway in started if gateway.process.poll() is not None]
    codes = [gateway.end() for gateway in started]
    assert died == []
    assert codes == [0] * len(started), "\n".join(gateway.output() for gateway in started)


def readiness(url):
    """Whoever vouches for it."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
    try:
        with opener.open(url + "/readiness", timeout=30) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        return error.read()


def help_of_route():
    code, out, err = run([SRTCTL, "route", "--help"])
    assert code == 0, err
    return out


def options_of_help():
    """flag -> what the help says of it, on one line."""
    entries = re.findall(r"^  (?:-\w, *)?(--[\w-]+)(.*(?:\n {4,}.*)*)", help_of_route(), re.MULTILINE)
    assert len(entries) > 40
    return {flag: " ".join(text.split()) for flag, text in entries}


def policies():
    says = re.search(r"How a worker is chosen: ([\w, ]+) \(default: cache_aware\)", options_of_help()["--policy"])
    choices = says.group(1).split(", ")
    assert {"cache_aware", "min_ttft", "random", "round_robin"} <= set(choices)
    return choices


@pytest.fixture
def pair(serve):
    """pair(*flags): a prefill and a decode worker, and what the router is told of them."""

    def start(*flags):
        prefill, decode = (
            serve("--disaggregation-mode", role, "--disaggregation-bootstrap-port", 0, *flags) for role in ("prefill", "decode")
        )
        words = ["--pd-disaggregation", "--prefill", prefill.urls[0], prefill.bootstrap_ports[0], "--decode", decode.urls[0]]
        return words, [prefill.urls[0], decode.urls[0]]

    return start


def use_every_way(url):
    """What clients ask for, in each way there is; the usage must be that of a worker asked directly."""
    client = client_of(url)
    assert [model.id for model in client.models.list().data] == [MODEL]
    whole, usage = ask(client, WORDS, 6, stream=False)
    assert (len(whole), usage.prompt_tokens, usage.completion_tokens) == (6, 300 + TEMPLATE_TOKENS, 6)
    streamed, usage = ask(client, WORDS, 6, stream=True)
    assert streamed == whole
    assert (usage.prompt_tokens, usage.completion_tokens) == (300 + TEMPLATE_TOKENS, 6)
    for prompt, tokens in ((WORDS, 300), (list(range(5, 105)), 100)):
        answer = client.completions.create(model=MODEL, prompt=prompt, max_tokens=5)
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (tokens, 5)
        assert answer.choices[0].finish_reason == "length"
        stream = client.completions.create(
            model=MODEL, prompt=prompt, max_tokens=5, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
        assert chunks[-1].usage.prompt_tokens == tokens
        assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == answer.choices[0].text
    for prompt, tokens in (({"text": WORDS}, 300), ({"input_ids": list(range(7, 87))}, 80)):
        status, text = ask_http(url + "/generate", {**prompt, "sampling_params": {"max_new_tokens": 4}})
        assert status == 200, text
        info = json.loads(text)["meta_info"]
        assert (info["prompt_tokens"], info["completion_tokens"]) == (tokens, 4)
    return 8


@pytest.mark.parametrize("speed", [[], ["--gpu", "h200", "--model", MODEL, "--tp", 2]], ids=["tokens", "seconds"])
def test_every_policy(serve, route, speed):
    server = serve(*FAST, "--tp", 2, workers=2)
    for policy in policies():
        before = sum(metric(worker, "num_requests_total") for worker in server.urls)
        url = route(2, "--policy", policy, *speed, "--worker-urls", *server.urls)
        asked = use_every_way(url)
        assert sum(metric(worker, "num_requests_total") for worker in server.urls) - before == asked, policy
        assert [load(worker)["num_reqs"] for worker in server.urls] == [0, 0]


def test_every_policy_for_pairs(pair, route):
    words, workers = pair(*FAST, "--tp", 2)
    for policy in policies():
        before = [metric(worker, "num_requests_total") for worker in workers]
        asked = use_every_way(route(2, "--policy", policy, *words))
        assert [metric(worker, "num_requests_total") - b for worker, b in zip(workers, before)] == [asked] * 2, policy
    use_every_way(route(2, "--prefill-policy", "min_ttft", "--decode-policy", "random", *words))
    assert [metric(worker, "num_aborted_requests_total") for worker in workers] == [0, 0]
    assert [load(worker)["num_reqs"] for worker in workers] == [0, 0]


@pytest.mark.parametrize("policy", ["cache_aware", "min_ttft"])
def test_a_conversation_stays_where_its_prefix_is(serve, route, policy):
    server = serve(*FAST, workers=2)
    client = client_of(route(2, "--policy", policy, "--worker-urls", *server.urls))
    for opening in (" and the other" * 400, " with more of it" * 400):
        before = [metric(worker, "num_requests_total") for worker in server.urls]
        cached = []
        for turn, stream in enumerate((False, True, False)):
            _, usage = ask(client, opening + " hello" * 100 * turn, 5, stream)
            cached.append(usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else 0)
        taken = [metric(worker, "num_requests_total") - b for worker, b in zip(server.urls, before)]
        assert sorted(taken) == [0, 3], "one worker has the prefix, and gets all of its requests"
        assert cached[0] == 0 and cached[1] >= 1024 and cached[2] >= cached[1], cached


def test_errors_of_the_worker_reach_the_client(serve, pair, route):
    server = serve(*FAST, "--context-length", 1024)
    words, workers = pair(*FAST, "--context-length", 1024)
    for url in (route(1, "--worker-urls", server.urls[0]), route(2, *words)):
        client = client_of(url)
        hello = [{"role": "user", "content": "hello"}]
        for request, error in (
            ({"model": "no-such-model"}, openai.NotFoundError),
            ({"max_tokens": "many"}, openai.BadRequestError),
            ({"messages": []}, openai.BadRequestError),
            ({"messages": [{"role": "user", "content": " word" * 2000}]}, openai.BadRequestError),
        ):
            for stream in (False, True):
                with pytest.raises(error) as caught:
                    client.chat.completions.create(**{"model": MODEL, "messages": hello, "stream": stream, **request})
                assert "127.0.0.1" not in str(caught.value), "no internal address"
        with pytest.raises(openai.NotFoundError):
            client.embeddings.create(model=MODEL, input="hello")  # passed through unread; the worker does not have it
        assert len(ask(client, "hello", 3, stream=True)[0]) == 3
    assert [load(worker)["num_reqs"] for worker in [*server.urls, *workers]] == [0, 0, 0]


def test_errors_of_the_gateway(serve, route):
    nobody = client_of(route(0, "--worker-urls", f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(openai.InternalServerError) as caught:
        ask(nobody, "hello", 3, stream=False)
    assert caught.value.status_code == 503
    assert caught.value.body["code"] == "no_available_workers"
    assert "127.0.0.1" not in str(caught.value)

    server = serve(*FAST)
    url = route(1, "--api-key", "sesame", "--worker-urls", server.urls[0])
    with pytest.raises(openai.AuthenticationError):
        ask(client_of(url), "hello", 3, stream=False)
    with_key = openai.OpenAI(base_url=url + "/v1", api_key="sesame", max_retries=0, timeout=60)
    assert len(ask(with_key, "hello", 3, stream=True)[0]) == 3


@pytest.mark.parametrize("mode", ["aggregated", "pair"])
def test_abandoned_stream_frees_the_workers(serve, pair, route, mode):
    if mode == "pair":
        words, workers = pair()  # real time: 4,000 tokens would take most of a minute
    else:
        workers = serve(workers=2).urls
        words = ["--worker-urls", *workers]
    request = {"model": MODEL, "messages": [{"role": "user", "content": WORDS}], "max_tokens": 4000}
    stream = client_of(route(2, *words)).chat.completions.create(**request, stream=True)
    for _, _chunk in zip(range(5), stream):
        pass
    assert sum(load(worker)["num_reqs"] for worker in workers) == 1
    stream.close()
    free = {"num_reqs": 0, "num_waiting_reqs": 0, "num_tokens": 0}
    assert eventually(lambda: all(load(worker) == free for worker in workers), 5), [load(worker) for worker in workers]
    assert sum(metric(worker, "num_aborted_requests_total") for worker in workers) == 1


def test_tls(serve, route, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", 2]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    code, _, err = run([*new, *subject, "-keyout", key, "-out", certificate])
    assert code == 0, err
    server = serve(*FAST, workers=2)
    trust = ssl.create_default_context(cafile=str(certificate))
    url = route(2, "--worker-urls", *server.urls, "--tls-cert-path", certificate, "--tls-key-path", key)
    assert url.startswith("https://")
    client = openai.OpenAI(
        base_url=url + "/v1", api_key="none", max_retries=0, timeout=60, http_client=openai.DefaultHttpxClient(verify=trust)
    )
    assert len(ask(client, WORDS, 300, stream=True)[0]) == 300
    assert len(ask(client, " word" * 50_000, 3, stream=False)[0]) == 3
    code, out, err = run(["curl", "-sS", "--cacert", certificate, url + "/readiness", url + "/v1/models"])
    assert code == 0 and '"status":"ready"' in out and MODEL in out, err
    code, _, err = run(["curl", "-sS", url + "/readiness"])
    assert code == 60, "a certificate that nobody vouches for"
    assert ask_http(url.replace("https", "http") + "/readiness")[0] == 0, "plain HTTP gets no answer"
    assert len(ask(client, "hello", 3, stream=True)[0]) == 3


# ---- aiperf


@pytest.mark.parametrize("mode", ["aggregated", "pair"])
def test_aiperf(serve, pair, route, aiperf, small_trace, mode):
    path, rows = small_trace
    if mode == "pair":
        words, workers = pair(*FAST)
    else:
        workers = serve(*FAST, workers=2).urls
        words = ["--worker-urls", *workers]
    folder = aiperf(
        *("-m", MODEL, "--tokenizer", MODEL, "--input-file", path, "--custom-dataset-type", "mooncake_trace"),
        *("--fixed-schedule", "--url", route(2, "--policy", "min_ttft", *words), "--streaming", "--random-seed", 42),
        *("--extra-inputs", "ignore_eos:true"),
    )
    summary = summary_of(folder)
    assert summary["request_count"]["avg"] == len(rows)
    assert summary["output_sequence_length"]["avg"] == pytest.approx(sum(row["output_length"] for row in rows) / len(rows))
    # One token a chunk: nothing was held back or glued together on the way.
    for record in read_rows(folder / "profile_export.jsonl"):
        assert record.get("error") is None
        figures = record["metrics"]
        assert len(figures["inter_chunk_latency"]["value"]) == figures["output_sequence_length"]["value"] - 1
    assert [metric(worker, "num_aborted_requests_total") for worker in workers] == [0, 0]
    taken = sum(metric(worker, "num_requests_total") for worker in workers)
    assert taken == len(rows) * (2 if mode == "pair" else 1)


# ---- Bytes, beside the original


class Recorder:
    """A worker of loopback that keeps each POST as it came, and answers; a router takes it for an engine."""

    def __init__(self):
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self._answer({"model_path": MODEL, "model_id": MODEL, "served_model_name": MODEL, "object": "list", "data": []})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with recorder.lock:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    recorder.posts.append((self.path, headers, body))
                said = {"index": 0, "message": {"role": "assistant", "content": "x"}, "text": "x", "finish_reason": "stop"}
                self._answer({"id": "c", "object": "o", "created": 0, "model": "m", "choices": [said], "text": "x"})

            def _answer(self, what):
                data = json.dumps(what).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.lock = threading.Lock()
        self.posts = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def post(url, path, body, headers=()):
    """(status, headers, body) of exactly these bytes."""
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    connection.request("POST", path, body, {"Content-Type": "application/json", **dict(headers)})
    answer = connection.getresponse()
    result = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return result


CHAT = (
    b'{ "model":"m",\n "messages":[{"role":"user","content":"h\\u00e9 \\/ \xc3\xa9"}], "max_tokens": 7,\t\n'
    b'"foo":{"bar":[1, 2.50]} }'
)
BODIES = (
    ("/v1/chat/completions", CHAT),
    ("/v1/completions", b'{"model":"m","prompt":"a b","max_tokens":7,"my_own":3,"rid":"x","temperature":0.10}'),
    ("/generate", b'{"text":"hello","sampling_params":{"max_new_tokens":7,"custom":1e3},"my_own":null}'),
)


def test_bodies_arrive_byte_for_byte(route, router):
    with Recorder() as worker:
        ours = route(1, "--worker-urls", worker.url)
        theirs = router(1, "--worker-urls", worker.url)
        for path, body in BODIES:
            assert post(ours, path + "?x=1", body)[0] == 200
            target, headers, received = worker.posts[-1]
            assert (target, received) == (path + "?x=1", body)
            assert headers["content-type"] == "application/json"
            got = post(theirs, path, body)
            assert got[0] == 200, got
            # The original reads it into what it knows and writes that: unknown members are gone, others have appeared.
            rewritten = json.loads(worker.posts[-1][2])
            assert rewritten != json.loads(body)
        chat = [json.loads(received) for path, _, received in worker.posts if path.startswith("/v1/chat")]
        assert (chat[0]["max_tokens"], chat[0]["foo"]) == (7, {"bar": [1, 2.5]})
        assert "foo" not in chat[1] and "max_tokens" not in chat[1] and chat[1]["max_completion_tokens"] == 7
        # Token ids, which the original does not take there.
        ids = b'{"model":"m","prompt":[1,2,3],"max_tokens":7}'
        assert post(ours, "/v1/completions", ids)[0] == 200
        assert worker.posts[-1][2] == ids
        assert post(theirs, "/v1/completions", ids)[0] == 422
        # A path that neither we nor the original know: ours goes through as it is, the original answers 404.
        assert post(ours, "/v1/some/thing", b"\x00\xffnot json")[0] == 200
        assert worker.posts[-1][0] == "/v1/some/thing" and worker.posts[-1][2] == b"\x00\xffnot json"
        assert post(theirs, "/v1/some/thing", b"{}")[0] == 404


def test_pairs_get_bootstrap_members_and_nothing_else(route, router):
    with Recorder() as prefill, Recorder() as decode:
        words = ["--pd-disaggregation", "--prefill", prefill.url, 9001, "--decode", decode.url]
        ours, theirs = route(2, *words), router(2, *words)
        for path, body in BODIES:
            assert post(ours, path, body)[0] == 200
            assert eventually(lambda: prefill.posts and decode.posts)
            both = [one.posts.pop()[2] for one in (prefill, decode)]
            assert both[0] == both[1]
            added = {key: json.loads(both[0])[key] for key in ("bootstrap_host", "bootstrap_port", "bootstrap_room")}
            assert (added["bootstrap_host"], added["bootstrap_port"]) == ("127.0.0.1", 9001)
            assert 0 <= added["bootstrap_room"] < 2**63
            start = body.index(b"{") + 1
            assert both[0].startswith(body[:start]) and both[0].endswith(body[start:]), "all else as it came"
            assert {**json.loads(body), **added} == json.loads(both[0])

            got = post(theirs, path, body)
            assert got[0] == 200, got
            assert eventually(lambda: prefill.posts and decode.posts)
            original = [json.loads(one.posts.pop()[2]) for one in (prefill, decode)]
            assert {key: type(original[0][key]) for key in added} == {key: type(value) for key, value in added.items()}
            assert (original[0]["bootstrap_host"], original[0]["bootstrap_port"]) == ("127.0.0.1", 9001)


def test_headers_on_the_way(route, router):
    sent = {"authorization": "Bearer k", "x-request-id": "mine", "traceparent": "00-1-2-01", "x-smg-routing-key": "room"}
    hop_by_hop = {"connection": "keep-alive, x-private", "x-private": "1", "te": "trailers", "proxy-authorization": "p"}
    with Recorder() as worker:
        urls = [start(1, "--worker-urls", worker.url) for start in (route, router)]
        for url in urls:
            status, headers, _ = post(url, *BODIES[0], {**sent, **hop_by_hop, "x-custom": "c"}.items())
            assert (status, headers["x-request-id"]) == (200, "mine")
        ours, theirs = (headers for _, headers, _ in worker.posts)
        for received in (ours, theirs):
            assert sent.items() <= received.items()
            assert not hop_by_hop.keys() - {"connection"} & received.keys()
        assert ours["x-custom"] == "c" and "x-custom" not in theirs  # the original forwards those that it knows
        for url in urls:  # one is made up where the client has none
            assert len(post(url, *BODIES[0])[1]["x-request-id"]) > 8


# ---- The command line and the answers of the original


def original_flags():
    """Of sglang-router's argument parser: flag -> its action."""
    from sglang_router.router_args import RouterArgs

    parser = argparse.ArgumentParser()
    RouterArgs.add_cli_args(parser)
    return {action.option_strings[0]: action for action in parser._actions if action.dest != "help"}


def our_flags():
    """flag -> its default as the help shows it; None: it shows none."""
    shown = {flag: re.search(r"\(default: ([^()]*)\)", text) for flag, text in options_of_help().items()}
    return {flag: default and default.group(1) for flag, default in shown.items()}


# Where ours differs on purpose.
OTHER_DEFAULTS = {
    "--host": "127.0.0.1",  # 0.0.0.0
    "--prometheus-host": "127.0.0.1",  # 0.0.0.0
    "--prometheus-port": None,  # 29000, but only if that is free
}


def test_every_flag_is_taken_or_refused_by_name():
    theirs, ours = original_flags(), our_flags()
    assert len(theirs) > 90 and {"--worker-urls", "--prefill", "--policy"} <= theirs.keys()
    for flag in sorted(theirs.keys() & ours.keys()):
        default = theirs[flag].default
        shown = ours[flag]
        if flag in OTHER_DEFAULTS:
            assert shown == OTHER_DEFAULTS[flag], flag
        elif isinstance(default, (int, float)) and not isinstance(default, bool):
            # "Accepted" ones have none: they mean nothing.
            accepted = re.search(rf"^  {flag}\b[^\n]*\n?[^\n]*Accepted: ", help_of_route(), re.MULTILINE)
            assert accepted or (shown is not None and float(shown) == default), flag
        elif isinstance(default, str):
            accepted = re.search(rf"^  {flag}\b[^\n]*\n?[^\n]*Accepted: ", help_of_route(), re.MULTILINE)
            assert accepted or shown == default, flag
        else:
            assert default in (None, False, []), flag
    refused = sorted(theirs.keys() - ours.keys())
    words = []
    for flag in refused:
        words += [flag] if theirs[flag].nargs == 0 else [flag, "1"]
    code, _, err = run([SRTCTL, "route", *words])
    assert code == 2, err
    said = re.findall(r"route does not have sglang-router's flag (\S+): \S", err)
    assert sorted(said) == refused


def a_word_for(action):
    if action.choices:
        return sorted(action.choices)[-1]
    return {int: "7", float: "0.5"}.get(action.type, "x")


def test_the_same_command_line_starts_both(serve, route, router):
    """All flags that both have, with values; then a request through each."""
    server = serve(*FAST, workers=2)
    ours = our_flags()
    given = {"--policy": "random", "--prefill-policy": "round_robin", "--decode-policy": "random", "--api-key": "k"}
    given |= {"--health-check-endpoint": "/health", "--balance-rel-threshold": "1.5", "--retry-backoff-multiplier": "2"}
    given |= {"--max-payload-size": "1000000", "--request-timeout-secs": "60", "--health-check-timeout-secs": "5"}
    own = {"--host", "--port", "--worker-urls", "--pd-disaggregation", "--prefill", "--decode", "--disable-health-check"}
    own |= {"--worker-startup-check-interval", "--prometheus-host", "--prometheus-port", "--tls-cert-path", "--tls-key-path"}
    words = []
    for flag, action in original_flags().items():
        if flag in own or flag not in ours:
            continue
        words += [flag] if action.nargs == 0 else [flag, given.get(flag, a_word_for(action))]
    assert len(words) > 50
    words += ["--worker-urls", *server.urls, "--disable-circuit-breaker"]
    for start in (route, router):
        url = start(2, *words)
        client = openai.OpenAI(base_url=url + "/v1", api_key="k", max_retries=0, timeout=60)
        assert len(ask(client, "hello", 3, stream=True)[0]) == 3


def member_types(value):
    """Shape of JSON: names and kinds of values; numbers are one kind."""
    if isinstance(value, dict):
        return {key: member_types(item) for key, item in value.items()}
    if isinstance(value, list):
        return [member_types(value[0])] if value else []
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def missing_members(theirs, ours, where=""):
    """What the original's answer has and ours has not, or has as something else."""
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            return [where]
        return [m for key, item in theirs.items() for m in missing_members(item, ours.get(key), f"{where}.{key}")]
    if isinstance(theirs, list):
        if not isinstance(ours, list):
            return [where]
        return missing_members(theirs[0], ours[0], where + "[]") if theirs and ours else []
    return [] if theirs == ours else [where]


def call(url, method, path, body=None):
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, json.loads(text) if text.startswith(("{", "[")) else text


def test_answers_have_the_shape_of_the_original(serve, route, router):
    server = serve(*FAST, workers=2)
    extra = serve(*FAST).urls[0]
    urls = [start(2, "--worker-urls", *server.urls) for start in (router, route)]
    # (method, path, body); of members only the original's are looked at: ours may have more.
    listed = [{worker["url"]: worker["id"] for worker in workers_of(url)} for url in urls]
    first = server.urls[0]
    requests = [
        ("GET", "/workers", None),
        ("GET", "/workers/{first}", None),
        ("PUT", "/workers/{first}", {"priority": 10}),
        ("GET", "/readiness", None),
        ("GET", "/get_loads", None),
        ("GET", "/v1/models", None),
        ("GET", "/get_model_info", None),
        ("POST", "/flush_cache", None),
        ("GET", "/health", None),
        ("GET", "/liveness", None),
        ("POST", "/workers", {"url": extra}),
        ("POST", "/workers", {"url": first}),  # it is there already: nothing happens
        ("DELETE", "/workers/{first}", None),
    ]
    # Found out from the engine, which ours does not ask; the state of a job, where ours has none: it is done at once.
    absent = {".workers[].metadata", ".metadata", ".job_status", ".workers[].disable_health_check", ".disable_health_check"}
    for method, path, body in requests:
        (their_status, theirs), (our_status, ours) = (
            call(url, method, path.format(first=ids[first]), body) for url, ids in zip(urls, listed)
        )
        assert our_status == their_status, (method, path, ours, theirs)
        assert set(missing_members(member_types(theirs), member_types(ours))) <= absent, (method, path, ours, theirs)
        if method == "POST" and body == {"url": first}:
            assert (theirs["worker_id"], ours["worker_id"]) == tuple(ids[first] for ids in listed)
    # (The original takes back the worker that it was told of again, if that job comes last.)
    assert eventually(lambda: {w["url"] for w in workers_of(urls[1]) if w["is_healthy"]} == {server.urls[1], extra})


def test_workers_come_and_go_by_id_and_by_address(serve, route):
    server = serve(*FAST, workers=3)
    url = route(1, "--policy", "round_robin", "--worker-urls", server.urls[0])
    for worker in server.urls[1:]:
        status, answer = call(url, "POST", "/workers", {"url": worker})
        assert (status, answer["status"], answer["url"]) == (202, "accepted", worker)
    assert eventually(lambda: sum(worker["is_healthy"] for worker in workers_of(url)) == 3)
    client = client_of(url)
    for i in range(6):
        ask(client, f"number {i}", 3, stream=True)
    assert [metric(worker, "num_requests_total") for worker in server.urls] == [2, 2, 2]
    ids = {worker["url"]: worker["id"] for worker in workers_of(url)}
    quoted = urllib.parse.quote(server.urls[1], safe="")
    assert call(url, "DELETE", f"/workers/{ids[server.urls[0]]}")[0] == 202
    assert call(url, "DELETE", f"/workers/{quoted}")[0] == 202
    assert call(url, "DELETE", f"/workers/{quoted}")[0] == 404
    assert call(url, "GET", "/workers/99")[0] == 404
    assert call(url, "PUT", f"/workers/{server.urls[2]}", {"url": "http://127.0.0.1:1"})[0] == 400
    assert call(url, "POST", "/workers", {"url": server.urls[0], "worker_type": "prefill"})[0] == 400
    assert [worker["url"] for worker in workers_of(url)] == [server.urls[2]]
    for i in range(3):
        ask(client, f"number {i}", 3, stream=False)
    assert [metric(worker, "num_requests_total") for worker in server.urls] == [2, 2, 5]
