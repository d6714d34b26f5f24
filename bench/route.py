"""srtctl route beside sglang-router, HAProxy and nginx, each on one core. docs/benchmarks.md defines each figure.
usage: bench/route.py [requests|sse|latency|memory|cancel|quality ...] (default: all); run by ./dev bench route."""

import contextlib
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time

from parts import run_parts
from route_programs import HAPROXY, NGINX, OURS, PROGRAMS, REST, SGLANG, SRTCTL, Router, Workers, load

REPEATS = 5
KB = 1024
POLICIES = ("round_robin", "cache_aware", "min_ttft")
AGAINST = {"min_ttft": "cache_aware"}  # the original's policy that stands for one that it does not have
TIMES_THE_ORIGINAL = {("round_robin", 1): 5, ("round_robin", 48): 4}  # others: 4
PROMPTS = 12_000
SLICE_MS, SPEED = 60_000, 4  # the engines run so much faster too: the load is that of the trace
LIMITS = "time_to_first_token:500 inter_token_latency:6.25"  # 2 s and 25 ms of the engines


class Table:
    def __init__(self):
        print(f"{'':50}" + "".join(f"{name:>10}" for name in PROGRAMS) + f"{'target':>22}")

    def row(self, what, values, target=None, digits=0):
        """`values` by program; `target`: (">=" or "<=", limit, what it is), for ours."""
        cells = "".join(f"{values[p]:10,.{digits}f}" if values.get(p) is not None else f"{'-':>10}" for p in PROGRAMS)
        verdict = ""
        if target is not None:
            sign, limit, meaning = target
            value = values.get(OURS)
            met = value is not None and (value >= limit if sign == ">=" else value <= limit)
            verdict = f"{sign + ' ' + meaning:>22}  {'ok' if met else 'missed'}"
        print(f"{what:50}{cells}{verdict}", flush=True)


def medians(repeats):
    """By the keys of each repeat's figures: their medians."""
    return {key: statistics.median(repeat[key] for repeat in repeats) for key in repeats[0]}


def alternating(routers, measure):
    """REPEATS times each router in turn; the order is turned round every other time."""
    order = list(routers)
    return [{key: measure(routers[key]) for key in (order if i % 2 == 0 else order[::-1])} for i in range(REPEATS)]


def ratio(repeats, ours, other):
    """Within one repeat, so that what the machine does otherwise is in both."""
    return statistics.median(repeat[ours] / repeat[other] for repeat in repeats)


def open_routers(stack, folder, urls, which):
    """{(program, policy): Router} for `which`: such pairs."""
    return {key: stack.enter_context(Router(folder, key[0], urls, key[1])) for key in which}


def requests(table, folder):
    with contextlib.ExitStack() as stack:
        workers = stack.enter_context(Workers(folder))
        which = [*((OURS, policy) for policy in POLICIES), (SGLANG, "round_robin"), (SGLANG, "cache_aware"), (HAPROXY, "round_robin"),
                 (NGINX, "round_robin")]
        routers = open_routers(stack, folder, workers.urls, which)

        def per_cpu_second(router, kb):
            loaded = load("requests", router.port, kb * KB, 64, 1.2, router.pids())
            return loaded.requests / loaded.cpu_s

        for kb in (1, 48):
            repeats = alternating(routers, lambda router, kb=kb: per_cpu_second(router, kb))
            middle = medians(repeats)
            for policy in POLICIES:
                other = (SGLANG, AGAINST.get(policy, policy))
                times = TIMES_THE_ORIGINAL.get((policy, kb), 4)
                values = {name: middle.get((name, policy)) for name in PROGRAMS} | {SGLANG: middle[other]}
                # The median of the ratios and not the ratio of the medians: the limit is put where the ratio says it is.
                limit = middle[(OURS, policy)] * times / ratio(repeats, (OURS, policy), other)
                table.row(f"{kb} KB, {policy}: requests/CPU s", values, (">=", limit, f"{times} x sglang"))
                table.row(f"{kb} KB, {policy}: times sglang's", {OURS: ratio(repeats, (OURS, policy), other)}, None, 2)


def sse(table, folder):
    for name, streams, chunks, step_us, peer in (("unpaced", 64, 200, 0, NGINX), ("paced, 500 streams", 500, 200, 25_000, HAPROXY)):
        with contextlib.ExitStack() as stack:
            part = folder / name.split(",")[0]
            workers = stack.enter_context(Workers(part, 4, chunks, step_us))
            routers = open_routers(stack, part, workers.urls, [(program, "round_robin") for program in PROGRAMS])

            def per_cpu_second(router, streams=streams):
                loaded = load("stream", router.port, KB, streams, 2, router.pids())
                return loaded.chunks / loaded.cpu_s

            repeats = alternating(routers, per_cpu_second)
        middle = {key[0]: value for key, value in medians(repeats).items()}
        times = ratio(repeats, (OURS, "round_robin"), (peer, "round_robin"))
        table.row(f"SSE {name}: chunks/CPU s", middle, (">=", middle[OURS] / times, f"1 x {peer}"))


def latency(table, folder):
    with contextlib.ExitStack() as stack:
        workers = stack.enter_context(Workers(folder, 4))
        routers = open_routers(stack, folder, workers.urls, [(program, "round_robin") for program in PROGRAMS])
        ports = {key[0]: router.port for key, router in routers.items()} | {"direct": workers.ports[0]}
        repeats = alternating(ports, lambda port: load("latency", port, KB, 500, 2).p50_us / 1000)
    added = [{name: repeat[name] - repeat["direct"] for name in PROGRAMS} for repeat in repeats]
    middle = medians(added)
    table.row("500 requests/s: added latency, p50 (ms)", middle, ("<=", middle[HAPROXY], HAPROXY), 3)
    table.row("500 requests/s: direct, p50 (ms)", {OURS: medians(repeats)["direct"]}, None, 3)


