"""What bench/route.py runs: routers on one core, each a process with a configuration of its own in a folder of its own, and the
workers and the load on the other."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/peers"))
from conftest import SRTCTL, Program, free_port, http  # noqa: E402

OURS, SGLANG, HAPROXY, NGINX = "ours", "sglang", "haproxy", "nginx"
PROGRAMS = (OURS, SGLANG, HAPROXY, NGINX)
LOAD = pathlib.Path(SRTCTL).parent / "route_load"
WORKER = pathlib.Path(SRTCTL).parent / "route_worker"
CORES = sorted(os.sched_getaffinity(0))
ROUTER_CORE, REST = CORES[0], set(CORES[1:]) or set(CORES)

HAPROXY_CONFIG = """
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  option http-no-delay
  http-reuse always
  timeout connect 10s
  timeout client 600s
  timeout server 600s
frontend in
  bind 127.0.0.1:{port}
  default_backend workers
backend workers
  balance roundrobin
{servers}
"""

# Bodies of requests stay in memory and connections are not closed after a number of requests: what the others do too.
NGINX_CONFIG = """
{user}
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  scgi_temp_path {folder}/scgi;
  uwsgi_temp_path {folder}/uwsgi;
  client_max_body_size 0;
  client_body_buffer_size 1m;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  upstream workers {{
{servers}
    keepalive 512;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://workers;
      proxy_buffering off;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout 600s;
    }}
  }}
}}
"""


class Workers:
    """route_worker, ready; a context."""

    def __init__(self, folder, count=4, chunks=1, step_us=0):
        folder.mkdir(parents=True, exist_ok=True)
        self.process = Program([WORKER, count, chunks, step_us], folder / "workers.log")
        self.ports = self.process.wait_until(lambda: lines if len(lines := self.process.output().split()) == count else None)
        self.urls = [f"http://127.0.0.1:{port}" for port in self.ports]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.end()


class Router:
    """A router in front of `urls`, ready; a context. `policy` and `flags` are for those that have one."""

    def __init__(self, folder, which, urls, policy="round_robin", flags=()):
        self.which, self.policy, self.flags = which, policy, flags
        self.folder = folder / f"{which}-{policy}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = {OURS: self._ours, SGLANG: self._sglang, HAPROXY: self._haproxy, NGINX: self._nginx}[which](urls)
        self.process = Program(["taskset", "-c", ROUTER_CORE, *command], self.folder / "log", {"HF_HUB_OFFLINE": "1"})
        try:
            self.process.wait_until(lambda: self._ready(len(urls)), 90)
        except BaseException:
            self.process.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.end()

    def _ours(self, urls):
        return [SRTCTL, "route", "--port", self.port, "--policy", self.policy, *self.flags, "--worker-urls", *urls]

    def _sglang(self, urls):
        return [sys.executable, "-m", "sglang_router.launch_router", "--host", "127.0.0.1", "--port", self.port, "--prometheus-host",
                "127.0.0.1", "--prometheus-port", free_port(), "--worker-startup-check-interval", 1, "--log-level", "warn",
                "--policy", self.policy, *self.flags, "--worker-urls", *urls]

    def _haproxy(self, urls):
        servers = "\n".join(f"  server w{i} {url.removeprefix('http://')}" for i, url in enumerate(urls))
        config = self.folder / "haproxy.cfg"
        config.write_text(HAPROXY_CONFIG.format(port=self.port, servers=servers))
        return ["haproxy", "-f", config]

    def _nginx(self, urls):
        servers = "\n".join(f"    server {url.removeprefix('http://')};" for url in urls)
        config = self.folder / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        config.write_text(NGINX_CONFIG.format(port=self.port, servers=servers, folder=self.folder, user=user))
        return ["nginx", "-e", self.folder / "error.log", "-c", config]

    def _ready(self, workers):
        if self.which in (HAPROXY, NGINX):
            return http(self.url + "/health")[0] == 200
        status, text = http(self.url + "/readiness")
        return status == 200 and json.loads(text).get("healthy_workers", 0) >= workers

    def pids(self):
        """Of all its processes."""
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rpartition(")")[2].split()[3]) == self.process.process.pid:
                    found.append(int(stat.parent.name))
            except OSError:
                continue
        return found

    def memory_mb(self):
        """What is in memory now, and the most there ever was."""
        now = most = 0
        for pid in self.pids():
            lines = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
            now += int(lines["VmRSS"].split()[0])
            most += int(lines["VmHWM"].split()[0])
        return now / 1024, most / 1024


@dataclasses.dataclass
class Loaded:
    """What route_load printed."""

    requests: int
    chunks: int
    errors: int
    seconds: float
    cpu_s: float
    p50_us: float


def load(mode, port, body_bytes, count, seconds, pids=()):
    command = [LOAD, mode, port, body_bytes, count, seconds, *pids]
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, timeout=120 + seconds, check=True)
    loaded = Loaded(**json.loads(done.stdout))
    if loaded.errors:
        print(f"{mode}, {body_bytes} bytes: {loaded.errors} errors", file=sys.stderr)
    return loaded


__all__ = ["HAPROXY", "NGINX", "OURS", "PROGRAMS", "REST", "SGLANG", "SRTCTL", "Router", "Workers", "load"]
