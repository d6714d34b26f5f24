"""srtctl replay and aiperf beside each other, both against srtctl serve on this machine. docs/benchmarks.md defines each figure.
usage: bench/live.py [saturation|accuracy|lag|start|cancel ...] (default: all); run by ./dev bench live."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time

from parts import percentile, run_parts
from live_programs import AIPERF, OURS, Client, Engine
from conftest import MODEL, PUBLISHED, SRTCTL, eventually, load, read_rows, write_rows  # noqa: I001  live_programs says where it is

CLIENTS = (OURS, AIPERF)
INPUT_TOKENS = 64
RUN_MOST_S = 120  # one run of a client
START_MOST_S = 240
KV = ("--kv-tokens", 4_000_000)


class Table:
    def __init__(self):
        print(f"{'':52}{'ours':>12}{'aiperf':>12}{'target':>13}")

    def row(self, what, values, target=None, digits=2):
        """`values` by client; `target`: ("<=" or ">=", number), for ours."""
        cells = "".join(f"{values[c]:12,.{digits}f}" if values.get(c) is not None else f"{'-':>12}" for c in CLIENTS)
        verdict = ""
        if target is not None:
            sign, limit = target
            value = values.get(OURS)
            met = value is not None and (value <= limit if sign == "<=" else value >= limit)
            verdict = f"{sign + f' {limit:,g}':>13}  {'ok' if met else 'missed'}"
        print(f"{what:52}{cells}{verdict}", flush=True)


def tried(run):
    """run(), or nothing and a line on stderr when the client failed: the other figures still count."""
    try:
        return run()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return None


def streams_flags(which, streams, tokens, requests):
    lengths = ["--synthetic", f"isl={INPUT_TOKENS},osl={tokens}"] if which == OURS else [
        "--isl", INPUT_TOKENS, "--osl", tokens, "--num-dataset-entries", 100]
    return [*lengths, "--concurrency", streams, "--request-count", requests]


def time_scale_for(folder, streams, tokens, per_second):
    """The --time-scale at which the engine gives each of so many streams so many tokens a second: from the truth log of a run."""
    with Engine(folder / "pace", *KV, "--time-scale", 50) as engine:
        client = Client(OURS, folder / "pace-client", engine.urls, streams_flags(OURS, streams, tokens, streams))
        client.wait(RUN_MOST_S)
    steps = [step for line in engine.log() if line["type"] == "answer" for step in line["due"][1:]]
    return percentile(steps, 50) / 1e9 * per_second


def stream(folder, which, scale, streams, tokens, truth):
    with Engine(folder / f"serve-{which}", *KV, "--time-scale", scale, truth=truth) as engine:
        run = Client(which, folder / which, engine.urls, streams_flags(which, streams, tokens, streams)).wait(RUN_MOST_S)
    return run, engine


def saturation(table, folder):
    for streams, tokens in ((20, 2000), (100, 500), (1000, 500)):
        scale = time_scale_for(folder / str(streams), streams, tokens, 200)
        rate, cpu_us, in_flight, server = {}, {}, {}, {}
        for which in CLIENTS:
            done = tried(lambda which=which: stream(folder / str(streams), which, scale, streams, tokens, truth=False))
            if done is None:
                continue
            run, engine = done
            rate[which] = run.chunks / (run.end_ns - run.start_ns) * 1e9
            cpu_us[which] = run.meter.cpu_s(run.start_ns, run.end_ns) / run.chunks * 1e6
            in_flight[which] = run.most_in_flight()
            server[which] = run.chunks / max(engine.meter.cpu_s(run.start_ns, run.end_ns), 1e-9)
        full = streams == 1000
        at = f"{streams:,} streams x 200 tokens/s: "
        table.row(at + "chunks/s", rate, (">=", 100_000) if full else None, 0)
        table.row(at + "client CPU, us/chunk", cpu_us, ("<=", 10) if full else None, 1)
        table.row(at + "in flight", in_flight, None, 0)
        table.row(at + "chunks/server CPU s", server, (">=", 100_000) if full else None, 0)


def accuracy(table, folder):
    for streams, per_second, tokens in ((100, 40, 200), (1000, 20, 100), (1000, 40, 100)):
        part = folder / f"{streams}x{per_second}"
        scale = time_scale_for(part, streams, tokens, per_second)
        ttft, itl, matched = {}, {}, {}
        for which in CLIENTS:
            done = tried(lambda which=which: stream(part, which, scale, streams, tokens, truth=True))
            if done is None:
                continue
            run, engine = done
            truths = engine.truths()
            pairs = [(request, truths[request.name]) for request in run.requests if request.name in truths]
            matched[which] = len(pairs)
            ttft[which] = [abs(request.ttft_ms - truth.ttft_ms) for request, truth in pairs]
            itl[which] = [abs(request.itl_ms - truth.itl_ms) for request, truth in pairs]
        at = f"{streams:,} x {per_second}/s: "
        table.row(at + "requests matched with the truth", matched, (">=", streams), 0)
        targets = (("<=", 0.5), ("<=", 2)) if streams == 1000 else (None, None)
        table.row(at + "error of TTFT, mean (ms)", {c: sum(e) / len(e) for c, e in ttft.items()}, targets[0], 3)
        table.row(at + "error of TTFT, p99 (ms)", {c: percentile(e, 99) for c, e in ttft.items()}, targets[1], 3)
        table.row(at + "error of ITL, mean (ms)", {c: sum(e) / len(e) for c, e in itl.items()}, None, 4)
        table.row(at + "error of ITL, p99 (ms)", {c: percentile(e, 99) for c, e in itl.items()}, None, 4)


def conversation(folder):
    if PUBLISHED.exists():
        return PUBLISHED
    path = folder / "conversation.jsonl"
    subprocess.run([SRTCTL, "trace", "synthesize", "--like", "conversation", "-o", path], check=True, stdout=subprocess.DEVNULL)
    return path


def trace_flags(trace, *more):
    return ["--input-file", trace, "--custom-dataset-type", "mooncake_trace", "--fixed-schedule", *more]


def lag(table, folder):
    trace = conversation(folder)
    for speed in (1, 10):
        rows = [row for row in read_rows(trace) if row["timestamp"] < 30_000 * speed]
        scaled = [{**row, "timestamp": row["timestamp"] / speed} for row in rows]
        files = {OURS: write_rows(folder / f"slice{speed}.jsonl", rows), AIPERF: write_rows(folder / f"scaled{speed}.jsonl", scaled)}
        late = {}
        for which in CLIENTS:
            flags = trace_flags(files[which], *(["--speed", speed] if which == OURS else []))
            with Engine(folder / f"serve-{which}{speed}", "--time-scale", speed, workers=8) as engine:
                client = Client(which, folder / f"{which}{speed}", engine.urls, flags)
                run = tried(lambda client=client: client.wait(RUN_MOST_S))
            if run is not None:
                late[which] = lags_ms(which, run, scaled)
        target = ("<=", 1 if speed == 1 else 3)
        table.row(f"lag at speed {speed} ({len(rows):,} requests), p50 (ms)", {c: percentile(v, 50) for c, v in late.items()}, None, 3)
        table.row(f"lag at speed {speed}, p99 (ms)", {c: percentile(v, 99) for c, v in late.items()}, target, 3)
        table.row(f"lag at speed {speed}, max (ms)", {c: max(v) for c, v in late.items()}, None, 3)


def lags_ms(which, run, rows):
    """aiperf does not say when a request was due: by the trace, from the one that was the least late, as it does itself."""
    if which == OURS:
        return [(r.start_ns - r.due_ns) / 1e6 for r in run.requests]
    after = [r.start_ns / 1e6 - rows[int(r.session.rsplit("_", 1)[1])]["timestamp"] for r in run.requests]
    return [ms - min(after) for ms in after]


class FirstPost(threading.Thread):
    """A server that answers nothing and notes when the first POST began."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.came = threading.Event()
        self.at_ns = None
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.read, args=(connection,), daemon=True).start()

    def read(self, connection):
        with contextlib.suppress(OSError), connection:
            if connection.recv(4).startswith(b"POST") and not self.came.is_set():
                self.at_ns = time.time_ns()
                self.came.set()
            self.came.wait()

    def close(self):
        self.came.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def start(table, folder):
    trace = conversation(folder)
    took_s, peak_mb = {}, {}
    for which in CLIENTS:
        server = FirstPost()
        client = Client(which, folder / which, [server.url], trace_flags(trace), memory=True)
        try:
            came = server.came.wait(START_MOST_S)
            client.meter.sample()
        finally:
            client.end()
            server.close()
        if came and server.at_ns is not None:
            took_s[which] = (server.at_ns - client.begun_ns) / 1e9
        else:
            print(f"{which}: no request within {START_MOST_S} s", file=sys.stderr)
        peak_mb[which] = client.meter.peak_mb
    table.row("whole trace, command to first request (s)", took_s, ("<=", 0.5), 2)
    table.row("whole trace, memory until then (MB)", peak_mb, ("<=", 150), 0)


