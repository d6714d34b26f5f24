#!/usr/bin/env python3
"""Fits the step-time model to rows of step times and writes one data file per (GPU, TP, engine).

    python3 tools/fit_step_times.py STEP_TIMES.csv KV_CAPACITY.csv data/step_times

The form of the model (src/cost/step_time.h evaluates the same one in integers), for a step with N = prompt tokens + decoding
sequences and C = tokens of KV that the decoding sequences read:

    step + [any prompt] prompt_step + [any decode] decode_step + [N > k4] wave
      + token N + token1 max(0, N - k1) + token2 max(0, N - k2) + token3 max(0, N - k3)
      + kv_token C + kv_first min(C, k5) + pair (pairs of a new token and a token it attends to)

11 coefficients, all >= 0 so that time never falls when a term grows, and 5 knees, chosen from short lists: 16 numbers per file.
Coefficients minimise the mean fourth power of the relative error (non-negative least squares, reweighted), each kind of row
counting the same; knees are searched by coordinate descent. What a prompt step costs more than a decode step cannot be told
from the slope below the first knee when no short prompts were measured. That difference is nearly the same wherever short
prompts are there, so all fits are pulled weakly to its median over those groups of the same engine.

Errors are printed for the rows fitted and for held-out rows of a ten-fold cross-validation in which the knees are searched
again in every fold (only the pull knows all rows), and then what the pull does: short prompts fitted by rows without any,
with the pull to other groups' median and without it. No random numbers but the fixed split.

Needs numpy and scipy. STEP_TIMES.csv: system,tp,backend,kind,bs,isl,prefix,new,ctx,latency_ms. kind prefill: `bs` prompts of
`new` tokens after `prefix` cached ones; decode: `bs` sequences at context `ctx`; mixed: one prompt beside `bs` decodes.
"""

import argparse
import collections
import csv
import math
import os
import sys

import numpy as np
from scipy.optimize import linprog, nnls

KINDS = ("prefill", "decode", "mixed")
TOKEN_KNEES = (32, 64, 128, 192, 256, 384, 512, 640, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)
WAVE_KNEES = (256, 512, 1024, 2048, 4096)
KV_KNEES = (4096, 8192, 16384, 32768, 49152, 65536, 98304, 131072, 262144, 524288)
START = {"tokens": (128, 512, 3072), "wave": 1024, "kv": 65536}
FOLDS = 10
SHORT_PROMPT_TOKENS = 256
PULL = 0.1  # 1 would weigh as much as all rows of one kind
GIB = 1 << 30

MODEL = "Qwen/Qwen3-32B"
SLUG = "qwen3-32b"
PRECISION = "bf16"
# bf16 bytes of the matrices of its config.json: 64 layers of (5120 x 8192 q, 2 x 5120 x 1024 k and v, 8192 x 5120 o,
# 3 x 5120 x 25600 mlp), and 2 x 151936 x 5120 of embedding and head.
WEIGHT_BYTES = 2 * (64 * (5120 * 8192 * 2 + 2 * 5120 * 1024 + 3 * 5120 * 25600) + 2 * 151936 * 5120)

# name in the data file, decimals kept, what it is
COEFFICIENTS = (
    ("step_ns", 0, "every step: the weights are read once, kernels are launched"),
    ("prompt_step_ns", 0, "more when the step computes prompt tokens"),
    ("decode_step_ns", 0, "more when the step decodes"),
    ("token_ns", 2, "per token: prompt tokens computed + sequences decoded"),
    ("token_beyond_first_knee_ns", 2, "more per such token beyond the first knee: matrix products become compute-bound"),
    ("token_beyond_second_knee_ns", 2, "... beyond the second"),
    ("token_beyond_third_knee_ns", 2, "... beyond the third"),
    ("wave_ns", 0, "more once the tokens pass the wave knee: one more wave of tiles"),
    ("kv_token_ns", 5, "per token of KV that decoding sequences read"),
    ("kv_token_below_knee_ns", 5, "more per such token up to the KV knee: short reads use the memory less well"),
    ("attention_pair_ns", 9, "per pair of a prompt token and a token it attends to, itself included"),
)


def read_steps(path):
    """Rows by (system, tp, backend)."""
    groups = collections.defaultdict(list)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            for name in ("bs", "prefix", "new", "ctx", "tp"):
                row[name] = int(float(row[name])) if row[name] else 0
            row["ms"] = float(row["latency_ms"])
            groups[row["system"], row["tp"], row["backend"]].append(row)
    return dict(sorted(groups.items()))