def memory(table, folder):
    before, after, most = {}, {}, {}
    with Workers(folder) as workers:
        for which in (OURS, SGLANG):
            with Router(folder, which, workers.urls, "cache_aware") as router:
                before[which], _ = router.memory_mb()
                load("prompts", router.port, 48 * KB, PROMPTS, 0)
                after[which], most[which] = router.memory_mb()
    grown = {which: most[which] - before[which] for which in before}
    table.row("cache_aware, at the start: memory (MB)", before, None, 1)
    table.row(f"after {PROMPTS:,} different 48 KB prompts (MB)", after, None, 1)
    table.row("what they cost at most (MB)", grown, ("<=", 64, "64"), 1)


class Silent(threading.Thread):
    """A worker that is well, begins the answer to a POST or not, says nothing more, and notes when its connection was closed."""

    def __init__(self, begins):
        super().__init__(daemon=True)
        self.begins = begins
        self.asked, self.closed_ns = threading.Event(), 0
        self.closed = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        with contextlib.suppress(OSError), connection:
            while data := connection.recv(65536):
                if data.startswith(b"GET"):
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
                    continue
                if self.begins:
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
                    connection.sendall(b"9\r\ndata: a\n\n\r\n")
                self.asked.set()
                with contextlib.suppress(ConnectionError):
                    while connection.recv(65536):
                        pass
                self.closed_ns = time.monotonic_ns()
                self.closed.set()

    def took_ms(self, port):
        """From a client's leaving to the end of the connection here; nothing: not within 6 s."""
        self.asked.clear()
        self.closed.clear()
        body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"a"}]}'
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(head.encode() + body)
            self.asked.wait(10)
            if self.begins:
                client.recv(65536)
            time.sleep(0.05)
            left_ns = time.monotonic_ns()
        return (self.closed_ns - left_ns) / 1e6 if self.closed.wait(6) else None


def cancel(table, folder):
    for begins, what in ((False, "before the head"), (True, "after one event")):
        worker = Silent(begins)
        most = {}
        for which in PROGRAMS:
            with Router(folder / str(begins), which, [worker.url]) as router:
                took = []
                while len(took) < 10 and None not in took:
                    took.append(worker.took_ms(router.port))
                most[which] = None if None in took else max(took)
        worker.listener.close()
        table.row(f"client left, worker silent {what} (ms)", most, ("<=", 50, "50"), 1)


ENGINES = ("--gpu", "h200", "--tp", 2, "--model", "Qwen/Qwen3-32B", "--ttft-ms", 500, "--itl-ms", 6.25, "--time-scale", SPEED)
QUALITY = {  # name: (program, policy, flags)
    "slo": (OURS, "slo", ENGINES),
    "min_ttft": (OURS, "min_ttft", ENGINES),
    "min_ttft, no coefficients": (OURS, "min_ttft", ()),
    "sglang cache_aware": (SGLANG, "cache_aware", ()),
    "sglang round_robin": (SGLANG, "round_robin", ()),
}
FIGURES = {  # as replay prints them, the first number of each line
    "goodput (%)": "Goodput (% of requests)",
    "TTFT in limit (%)": "TTFT within its limit (%)",
    "ITL in limit (%)": "ITL within its limit (%)",
    "TTFT mean (ms)": "TTFT",
    "cache hits (%)": "Prefix cache hits (% of tokens)",
}


def quality(_, folder):
    """Imported here: what the other parts do not need."""
    from conftest import MODEL, read_rows, write_rows
    from live import conversation
    from live_programs import Engine

    rows = [row for row in read_rows(conversation(folder)) if row["timestamp"] < SLICE_MS]
    trace = write_rows(folder / "slice.jsonl", rows)
    print(f"{f'{len(rows)} requests at speed {SPEED}, {LIMITS}':76}" + "".join(f"{name:>18}" for name in FIGURES))
    for name, (program, policy, flags) in QUALITY.items():
        part = folder / name.replace(" ", "-")
        with Engine(part, "--time-scale", SPEED, workers=8, truth=False) as engine, Router(part, program, engine.urls, policy, flags) as router:
            command = [SRTCTL, "replay", "-m", MODEL, "--url", router.url, "--input-file", trace, "--custom-dataset-type", "mooncake_trace",
                       "--fixed-schedule", "--streaming", "--random-seed", "42", "--ui", "none", "--no-server-metrics", "--speed", SPEED,
                       "--goodput", LIMITS, "--max-lag-ms", "1000000", "--artifact-dir", part / "artifacts"]
            done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=180, check=False)
        if done.returncode != 0:
            print(f"{name}: exit code {done.returncode}\n{done.stderr[-2000:]}", file=sys.stderr)
        found = [re.search(rf"^{re.escape(line)} +([\d,.]+)", done.stdout, re.MULTILINE) for line in FIGURES.values()]
        print(f"{name:76}" + "".join(f"{figure.group(1) if figure else '-':>18}" for figure in found), flush=True)


PARTS = {"requests": requests, "sse": sse, "latency": latency, "memory": memory, "cancel": cancel, "quality": quality}


def main():
    os.sched_setaffinity(0, REST)
    run_parts(PARTS, Table, "route")


if __name__ == "__main__":
    main()
