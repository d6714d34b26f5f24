"""srtctl submit --launcher local: both recipes as they are shipped, with `srtctl serve` for the engines and the real router."""

import json
import os
import pathlib
import shutil
import signal
import sys

import pytest
from conftest import ROOT, SRTCTL, eventually, read_rows, run

AGGREGATED = ROOT / "recipies/qwen3-32b/agg-round-robin.yaml"
DISAGGREGATED = ROOT / "recipies/qwen3-32b/disagg-kv-router.yaml"
RECIPES = pytest.mark.parametrize("recipe", [AGGREGATED, DISAGGREGATED], ids=["aggregated", "disaggregated"])


def processes_with(text):
    """Numbers of the processes whose environment has this text, but for this one."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if text in environment and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


@pytest.fixture
def local(small_trace, tmp_path, program):
    """local(recipe, {key: value}): the words, the environment and the output folder of a run; afterwards nothing is left of it."""
    mark = f"SUBMIT_PEERS={tmp_path}"
    traces = tmp_path / "traces"
    traces.mkdir()
    shutil.copy(small_trace[0], traces / "conversation_trace.jsonl")
    path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"PATH": path, "SRTCTL_TRACE_DIR": str(traces), "SUBMIT_PEERS": str(tmp_path)}

    def words(recipe, sets):
        sets = {"backend.type": "model", "engine.time_scale": 20, "benchmark.speed": 2, **sets}
        edits = [part for key, value in sets.items() for part in ("--set", f"{key}={value}")]
        out = tmp_path / "out"
        return [SRTCTL, "submit", "--launcher", "local", "-f", recipe, "-o", out, *edits], env, out

    yield words
    assert eventually(lambda: processes_with(mark) == [])


@RECIPES
def test_both_recipes(local, small_trace, recipe):
    command, env, out = local(recipe, {})
    code, stdout, err = run(command, env=env, seconds=180)
    assert code == 0, f"{stdout}\n{err}"
    result = json.loads((out / "result.json").read_text())
    assert result["valid"] and result["gpus"] == 16
    assert result["summary"]["requests"] == len(small_trace[1])
    assert result["summary"]["errors"] == 0
    workers = sorted(path.stem for path in (out / "logs").glob("node0*.out") if "_w" in path.stem)
    assert len(workers) == 8, workers
    records = read_rows(next((out / "artifacts").glob("*conversation/profile_export.jsonl")))
    assert len(records) == len(small_trace[1])


@pytest.mark.parametrize("kv_events", [False, True])
@pytest.mark.parametrize("name", ["agg-round-robin", "disagg-kv-router", "agg-min-ttft", "disagg-min-ttft"])
def test_our_gateway(local, small_trace, tmp_path, name, kv_events):
    decisions = tmp_path / "decisions.jsonl"
    sets = {"frontend.type": "srtctl", "frontend.args.decision-log": decisions, "backend.kv_events_config": str(kv_events).lower()}
    command, env, out = local(ROOT / f"recipies/qwen3-32b/{name}.yaml", sets)
    code, stdout, err = run(command, env=env, seconds=180)
    assert code == 0, f"{stdout}\n{err}"
    result = json.loads((out / "result.json").read_text())
    assert result["valid"] and result["summary"]["errors"] == 0
    assert result["summary"]["requests"] == len(small_trace[1])
    assert "gateway ready: http://" in (out / "logs/router.out").read_text()
    rows = read_rows(decisions)
    assert sum(row["type"] == "choice" for row in rows) >= len(small_trace[1])
    # Workers publish what they cache, and the gateway listens, only where the recipe says so.
    told = {row["worker"] for row in rows if row["type"] == "kv_stored"}
    first_roles = {row["worker"] for row in rows if row["type"] == "worker_added" and row["role"] != "decode"}
    assert told == (first_roles if kv_events else set())
    named = [row["told_pages"] for row in rows if row["type"] == "arrived"]
    assert any(named) == (kv_events and name != "agg-round-robin")


def test_a_worker_dies_while_measuring(local, program):
    command, env, out = local(DISAGGREGATED, {"benchmark.speed": 0.05})
    started = program(command, env)
    status = out / "status.json"
    started.wait_until(lambda: status.exists() and json.loads(status.read_text())["phase"] == "measuring")
    workers = [
        pid
        for pid in processes_with(f"SUBMIT_PEERS={env['SUBMIT_PEERS']}")
        if b"\0serve\0" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert len(workers) == 8
    os.kill(workers[0], signal.SIGKILL)
    assert started.process.wait(60) == 4, started.output()
    assert "was killed by signal 9 while measuring" in json.loads(status.read_text())["reason"]
