"""What is started for a measurement: the gateway, nginx, HAProxy, and what stands behind them. Each is pinned to its core."""
import dataclasses
import http.client
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import time

import machine

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BINARY = pathlib.Path(os.environ.get("AI_PROXY_BINARY", ROOT / "build/release/ai-proxy"))
START_SECONDS_MAX = 15
STOP_SECONDS_MAX = 10
PROVIDERS = ("OPENAI", "ANTHROPIC", "MISTRAL")

# Connections are kept as long as they are good for something, on both sides of all three.
NGINX = """
worker_processes 1; worker_rlimit_nofile {files}; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.err crit;
events {{ worker_connections 32768; }}
http {{
  log_format line escape=json '{{"time":"$time_iso8601","client_address":"$remote_addr","method":"$request_method",'
    '"path":"$uri","status":$status,"seconds":$request_time,"provider_seconds":"$upstream_response_time",'
    '"provider":"$upstream_addr","request_bytes":$request_length,"response_bytes":$body_bytes_sent}}';
  access_log {folder}/nginx.log line; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 1000000000; keepalive_timeout 300s; tcp_nodelay on; client_max_body_size 64m;
  upstream provider {{ server 127.0.0.1:{provider}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{
    proxy_pass {scheme}://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    proxy_read_timeout 300s; {tls} }} }}
}}
"""
# Debian's nginx leaves TLS 1.3 out towards the provider unless told.
NGINX_TLS = ("proxy_ssl_protocols TLSv1.2 TLSv1.3; proxy_ssl_session_reuse on; proxy_ssl_verify on; "
             "proxy_ssl_trusted_certificate {certificate}; proxy_ssl_name localhost; proxy_ssl_server_name on;")

HAPROXY = """
global
  nbthread 1
  maxconn {connections}
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  option http-keep-alive
  option http-no-delay
  http-reuse always
frontend in
  bind 127.0.0.1:{port} backlog 4096 {listen}
  default_backend provider
backend provider
  server one 127.0.0.1:{provider} {connect}
"""

GATEWAY = """
server: { drain: 1s }
limits:
  connections: 24576
  connections_per_client: 0
  requests: 0
  requests_per_connection: 1000000000
  idle: 300s
  provider: { connections: 16384, uses: 1000000000 }
"""


@dataclasses.dataclass
class Program:
    name: str
    process: subprocess.Popen
    port: int

    def cpu_seconds(self):
        return machine.cpu_seconds(self.process.pid)

    def rss_kib(self):
        return machine.status_kib(self.process.pid, "VmRSS")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def last_words(path):
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


