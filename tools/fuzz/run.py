#!/usr/bin/env python3
"""Runs the fuzz targets of build/fuzz, one per processor at a time, and tells what came of it.

Usage: ./dev fuzz [SECONDS-per-target] [TARGET…]. The seconds are processor time, so on a busy machine a target runs
longer but no less. What a target has found out stays in build/fuzz/corpus/TARGET and is where the next run begins; an
input that broke something is kept in build/fuzz/findings. Exit status 1 when there is one.
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import seeds  # noqa: E402

ROOT = seeds.ROOT
BUILD = ROOT / "build/fuzz"
FINDINGS = BUILD / "findings"
SECONDS = 60
INPUT_SECONDS_MAX = 60  # by the clock, of which a busy machine may give little
MEMORY_MB_MAX = 2560
INTERRUPTED = 72  # libFuzzer's exit status after SIGINT


def run(target, seconds):
    corpus, seed_folder = BUILD / "corpus" / target, BUILD / "seeds" / target
    for folder in (corpus, FINDINGS):
        folder.mkdir(parents=True, exist_ok=True)
    dictionary, longest = seeds.write(target, seed_folder)
    environment = {
        **os.environ,
        "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:detect_leaks=1:allocator_may_return_null=0",
        "UBSAN_OPTIONS": "print_stacktrace=1"}
    command = [
        BUILD / target, f"-rss_limit_mb={MEMORY_MB_MAX}", f"-timeout={INPUT_SECONDS_MAX}",
        f"-max_len={longest}", *([f"-dict={dictionary}"] if dictionary.stat().st_size else []),
        f"-artifact_prefix={FINDINGS}/{target}-", "-print_final_stats=1",
        "-reload=0", corpus, seed_folder]
    log = BUILD / f"{target}.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, env=environment)
        used = 0.0
        while process.poll() is None:
            time.sleep(0.2)
            used = processor_seconds(process.pid) or used
            if used >= seconds:
                process.send_signal(signal.SIGINT)
                process.wait()
    text = log.read_text(errors="replace")
    return {"seconds": used, "log": log, "finding": finding(process.returncode, text), **figures(text)}


def processor_seconds(pid):
    """What the process has used up so far; 0 when it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def figures(text):
    last = re.findall(r"^#(\d+)\s.*?cov: (\d+) ft: (\d+) corp: (\d+)", text, re.M)
    executed = re.search(r"stat::number_of_executed_units:\s+(\d+)", text)
    runs, covered, features, corpus = map(int, last[-1]) if last else (0, 0, 0, 0)
    slowest = re.search(r"stat::slowest_unit_time_sec:\s+(\d+)", text)
    return {"runs": int(executed[1]) if executed else runs, "covered": covered, "features": features, "corpus": corpus,
            "slowest": int(slowest[1]) if slowest else 0}


def finding(status, text):
    """The file that broke something; None when nothing did."""
    if status in (0, INTERRUPTED):
        return None
    kept = re.search(r"Test unit written to (\S+)", text)
    return kept[1] if kept else f"exit status {status}"


def main():
    arguments = sys.argv[1:]
    seconds = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else SECONDS
    unknown = [name for name in arguments if name not in seeds.TARGETS]
    if unknown:
        sys.exit(f"fuzz: there is no target {unknown[0]}; there are {' '.join(seeds.TARGETS)}")
    if not seeds.CORPORA.exists():
        print(f"fuzz: no corpora at {seeds.SHARED} (AI_PROXY_SHARED); only the small seeds are used")
    targets = arguments or list(seeds.TARGETS)

    def told(target):
        print(f"{target} …", flush=True)
        return run(target, seconds)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = dict(zip(targets, pool.map(told, targets)))
    print(f"\n{'target':22}{'seconds':>9}{'executions':>13}{'covered':>9}{'features':>10}{'corpus':>8}{'slowest':>9}  finding")
    for target, result in results.items():
        print(f"{target:22}{result['seconds']:9.0f}{result['runs']:13,}{result['covered']:9,}{result['features']:10,}"
              f"{result['corpus']:8,}{result['slowest']:7} s  {result['finding'] or '-'}")
    total = sum(result["runs"] for result in results.values())
    print(f"{'all':22}{sum(result['seconds'] for result in results.values()):9.0f}{total:13,}")
    broken = {target: result for target, result in results.items() if result["finding"]}
    for target, result in broken.items():
        print(f"\n{target}: {result['finding']}\n  again: build/fuzz/{target} {result['finding']}\n  what it said: {result['log']}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