def open_stream(url, tokens):
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    body = json.dumps({"model": MODEL, "prompt": " word" * 50, "max_tokens": tokens, "stream": True})
    connection.sendall(f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    return connection


def drops_ms(log, left_ns):
    """From when the clients had left until the engine was told, and until the end of the step that each request was part of."""
    about = next(line for line in log if line["type"] == "worker")
    epoch_ns = lambda at: about["start_epoch_ns"] + at / about["time_scale"]  # noqa: E731
    steps = [(line["first_end"], line["last_end"], line["steps"]) for line in log if line["type"] == "decode"]
    told, dropped = [], []
    for line in log:
        if line["type"] != "cancel" or epoch_ns(line["at"]) < left_ns:
            continue
        end = min((step_end(run, line["at"]) for run in steps if run[1] >= line["at"]), default=line["at"])
        told.append((epoch_ns(line["at"]) - left_ns) / 1e6)
        dropped.append((epoch_ns(end) - left_ns) / 1e6)
    return told, dropped


def step_end(run, at):
    """The end of the first step of a run of equal steps that ends at or after `at`."""
    first, last, steps = run
    if first >= at or steps == 1:
        return max(first, at)
    length = (last - first) / (steps - 1)
    return first + length * -(-(at - first) // length)


def cancel(table, folder):
    told, dropped = {}, {}
    for which in CLIENTS:
        with Engine(folder / f"serve-{which}", *KV) as engine:
            url = engine.urls[0]
            stays = open_stream(url, 10_000)  # so that the engine goes on
            client = Client(which, folder / which, [url], streams_flags(which, 100, 2000, 100))
            try:
                under_way = eventually(lambda url=url: load(url)["num_reqs"] == 101 and load(url)["num_waiting_reqs"] == 0, RUN_MOST_S)
                left_ns = time.time_ns()
                client.interrupt()
                gone = under_way and eventually(lambda url=url: load(url)["num_reqs"] == 1)
                time.sleep(0.2)  # steps after it
            finally:
                client.end()
                stays.close()
        if not gone:
            print(f"{which}: its streams did not {'end' if under_way else 'begin'}", file=sys.stderr)
            continue
        told_ms, dropped_ms = drops_ms(engine.log(), left_ns)
        told[which], dropped[which] = max(told_ms[:100]), max(dropped_ms[:100])
    table.row("100 streams, Ctrl-C: the last reached the engine (ms)", told, None, 1)
    table.row("100 streams, Ctrl-C: the last left its batch (ms)", dropped, ("<=", 50), 1)
    table.row("a socket closes: it left its batch, max of 50 (ms)", {OURS: sockets_that_close(folder)}, ("<=", 50), 1)


def sockets_that_close(folder):
    with Engine(folder / "serve-sockets", *KV) as engine:
        stays = open_stream(engine.urls[0], 10_000)
        leaving = [open_stream(engine.urls[0], 10_000) for _ in range(50)]
        time.sleep(1)
        closed_ns = []
        for connection in leaving:
            closed_ns.append(time.time_ns())
            connection.close()
            time.sleep(0.02)
        time.sleep(0.2)
        stays.close()
    log = engine.log()
    # The cancels come in the order of the closing, each before the next.
    return max(drops_ms(log, at)[1][0] for at in closed_ns)


PARTS = {"saturation": saturation, "accuracy": accuracy, "lag": lag, "start": start, "cancel": cancel}


def main():
    run_parts(PARTS, Table, "live")


if __name__ == "__main__":
    main()
