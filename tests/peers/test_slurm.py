"""srtctl under a real Slurm: submit, status, logs, cancel, and what happens when something dies."""

import json
import os
import re
import shlex
import shutil
import signal

import pytest
from conftest import MODEL, ROOT, SRTCTL, eventually, read_rows
from slurm import Cluster

pytestmark = pytest.mark.skipif(not shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin"), reason="no Slurm here")


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), nodes=2, gpus=8)
    yield cluster
    assert cluster.stop() == ""


@pytest.fixture
def cluster(shared_cluster):
    """Two nodes with eight GPUs each; after the test nothing of its jobs is left."""
    yield shared_cluster
    assert shared_cluster.left_behind() == ""


def batch(cluster, body, *options):
    """A job of plain bash: its number, once it has a folder as srtctl makes one."""
    script = f"#!/bin/bash\n#SBATCH --nodes=2 --ntasks-per-node=1 --output={cluster.outputs}/%j/batch.out\n{body}\n"
    file = cluster.folder / "job.sh"
    file.write_text(script)
    job = cluster.ask("sbatch", "--parsable", "--hold", *options, file).strip()
    (cluster.outputs / job / "logs").mkdir(parents=True)
    (cluster.outputs / job / "batch.sh").write_text(script)
    cluster.ask("scontrol", "release", job)
    return job


def test_nodes_tell_their_facts(cluster):
    command = ["srun", "--nodes=2", "--ntasks-per-node=1", "--gpus-per-node=2", SRTCTL, "node-facts", "--interface", "lo"]
    facts = [json.loads(line) for line in cluster.ask(*command).splitlines()]
    assert sorted(fact["node"] for fact in facts) == ["node0", "node1"]
    assert {fact["address"] for fact in facts} == {"127.0.0.1"}
    assert {fact["visible_gpus"] for fact in facts} == {"0,1"}
    code, _, err = cluster.run("srun", SRTCTL, "node-facts", "--interface", "nope0")
    assert code == 3
    assert "no interface 'nope0'" in err and "lo (127.0.0.1)" in err


def test_a_job_from_waiting_to_its_end(cluster):
    first = batch(cluster, "echo begun; sleep 1; echo over; exit 4", "--exclusive")
    second = batch(cluster, "true", "--exclusive")
    waiting = cluster.wait_for(second, lambda status: "(" in status["state"])
    assert waiting["state"] in ("PENDING (Resources)", "PENDING (Priority)")
    assert not waiting["ended"] and waiting["exit_code"] is None

    code, out, _ = cluster.srtctl("logs", first, "--follow", seconds=30)
    assert code == 0
    assert out == "begun\nover\n"
    status = cluster.wait_for_end(first)
    assert (status["exit_code"], status["slurm"]["state"], status["slurm"]["nodes"]) == (4, "FAILED", "node[0-1]")
    assert cluster.wait_for_end(second)["exit_code"] == 0

    code, out, _ = cluster.srtctl("status")
    assert code == 0
    rows = {row.split()[0]: row.split()[1:] for row in out.splitlines()}
    assert rows[first][:2] == ["FAILED", "(NonZeroExitCode)"] and rows[second][0] == "COMPLETED"


def test_cancel_is_gentle_unless_it_has_to_be_now(cluster):
    gentle = batch(cluster, 'trap "echo told; exit 130" TERM; srun --overlap sleep 1000 & wait; ')
    cluster.wait_for(gentle, lambda status: (cluster.outputs / gentle / "batch.out").exists())
    assert cluster.srtctl("cancel", gentle)[0] == 0
    assert cluster.wait_for_end(gentle)["exit_code"] == 130
    assert "told" in (cluster.outputs / gentle / "batch.out").read_text()
    code, out, _ = cluster.srtctl("cancel", gentle)
    assert (code, out) == (0, f"{gentle} has ended already\n")

    deaf = batch(cluster, 'trap "" TERM; echo deaf; sleep 1000')
    cluster.wait_for(deaf, lambda status: (cluster.outputs / deaf / "batch.out").exists())
    assert cluster.srtctl("cancel", deaf, "--now")[0] == 0
    assert cluster.wait_for_end(deaf)["slurm"]["state"] == "CANCELLED"

    held = batch(cluster, "true", "--begin=now+1hour")
    assert cluster.srtctl("cancel", held)[0] == 0
    assert cluster.wait_for_end(held)["slurm"]["state"] == "CANCELLED"


