"""What bench/live.py runs: srtctl serve with its truth log, and the two clients, with what they wrote and what CPU they used."""

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/peers"))
from conftest import MODEL, SRTCTL, Serve, lay_out_hugging_face_home, read_rows  # noqa: E402

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
OURS, AIPERF = "ours", "aiperf"


class Meter(threading.Thread):
    """CPU seconds of all processes of a session, sampled; with `memory`, their memory too (shared pages counted once)."""

    def __init__(self, session, memory=False, every_s=0.2):
        super().__init__(daemon=True)
        self.session, self.memory, self.every_s = session, memory, every_s
        self.samples = []  # (epoch ns, CPU s)
        self.peak_mb = 0.0
        self.ended = threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(self.every_s):
            self.sample()

    def stop(self):
        self.ended.set()
        self.join()

    def sample(self):
        ticks, memory_kb = 0, 0
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[3]) != self.session:
                    continue
                ticks += sum(int(field) for field in fields[11:15])  # of it and of its children that have ended
                if self.memory:
                    memory_kb += self.memory_kb(stat.parent)
        self.samples.append((time.time_ns(), ticks / CLOCK_TICKS))
        self.peak_mb = max(self.peak_mb, memory_kb / 1024)

    @staticmethod
    def memory_kb(process):
        return next((int(line.split()[1]) for line in (process / "smaps_rollup").open() if line.startswith("Pss:")), 0)

    def cpu_s(self, start_ns, end_ns):
        """CPU used between two moments, in a straight line between samples."""
        return self._at(end_ns) - self._at(start_ns)

    def _at(self, ns):
        before = max((s for s in self.samples if s[0] <= ns), default=self.samples[0])
        after = min((s for s in self.samples if s[0] > ns), default=self.samples[-1])
        if after[0] <= before[0]:
            return before[1]
        return before[1] + (after[1] - before[1]) * (ns - before[0]) / (after[0] - before[0])


@dataclasses.dataclass
class Request:
    """A line of profile_export.jsonl; both clients write the same."""

    name: str  # X-Request-ID
    session: str
    due_ns: int
    start_ns: int
    end_ns: int
    ttft_ms: float
    latency_ms: float
    tokens: int

    @property
    def itl_ms(self):
        return (self.latency_ms - self.ttft_ms) / (self.tokens - 1)


def read_requests(folder):
    requests = []
    for row in read_rows(folder / "profile_export.jsonl"):
        if row.get("error"):
            continue
        about, metrics = row["metadata"], row["metrics"]
        requests.append(Request(about["x_request_id"], about["conversation_id"], about["credit_issued_ns"], about["request_start_ns"],
                                about["request_end_ns"], metrics["time_to_first_token"]["value"], metrics["request_latency"]["value"],
                                metrics["output_sequence_length"]["value"]))
    return requests


@dataclasses.dataclass
class Run:
    requests: list
    meter: Meter

    @property
    def start_ns(self):
        return min(r.start_ns for r in self.requests)

    @property
    def end_ns(self):
        return max(r.end_ns for r in self.requests)

    @property
    def chunks(self):
        return sum(r.tokens for r in self.requests)

    def most_in_flight(self):
        moments = sorted([(r.start_ns, 1) for r in self.requests] + [(r.end_ns, -1) for r in self.requests])
        most = now = 0
        for _, step in moments:
            now += step
            most = max(most, now)
        return most


class Client:
    """A client program under way, in a session of its own. End it always."""

    def __init__(self, which, folder, urls, flags, memory=False):
        self.which, self.folder = which, folder
        folder.mkdir(parents=True, exist_ok=True)
        common = ["-m", MODEL, "--streaming", "--random-seed", "42", "--ui", "none", "--no-server-metrics"]
        for url in urls:
            common += ["--url", url]
        self.artifacts = folder / "artifacts"
        common += ["--artifact-dir", self.artifacts, *flags]
        env = dict(os.environ)
        if which == OURS:
            # The limit that makes a run not valid is out of the way: how late it was is what is asked here.
            command = [SRTCTL, "replay", "--workers-max", "1", "--max-lag-ms", "1000000", *common]
        else:
            # With its own default, to count all tokens with a tokenizer, it is slower still.
            command = [pathlib.Path(sys.executable).parent / "aiperf", "profile", "--tokenizer", MODEL, "--no-gpu-telemetry",
                       "--use-server-token-count", "--extra-inputs", "ignore_eos:true", *common]
            lay_out_hugging_face_home(folder / "hf")
            env |= {"HF_HOME": str(folder / "hf"), "HOME": str(folder), "TMPDIR": str(folder), "HF_HUB_OFFLINE": "1"}
        self.log = folder / "log"
        self.begun_ns = time.time_ns()
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                env=env, cwd=folder if which == AIPERF else ROOT)
        self.meter = Meter(self.process.pid, memory, 0.02 if which == OURS and memory else 0.2)

    def wait(self, seconds):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = f"more than {seconds} s"
        finally:
            self.end()
        if code != 0:
            raise RuntimeError(f"{self.which}: {code}\n{self.log.read_text(errors='replace')[-2000:]}")
        return Run(read_requests(self.artifacts), self.meter)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def end(self):
        if not self.meter.ended.is_set():
            self.meter.stop()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclasses.dataclass
class Truth:
    """Of one answer, in nanoseconds of the epoch: when its request was there, when its tokens had been written."""

    received_ns: int
    written_ns: list

    @property
    def ttft_ms(self):
        return (self.written_ns[0] - self.received_ns) / 1e6

    @property
    def itl_ms(self):
        return (self.written_ns[-1] - self.written_ns[0]) / 1e6 / (len(self.written_ns) - 1)


class Engine:
    """srtctl serve, ready, on one thread; a context. log() after its end."""

    def __init__(self, folder, *flags, workers=1, truth=True):
        folder.mkdir(parents=True, exist_ok=True)
        self.log_path = folder / "truth.jsonl"
        self.log_path.unlink(missing_ok=True)
        logged = ["--truth-log", self.log_path] if truth else []
        model = ["--threads", 1, "--gpu", "h200", "--tp", 2, "--page-size", 64]
        self.serve = Serve([*model, *logged, *flags], workers, folder / "serve.log")
        self.meter = Meter(self.serve.process.pid)

    def __enter__(self):
        try:
            self.serve.wait_until_ready()
        except BaseException:
            self.end()
            raise
        self.urls = self.serve.urls
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.meter.stop()
        self.serve.end()

    def log(self):
        return read_rows(self.log_path)

    def truths(self):
        """Of the answers that ended well, by X-Request-ID."""
        log = self.log()
        workers = {line["worker"]: line for line in log if line["type"] == "worker"}
        truths = {}
        for line in log:
            if line["type"] != "answer" or line["outcome"] != "finished" or not line["x_request_id"]:
                continue
            worker, at, written = workers[line["worker"]], 0, []
            for step, late in zip(line["due"], line["sent_late_ns"], strict=True):
                at += step
                written.append(worker["start_epoch_ns"] + round(at / worker["time_scale"]) + late)
            truths[line["x_request_id"]] = Truth(line["received_epoch_ns"], written)
        return truths
