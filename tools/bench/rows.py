"""The rows of the table: what is measured, against whom, and what is aimed at.

A row starts what it needs, lets the contenders take turns, and returns their samples and how far its goals were met. Ratios are
between the minima of one row: the same minutes, the same cores, the same provider behind.
"""
import contextlib
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import time

import load
import machine
import proxies

OURS = "AI Proxy"
CONNECTIONS = 64
STREAMS, STREAM_EVENTS, STREAM_PAUSE_MS = 64, 400, 5
KIB = 1024
ERRORS_MAX = 0.001   # of the requests of a turn

CHAT = {"model": "gpt-4o", "messages": [
    {"role": "system", "content": "You are a helpful assistant. Answer in one short paragraph."},
    {"role": "user", "content": "What is the difference between a process and a thread? " * 4}]}
CLAUDE = {**CHAT, "model": "claude-sonnet-4-6"}
# What a caller of Anthropic itself would send for the same question.
MESSAGES = {"model": "claude-sonnet-4-6", "max_tokens": 4096, "system": CHAT["messages"][0]["content"], "messages": CHAT["messages"][1:]}
COMPLETIONS_PATH, NATIVE_PATH, MESSAGES_PATH = "/v1/chat/completions", "/v1/chat", "/v1/messages"


@dataclasses.dataclass
class Goal:
    text: str        # "<= 1.0x HAProxy"
    reached: str     # "0.93x"
    met: bool


@dataclasses.dataclass
class Row:
    name: str
    title: str
    figure: str                      # the key of the samples that the row is about
    unit: str                        # of that figure
    samples: dict                    # contender -> list of samples, in the order of the table
    goals: list
    note: str = ""

    def least(self, contender, key=None):
        return least(self.samples[contender], key or self.figure)

    def others(self):
        """Cores that others took, on average over the row."""
        cores = [sample["others"] for samples in self.samples.values() for sample in samples]
        return sum(cores) / len(cores) if cores else 0.0


ROWS = {}


def row(name, title):
    def register(function):
        function.title = title
        ROWS[name] = function
        return function
    return register


def least(samples, key):
    return min(sample[key] for sample in samples)


def ratio_goal(samples, figure, limit, other):
    ratios = [choose(sample[figure] for sample in samples[OURS]) / choose(sample[figure] for sample in samples[other])
              for choose in (min, statistics.median)]
    return Goal(f"≤ {limit}x {other}", f"{ratios[0]:.2f}x (median {ratios[1]:.2f}x)", ratios[0] <= limit)


def bound_goal(text, value, limit, unit):
    return Goal(text, f"{value:.3g} {unit}", value <= limit)


def turns(options, stand, contenders, rounds=None):
    """Contender -> samples: every contender once a round, so that a slow minute is everyone's."""
    samples = {name: [] for name in contenders}
    for _ in range(rounds or options.rounds):
        for name, measure in contenders.items():
            with machine.Others(stand.pids()) as others:
                sample = measure()
            samples[name].append({**sample, "others": others.cores})
    return samples


# --- requests ------------------------------------------------------------------------------------------------------
def requests_of(options, stand, program, path, body, connections=CONNECTIONS, headers=None):
    """A function that measures one turn of requests: CPU of the program per request that was answered."""
    def measure(seconds=options.seconds):
        before = program.cpu_seconds()
        result = load.wrk(stand.folder, program.port, path, body, seconds, connections, headers)
        used = program.cpu_seconds() - before
        if result["errors"] > result["requests"] * ERRORS_MAX:
            raise RuntimeError(f"{program.name} failed {result['errors']} of {result['requests']} requests")
        return {**result, "us": used / result["requests"] * 1e6, "rss": program.rss_kib() / KIB}
    return measure


def request_turns(options, stand, contenders, **how):
    """`contenders`: name -> (program, path, body[, x-cache that is expected])."""
    measures = {}
    for name, (program, path, body, *cache) in contenders.items():
        load.check(program, path, body, times=2, cache=cache[0] if cache else None)
        measures[name] = requests_of(options, stand, program, path, body, **how)
        if not options.quick:
            measures[name](1)   # the warm-up
    return turns(options, stand, measures)


