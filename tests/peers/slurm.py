"""A Slurm cluster for a test module (tests/slurm_cluster), and what its jobs leave behind: nothing."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

from conftest import ROOT, SRTCTL, run


class Cluster:
    """Up from start() to stop(); it also ends when this process does, however that ends."""

    def __init__(self, folder, nodes, gpus):
        self.folder = pathlib.Path(folder)
        self.outputs = self.folder / "outputs"
        self.process = subprocess.Popen(
            [str(ROOT / "tests/slurm_cluster"), str(folder), str(nodes), str(gpus)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        said = []
        for line in self.process.stdout:
            said.append(line)
            if line == "ready\n":
                break
        else:
            raise AssertionError(f"the cluster did not come up: {''.join(said)}{self.process.stderr.read()}")
        named = dict(re.findall(r"(\w+)=(\S+)", said[0]))
        self.conf = named["SLURM_CONF"]
        # The programs of the virtual environment (sglang-router, aiperf) are those that jobs find.
        self.env = {**named, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}

    def stop(self):
        """What it complained about at its end; nothing is as it should be."""
        _, said = self.process.communicate(timeout=60)
        return f"exit code {self.process.returncode}: {said}" if self.process.returncode or said else ""

    def run(self, *command, seconds=120, env=None):
        return run(command, seconds, {**self.env, **(env or {})}, cwd=self.folder)

    def srtctl(self, *arguments, **options):
        return self.run(SRTCTL, *arguments, **options)

    def ask(self, *command):
        code, out, err = self.run(*command)
        assert code == 0, f"{command}: {err}"
        return out

    def status(self, job):
        """`srtctl status --json`, or None while there is none."""
        code, out, _ = self.srtctl("status", "--json", job)
        return json.loads(out) if code == 0 else None

    def wait_for(self, job, condition, seconds=60):
        """The job's status, once condition(status) is true of it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (status := self.status(job)) and condition(status):
                return status
            time.sleep(0.1)
        raise AssertionError(f"job {job} is still {status}\n{self.story(job)}")

    def wait_for_end(self, job, seconds=90):
        return self.wait_for(job, lambda status: status["ended"], seconds)

    def story(self, job):
        """The ends of all files of a job, for the message of a test that fails."""
        files = [path for path in sorted((self.outputs / str(job)).rglob("*.out")) if path.is_file()]
        return "\n".join(f"== {path} ==\n{path.read_text(errors='replace')[-2000:]}" for path in files)

    def processes(self):
        """(process id, environment, command line) of all that the cluster's jobs have started on this machine."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                pairs = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            env = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
            if env.get("SLURM_CONF") == self.conf and "SLURMD_NODENAME" in env:
                found.append((int(entry.name), env, words[:-1]))
        return found

    def left_behind(self, seconds=10):
        """What is still there of jobs when Slurm has none any more."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            jobs = self.ask("squeue", "--noheader", "--format=%i %T")
            left = [(pid, words) for pid, _, words in self.processes()]
            if not jobs and not left:
                return ""
            time.sleep(0.1)
        return f"jobs: {jobs}\nprocesses: {left}"