def columns(rows):
    """The sums over each step's requests that the model is a function of."""
    kind = np.array([row["kind"] for row in rows])
    bs, prefix, new, ctx = (np.array([row[n] for row in rows], float) for n in ("bs", "prefix", "new", "ctx"))
    prompts = np.where(kind == "prefill", bs, np.where(kind == "mixed", 1.0, 0.0))
    decodes = np.where(kind == "prefill", 0.0, bs)
    return {
        "kind": kind,
        "prompts": prompts,
        "decodes": decodes,
        "tokens": prompts * new + decodes,
        "kv": decodes * ctx,
        "pairs": prompts * new * (prefix + (new + 1) / 2),
        "ns": np.array([row["ms"] for row in rows]) * 1e6,
    }


def take(data, mask):
    return {name: values[mask] for name, values in data.items()}


def design_matrix(data, knees):
    tokens, kv = data["tokens"], data["kv"]
    beyond = [np.maximum(0, tokens - knee) for knee in knees["tokens"]]
    return np.stack(
        [np.ones_like(tokens), data["prompts"] > 0, data["decodes"] > 0, tokens, *beyond, tokens > knees["wave"], kv,
         np.minimum(kv, knees["kv"]), data["pairs"]], axis=1).astype(float)


def solve(data, knees, rounds, excess_ns, power=4):
    """Coefficients >= 0 that minimise the mean over kinds of |relative error|^power.

    `excess_ns`: what prompt_step - decode_step is pulled to, or None.
    """
    relative = design_matrix(data, knees) / data["ns"][:, None]
    even = sum((data["kind"] == kind) / max(1, (data["kind"] == kind).sum()) for kind in KINDS)
    scale = np.maximum(relative.max(axis=0), 1e-300)
    weights = even.copy()
    pull, pull_to = np.zeros((0, len(scale))), []
    if excess_ns is not None:
        shortest = data["ns"].min()
        pull = np.zeros((1, len(scale)))
        pull[0, 1:3] = PULL / shortest, -PULL / shortest
        pull_to = [PULL * excess_ns / shortest]
    for _ in range(rounds):
        root = np.sqrt(weights)
        solution, _ = nnls(np.vstack([relative * root[:, None], pull]) / scale, np.append(root, pull_to))
        error = np.abs(relative / scale @ solution - 1)
        weights = (weights + even * (np.maximum(error, 0.003) / 0.03)**(power - 2)) / 2
    return solution / scale


def relative_errors(data, knees, coefficients):
    return 100 * (design_matrix(data, knees) @ coefficients / data["ns"] - 1)


def summary(kinds, errors):
    """kind -> (n, MAPE, p95, worst) in per cent."""
    table = {}
    for kind in KINDS:
        e = np.abs(errors[kinds == kind])
        if e.size:
            table[kind] = (e.size, e.mean(), np.percentile(e, 95), e.max())
    return table


def badness(table):
    """What the search for knees lowers: squares of the errors in units of what we would put up with."""
    return sum((mape / 3)**2 + (p95 / 8)**2 + (worst / 12)**2 for _, mape, p95, worst in table.values())


def trials(knees):
    """Knees one step of coordinate descent away."""
    for place in range(3):
        for knee in TOKEN_KNEES:
            tokens = knees["tokens"][:place] + (knee,) + knees["tokens"][place + 1:]
            if list(tokens) == sorted(set(tokens)):
                yield {**knees, "tokens": tokens}
    yield from ({**knees, "wave": knee} for knee in WAVE_KNEES)
    yield from ({**knees, "kv": knee} for knee in KV_KNEES)


def fit(data, excess_ns=None):
    """Knees and coefficients."""
    def judge(knees):
        return badness(summary(data["kind"], relative_errors(data, knees, solve(data, knees, 10, excess_ns))))

    best, best_badness = START, judge(START)
    while True:
        found = min(((judge(knees), number, knees) for number, knees in enumerate(trials(best))), key=lambda t: t[:2])
        if found[0] >= best_badness - 1e-9:
            return best, solve(data, best, 60, excess_ns)
        best_badness, best = found[0], found[2]


def short_prompts(data):
    return (data["kind"] == "prefill") & (data["tokens"] <= SHORT_PROMPT_TOKENS)


