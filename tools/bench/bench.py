#!/usr/bin/env python3
"""CPU per request of the gateway against nginx and HAProxy, which proxy the same simulated provider.

One core holds the proxy, the other the load generator (wrk) and the simulated provider. The proxies take turns within
one run; the figure is CPU time of the proxy (all its threads, from the scheduler) per completed request. On a shared or
virtual machine only the ratios of one run mean anything: the minimum is the robust figure, the median tells the noise.

Usage: ./dev bench [--rounds N] [--seconds S] [--connections C]; AI_PROXY_BINARY names another build.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("AI_PROXY_BINARY", ROOT / "build/release/ai-proxy"))
PROXY_CORE, LOAD_CORE = 0, 1

NATIVE = {"provider": "openai", "model": "gpt-4o", "messages": [
    {"role": "system", "content": "You are a helpful assistant. Answer in one short paragraph."},
    {"role": "user", "content": "What is the difference between a process and a thread? " * 4}]}
OPENAI = {key: value for key, value in NATIVE.items() if key != "provider"}
ANTHROPIC = {**NATIVE, "provider": "anthropic", "model": "claude-sonnet-4-6"}

NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.err crit;
events {{ worker_connections 4096; }}
http {{
  log_format line escape=json '{{"time":"$time_iso8601","client_address":"$remote_addr","method":"$request_method",'
    '"path":"$uri","status":$status,"seconds":$request_time,"provider_seconds":"$upstream_response_time",'
    '"provider":"$upstream_addr","request_bytes":$request_length,"response_bytes":$body_bytes_sent}}';
  access_log {folder}/nginx.log line; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 1000000000; tcp_nodelay on;
  upstream provider {{ server 127.0.0.1:{provider}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port}; location / {{
    proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }}
}}
"""

HAPROXY = """
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
frontend in
  bind 127.0.0.1:{port}
  default_backend provider
backend provider
  server one 127.0.0.1:{provider}
"""

WRK = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [=[{body}]=]
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core, command, **options):
    # A session of its own, so that the scheduler's grouping by session does not favour anyone.
    return subprocess.Popen(["taskset", "-c", str(core), *command], start_new_session=True, **options)


def wait_for(port, process):
    for _ in range(500):
        if process.poll() is not None:
            sys.exit(f"bench: {process.args} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"bench: nobody listens on {port}")


def descendants(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid] + [deeper for child in children for deeper in descendants(int(child))]


def cpu_seconds(pid):
    total = 0
    for process in descendants(pid):
        for task in pathlib.Path(f"/proc/{process}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def rss_mib(pid):
    return max(int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process}/status").read_text()).group(1)) / 1024
               for process in descendants(pid))


class Bench:
    def __init__(self, folder, options):
        self.folder, self.options, self.processes = folder, options, []
        self.provider = free_port()
        self.start("provider", LOAD_CORE, [str(BINARY), "simulate", "--busy-poll", "--port", str(self.provider)], self.provider)

    def start(self, name, core, command, port, **options):
        log = open(self.folder / f"{name}.out", "wb")
        process = pinned(core, command, stdout=log, stderr=subprocess.STDOUT, **options)
        self.processes.append(process)
        wait_for(port, process)
        return process

    def start_proxies(self):
        nginx, haproxy, gateway = free_port(), free_port(), free_port()
        (self.folder / "nginx.conf").write_text(NGINX.format(folder=self.folder, port=nginx, provider=self.provider))
        (self.folder / "haproxy.cfg").write_text(HAPROXY.format(port=haproxy, provider=self.provider))
        url = f"http://127.0.0.1:{self.provider}"
        environment = {"PATH": os.environ["PATH"], "PORT": str(gateway), "AI_PROXY_THREADS": "1",
                       "AI_PROXY_LOG_FILE": str(self.folder / "gateway.log"),
                       **{f"{name}_API_KEY": "bench" for name in ("OPENAI", "ANTHROPIC", "MISTRAL")},
                       **{f"{name}_BASE_URL": url for name in ("OPENAI", "ANTHROPIC", "MISTRAL")}}
        environment["MISTRAL_BASE_URL"] += "/mistral"
        nginx_program = shutil.which("nginx") or "/usr/sbin/nginx"
        haproxy_program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        hop = "/v1/chat/completions"
        return [
            ("haproxy", self.start("haproxy", PROXY_CORE, [haproxy_program, "-db", "-f", str(self.folder / "haproxy.cfg")], haproxy), haproxy, hop, OPENAI),
            ("nginx", self.start("nginx", PROXY_CORE, [nginx_program, "-c", str(self.folder / "nginx.conf"), "-p", str(self.folder)], nginx), nginx, hop, OPENAI),
            ("ai-proxy /v1/chat -> openai", gateway_process := self.start("gateway", PROXY_CORE, [str(BINARY)], gateway, env=environment, cwd=self.folder), gateway, "/v1/chat", NATIVE),
            ("ai-proxy /v1/chat -> anthropic", gateway_process, gateway, "/v1/chat", ANTHROPIC),
        ]

    def load(self, port, path, body, seconds):
        script = self.folder / "post.lua"
        script.write_text(WRK.format(body=json.dumps(body)))
        command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{self.options.connections}", f"-d{seconds}s",
                   "-s", str(script), f"http://127.0.0.1:{port}{path}"]
        output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
        requests, duration, p50, p99, errors = map(int, re.search(r"RESULT (.*)", output).group(1).split())
        return requests, duration / 1e6, p50, p99, errors

    def measure(self, process, port, path, body):
        before = cpu_seconds(process.pid)
        requests, seconds, p50, p99, errors = self.load(port, path, body, self.options.seconds)
        used = cpu_seconds(process.pid) - before
        return {"us": used / requests * 1e6, "rps": requests / seconds, "p50": p50, "p99": p99, "errors": errors,
                "rss": rss_mib(process.pid)}

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            process.wait(timeout=10)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("bench: two cores are needed, one for the proxy and one for the load")
    with tempfile.TemporaryDirectory(prefix="ai-proxy-bench-") as folder:
        bench = Bench(pathlib.Path(folder), options)
        try:
            proxies = bench.start_proxies()
            results = {name: [] for name, *_ in proxies}
            for name, process, port, path, body in proxies:   # warm-up
                bench.load(port, path, body, 1)
            for _ in range(options.rounds):
                for name, process, port, path, body in proxies:
                    results[name].append(bench.measure(process, port, path, body))
        finally:
            bench.stop()
    report(results, options)


def report(results, options):
    base = min(sample["us"] for sample in results["haproxy"])
    print(f"{options.connections} connections, {options.rounds} rounds of {options.seconds} s, taken in turns; one core each")
    print("access lines go to files; HAProxy writes none")
    print(f"{'proxy':32} {'us/request':>18} {'vs haproxy':>11} {'requests/s':>11} {'p50 us':>7} {'p99 us':>7} {'RSS MiB':>8} {'errors':>7}")
    for name, samples in results.items():
        us = [sample["us"] for sample in samples]
        best = min(samples, key=lambda sample: sample["us"])
        print(f"{name:32} {min(us):8.2f} (med {statistics.median(us):5.1f}) {min(us) / base:10.2f}x {max(s['rps'] for s in samples):11.0f} "
              f"{best['p50']:7} {best['p99']:7} {best['rss']:8.1f} {sum(s['errors'] for s in samples):7}")


if __name__ == "__main__":
    main()
