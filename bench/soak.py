"""srtctl serve, route and replay together at 5,000 streams of 4 tokens/s, with a worker killed and started again every 20 s. Memory,
open files, and what became of every request; docs/reliability.md says what is held to what.
usage: bench/soak.py [SECONDS] (default: 600); run by ./dev soak. Exit code 1: something of it did not hold; each such thing is told when it is
found, and when the run did not come to its end there are no figures."""

import collections
import contextlib
import json
import math
import os
import pathlib
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/peers"))
from conftest import MODEL, SRTCTL, Program, eventually, http, load, write_rows  # noqa: E402
from parts import percentile  # noqa: E402

STREAMS, WORKERS = 5000, 8
TOKENS_PER_S = 4
ANSWERS = (120, 360)  # tokens
PROMPTS, PROMPT_TOKENS = 2000, 64
KILL_EVERY_S, DOWN_S = 20, 3
SHORTEST_S = 30  # of a run: less has no kill in it
NOTICED_S = 5  # a stream of a killed worker is cut within this
WARM_UP_S = 120
JUDGED_FROM_S = 3 * WARM_UP_S  # a shorter run says nothing about memory: caches still fill
GROWTH = 0.05  # of memory after warm-up, that counts as flat; at least GROWTH_MB
GROWTH_MB = 3
RECORD_BYTES, GAP_BYTES, GAPS_MOST = 1000, 16, 8_000_000  # that replay keeps of each request and gap between tokens, allocator included
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

# A step that decodes takes as long as a token is to take, whatever else it does; one that computes prompts takes nearly nothing.
STEP_TIME = f"""step_time:
  step_ns: 1000
  prompt_step_ns: 0
  decode_step_ns: {10**9 // TOKENS_PER_S}
  token_ns: 0
  token_beyond_first_knee_ns: 0
  token_beyond_second_knee_ns: 0
  token_beyond_third_knee_ns: 0
  wave_ns: 0
  kv_token_ns: 0
  kv_token_below_knee_ns: 0
  attention_pair_ns: 0
  token_knees: [128, 2048, 3072]
  wave_knee: 1024
  kv_knee: 49152
"""


def data_with_even_steps(folder):
    """The program's data with other step times for the model and GPU used here: the folder."""
    data = folder / "data"
    shutil.copytree(ROOT / "data", data)
    file = data / "step_times/qwen3-32b.bf16.h200_sxm.tp2.sglang.yaml"
    before, _, after = file.read_text().partition("step_time:\n")
    file.write_text(before + STEP_TIME + "\n" + after[after.index("kv_capacity:"):])
    return data


def fixed_ports(count):
    """Free ports that no outgoing connection takes while their server is down."""
    first_outgoing = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found = []
    for port in range(first_outgoing - 1, 1024, -1):
        with socket.socket() as s, contextlib.suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("there are not enough free ports")


class Worker:
    def __init__(self, folder, index, port, env):
        self.index, self.port, self.env = index, port, env
        self.log = folder / f"serve{index}.log"
        self.url = f"http://127.0.0.1:{port}"
        self.start()

    def start(self):
        self.program = Program([SRTCTL, "serve", "--port", self.port, "--threads", 1, "--gpu", "h200", "--tp", 2, "--page-size", 64,
                                "--kv-tokens", 400_000], self.log, self.env)

    def wait_until_ready(self):
        self.program.wait_until(lambda: "ready" in self.program.output())

    def runs(self):
        return self.program.process.poll() is None

    def is_idle(self):
        """False also when it does not answer."""
        try:
            return load(self.url)["num_reqs"] == 0
        except AssertionError:
            return False

    def kill(self):
        self.program.process.kill()
        self.program.process.wait()


