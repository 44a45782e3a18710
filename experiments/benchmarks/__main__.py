"""All benchmarks, each in a process of its own, one after another.

python -m experiments.benchmarks [NAME ...] [--out runs/benchmarks] [--quick] [--page FOLDER]

Prints what they print and keeps it in `OUT/NAME.txt` and `OUT/NAME.json`; all rows, the machine, seconds and peak
memory in `OUT/summary.json`; a page of it all in `OUT`, or in FOLDER.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from . import page, peers


# glibc gives large arrays back after every call, or keeps them, as its history has it: for programs that do little with
# much, page faults then take three times what is measured. Here it keeps them, for all sides.
ALLOCATOR = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
NAMES = ("tile", "devices", "arrays", "hwa", "in_memory", "sweep", "cost", "compile", "growth")


def main() -> int:
    """Runs them; 1 if one failed, 2 for names that there are not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="folder to write to")
    parser.add_argument("--page", type=Path, help="folder for the page and its picture, default OUT")
    parser.add_argument("--quick", action="store_true", help="the smallest sizes, to see that they run")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in NAMES]
    if unknown:
        sys.stderr.write(f"no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}\n")
        return 2
    asked.out.mkdir(parents=True, exist_ok=True)
    about = {"machine": machine(), "quick": asked.quick}
    found = {name: run(name, asked.out, quick=asked.quick) for name in asked.names or NAMES}
    summary = {**about, "benchmarks": found}
    (asked.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    page.write(summary, asked.page or asked.out)
    return int(any(result["exit_code"] for result in found.values()))


def run(name: str, out: Path, *, quick: bool) -> dict[str, Any]:
    """One of them: its rows, exit code, seconds, and peak memory [GiB] of its process."""
    sys.stdout.write(f"== {name}\n")
    sys.stdout.flush()
    start, rows = time.monotonic(), out / f"{name}.json"
    rows.unlink(missing_ok=True)
    command = [sys.executable, "-u", "-m", f"experiments.benchmarks.{name}", "--json", str(rows)]
    environment = {**os.environ, **dict.fromkeys(ALLOCATOR, str(2**32))}
    process = subprocess.Popen(command + ["--quick"] * quick, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None  # a pipe was asked for
    with (out / f"{name}.txt").open("w", encoding="utf-8") as file:
        for line in process.stdout:
            sys.stdout.write(line)
            file.write(line)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    found = json.loads(rows.read_text(encoding="utf-8"))["rows"] if rows.exists() else []
    spent = {"wall_s": time.monotonic() - start, "peak_GiB": usage.ru_maxrss / 2**20}
    return {"exit_code": process.returncode, **spent, "rows": found}


def machine() -> dict[str, str]:
    """What the numbers depend on, and how busy it was before."""
    versions = {name: importlib.metadata.version(name) for name in ("aimcjax", "jax", "equinox", "numpy")}
    here = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(), "processor": _processor(),
        "cores": str(os.cpu_count()), "platform": platform.platform(), "load before": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
    }  # fmt: skip
    return {**here, **versions, **peers.versions()}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    sys.exit(main())
