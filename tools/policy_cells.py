#!/usr/bin/env python3
"""Prints the table of docs/policies.md: goodput of every policy in every cell, as Markdown.

    tools/policy_cells.py --trace conversation_trace.jsonl [--trace more.jsonl] [--srtctl build/release/srtctl]

A cell is a trace, a topology (8 aggregated workers, 6 prefill + 2 decode), KV per worker and speed. `hidden` is slo when the router is told
that every answer may have 4,096 tokens. `one` is the reference: one worker eight times as fast with the KV of eight, first come, first
served; since only ratios of times matter, that is one worker with the trace eight times slower and limits eight times longer.
Run from the checkout's root; needs nothing but Python.
"""

import argparse
import concurrent.futures
import json
import subprocess

POLICIES = (
    "slo min_ttft kv llmd cache_aware least_load power_of_two prefix_hash consistent_hash round_robin random".split()
)
RECIPES = {"8 agg": "recipies/qwen3-32b/agg-slo.yaml", "6P+2D": "recipies/qwen3-32b/disagg-slo.yaml"}
KV = (400_000, 742_000)
SPEEDS = (1, 1.5, 2)
ONE_WORKER = {
    "resources.agg_nodes": 1,
    "resources.agg_workers": 1,
    "resources.gpus_per_agg": 2,
    "benchmark.ttft_threshold_ms": 16_000,
    "benchmark.itl_threshold_ms": 200,
}


def goodput(srtctl, recipe, trace, speed, sets):
    words = [srtctl, "simulate", "-f", recipe, "--trace", trace, "--speed", str(speed), "--seed", "1", "--json"]
    for key, value in sets.items():
        words += ["--set", f"{key}={value}"]
    run = subprocess.run(words, check=True, capture_output=True, text=True)
    return json.loads(run.stdout)["runs"][0]


def cell(srtctl, trace, topology, kv, speed):
    def with_policy(policy, more):
        sets = {"engine.kv_tokens": kv, "frontend.args.policy": policy, **more}
        return goodput(srtctl, RECIPES[topology], trace, speed, sets)

    runs = {policy: with_policy(policy, {}) for policy in POLICIES}
    runs["hidden"] = with_policy("slo", {"engine.announced_output": 4096})
    sets = {**ONE_WORKER, "engine.kv_tokens": 8 * kv, "frontend.args.policy": "round_robin"}
    runs["one"] = goodput(srtctl, RECIPES["8 agg"], trace, speed / 8, sets)
    return runs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", action="append", required=True)
    parser.add_argument("--srtctl", default="build/release/srtctl")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    columns = POLICIES[:1] + ["hidden"] + POLICIES[1:] + ["one"]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for trace in args.trace:
            print(f"\n{trace}\n\n| | KV | speed | " + " | ".join(columns) + " | p99 of slo |")
            print("|" + "---|" * (len(columns) + 4))
            places = [(topology, kv, speed) for topology in RECIPES for kv in KV for speed in SPEEDS]
            cells = pool.map(lambda place: cell(args.srtctl, trace, *place), places)
            for (topology, kv, speed), runs in zip(places, cells):
                figures = [f"{100 * runs[name]['goodput_fraction']:.1f}" for name in columns]
                late = runs["slo"]["ttft_ms"]["p99"] / 1e3
                print(f"| {topology} | {kv // 1000}k | {speed} | " + " | ".join(figures) + f" | {late:.0f} s |", flush=True)


if __name__ == "__main__":
    main()