@row("same-dialect", "OpenAI's chat completions to OpenAI, 64 connections")
def same_dialect(options, stand):
    provider = stand.simulator("--busy-poll")
    samples = request_turns(options, stand, {
        program.name: (program, COMPLETIONS_PATH, CHAT)
        for program in (stand.gateway(provider), stand.haproxy(provider), stand.nginx(provider))})
    return Row("same-dialect", same_dialect.title, "us", "us of CPU per request", samples,
               [ratio_goal(samples, "us", 1.0, "HAProxy"), ratio_goal(samples, "us", 1.0, "nginx")])


@row("native-anthropic", "/v1/chat to Anthropic, translated both ways")
def native_anthropic(options, stand):
    provider = stand.simulator("--busy-poll")
    samples = request_turns(options, stand, {
        OURS: (stand.gateway(provider), NATIVE_PATH, {"provider": "anthropic", **CLAUDE}),
        "HAProxy": (stand.haproxy(provider), MESSAGES_PATH, MESSAGES),
        "nginx": (stand.nginx(provider), MESSAGES_PATH, MESSAGES)})
    return Row("native-anthropic", native_anthropic.title, "us", "us of CPU per request", samples,
               [ratio_goal(samples, "us", 1.25, "HAProxy")], "HAProxy and nginx relay Anthropic's own request and answer.")


@row("memory-cache", "An answer from the memory cache")
def memory_cache(options, stand):
    provider = stand.simulator("--busy-poll")
    samples = request_turns(options, stand, {
        OURS: (stand.gateway(provider, AI_PROXY_CACHE_MEMORY="64MB"), COMPLETIONS_PATH, CHAT, "HIT"),
        "HAProxy": (stand.haproxy(provider), COMPLETIONS_PATH, CHAT)})
    return Row("memory-cache", memory_cache.title, "us", "us of CPU per request", samples, [ratio_goal(samples, "us", 0.6, "HAProxy")],
               "HAProxy has no such cache: it relays to the provider.")


@row("redis-cache", "An answer from the Redis cache, from a real redis-server")
def redis_cache(options, stand):
    provider = stand.simulator("--busy-poll")
    url = f"redis://127.0.0.1:{stand.redis().port}"
    samples = request_turns(options, stand, {
        OURS: (stand.gateway(provider, REDIS_URL=url), COMPLETIONS_PATH, CHAT, "HIT"),
        "HAProxy": (stand.haproxy(provider), COMPLETIONS_PATH, CHAT)})
    return Row("redis-cache", redis_cache.title, "us", "us of CPU per request", samples, [ratio_goal(samples, "us", 1.2, "HAProxy")],
               "No copy in memory: every request asks Redis. HAProxy relays to the provider.")


@row("tls", "TLS to the provider, 64 connections")
def tls(options, stand):
    certificate, both = stand.certificate()
    provider = stand.terminator(stand.simulator(), both)
    gateway = stand.gateway(provider, scheme="https", host="localhost", AI_PROXY_CA_FILE=str(certificate))
    samples = request_turns(options, stand, {
        program.name: (program, COMPLETIONS_PATH, CHAT)
        for program in (gateway, stand.haproxy(provider, certificate), stand.nginx(provider, certificate))})
    return Row("tls", tls.title, "us", "us of CPU per request", samples, [ratio_goal(samples, "us", 1.0, "HAProxy")],
               f"{proxies.tls_version(provider.port, certificate)}; the certificate is checked by all three; HAProxy ends TLS before the "
               "simulated provider, on the load core.")