def test_what_is_not_there(cluster):
    code, _, err = cluster.srtctl("status", "999999")
    assert code == 2 and "there is no run '999999'" in err
    code, _, err = cluster.srtctl("cancel", "--now", "--", "--all")
    assert code == 2 and "there is no run '--all'" in err
    job = batch(cluster, "true")
    cluster.wait_for_end(job)
    code, _, err = cluster.srtctl("logs", job, "bach")
    assert code == 2 and "has no log 'bach': did you mean 'batch'?" in err


# From here on: `srtctl submit` with the recipes of this repository, `srtctl serve` for the engines, and the real router.

AGGREGATED = ROOT / "recipies/qwen3-32b/agg-round-robin.yaml"
DISAGGREGATED = ROOT / "recipies/qwen3-32b/disagg-kv-router.yaml"
# One worker with two GPUs on the first node, so that another such job fits beside it.
SMALL = {
    "resources.gpus_per_node": 2,
    "resources.agg_nodes": 1,
    "resources.agg_workers": 1,
    "sbatch_directives": "{nodelist: node0}",
}
SLOW = {"benchmark.speed": 0.02}  # 10 s of trace take 500 s


@pytest.fixture(scope="module")
def trace_dir(small_trace, tmp_path_factory):
    folder = tmp_path_factory.mktemp("traces")
    shutil.copy(small_trace[0], folder / "conversation_trace.jsonl")
    return folder


def submit_words(launcher, recipe, sets, trace_dir):
    sets = {"backend.type": "model", "engine.time_scale": 20, "benchmark.speed": 5, **(sets or {})}
    edits = [part for key, value in sets.items() for part in ("--set", f"{key}={value}")]
    words = ["submit", "--launcher", launcher, "-f", recipe, "--unset", "model.container", *edits]
    return [*words, "--trace-dir", trace_dir]


@pytest.fixture
def submit(cluster, trace_dir):
    """submit(recipe, {key: value}, *flags): the job's number; with "--wait" (exit code, stdout, stderr)."""

    def start(recipe, sets=None, *flags, env=None):
        command = [*submit_words("slurm", recipe, sets, trace_dir), *flags]
        code, out, err = cluster.srtctl(*command, env=env, seconds=200)
        if "--wait" in flags:
            return code, out, err
        assert code == 0, err
        return out.strip()

    return start


def servers(cluster, job):
    """{(node, its GPUs): (process id, command line)} of the job's engines."""
    found = {}
    for pid, env, words in cluster.processes():
        if env.get("SLURM_JOB_ID") == job and words[:2] == [SRTCTL, "serve"]:
            place = (env["SLURMD_NODENAME"], env["CUDA_VISIBLE_DEVICES"])
            assert place not in found, f"two engines on {place}"
            found[place] = (pid, words)
    return found


def in_phase(*phases):
    def condition(status):
        assert not status["ended"] or "ended" in phases, status
        return status["state"] in phases

    return condition


def result_of(cluster, job):
    return json.loads((cluster.outputs / job / "result.json").read_text())


def measured(cluster, job, name):
    """The client's file of this name, not that of the warm-up; None while it is not there."""
    found = [path for path in (cluster.outputs / job / "artifacts").rglob(name) if "warmup" not in str(path)]
    return found[0] if found else None


def records_of(cluster, job):
    path = measured(cluster, job, "profile_export.jsonl")
    return read_rows(path) if path else []


def role_of(words):
    return words[words.index("--disaggregation-mode") + 1] if "--disaggregation-mode" in words else "aggregated"


