#!/usr/bin/env python3
"""Notes how often each branch is taken, for the compiler: runs a build that counts (build/profile) and writes cmake/release.profdata.

Usage: ./dev bench profile. To be run when `./dev bench instructions` has grown: a function that was changed is compiled without
what was noted of it. Only what runs is in the file; how much of it stands beside what does not decides what is near in memory.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

from instructions import CHAT, CLAUDE, ROOT, SCENARIOS, connect, free_port, run

BINARY = ROOT / "build/profile/ai-proxy"
PROFILE = ROOT / "cmake/release.profdata"
REQUESTS, STREAMS = 2000, 300
LONG = {"messages": [{"role": "user", "content": "What is the difference between a process and a thread? " * 1000}]}
# Besides what is counted, and an answer from Redis: Anthropic's door, the third provider, long texts.
MORE = {
    "mistral, native": ("/v1/chat", {**CHAT, "provider": "mistral", "model": "mistral-small-latest"}, {}),
    "anthropic, passed through": ("/v1/messages", {"model": "claude-sonnet-4-6", "max_tokens": 100, "messages": CHAT["messages"][1:]}, {}),
    "openai for an anthropic caller": ("/v1/messages", {"model": "gpt-4o", "max_tokens": 100, "messages": CHAT["messages"][1:]}, {}),
    "openai, 55 KB": ("/v1/chat/completions", {**CHAT, **LONG}, {}),
    "anthropic for an openai caller, 55 KB": ("/v1/chat/completions", {**CLAUDE, **LONG}, {}),
    "anthropic stream, passed through": (
        "/v1/messages", {"model": "claude-sonnet-4-6", "max_tokens": 100, "messages": CHAT["messages"][1:], "stream": True}, {}),
}


def main():
    redis_port = free_port()
    redis = subprocess.Popen(["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
                             stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(prefix="ai-proxy-profile-") as name:
        folder, provider = pathlib.Path(name), free_port()
        simulator = subprocess.Popen([BINARY, "simulate", "--port", str(provider)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     env={"LLVM_PROFILE_FILE": "/dev/null"})
        try:
            connect(provider, simulator).close()
            connect(redis_port, redis).close()
            in_redis = {"from Redis": ("/v1/chat/completions", CHAT, {"REDIS_URL": f"redis://127.0.0.1:{redis_port}"})}
            scenarios = {**SCENARIOS, **MORE, **in_redis}
            for number, (scenario, (path, body, environment)) in enumerate(scenarios.items()):
                print(scenario, flush=True)
                environment = {"MISTRAL_API_KEY": "bench", "MISTRAL_BASE_URL": f"http://127.0.0.1:{provider}",
                               "LLVM_PROFILE_FILE": str(folder / f"{number}.profraw"), **environment}
                run(folder, provider, path, body, environment, STREAMS if body.get("stream") else REQUESTS, [BINARY])
        finally:
            for process in (simulator, redis):
                process.terminate()
                process.wait(timeout=10)
        notes = sorted(folder.glob("*.profraw"))
        if len(notes) != len(scenarios):
            sys.exit(f"profile: {len(notes)} of {len(scenarios)} scenarios left a note")
        merge = shutil.which("llvm-profdata-19") or sys.exit("profile: there is no llvm-profdata-19 (package llvm-19)")
        subprocess.run([merge, "merge", "-sparse", "-o", PROFILE, *notes], check=True)
    print(f"{PROFILE.relative_to(ROOT)}: {PROFILE.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
