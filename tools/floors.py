#!/usr/bin/env python3
"""Checks that includes go only downward, that pure folders do no I/O, and that files open with a comment.

Usage: tools/floors.py [root]. Prints one line per finding; exit status 1 when there is one.
"""
import pathlib
import re
import sys

# A folder may include itself and every folder on a lower floor; folders on one floor do not know each other.
FLOORS = [
    ["base"],
    ["chat", "http", "telemetry"],
    ["dialects", "pricing", "stores"],
    ["providers", "cache"],
    ["routing"],
    ["config"],
    ["gateway", "simulator"],
    ["app"],
]
PURE = {"base", "chat", "dialects", "pricing", "providers", "routing", "config"}
# What a pure folder must not see: sockets, clocks, files, threads.
IMPURE = re.compile(r"#include <(boost/asio|openssl/ssl|hiredis|fstream|filesystem|thread|sys/|unistd|netinet)")
# ... and the headers of http/ that do I/O; its pure ones (sse_reader, url, headers, limits) are welcome.
IMPURE_OWN = re.compile(r'#include "http/(asio|client|server|deadline|cancellation)\.h"')
LEVEL = {folder: level for level, folders in enumerate(FLOORS) for folder in folders}
LINES_MAX = {"_test.cpp": 1000, ".cpp": 500, ".h": 400}


def findings(root):
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        folder = path.relative_to(root / "src").parts[0]
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(root)
        test = path.stem.endswith(("_test", "_fixture", "_for_tests"))
        if folder not in LEVEL:
            yield f"{name}: {folder} stands on no floor; add it to tools/floors.py and ARCHITECTURE.md"
            continue
        if not text.startswith("//") and not test and path.suffix == ".h":
            yield f"{name}:1: open the file with a comment that says what it is"
        limit = next(lines for suffix, lines in LINES_MAX.items() if path.name.endswith(suffix))
        if text.count("\n") > limit:
            yield f"{name}: more than {limit} lines; split it by subject"
        for number, line in enumerate(text.splitlines(), 1):
            if include := re.match(r'#include "([a-z_]+)/', line):
                target = include.group(1)
                if target != folder and LEVEL.get(target, 99) >= LEVEL[folder]:
                    yield f"{name}:{number}: {folder} must not include {target}/ (includes go only downward)"
            if folder in PURE and not test and (IMPURE.match(line) or IMPURE_OWN.match(line)):
                yield f"{name}:{number}: {folder} is pure: no I/O, no clock, no Asio"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = list(findings(root))
    for line in found:
        print(line)
    print(f"floors: {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