@pytest.mark.parametrize("frontend", ["sglang", "srtctl"])
@pytest.mark.parametrize("recipe", [AGGREGATED, DISAGGREGATED], ids=["aggregated", "disaggregated"])
def test_both_recipes(cluster, submit, small_trace, recipe, frontend):
    job = submit(recipe, {"benchmark.speed": 2, "frontend.type": frontend})
    cluster.wait_for(job, in_phase("measuring"))
    pairs = ["0,1", "2,3", "4,5", "6,7"]
    roles = {place: role_of(words) for place, (_, words) in servers(cluster, job).items()}
    if recipe == AGGREGATED:
        assert roles == {(node, gpus): "aggregated" for node in ("node0", "node1") for gpus in pairs}
    else:
        prefill = {("node0", gpus): "prefill" for gpus in pairs} | {("node1", gpus): "prefill" for gpus in pairs[:2]}
        assert roles == prefill | {("node1", gpus): "decode" for gpus in pairs[2:]}

    status = cluster.wait_for_end(job)
    assert status["exit_code"] == 0, cluster.story(job)
    assert status["slurm"]["state"] == "COMPLETED"
    assert len(records_of(cluster, job)) == len(small_trace[1])
    assert result_of(cluster, job)["valid"], result_of(cluster, job)
    folder = cluster.outputs / job
    for name in ("recipe.yaml", "srtslurm.yaml", "batch.sh", "plan.json", "fingerprint.json", "logs/router.out"):
        assert (folder / name).exists(), f"{name}: {sorted(path.name for path in folder.rglob('*'))}"
    assert ("gateway ready" in (folder / "logs/router.out").read_text()) == (frontend == "srtctl")