class Watch:
    """Memory, open files and CPU of one process, a sample now and then."""

    def __init__(self, pid):
        self.folder = pathlib.Path(f"/proc/{pid}")
        self.samples = []  # (seconds, MB, files)
        self.cpu_s = 0.0

    def sample(self, at):
        with contextlib.suppress(OSError):
            pages = int((self.folder / "statm").read_text().split()[1])
            files = len(os.listdir(self.folder / "fd"))
            fields = (self.folder / "stat").read_text().rpartition(")")[2].split()
            self.cpu_s = (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
            self.samples.append((at, pages * PAGE_KB / 1024, files))

    def was_seen(self, begin, end):
        return any(begin <= at <= end for at, _, _ in self.samples)

    def mean_mb(self, begin, end):
        return statistics.fmean(mb for at, mb, _ in self.samples if begin <= at <= end)

    def slope_mb_per_min(self, begin, end):
        points = [(at, mb) for at, mb, _ in self.samples if begin <= at <= end]
        return statistics.linear_regression([at / 60 for at, _ in points], [mb for _, mb in points]).slope

    def files(self, begin, end):
        return [files for at, _, files in self.samples if begin <= at <= end]


class Run:
    """What was started, what was killed when, and what was measured while it ran."""

    def __init__(self, folder, seconds):
        self.folder, self.seconds = folder, seconds
        self.warm_s = min(WARM_UP_S, seconds / 3)
        self.kills = []  # (worker, epoch ns)
        self.faults = 0
        self.env = {"SRTCTL_DATA_DIR": str(data_with_even_steps(folder))}

    def fault(self, what):
        """Told at once: what comes after it may fail for the same reason."""
        self.faults += 1
        print(f"FAULT: {what}", flush=True)

    def hold(self, truth, fault):
        if not truth:
            self.fault(fault)
        return truth

    def start(self, stack):
        *ports, router = fixed_ports(WORKERS + 1)
        self.workers = [Worker(self.folder, i, port, self.env) for i, port in enumerate(ports)]
        stack.callback(lambda: [worker.program.end(5) for worker in self.workers])
        for worker in self.workers:
            worker.wait_until_ready()
        self.decisions = self.folder / "decisions.jsonl"
        self.route = Program(
            [SRTCTL, "route", "--port", router, "--policy", "power_of_two", "--health-check-interval-secs", 2, "--cb-timeout-duration-secs", 5,
             "--prometheus-port", 0, "--decision-log", self.decisions, "--worker-urls", *[worker.url for worker in self.workers]],
            self.folder / "route.log")
        stack.callback(lambda: self.route.end(5))
        url = f"http://127.0.0.1:{router}"
        self.route.wait_until(lambda: json.loads(http(url + "/readiness")[1] or "{}").get("healthy_workers", 0) == WORKERS)
        most = round(self.seconds * STREAMS * TOKENS_PER_S / ANSWERS[0]) + 2 * STREAMS
        rows = write_rows(self.folder / "trace.jsonl", [self.row(i) for i in range(most)])
        self.artifacts = self.folder / "artifacts"
        self.replay = Program(
            [SRTCTL, "replay", "-m", MODEL, "--url", url, "--endpoint-type", "completions", "--streaming", "--input-file", rows,
             "--custom-dataset-type", "mooncake_trace", "--no-fixed-schedule", "--concurrency", STREAMS, "--random-seed", 42,
             "--benchmark-duration", self.seconds, "--benchmark-grace-period", 0, "--workers-max", 1, "--ui", "none", "--no-server-metrics",
             "--max-lag-ms", 1e6, "--max-error-fraction", 1, "--artifact-dir", self.artifacts], self.folder / "replay.log")
        stack.callback(lambda: self.replay.end(5))

    @staticmethod
    def row(i):
        shortest, longest = ANSWERS
        return {"timestamp": 0, "input_length": PROMPT_TOKENS, "output_length": shortest + i * 7919 % (longest - shortest + 1),
                "hash_ids": [i % PROMPTS]}

    def last(self):
        """Until replay has ended; False: before its time, or something else did. Worker 0 is never killed: its memory is that of a worker
        that lives long."""
        self.watches = {"serve": Watch(self.workers[0].program.process.pid), "route": Watch(self.route.process.pid),
                        "replay": Watch(self.replay.process.pid)}
        begun = time.monotonic()
        next_kill, down = KILL_EVERY_S, None
        for second in range(1, 10**9):
            time.sleep(max(0.0, begun + second - time.monotonic()))
            if self.replay.process.poll() is not None:
                whole = self.hold(second >= self.seconds, f"replay ended by itself within {second} s")
                break
            for watch in self.watches.values():
                watch.sample(time.monotonic() - begun)
            if down is not None and second >= next_kill - KILL_EVERY_S + DOWN_S:
                down.start()
                down = None
            if second >= next_kill and second < self.seconds - DOWN_S:
                down = self.workers[1 + len(self.kills) % (WORKERS - 1)]
                self.kills.append((down.index, time.time_ns()))
                down.kill()
                next_kill += KILL_EVERY_S
            if not self.all_run(down) or not self.hold(second <= self.seconds + 120, "replay does not end"):
                whole = False
                break
        if down is not None:
            down.start()
            try:
                down.wait_until_ready()
            except AssertionError as error:
                self.fault(f"worker {down.index} does not start again: {error}")
        return whole

    def all_run(self, down=None):
        """The gateway and all workers but `down`."""
        dead = [worker.index for worker in self.workers if worker is not down and not worker.runs()]
        workers = self.hold(not dead, f"workers {dead} ended by themselves")
        return self.hold(self.route.process.poll() is None, "the gateway ended by itself") and workers

    def end(self):
        """False: what replay and the gateway wrote may not be whole."""
        broken_off = self.replay.process.poll() is None  # then its code is only that of a client that was told to end
        code = self.replay.end()
        whole = not broken_off
        if whole:
            whole = self.all_run()
            whole &= self.hold(code == 0, f"replay's exit code: {code}\n{self.replay.output()[-2000:]}")
        idle = eventually(lambda: all(worker.is_idle() for worker in self.workers if worker.runs()))
        self.hold(idle, "requests are left on workers")
        self.after = Watch(self.route.process.pid)
        self.after.sample(0)
        codes = {"route": self.route.end(), **{f"serve {w.index}": w.program.end() for w in self.workers}}
        for name, code in codes.items():
            self.hold(code == 0, f"{name}'s exit code: {code}")
        return whole and codes["route"] == 0


class Records:
    """profile_export.jsonl: what the client saw."""

    def __init__(self, path):
        self.ok, self.cut_at_end, self.failed = 0, 0, []
        self.requests = set()  # their numbers: replay counts them as it begins them
        self.end_ns = 2**63  # of the run: when the first was cut
        self.tokens, self.gaps_ms, self.moments, self.classes = 0, [], [], collections.Counter()
        with path.open() as lines:
            for number, line in enumerate(lines):
                self.add(json.loads(line), number)

    def add(self, row, number):
        about, error = row["metadata"], row.get("error")
        self.requests.add(about["session_num"])
        self.moments += [(about["request_start_ns"], 1), (about["request_end_ns"], -1)]
        if not error:
            self.ok += 1
            metrics = row["metrics"]
            self.tokens += metrics["output_sequence_length"]["value"]
            if number % 20 == 0:
                self.gaps_ms.append(metrics["inter_token_latency"]["value"])
            return
        if about["was_cancelled"]:
            self.cut_at_end += 1
            self.end_ns = min(self.end_ns, about["request_end_ns"])
        else:
            self.failed.append(about["request_end_ns"])
            self.classes[error["type"]] += 1

    @property
    def rows(self):
        return len(self.moments) // 2

    @property
    def begun(self):
        return max(self.requests, default=-1) + 1

    def in_flight(self, begin_ns, end_ns):
        """The fewest and the most at one time between these moments."""
        now, seen = 0, []
        for at, step in sorted(self.moments):
            now += step
            if begin_ns <= at <= end_ns:
                seen.append(now)
        return min(seen, default=now), max(seen, default=now)


class Decisions:
    """The gateway's log: of each request that did not end well the worker that it was on."""

    def __init__(self, path):
        self.arrived, self.over, self.refused = 0, 0, 0
        self.left = []  # epoch ns; they are also over
        self.cuts = []  # (worker, epoch ns)
        worker_of = {}
        with path.open() as lines:
            epoch_ns = None
            for line in lines:
                row = json.loads(line)
                kind = row["type"]
                if kind == "gateway":
                    epoch_ns = row["epoch_ns"] - row["at"]
                elif kind == "arrived":
                    self.arrived += 1
                elif kind == "choice":
                    worker_of[row["request"]] = row["worker"]
                elif kind == "cut":
                    self.cuts.append((worker_of.pop(row["request"], None), row["at"] + epoch_ns))
                elif kind == "left":
                    self.left.append(row["at"] + epoch_ns)
                elif kind in ("over", "refused"):
                    setattr(self, kind, getattr(self, kind) + 1)
                    worker_of.pop(row["request"], None)
        self.open = len(worker_of)


def account(run, records, decisions):
    """Every request once, and each that failed was on a worker that had just been killed."""
    hold = run.hold
    failed = len(records.failed)
    known = len(records.requests)
    hold(records.rows == known, f"{records.rows} records are of {known} requests")
    hold(records.begun == known, f"{records.begun} requests were begun and {known} have a record")
    hold(decisions.arrived == records.begun, f"{records.begun} requests were begun and {decisions.arrived} arrived")
    hold(records.ok > 0, "no request ended well")
    ended = records.ok + records.cut_at_end
    hold(decisions.over == ended, f"{decisions.over} ended at the gateway without a fault and {ended} at the client")
    early = sum(at < records.end_ns - 10**6 for at in decisions.left)  # two programs' clocks
    hold(early == 0, f"{early} clients left the gateway before the end of the run")
    # Of those that the client gave up a few may have got their last token at that moment.
    hold(len(decisions.left) <= records.cut_at_end, f"{len(decisions.left)} left the gateway, {records.cut_at_end} were given up")
    hold(decisions.refused == 0, f"the gateway refused {decisions.refused}")
    hold(decisions.open == 0, f"{decisions.open} requests have no end at the gateway")
    hold(len(decisions.cuts) == failed, f"the gateway cut {len(decisions.cuts)} and the client saw {failed} fail")
    noticed = NOTICED_S * 10**9

    def killed(worker, at):
        return any(worker == victim and 0 <= at - moment <= noticed for victim, moment in run.kills)

    strangers = sum(not killed(worker, at) for worker, at in decisions.cuts)
    hold(strangers == 0, f"{strangers} requests were cut whose worker had not been killed")
    late = sum(not any(0 <= at - moment <= noticed for _, moment in run.kills) for at in records.failed)
    hold(late == 0, f"{late} requests failed at other times than those of the kills")
    for victim, moment in run.kills:
        cut = sum(worker == victim and 0 <= at - moment <= noticed for worker, at in decisions.cuts)
        seen = sum(0 <= at - moment <= noticed for at in records.failed)
        hold(cut == seen, f"worker {victim} was killed: {cut} streams were cut, the client saw {seen} fail")


def weigh(run, records):
    """Rows of memory and files; beyond its allowance, memory that grows after warm-up is a fault."""
    begin, end = run.warm_s, run.seconds
    edge = (end - begin) / 6
    rows = []
    for name, watch in run.watches.items():
        if not (watch.was_seen(begin, begin + edge) and watch.was_seen(end - edge, end)):
            run.fault(f"{name}'s memory was not looked at when it should have been: the machine was too busy")
            continue
        first, last = watch.mean_mb(begin, begin + edge), watch.mean_mb(end - edge, end)
        allowed = max(GROWTH_MB, GROWTH * first)
        if name == "replay":  # it keeps a record of each request, and the gaps of the first eight million tokens
            share = (end - edge - begin) / end
            gaps = min(records.tokens * share, GAPS_MOST)
            allowed += (RECORD_BYTES * records.rows * share + GAP_BYTES * gaps) / 2**20
        files = watch.files(begin, end)
        rows.append((name, first, last, watch.slope_mb_per_min(begin, end), allowed, files[0], max(files), files[-1],
                     watch.cpu_s / watch.samples[-1][0]))
        if end >= JUDGED_FROM_S:
            run.hold(last - first <= allowed, f"{name}'s memory grew by {last - first:.1f} MB after warm-up, more than {allowed:.1f}")
        run.hold(max(files) <= 1.1 * files[0] + 64 * WORKERS, f"{name}'s open files went from {files[0]} to {max(files)}")
    return rows


def show(run, records, decisions, rows):
    start_ns = min((at for at, _ in records.moments), default=0)
    gaps_ms = records.gaps_ms or [math.nan]
    fewest, most = records.in_flight(start_ns + int(run.warm_s * 1e9), start_ns + int((run.seconds - 1) * 1e9))
    classes = ", ".join(f"{count} {name}" for name, count in sorted(records.classes.items())) or "none"
    print(f"""
{STREAMS:,} streams over {WORKERS} workers for {run.seconds:,} s, {len(run.kills)} kills
requests sent                    {records.begun:>10,}
  ended well                     {records.ok:>10,}
  on a worker that was killed    {len(records.failed):>10,}   {classes}
  cut at the end                 {records.cut_at_end:>10,}
  unexplained                    {max(records.begun, decisions.arrived) - len(records.requests):>10,}
in flight after warm-up          {fewest:>10,} to {most:,}
tokens of requests that ended    {records.tokens:>10,}   {records.tokens / run.seconds:,.0f} a second
ITL p50, p99 (ms)                {percentile(gaps_ms, 50):>10.1f}   {percentile(gaps_ms, 99):.1f}
gateway's files when all is over {run.after.samples[-1][2]:>10,}

after {run.warm_s:.0f} s of warm-up     MB first    MB last   MB/min    allowed   files first    most    last   cores""")
    for name, first, last, slope, allowed, *files, cores in rows:
        print(f"{name:22}{first:11.1f}{last:11.1f}{slope:9.2f}{'+' + format(allowed, '.1f'):>11}{files[0]:14,}{files[1]:8,}{files[2]:8,}{cores:8.2f}")
    print("" if run.seconds >= JUDGED_FROM_S else f"memory is judged from {JUDGED_FROM_S} s on")


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    if seconds < SHORTEST_S:
        sys.exit(f"a soak takes at least {SHORTEST_S} s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    print(f"{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f} at the start", flush=True)
    with tempfile.TemporaryDirectory(prefix="infbench-soak-") as name, contextlib.ExitStack() as stack:
        run = Run(pathlib.Path(name), seconds)
        run.start(stack)
        lasted, ended = run.last(), run.end()
        if lasted and ended:
            records, decisions = Records(run.artifacts / "profile_export.jsonl"), Decisions(run.decisions)
            account(run, records, decisions)
            show(run, records, decisions, weigh(run, records))
        print("everything held" if not run.faults else f"{run.faults} things did not hold")
    sys.exit(1 if run.faults else 0)


if __name__ == "__main__":
    main()
