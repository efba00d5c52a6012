"""The machine: its cores, what processes use of it, and what others used meanwhile."""
import os
import pathlib
import platform
import re
import resource
import shutil
import subprocess
import time

CORES = sorted(os.sched_getaffinity(0))
# One core for the proxy under test, one for everything else of ours. All that is measured happens on these two.
PROXY_CORE, LOAD_CORE = (CORES * 2)[:2]
# Cores' worth of other work on the two; beyond it a run is called disturbed.
OTHERS_MAX = 0.15
FILES_WANTED = 65536


def raise_open_files():
    """As many file descriptors as we may have, for us and for whom we start; returns how many that are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (max(hard, FILES_WANTED), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
        except (ValueError, OSError):   # only root may raise the hard limit
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def descendants(pid):
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid] + [deeper for child in children for deeper in descendants(int(child))]


def cpu_seconds(pid):
    """CPU time of a process and its children, also of threads that have ended: from the scheduler, in nanoseconds, not in ticks."""
    total = 0.0
    for process in descendants(pid):
        try:
            total += time.clock_gettime(~process << 3 | 2)   # the clock of that process, as clock_getcpuclockid(3) makes it
        except OSError:   # it has ended between the two looks
            pass
    return total


def status_kib(pid, field):
    """A field of /proc/PID/status, such as VmRSS; of the largest process, where there are children."""
    texts = [pathlib.Path(f"/proc/{process}/status").read_text() for process in descendants(pid)]
    return max(int(found[1]) for text in texts if (found := re.search(rf"{field}:\s+(\d+)", text)))


def busy_seconds():
    """What the two cores have worked since the machine started, also for a hypervisor's other guests."""
    lines = re.findall(r"^cpu(\d+) (.*)$", pathlib.Path("/proc/stat").read_text(), re.M)
    ticks = 0
    for core, fields in lines:
        if int(core) in (PROXY_CORE, LOAD_CORE):
            user, nice, system, _, _, irq, softirq, steal = map(int, fields.split()[:8])
            ticks += user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK")


class Others:
    """Around a measurement: how many of the two cores others took from us meanwhile, in .cores."""

    def __init__(self, pids):
        self.pids, self.cores = pids, 0.0

    def ours(self):
        own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in own) + sum(map(cpu_seconds, self.pids))

    def __enter__(self):
        self.before = time.monotonic(), busy_seconds(), self.ours()
        return self

    def __exit__(self, *_):
        seconds, busy, ours = (after - before for after, before in
                               zip((time.monotonic(), busy_seconds(), self.ours()), self.before))
        self.cores = max(0.0, (busy - ours) / seconds)


def first_line(command):
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        return (process.stdout + process.stderr).strip().splitlines()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return ""


def program(name):
    """Where a program is; those of the system's own folders too, which a user's PATH may not name."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin") or name


def describe(binary):
    """The machine and the programs, as name and value."""
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    virtual = " hypervisor" in pathlib.Path("/proc/cpuinfo").read_text()
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) / 2**20
    system = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
    kernel = re.match(r"\d+\.\d+", platform.release())

    def version(pattern, *command):
        found = re.search(pattern, first_line(command))
        return found[1] if found else "not known"

    commit = version(r"^(\S+)$", "git", "-C", str(pathlib.Path(__file__).parent), "describe", "--always", "--dirty")
    return {
        "processor": f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores{', a virtual machine' if virtual else ''}",
        "memory": f"{memory:.0f} GiB",
        "system": f"{system[1] if system else 'not known'}, Linux {kernel[0] if kernel else ''}",
        "ai-proxy": version(r"(\d\S*)", str(binary), "--version") + f", commit {commit}",
        "haproxy": version(r"version (\d+\.\d+\.\d+)", program("haproxy"), "-v"),
        "nginx": version(r"nginx/(\S+)", program("nginx"), "-v"),
        "wrk": version(r"wrk \D*(\d+\.\d+\.\d+)", program("wrk"), "-v"),
        "redis-server": version(r"v=(\S+)", program("redis-server"), "--version"),
    }