def test_aiperf(cluster, submit, small_trace, hugging_face_home, tmp_path):
    env = {"HF_HOME": str(hugging_face_home), "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    sets = {"benchmark.client": "aiperf", "model.path": f"hf:{MODEL}", "benchmark.speed": 2}
    sets["benchmark.aiperf_args"] = "{extra-inputs: 'temperature:0', ui: none}"
    code, _, err = submit(AGGREGATED, sets, "--wait", env=env)
    job = re.search(r"job (\d+): measuring", err).group(1)
    assert code == 0, err + cluster.story(job)
    assert result_of(cluster, job)["valid"]
    summary = json.loads(measured(cluster, job, "profile_export_aiperf.json").read_text())
    assert summary["request_count"]["avg"] == len(small_trace[1])


def test_a_worker_over_two_nodes(cluster, submit):
    sets = {
        "resources.gpus_per_node": 2,
        "resources.agg_workers": 1,
        "backend.sglang_config.aggregated.tensor-parallel-size": 4,
    }
    job = submit(AGGREGATED, sets)
    cluster.wait_for(job, in_phase("measuring"))
    ranks = {place[0]: words for place, (_, words) in servers(cluster, job).items()}
    assert sorted(ranks) == ["node0", "node1"]
    for rank, words in enumerate((ranks["node0"], ranks["node1"])):
        assert words[words.index("--nnodes") + 1] == "2"
        assert words[words.index("--node-rank") + 1] == str(rank)
    assert cluster.wait_for_end(job)["exit_code"] == 0, cluster.story(job)


def test_in_an_allocation_of_our_own(cluster, trace_dir):
    allocation = ["salloc", "--nodes=1", "--nodelist=node0", "--gpus-per-node=2"]
    words = [SRTCTL, *submit_words("srun", AGGREGATED, SMALL, trace_dir)]
    code, out, err = cluster.run(*allocation, *words, seconds=200)
    job = re.search(r"Granted job allocation (\d+)", err).group(1)
    assert code == 0, f"{out}\n{err}\n{cluster.story(job)}"
    assert result_of(cluster, job)["valid"]


def test_secrets_reach_the_workers_and_no_file(cluster, submit):
    logs = cluster.folder / "logs-elsewhere"
    job = submit(AGGREGATED, {**SMALL, "environment.MY_TOKEN": "kept-from-readers", "output.log_dir": f"{logs}/{{job_id}}"})
    cluster.wait_for(job, in_phase("measuring"))
    environments = [env for _, env, words in cluster.processes() if words[:2] == [SRTCTL, "serve"]]
    assert [env["MY_TOKEN"] for env in environments] == ["kept-from-readers"]
    assert cluster.wait_for_end(job)["exit_code"] == 0, cluster.story(job)
    holding = [path for path in (cluster.outputs / job).rglob("*") if path.is_file() and b"kept-from" in path.read_bytes()]
    assert [path.name for path in holding] == ["recipe_with_secrets.yaml"]
    assert holding[0].stat().st_mode & 0o777 == 0o600
    assert "MY_TOKEN" in (cluster.outputs / job / "recipe_resolved.yaml").read_text()
    code, out, _ = cluster.srtctl("logs", job, "node0_agg_w0")
    assert code == 0 and out == (logs / job / "node0_agg_w0.out").read_text()


@pytest.mark.parametrize("phase", ["waiting", "measuring"])
def test_cancel(cluster, submit, phase):
    job = submit(AGGREGATED, SLOW)
    cluster.wait_for(job, in_phase(phase))
    if phase == "measuring":
        assert eventually(lambda: records_of(cluster, job))
    assert cluster.srtctl("cancel", job)[0] == 0
    status = cluster.wait_for_end(job)
    assert status["exit_code"] == 130, cluster.story(job)
    assert not result_of(cluster, job)["valid"]
    if phase == "measuring":
        assert measured(cluster, job, "summary.json"), "what was measured so far is not there"


@pytest.mark.parametrize("phase", ["waiting", "measuring"])
def test_a_worker_dies(cluster, submit, phase):
    job = submit(DISAGGREGATED, SLOW)
    cluster.wait_for(job, in_phase(phase))
    place = ("node1", "2,3")
    assert eventually(lambda: place in servers(cluster, job))
    os.kill(servers(cluster, job)[place][0], signal.SIGKILL)
    status = cluster.wait_for_end(job)
    assert status["exit_code"] == 4, cluster.story(job)
    assert "node1_prefill_w5" in status["reason"]
    code, out, _ = cluster.srtctl("logs", job, "batch")
    assert code == 0
    assert "the last lines of" in out and "srun: error: node1: task 0: Killed" in out


def test_two_jobs_on_one_node_and_a_time_limit(cluster, submit):
    limited = submit(AGGREGATED, {**SMALL, **SLOW, "slurm.time_limit": "00:01:00"})
    cluster.wait_for(limited, in_phase("measuring"))
    beside = submit(AGGREGATED, SMALL)
    cluster.wait_for(beside, in_phase("measuring"))
    assert set(servers(cluster, limited)) == {("node0", "0,1")}
    assert set(servers(cluster, beside)) == {("node0", "2,3")}
    assert cluster.wait_for_end(beside)["exit_code"] == 0, cluster.story(beside)
    status = cluster.wait_for_end(limited, seconds=120)
    assert status["exit_code"] == 130, cluster.story(limited)
    assert "time" in status["reason"]
    assert records_of(cluster, limited)
    assert measured(cluster, limited, "summary.json")


def test_what_sbatch_refuses(cluster, submit):
    code, _, err = submit(AGGREGATED, {"slurm.partition": "nope"}, "--wait")
    assert code == 3
    assert "invalid partition specified: nope" in err


@pytest.mark.parametrize("phase", ["waiting", "measuring"])
def test_the_program_of_a_job_is_killed(cluster, submit, phase):
    job = submit(AGGREGATED, {**SMALL, **SLOW})
    status = cluster.wait_for(job, in_phase(phase, "warm-up", "flush", "measuring"))
    os.kill(json.loads((cluster.outputs / job / "status.json").read_text())["pid"], signal.SIGKILL)
    assert cluster.wait_for_end(job)["state"] != "ended"
    assert cluster.left_behind() == ""
    code, _, err = cluster.srtctl("report", cluster.outputs / job)
    assert code == 2 and "incomplete" in err


def test_the_program_is_killed_and_its_allocation_stays(cluster, trace_dir, program):
    """Then nobody but its guard ends the job's steps."""
    code, _, err = cluster.run("salloc", "--no-shell", "--nodes=1", "--nodelist=node0", "--gpus-per-node=2")
    assert code == 0, err
    job = re.search(r"Granted job allocation (\d+)", err).group(1)

    def steps():
        return set(cluster.ask("squeue", "--steps", "--noheader", f"--jobs={job}", "--format=%j").split()) - {"extern"}

    try:
        words = ["cd", cluster.folder, "&&", "exec", SRTCTL, *submit_words("srun", AGGREGATED, {**SMALL, **SLOW}, trace_dir)]
        line = " ".join(word if word == "&&" else shlex.quote(str(word)) for word in words)
        submit = program(["/bin/sh", "-c", line], {**cluster.env, "SLURM_JOB_ID": job, "SLURM_JOB_NODELIST": "node0"})
        submit.wait_until(lambda: (status := cluster.status(job)) and status["state"] == "measuring")
        assert servers(cluster, job) and steps()
        submit.kill_group()
        assert eventually(lambda: not steps() and not servers(cluster, job)), steps()
        assert cluster.status(job)["slurm"]["state"] == "RUNNING", "the allocation is still there"
        code, _, err = cluster.srtctl("report", cluster.outputs / job)
        assert code == 2 and "incomplete" in err
    finally:
        cluster.run("scancel", job)
