#!/usr/bin/env python3
"""serve and replay beside each other on one minute of traffic, in real time: how far tokens were sent from when they were due, and how
the same minute looks in virtual time. usage: bench/twin.py SRTCTL TRACE; run by ./dev bench twin."""
import json
import pathlib
import subprocess
import sys
import tempfile

from parts import percentile

WORKERS = 8
RECIPE = "recipies/qwen3-32b/agg-round-robin.yaml"
LIMITS = "time_to_first_token:2000 inter_token_latency:25"


def start_server(srtctl, log):
    server = subprocess.Popen(
        [srtctl, "serve", "--workers", str(WORKERS), "--port", "0", "--threads", "1", "--gpu", "h200", "--tp", "2", "--page-size", "64",
         "--truth-log", str(log)], stdout=subprocess.PIPE, text=True)
    urls = []
    while len(urls) < WORKERS:
        line = server.stdout.readline()
        if not line:
            sys.exit("srtctl serve did not start")
        urls.append(next(word for word in line.split() if word.startswith("http://")))
    return server, urls


def live(srtctl, trace, folder):
    log = folder / "truth.jsonl"
    server, urls = start_server(srtctl, log)
    try:
        command = [srtctl, "replay", "-m", "Qwen/Qwen3-32B", "--streaming", "--input-file", str(trace), "--custom-dataset-type",
                   "mooncake_trace", "--fixed-schedule", "--goodput", LIMITS, "--artifact-dir", str(folder / "artifacts"), "--ui", "none",
                   "--max-lag-ms", "1000"]
        for url in urls:
            command += ["--url", url]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    finally:
        server.terminate()
        server.wait()
    return log, json.loads((folder / "artifacts" / "summary.json").read_text())


def main():
    srtctl, trace = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        minute = folder / "minute.jsonl"
        subprocess.run([srtctl, "trace", "slice", trace, "--from", "0", "--to", "60", "-o", str(minute)], check=True, stdout=subprocess.DEVNULL)
        log, measured = live(srtctl, minute, folder)
        late_ms = sorted(late / 1e6 for line in log.open() if '"type":"answer"' in line for late in json.loads(line)["sent_late_ns"])
        simulated = json.loads(subprocess.run([srtctl, "simulate", "-f", RECIPE, "--trace", str(minute), "--json"], check=True,
                                              capture_output=True, text=True).stdout)["runs"][0]
    print(f"tokens sent {len(late_ms)}; after they were due: p50 {percentile(late_ms, 50):.3f}, p99 {percentile(late_ms, 99):.3f}, "
          f"max {late_ms[-1]:.3f} ms (target: p99 within 5 ms)")
    print(f"{'':24}{'live':>12}{'simulated':>12}")
    for label, pick in (("goodput (fraction)", lambda run: run["goodput_fraction"]), ("TTFT mean (ms)", lambda run: run["ttft_ms"]["mean"]),
                        ("TTFT p99 (ms)", lambda run: run["ttft_ms"]["p99"]), ("ITL mean (ms)", lambda run: run["itl_ms"]["mean"]),
                        ("prefix hits (fraction)", lambda run: run["prefix_hit_rate"])):
        print(f"{label:24}{pick(measured):12.3f}{pick(simulated):12.3f}")


if __name__ == "__main__":
    main()
