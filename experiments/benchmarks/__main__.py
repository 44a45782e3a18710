"""All benchmarks, each in a process of its own, one after another.

python -m experiments.benchmarks [NAME ...] [--out benchmarks]

Prints what they print and keeps it in `OUT/NAME.txt`, with the machine, seconds and peak memory in `OUT/summary.json`.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path


NAMES = ("tile", "devices", "arrays", "hwa", "in_memory", "sweep")


def main() -> int:
    """Runs them; 1 if one failed, 2 for names that there are not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--out", type=Path, default=Path("benchmarks"), help="folder to write to")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in NAMES]
    if unknown:
        sys.stderr.write(f"no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}\n")
        return 2
    asked.out.mkdir(parents=True, exist_ok=True)
    found = {name: run(name, asked.out) for name in asked.names or NAMES}
    summary = {"machine": machine(), "benchmarks": found}
    (asked.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return int(any(result["exit_code"] for result in found.values()))


def run(name: str, out: Path) -> dict[str, float]:
    """One of them: its exit code, seconds, and peak memory [GiB] of its process."""
    sys.stdout.write(f"== {name}\n")
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", f"experiments.benchmarks.{name}"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None  # a pipe was asked for
    with (out / f"{name}.txt").open("w", encoding="utf-8") as file:
        for line in process.stdout:
            sys.stdout.write(line)
            file.write(line)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss / 2**20
    return {"exit_code": process.returncode, "wall_s": time.monotonic() - start, "peak_GiB": peak}


def machine() -> dict[str, str]:
    """What the numbers depend on."""
    versions = {name: importlib.metadata.version(name) for name in ("aimcjax", "jax", "equinox", "numpy")}
    here = {"platform": platform.platform(), "cpus": str(os.cpu_count()), "python": platform.python_version()}
    return {**here, **versions}


if __name__ == "__main__":
    sys.exit(main())