def excesses(groups):
    """engine -> group -> prompt_step - decode_step in ns, of the groups with short prompts."""
    found = collections.defaultdict(dict)
    for key, data in groups.items():
        if short_prompts(data).any():
            _, coefficients = fit(data)
            found[key[2]][key] = coefficients[1] - coefficients[2]
    return found


def typical(found, engine, but=None):
    """The median over the engine's groups, or None when there are none."""
    values = [value for key, value in found[engine].items() if key != but]
    return float(np.median(values)) if values else None


def short_prompt_errors(groups, found):
    """Rows of a table: worst error on short prompts that the fit has not seen, free and pulled."""
    for key, data in groups.items():
        short = short_prompts(data)
        if not short.any():
            continue
        worst = [np.abs(relative_errors(take(data, short), *fit(take(data, ~short), excess))).max()
                 for excess in (None, typical(found, key[2], but=key))]
        yield key, short.sum(), worst


def held_out_errors(data, excess_ns=None):
    """Relative errors of every row by a fit, knees included, that has not seen it."""
    fold = np.random.default_rng(1).permutation(len(data["ns"])) % FOLDS
    errors = np.empty(len(data["ns"]))
    for number in range(FOLDS):
        knees, coefficients = fit(take(data, fold != number), excess_ns)
        errors[fold == number] = relative_errors(take(data, fold == number), knees, coefficients)
    return errors


def rounded(coefficients):
    """As written to the file: text, and the values that the text means."""
    text = [f"{value:.{digits}f}" for value, (_, digits, _) in zip(coefficients, COEFFICIENTS)]
    return text, np.array([float(word) for word in text])


def read_capacity(path):
    groups = collections.defaultdict(list)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            groups[row["system"], int(row["tp"]), row["backend"]].append(row)
    return groups


def fit_capacity(rows, tp):
    """The bytes that reproduce kv_tokens = floor((fraction x memory - fixed - activation x chunk tokens) / bytes per token).

    The source prints GiB to two places. Its token counts leave a much smaller range of bytes open: the middle of that.
    """
    per_token = int(float(rows[0]["kv_bytes_per_token_per_gpu"]))
    weights, runtime = WEIGHT_BYTES // tp, round(float(rows[0]["runtime_GiB"]) * GIB)
    if abs(weights / GIB - float(rows[0]["weights_GiB"])) > 0.0051:
        sys.exit(f"weights of {weights / GIB:.4f} GiB do not agree with the row's {rows[0]['weights_GiB']}")
    bounds_on, limits = [], []
    for row in rows:
        chunk, tokens = int(row["max_num_tokens"]), int(row["kv_tokens"])
        free = float(row["mem_fraction"]) * float(row["capacity_GiB"]) * GIB - weights - runtime
        bounds_on += [[1, chunk / 1024], [-1, -chunk / 1024]]
        limits += [free - tokens * per_token, (tokens + 1) * per_token - free]
    allowed = [(0, 0) if tp == 1 else (0, None), (0, None)]
    corners = [linprog(goal, A_ub=bounds_on, b_ub=limits, bounds=allowed) for goal in ([1, 0], [-1, 0], [0, 1], [0, -1])]
    if not all(corner.success for corner in corners):
        sys.exit("no communication and activation bytes reproduce the KV capacity")
    communication, activation = np.mean([corner.x for corner in corners], axis=0)
    found = {
        "memory_bytes": round(float(rows[0]["capacity_GiB"]) * GIB),
        "weights_bytes": weights,
        "runtime_bytes": runtime,
        "communication_bytes": round(communication),
        "activation_bytes_per_chunk_token": round(activation / 1024),
        "kv_bytes_per_token_per_gpu": per_token,
    }
    for row in rows:
        fixed = weights + runtime + found["communication_bytes"]
        free = float(row["mem_fraction"]) * found["memory_bytes"] - fixed
        tokens = math.floor((free - found["activation_bytes_per_chunk_token"] * int(row["max_num_tokens"])) / per_token)
        if tokens != int(row["kv_tokens"]):
            sys.exit(f"KV capacity: {tokens} tokens, where the row has {row['kv_tokens']}")
    return found