@row("latency", "Added latency, one request at a time")
def latency(options, stand):
    provider = stand.simulator()
    programs = stand.gateway(provider), stand.haproxy(provider), stand.nginx(provider)
    samples = request_turns(options, stand, {
        **{program.name: (program, COMPLETIONS_PATH, CHAT) for program in programs}, "direct": (provider, COMPLETIONS_PATH, CHAT)},
        connections=1)
    direct = {key: least(samples["direct"], key) for key in ("p50", "p99")}
    for name in list(samples):
        for sample in samples[name]:
            sample.update({f"added_{key}": sample[key] - direct[key] for key in direct})
            if name == "direct":
                sample.pop("us")   # that would be the provider's
    goals = []
    for key in ("p50", "p99"):
        ours, theirs = least(samples[OURS], f"added_{key}"), least(samples["HAProxy"], f"added_{key}")
        goals.append(Goal(f"{key} ≤ HAProxy's + 20 us", f"{ours - theirs:+.0f} us", ours <= theirs + 20))
    added = {name: samples[name] for name in samples if name != "direct"}
    return Row("latency", latency.title, "added_p50", "us added at the median", added, goals,
               f"Through the proxy less direct; direct: p50 {direct['p50']} us, p99 {direct['p99']} us. Added at p99: "
               + ", ".join(f"{name} {least(samples[name], 'added_p99')} us" for name in added) + ".")


@row("scaling", "From one thread to two")
def scaling(options, stand):
    provider = stand.simulator()
    one = stand.gateway(provider, name="1 thread")
    two = stand.gateway(provider, name="2 threads", threads=2, core=(machine.PROXY_CORE, machine.LOAD_CORE))
    samples = request_turns(options, stand, {program.name: (program, COMPLETIONS_PATH, CHAT) for program in (one, two)})
    faster = max(sample["rps"] for sample in samples["2 threads"]) / max(sample["rps"] for sample in samples["1 thread"])
    dearer = least(samples["2 threads"], "us") / least(samples["1 thread"], "us")
    goal = Goal("≥ 1.8x requests/s, or ≤ 1.1x CPU per request", f"{faster:.2f}x requests/s, {dearer:.2f}x CPU", faster >= 1.8 or dearer <= 1.1)
    return Row("scaling", scaling.title, "us", "us of CPU per request", samples, [goal],
               "The second thread has the load core, which it shares with the generator and the provider.")


# --- streams -------------------------------------------------------------------------------------------------------
def streams_of(options, program, path, body, headers=None):
    """A function that measures one turn of paced streams: CPU of the program per event of the provider's pace."""
    request = load.request_bytes(path, {**body, "stream": True}, headers)

    def measure(seconds=options.seconds):
        streams = load.Streams(program.port, request, STREAMS, STREAM_PAUSE_MS / 1000)
        try:
            streams.wait()
            before, begin = program.cpu_seconds(), time.monotonic()
            streams.read(seconds)
            used, taken = program.cpu_seconds() - before, time.monotonic() - begin
            if streams.events == 0:
                raise RuntimeError(f"{program.name} relays no event")
            return {"us": used / streams.events * 1e6, "rps": streams.events / taken, "errors": streams.errors,
                    "rss": program.rss_kib() / KIB}
        finally:
            streams.close()
    return measure


def paced_provider(stand, pause_ms=STREAM_PAUSE_MS):
    return stand.simulator("--busy-poll", "--chunks", str(STREAM_EVENTS), "--chunk-pause", str(pause_ms),
                           "--reply-bytes", str(20 * STREAM_EVENTS))


PACE = f"{STREAMS} streams, {STREAM_EVENTS} events each, one every {STREAM_PAUSE_MS} ms, each written by itself. Per second: events."


@row("stream-paced", "Streams of OpenAI, passed through, event by event")
def stream_paced(options, stand):
    provider = paced_provider(stand)
    samples = turns(options, stand, {
        program.name: streams_of(options, program, COMPLETIONS_PATH, CHAT)
        for program in (stand.gateway(provider), stand.haproxy(provider), stand.nginx(provider))})
    return Row("stream-paced", stream_paced.title, "us", "us of CPU per event", samples, [ratio_goal(samples, "us", 1.0, "nginx")], PACE)


@row("stream-translated", "Streams of Anthropic for an OpenAI caller")
def stream_translated(options, stand):
    provider = paced_provider(stand)
    samples = turns(options, stand, {
        OURS: streams_of(options, stand.gateway(provider), COMPLETIONS_PATH, CLAUDE),
        "HAProxy": streams_of(options, stand.haproxy(provider), MESSAGES_PATH, MESSAGES),
        "nginx": streams_of(options, stand.nginx(provider), MESSAGES_PATH, MESSAGES)})
    return Row("stream-translated", stream_translated.title, "us", "us of CPU per event", samples, [ratio_goal(samples, "us", 1.5, "nginx")],
               PACE + " HAProxy and nginx relay Anthropic's events as they are.")


