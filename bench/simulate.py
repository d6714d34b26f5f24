#!/usr/bin/env python3
"""srtctl simulate beside the replay engine inside ai-dynamo-runtime, in one run on one machine: CPU time and memory of whole processes,
with parsing, on the same trace. usage: bench/simulate.py SRTCTL TRACE [ROUNDS]; run by ./dev bench simulate.

Each measurement is a process of its own, one after the other, in turns; of several rounds the least CPU time counts (other work on the
machine only adds to it) and the largest memory. Dynamo's engine runs with its own (polynomial) step times, so what its requests see is
not comparable with ours; how much work it is to follow 12,031 requests through eight workers is."""
import json
import os
import subprocess
import sys

AGGREGATED = "recipies/qwen3-32b/agg-round-robin.yaml"
DISAGGREGATED = "recipies/qwen3-32b/disagg-kv-router.yaml"
KV_TOKENS = 742_000

# What Dynamo's process does; prints what its requests saw.
DYNAMO = """
import json, sys
from dynamo._core import run_mocker_trace_replay
trace, options = sys.argv[1], json.loads(sys.argv[2])
result = run_mocker_trace_replay([trace], trace_block_size=512, sla_ttft_ms=2000.0, sla_itl_ms=25.0, **options)
s = result.summary
print(json.dumps({"requests": s["completed_requests"], "goodput_fraction": s["goodput_completed_requests"] / s["num_requests"],
                  "ttft_mean_ms": s["mean_ttft_ms"], "ttft_p99_ms": s["p99_ttft_ms"]}))
"""


def engine(**more):
    return {"engine": {"backend": "sglang", "block_size": 64, "num_gpu_blocks": KV_TOKENS // 64, **more}}


# name, our arguments, Dynamo's options (None: Dynamo has no such thing)
CASES = (
    ("8 aggregated, round robin", [AGGREGATED, "policy=round_robin"],
     {"extra_engine_args": engine(), "num_workers": 8, "router_mode": "round_robin"}),
    ("8 aggregated, by KV", [AGGREGATED, "policy=cache_aware"],
     {"extra_engine_args": engine(), "num_workers": 8, "router_mode": "kv_router"}),
    ("6 prefill + 2 decode, round robin", [DISAGGREGATED, "policy=round_robin"],
     {"prefill_engine_args": engine(worker_type="prefill"), "decode_engine_args": engine(worker_type="decode"),
      "num_prefill_workers": 6, "num_decode_workers": 2, "router_mode": "round_robin"}),
    ("6 prefill + 2 decode, by KV", [DISAGGREGATED, "policy=cache_aware"],
     {"prefill_engine_args": engine(worker_type="prefill"), "decode_engine_args": engine(worker_type="decode"),
      "num_prefill_workers": 6, "num_decode_workers": 2, "router_mode": "kv_router"}),
)


def measured(command):
    """(CPU s, peak MB, standard output) of one process."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        return None
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out


def ours(srtctl, trace, recipe, policy):
    run = measured([srtctl, "simulate", "-f", recipe, "--trace", trace, "--set", "frontend.type=srtctl", "--set", "frontend.args." + policy,
                    "--set", f"engine.kv_tokens={KV_TOKENS}", "--json"])
    if run is None:
        return None
    cpu_s, peak_mb, out = run
    figures = json.loads(out)["runs"][0]
    return cpu_s, peak_mb, {"goodput_fraction": figures["goodput_fraction"], "ttft_mean_ms": figures["ttft_ms"]["mean"],
                            "ttft_p99_ms": figures["ttft_ms"]["p99"]}


def dynamos(trace, options):
    run = measured([sys.executable, "-c", DYNAMO, trace, json.dumps(options)])
    return run and (run[0], run[1], json.loads(run[2]))


def best(runs):
    runs = [run for run in runs if run is not None]
    return runs and (min(run[0] for run in runs), max(run[1] for run in runs), runs[0][2])


def figures_text(figures):
    return f"{figures['goodput_fraction']:.3f} {figures['ttft_mean_ms']:9.0f} {figures['ttft_p99_ms']:9.0f}"


def main():
    srtctl, trace = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    print(f"{'':36}{'CPU s':>8}{'MB':>7}   goodput, TTFT mean, p99 (ms; each by its own step times)")
    for name, (recipe, policy), options in CASES:
        pairs = [(ours(srtctl, trace, recipe, policy), dynamos(trace, options)) for _ in range(rounds)]
        we, they = best([pair[0] for pair in pairs]), best([pair[1] for pair in pairs])
        for who, run in (("srtctl", we), ("dynamo", they)):
            print(f"{name:27.27}{who:>9}" + (f"{run[0]:8.3f}{run[1]:7.0f}   {figures_text(run[2])}" if run else "  did not run"))
        if we and they:
            print(f"{'':27}{'ratio':>9}{they[0] / we[0]:8.0f}{they[1] / we[1]:7.0f}")


if __name__ == "__main__":
    main()