CAPACITY_NOTES = {
    "memory_bytes": "of one GPU",
    "weights_bytes": "per GPU",
    "runtime_bytes": "per GPU: CUDA context, graphs and the engine itself",
    "communication_bytes": "per GPU: buffers of the collective operations",
    "activation_bytes_per_chunk_token": "per GPU and token of the largest prefill step",
    "kv_bytes_per_token_per_gpu": "64 layers x 8 KV heads x 128 x (K and V) x 2 bytes, over the GPUs",
}


def error_lines(table):
    return [f"    {kind}: {{rows: {n}, mape: {mape:.2f}, p95: {p95:.2f}, worst: {worst:.2f}}}"
            for kind, (n, mape, p95, worst) in table.items()]


def write_file(path, key, knees, text, fitted, held_out, capacity, sources):
    system, tp, engine = key
    lines = [
        f"# Step times and KV capacity of {MODEL} ({PRECISION}) on {system}, TP{tp}, {engine}.",
        "# Written by tools/fit_step_times.py, which says what the model is; change it there, not here.",
        "format: 1",
        f"models: [{MODEL}]",
        f"precision: {PRECISION}",
        f"gpu: {system}",
        f"gpu_aliases: [{system.split('_')[0]}]",
        f"tp: {tp}",
        f"engine: {engine}",
        "",
        "provenance:",
        f"  source: {sources[0]} and {sources[1]}, rows asked of aiconfigurator 0.12 (sglang 0.5.14 and vLLM 0.24 tables)",
        "  license: Apache-2.0",
        f"  fit: python3 tools/fit_step_times.py {sources[0]} {sources[1]} data/step_times",
        "  fitted_errors_percent:  # of the rows fitted",
        *error_lines(fitted),
        f"  held_out_errors_percent:  # of rows the fit had not seen ({FOLDS}-fold cross-validation, knees searched in each fold)",
        *error_lines(held_out),
        "",
        "# 11 coefficients and 5 knees. Nanoseconds.",
        "step_time:",
    ]
    lines += [f"  {name}: {word}  # {note}" for (name, _, note), word in zip(COEFFICIENTS, text)]
    lines += [
        f"  token_knees: [{', '.join(map(str, knees['tokens']))}]  # tokens of a step, rising",
        f"  wave_knee: {knees['wave']}  # tokens of a step",
        f"  kv_knee: {knees['kv']}  # tokens of KV read by all decoding sequences together",
        "",
        "# KV tokens = floor((memory fraction x memory - weights - runtime - communication - activations) / bytes per token)",
        "kv_capacity:",
    ]
    lines += [f"  {name}: {value}  # {CAPACITY_NOTES[name]}" for name, value in capacity.items()]
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")


def print_rows(key, fitted, held_out):
    for kind, (n, *errors) in fitted.items():
        cells = [*key, kind, n, *(f"{error:.2f}" for error in (*errors, *held_out[kind][1:]))]
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("step_times")
    parser.add_argument("kv_capacity")
    parser.add_argument("output", help="folder for the data files")
    arguments = parser.parse_args()
    capacities = read_capacity(arguments.kv_capacity)
    sources = [os.path.basename(path) for path in (arguments.step_times, arguments.kv_capacity)]
    os.makedirs(arguments.output, exist_ok=True)
    groups = {key: columns(rows) for key, rows in read_steps(arguments.step_times).items()}
    found = excesses(groups)
    print("| GPU | TP | engine | kind | rows | fitted: MAPE % | p95 % | worst % | held out: MAPE % | p95 % | worst % |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for key, data in groups.items():
        excess = typical(found, key[2])
        knees, coefficients = fit(data, excess)
        text, values = rounded(coefficients)
        fitted = summary(data["kind"], relative_errors(data, knees, values))
        held_out = summary(data["kind"], held_out_errors(data, excess))
        print_rows(key, fitted, held_out)
        path = os.path.join(arguments.output, f"{SLUG}.{PRECISION}.{key[0]}.tp{key[1]}.{key[2]}.yaml")
        write_file(path, key, knees, text, fitted, held_out, fit_capacity(capacities[key], key[1]), sources)
    print(f"\n| GPU | TP | engine | prompts up to {SHORT_PROMPT_TOKENS} tokens, unseen | worst % free | worst % pulled |")
    print("|---|---|---|---|---|---|")
    for key, count, worst in short_prompt_errors(groups, found):
        print(f"| {key[0]} | {key[1]} | {key[2]} | {count} | {worst[0]:.2f} | {worst[1]:.2f} |")


if __name__ == "__main__":
    main()