class Stand:
    """Everything started for one row; it is ended with the block. What cannot start ends the row with a RuntimeError."""

    def __init__(self, folder):
        self.folder, self.programs = pathlib.Path(folder), []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(self.programs)

    def pids(self):
        return [program.process.pid for program in self.programs]

    def start(self, name, core, command, port, seconds=START_SECONDS_MAX, **options):
        cores = {core} if isinstance(core, int) else set(core)
        path = self.folder / f"{name}-{port}.out"
        with open(path, "wb") as out:
            # A session of its own, so that the scheduler's grouping by session does not favour anyone.
            process = subprocess.Popen([str(part) for part in command], start_new_session=True, stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=subprocess.STDOUT, preexec_fn=lambda: os.sched_setaffinity(0, cores), **options)
        program = Program(name, process, port)
        self.programs.append(program)
        self.until_it_listens(program, port, seconds)
        return program

    def until_it_listens(self, program, port, seconds=START_SECONDS_MAX):
        path = self.folder / f"{program.name}-{program.port}.out"
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if program.process.poll() is not None:
                raise RuntimeError(f"{program.name} ended with {program.process.returncode}: {last_words(path)}")
            try:
                return socket.create_connection(("127.0.0.1", port), 0.5).close()
            except OSError:
                time.sleep(0.0005)
        raise RuntimeError(f"{program.name} did not listen within {seconds} s: {last_words(path)}")

    def end(self, programs):
        """By process id, those that we started and no other; first asked, then made to."""
        programs = list(programs)
        every = {pid for program in programs for pid in machine.descendants(program.process.pid)}
        for program in programs:
            if program.process.poll() is None:
                program.process.send_signal(signal.SIGTERM)
        for program in programs:
            try:
                program.process.wait(timeout=STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                for pid in every & set(machine.descendants(program.process.pid)):
                    os.kill(pid, signal.SIGKILL)
                program.process.wait(timeout=STOP_SECONDS_MAX)
            self.programs.remove(program)

    # --- behind the proxies ----------------------------------------------------------------------------------------
    def simulator(self, *options):
        port = free_port()
        return self.start("simulator", machine.LOAD_CORE, [BINARY, "simulate", "--port", port, *options], port)

    def source(self):
        """Endless slow streams whose events carry the time they left."""
        port = free_port()
        return self.start("source", machine.LOAD_CORE, [sys.executable, HERE / "source.py", port], port)

    def redis(self):
        port = free_port()
        command = [machine.program("redis-server"), "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                   "--dir", self.folder]
        return self.start("redis", machine.LOAD_CORE, command, port)

    def certificate(self):
        """A certificate for localhost, and the same with its key, as HAProxy wants it."""
        certificate, key, both = (self.folder / name for name in ("ca.pem", "key.pem", "both.pem"))
        subprocess.run(
            [machine.program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
            check=True, capture_output=True, timeout=30)
        both.write_text(certificate.read_text() + key.read_text())
        return certificate, both

    def terminator(self, provider, both):
        return self.haproxy(provider, core=machine.LOAD_CORE, name="terminator", listen=f"ssl crt {both}")

    # --- the proxies -----------------------------------------------------------------------------------------------
    def haproxy(self, provider, certificate=None, core=machine.PROXY_CORE, name="HAProxy", listen=""):
        port = free_port()
        connect = f"ssl verify required verifyhost localhost sni str(localhost) ca-file {certificate}" if certificate else ""
        path = self.folder / f"haproxy-{port}.cfg"
        path.write_text(HAPROXY.format(
            port=port, provider=provider.port, listen=listen, connect=connect, connections=min(24576, machine.raise_open_files() // 2 - 100)))
        return self.start(name, core, [machine.program("haproxy"), "-db", "-f", path], port)

    def nginx(self, provider, certificate=None):
        port = free_port()
        folder = self.folder / f"nginx-{port}"
        folder.mkdir()
        tls = NGINX_TLS.format(certificate=certificate) if certificate else ""
        (folder / "nginx.conf").write_text(NGINX.format(
            folder=folder, port=port, provider=provider.port, scheme="https" if certificate else "http", tls=tls,
            files=machine.raise_open_files()))
        return self.start("nginx", machine.PROXY_CORE, [machine.program("nginx"), "-c", folder / "nginx.conf", "-p", folder], port)

    def gateway(self, provider, core=machine.PROXY_CORE, scheme="http", host="127.0.0.1", threads=1, name="AI Proxy", look=True, **environment):
        """With everything on that is on in production: validation, cost, metrics, and the access log in a file.

        With `look` the metrics are looked at, so that nobody measures a program without them.
        """
        port, admin, url = free_port(), free_port(), f"{scheme}://{host}:{provider.port}"
        config = self.folder / "ai-proxy.yaml"
        config.write_text(GATEWAY)
        variables = {
            "PATH": os.environ["PATH"], "PORT": str(port), "AI_PROXY_THREADS": str(threads), "AI_PROXY_CONFIG": str(config),
            "AI_PROXY_LOG_FILE": str(self.folder / f"gateway-{port}.log"), "AI_PROXY_ADMIN_LISTEN": f"127.0.0.1:{admin}",
            **{f"{provider_name}_API_KEY": "bench" for provider_name in PROVIDERS},
            **{f"{provider_name}_BASE_URL": url for provider_name in PROVIDERS}, **environment}
        program = self.start(name, core, [BINARY], port, env=variables, cwd=self.folder)
        if look:
            self.until_it_listens(program, admin)
            if b"ai_proxy_" not in self.get(admin, "/metrics"):
                raise RuntimeError("the gateway shows no metrics")
            self.settle(program)
        return program

    @staticmethod
    def settle(program):
        """Until what a program does at its start, and beside it, is done."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            before = program.cpu_seconds()
            time.sleep(0.05)
            if program.cpu_seconds() - before < 0.0005:
                return

    @staticmethod
    def get(port, path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()


def tls_version(port, certificate):
    """What a handshake with the terminator settles on; for the report."""
    context = ssl.create_default_context(cafile=str(certificate))
    with socket.create_connection(("127.0.0.1", port), 5) as plain, context.wrap_socket(plain, server_hostname="localhost") as wrapped:
        return wrapped.version()
