"""srtctl under a real Slurm: submit, status, logs, cancel, and what happens when something dies."""

import json
import os
import shutil

import pytest
from conftest import SRTCTL
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
