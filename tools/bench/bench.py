#!/usr/bin/env python3
"""What the gateway costs, measured against nginx, HAProxy and, when asked, other gateways: docs/performance.md says how.

One core holds the proxy, the other the load and the simulated provider. Contenders take turns within one run, and only
ratios of one run mean anything on a shared or virtual machine: the minimum is the robust figure, the median tells the noise.

Usage: ./dev bench [options]; ./dev bench instructions counts instead. AI_PROXY_BINARY names another build.
"""
import argparse
import datetime
import re
import signal
import subprocess
import sys
import tempfile
import time

import machine
import others
import report
import rows


ROUNDS_MIN, SECONDS_MIN = 3, 2   # of what is written down


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: everything once and in small, in under a minute")
    parser.add_argument("--rounds", type=int, help="turns of each contender; 9")
    parser.add_argument("--seconds", type=int, help="length of a turn; 2")
    parser.add_argument("--only", default="", metavar="PATTERN", help="the rows whose name this regular expression finds; see --list")
    parser.add_argument("--list", action="store_true", help="the rows, and nothing else")
    parser.add_argument("--peers", action="store_true", help="other gateways too, installed into a temporary folder from their registries")
    parser.add_argument("--write", action="store_true", help="put the figures and charts into docs/performance.md")
    parser.add_argument("--force", action="store_true", help="--write also what is disturbed, short or not all")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 9)
    options.seconds = options.seconds or (1 if options.quick else 2)
    return options


def main():
    options = arguments()
    if options.peers:
        others.register()
    names = [name for name in rows.ROWS if re.search(options.only, name)]
    if options.list or not names:
        print("\n".join(f"{name:20}{function.title}" for name, function in rows.ROWS.items()))
        sys.exit(0 if names else f"bench: no row is called like {options.only}")
    short = options.quick or options.rounds < ROUNDS_MIN or options.seconds < SECONDS_MIN
    if options.write and not options.force and (short or options.only):
        sys.exit("bench: --write wants all rows at full length, or --force")
    if len(machine.CORES) < 2:
        sys.exit("bench: two cores are needed, one for the proxy and one for the load")
    options.files = machine.raise_open_files()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: ended"))   # what was started is ended with it
    done, skipped = [], []
    with tempfile.TemporaryDirectory(prefix="ai-proxy-bench-") as folder:
        for name in names:
            begin = time.monotonic()
            print(f"{name} …", end=" ", flush=True)
            try:
                done.append(rows.run(name, options, folder))
                print(f"{time.monotonic() - begin:.0f} s, others {done[-1].others():.2f} cores", flush=True)
            except (RuntimeError, OSError, subprocess.SubprocessError) as failure:
                skipped.append((name, str(failure)))
                print(f"failed: {failure}", flush=True)
    report.show(done, skipped, options)
    if options.write:
        if (skipped or report.disturbed(done)) and not options.force:
            sys.exit("bench: nothing is written: the run was disturbed or a row failed. Run it again on a quiet machine, or with --force")
        report.write(done, options, datetime.date.today().isoformat())
        print("docs/performance.md is written")
    sys.exit(1 if skipped else 0)


if __name__ == "__main__":
    main()
