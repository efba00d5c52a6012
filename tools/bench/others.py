"""Other gateways, for --peers: each is installed by its own package manager into the run's temporary folder, and only then.

What does not install or does not answer is told in one line, and left out.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import load
import machine
import proxies
import rows

PORTKEY, LITELLM, BIFROST = "1.15.2", "1.100.0", "latest"
INSTALL_SECONDS_MAX, START_SECONDS_MAX = 900, 120
# So long do compilers at run time get.
WARM_SECONDS = 12
# Slower than in the other rows: what cannot keep the pace would write several events at a time.
PAUSE_MS = 20
CHAT = rows.CHAT

FASTIFY_NAME, PORTKEY_NAME = "Fastify stand-in", f"Portkey {PORTKEY}"
# How many times less CPU per request is aimed at.
TIMES_LESS = {FASTIFY_NAME: 20, PORTKEY_NAME: 50}

FOUND = {}      # name -> what install() gave
MISSING = {}    # name -> why not; the whole reason goes to the terminal


def installed(command, folder, **environment):
    folder.mkdir(parents=True, exist_ok=True)
    try:
        process = subprocess.Popen([str(part) for part in command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   errors="replace", env={**os.environ, **environment}, stdin=subprocess.DEVNULL, start_new_session=True)
    except FileNotFoundError:
        raise RuntimeError(f"there is no {command[0]} here") from None
    try:
        said, _ = process.communicate(timeout=INSTALL_SECONDS_MAX)
    except BaseException as failure:
        os.killpg(process.pid, signal.SIGKILL)   # its session is its own: whatever it started ends with it
        process.wait()
        if isinstance(failure, subprocess.TimeoutExpired):
            raise RuntimeError(f"{command[0]} took more than {INSTALL_SECONDS_MAX} s") from None
        raise
    if process.returncode != 0:
        lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it said nothing"]
        telling = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise RuntimeError(f"{pathlib.Path(command[0]).name} failed: {telling[:160]}")


def npm(folder, package):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps(package))
    installed(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=5"], folder)


# --- each: install(folder), and start(stand, folder, provider) which gives the program and the fields its requests need ------------
def install_fastify(folder):
    npm(folder, json.loads((proxies.HERE / "peers/package.json").read_text()))
    shutil.copy(proxies.HERE / "peers/server.mjs", folder)


def start_fastify(stand, folder, provider):
    port = proxies.free_port()
    environment = {"PATH": os.environ["PATH"], "PORT": str(port), "PROVIDER": f"http://127.0.0.1:{provider.port}", "NODE_ENV": "production"}
    return stand.start("Fastify stand-in", machine.PROXY_CORE, ["node", folder / "server.mjs"], port, START_SECONDS_MAX, env=environment,
                       cwd=folder), CHAT, {}


def install_portkey(folder):
    # Its streams fail with a newer @hono/node-server (Portkey-AI/gateway#1389).
    npm(folder, {"name": "portkey", "private": True, "dependencies": {"@portkey-ai/gateway": PORTKEY},
                 "overrides": {"@hono/node-server": "1.13.7"}})


def start_portkey(stand, folder, provider):
    port = proxies.free_port()
    program = folder / "node_modules/@portkey-ai/gateway/build/start-server.js"
    started = stand.start("Portkey", machine.PROXY_CORE, ["node", program, f"--port={port}", "--headless"], port, START_SECONDS_MAX,
                          env={"PATH": os.environ["PATH"], "NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "localhost,127.0.0.1"}, cwd=folder)
    return started, CHAT, {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{provider.port}/v1",
                           "Authorization": "Bearer bench"}


def install_litellm(folder):
    installed([sys.executable, "-m", "venv", folder], folder)
    installed([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", f"litellm[proxy]=={LITELLM}"], folder)


def start_litellm(stand, folder, provider):
    port = proxies.free_port()
    config = folder / "config.yaml"
    config.write_text(json.dumps({"model_list": [{"model_name": CHAT["model"], "litellm_params": {
        "model": f"openai/{CHAT['model']}", "api_base": f"http://127.0.0.1:{provider.port}/v1", "api_key": "bench"}}],
        "litellm_settings": {"telemetry": False}}))
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                   "LITELLM_MODE": "PRODUCTION"}
    return stand.start("LiteLLM", machine.PROXY_CORE, [folder / "bin/litellm", "--config", config, "--port", port, "--host", "127.0.0.1",
                                                       "--num_workers", "1"], port, START_SECONDS_MAX, env=environment, cwd=folder), CHAT, {}


def install_bifrost(folder):
    installed(["go", "install", f"github.com/maximhq/bifrost/transports/bifrost-http@{BIFROST}"], folder, GOBIN=str(folder), GOFLAGS="-mod=mod")


def start_bifrost(stand, folder, provider):
    port = proxies.free_port()
    (folder / "config.json").write_text(json.dumps({"providers": {"openai": {
        "keys": [{"name": "bench", "value": "bench", "models": [CHAT["model"]], "weight": 1.0}],
        "network_config": {"base_url": f"http://127.0.0.1:{provider.port}"}}}}))
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GOMAXPROCS": "1"}
    started = stand.start("Bifrost", machine.PROXY_CORE, [folder / "bifrost-http", "-app-dir", folder, "-host", "127.0.0.1", "-port", port], port,
                          START_SECONDS_MAX, env=environment, cwd=folder)
    return started, {**CHAT, "model": f"openai/{CHAT['model']}"}, {}


PEERS = {FASTIFY_NAME: (install_fastify, start_fastify), PORTKEY_NAME: (install_portkey, start_portkey),
         f"LiteLLM {LITELLM}": (install_litellm, start_litellm), "Bifrost": (install_bifrost, start_bifrost)}


def install_all(folder):
    for name, (install, _) in PEERS.items():
        if name in FOUND or name in MISSING:
            continue
        try:
            place = folder / name.split()[0].lower()
            print(f"installing {name} …", end=" ", flush=True)
            install(place)
            FOUND[name] = place
            print("done", flush=True)
        except (RuntimeError, OSError) as failure:
            MISSING[name] = "did not install"
            print(f"skipped: {failure}", flush=True)


def contenders(stand, start_provider, stream):
    """Name -> (program, body, fields) of everyone who answers."""
    install_all(stand.folder.parent / "peers")   # before the provider, which never sleeps
    provider = start_provider()
    found = {rows.OURS: (stand.gateway(provider), CHAT, {}), "HAProxy": (stand.haproxy(provider), CHAT, {})}
    for name, folder in FOUND.items():
        before = list(stand.programs)
        try:
            program, body, fields = PEERS[name][1](stand, folder, provider)
            load.check(program, rows.COMPLETIONS_PATH, {**body, "stream": stream}, fields)
            found[name] = program, body, fields
        except (RuntimeError, OSError, ValueError) as failure:
            MISSING[name] = "did not answer"
            print(f"{name}: skipped: {failure}", flush=True)
            stand.end([program for program in stand.programs if program not in before])
    return found


def note():
    return " ".join([f"The others warm up for {WARM_SECONDS} s."] + [f"{name} is missing: it {why}." for name, why in MISSING.items()])


def requests(options, stand):
    found = contenders(stand, lambda: stand.simulator("--busy-poll"), False)
    measures = {name: rows.requests_of(options, stand, program, rows.COMPLETIONS_PATH, body, headers=fields)
                for name, (program, body, fields) in found.items()}
    samples = measured(options, stand, measures)
    ours = rows.least(samples[rows.OURS], "us")
    times = {name: rows.least(samples[name], "us") / ours for name in TIMES_LESS if name in samples}
    goals = [rows.Goal(f"≤ 1/{TIMES_LESS[name]} of {name}", f"1/{more:.0f}", more >= TIMES_LESS[name]) for name, more in times.items()]
    return rows.Row("peers-requests", requests.title, "us", "us of CPU per request", samples, goals, note())


def streams(options, stand):
    found = contenders(stand, lambda: rows.paced_provider(stand, PAUSE_MS), True)
    measures = {name: rows.streams_of(options, program, rows.COMPLETIONS_PATH, body, fields) for name, (program, body, fields) in found.items()}
    samples = measured(options, stand, measures)
    return rows.Row("peers-streams", streams.title, "us", "us of CPU per event", samples, [], f"One event every {PAUSE_MS} ms. {note()}")


def measured(options, stand, measures):
    """Who cannot serve the warm-up is left out."""
    for name in list(measures):
        try:
            measures[name](3 if options.quick else WARM_SECONDS)
        except RuntimeError as failure:
            if name not in PEERS:
                raise
            MISSING[name] = "did not keep up"
            print(f"{name}: skipped: {failure}", flush=True)
            del measures[name]
    return rows.turns(options, stand, measures, min(options.rounds, 6))


def register():
    rows.row("peers-requests", "Other gateways: OpenAI's chat completions, 64 connections")(requests)
    rows.row("peers-streams", "Other gateways: streams of OpenAI, event by event")(streams)