@row("slow-streams", "Many open streams, each with an event every 500 ms")
def slow_streams(options, stand):
    wanted = 500 if options.quick else 5000
    count = min(wanted, (options.files - 200) // 3)   # the source's own, and the proxy's two ends
    provider = stand.source()
    request = load.request_bytes(COMPLETIONS_PATH, {**CHAT, "stream": True})

    def measure(start):
        program = start(provider)
        streams = None
        try:
            load_before = program.rss_kib()
            streams = load.Streams(program.port, request, count, seconds=count / 1000, stamped=True)
            streams.wait()
            before = program.cpu_seconds()
            streams.read(options.seconds)
            used = program.cpu_seconds() - before
            return {"kib": (program.rss_kib() - load_before) / count, "us": used / max(1, streams.events) * 1e6,
                    "p50": load.percentile(streams.late_us, 0.5), "p99": load.percentile(streams.late_us, 0.99),
                    "errors": streams.errors, "rss": program.rss_kib() / KIB}
        finally:
            if streams:
                streams.close()
            stand.end([program])

    starts = {OURS: stand.gateway, "HAProxy": stand.haproxy, "nginx": stand.nginx}
    samples = turns(options, stand, {name: lambda start=start: measure(start) for name, start in starts.items()}, min(options.rounds, 3))
    ours, theirs = least(samples[OURS], "p99"), least(samples["nginx"], "p99")
    return Row("slow-streams", slow_streams.title, "kib", "KiB of RSS per stream", samples,
               [bound_goal("≤ 8 KiB", least(samples[OURS], "kib"), 8, "KiB"),
                Goal("event p99 ≤ nginx's", f"{ours:.0f} us, nginx {theirs:.0f} us", ours <= theirs)],
               f"{count:,} streams{open_files_note(options, count, wanted)}; latency: from the source's write to the event's "
               "arrival at our socket, by the kernel's clock. CPU: per event.")


# --- memory, start, growth -----------------------------------------------------------------------------------------
def open_files_note(options, count, wanted):
    return "" if count == wanted else f" (not {wanted:,}: {options.files:,} open files are allowed here)"


@row("idle-connections", "Idle keep-alive connections")
def idle_connections(options, stand):
    wanted = 1000 if options.quick else 10000
    # The gateway takes no more than 45 % of its descriptors for callers.
    count = min(wanted, int(options.files * 0.45) - 100)
    provider = stand.simulator()
    request = load.request_bytes(COMPLETIONS_PATH, CHAT)

    def measure(start):
        program, kept = start(provider), []
        try:
            kept += load.idle_connections(program.port, request, 10)
            before = program.rss_kib()
            kept += load.idle_connections(program.port, request, count)
            time.sleep(0.3)   # what is let go a moment later, is let go
            return {"kib": (program.rss_kib() - before) / count, "rss": program.rss_kib() / KIB}
        finally:
            for connection in kept:
                connection.close()
            stand.end([program])

    starts = {OURS: stand.gateway, "HAProxy": stand.haproxy, "nginx": stand.nginx}
    samples = turns(options, stand, {name: lambda start=start: measure(start) for name, start in starts.items()}, min(options.rounds, 2))
    return Row("idle-connections", idle_connections.title, "kib", "KiB of RSS per connection", samples,
               [bound_goal("≤ 4 KiB", least(samples[OURS], "kib"), 4, "KiB")],
               f"{count:,} connections{open_files_note(options, count, wanted)}, each after one answered request.")


def wait_until_ready(port, deadline):
    while time.monotonic() < deadline:
        try:
            proxies.Stand.get(port, "/readyz")
            return
        except OSError:
            time.sleep(0.0005)
    raise RuntimeError("not ready in time")


@row("footprint", "Idle: memory, start, size of the program")
def footprint(options, stand):
    provider = stand.simulator()

    def measure(start):
        begin = time.monotonic()
        program = start(provider)
        wait_until_ready(program.port, begin + proxies.START_SECONDS_MAX)
        ready = time.monotonic() - begin
        try:
            time.sleep(0.3)
            return {"rss": program.rss_kib() / KIB, "ready_ms": ready * 1000}
        finally:
            stand.end([program])

    starts = {OURS: lambda provider: stand.gateway(provider, look=False), "HAProxy": stand.haproxy, "nginx": stand.nginx}
    samples = turns(options, stand, {name: lambda start=start: measure(start) for name, start in starts.items()})
    stripped = pathlib.Path(stand.folder) / "stripped"
    subprocess.run([machine.program("strip"), "-o", stripped, proxies.BINARY], check=True, timeout=30)
    size = stripped.stat().st_size / KIB**2
    return Row("footprint", footprint.title, "rss", "MiB of RSS", samples,
               [bound_goal("RSS ≤ 10 MiB", least(samples[OURS], "rss"), 10, "MiB"),
                bound_goal("ready in ≤ 50 ms", least(samples[OURS], "ready_ms"), 50, "ms"),
                bound_goal("stripped binary ≤ 12 MiB", size, 12, "MiB")],
               "From the fork to the first answer; the gateway's /readyz.")


def history(size):
    """A conversation of that many bytes, in turns of 500."""
    messages = [{"role": "user" if number % 2 == 0 else "assistant", "content": "A turn of a long conversation. " * 16}
                for number in range(size // 530 // 2 * 2 + 1)]
    return {**CHAT, "messages": messages}


def document(size):
    return {**CHAT, "messages": [{"role": "user", "content": "All of a long document. " * (size // 24)}]}


BODIES = {"57 KB history": (history(57_000), 200), "100 KB": (document(100_000), 200), "10 MB": (document(10_000_000), 4)}
DOORS = {"passed through": (COMPLETIONS_PATH, {}), "to Anthropic": (NATIVE_PATH, {"provider": "anthropic", "model": CLAUDE["model"]})}


@row("growth", "Large requests: time and memory")
def growth(options, stand):
    provider = stand.simulator()

    def measure(door, size):
        (path, changes), (body, times) = DOORS[door], BODIES[size]
        text = json.dumps({**body, **changes}).encode()
        request = load.request_bytes(path, text)
        program = stand.gateway(provider)
        answers = load.Answers(program.port)
        try:
            ask(answers, load.request_bytes(path, {**CHAT, **changes}))
            before, kib = program.cpu_seconds(), program.rss_kib()
            asked = max(2, times // 20) if options.quick else times
            for _ in range(asked):
                ask(answers, request)
            peak = machine.status_kib(program.process.pid, "VmHWM")
            us = (program.cpu_seconds() - before) / asked * 1e6
            return {"us": us, "us_per_kb": us / len(text) * 1000, "peak": (peak - kib) * KIB / len(text), "rss": program.rss_kib() / KIB}
        finally:
            answers.close()
            stand.end([program])

    def ask(answers, request):
        status, _, text = answers.ask(request)
        if status != 200:
            raise RuntimeError(f"a request of {len(request)} bytes is answered with {status}: {text[:200].decode(errors='replace')}")

    samples = turns(options, stand, {f"{door}, {size}": lambda door=door, size=size: measure(door, size) for door in DOORS for size in BODIES},
                    min(options.rounds, 3))
    goals = []
    for door in DOORS:
        small, large = (least(samples[f"{door}, {size}"], "us_per_kb") for size in ("100 KB", "10 MB"))
        goals.append(Goal(f"{door}: CPU per KB at 10 MB ≤ 1.25x that at 100 KB", f"{large / small:.2f}x", large <= 1.25 * small))
        peak = least(samples[f"{door}, 10 MB"], "peak")
        goals.append(Goal(f"{door}: peak memory at 10 MB ≤ 2.5x the body", f"{peak:.2f}x", peak <= 2.5))
    return Row("growth", growth.title, "us_per_kb", "us of CPU per KB of request", samples, goals,
               "One request at a time; peak: the most the process held, less what it held after a small request.")


# --- run -----------------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def on_load_core():
    """This process is part of the load."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {machine.LOAD_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def run(name, options, folder):
    (pathlib.Path(folder) / name).mkdir()
    with on_load_core(), proxies.Stand(pathlib.Path(folder) / name) as stand:
        return ROWS[name](options, stand)
