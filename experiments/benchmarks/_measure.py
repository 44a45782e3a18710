"""How every benchmark measures: in turn, so that all sides see the same machine; ratios with their quartiles."""

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp


Call = Callable[[], Any]
LONGER, FASTER, SECONDS, TIMES, RATE = "times as long", "times faster", "s", "times", "per second"
HEADER = (
    f"{'work':<70}{'beside':<26}{'median':>9}{'quartiles':>18}{'':<15}{'ours':>11}{'theirs':>11}{'compile':>9}  goal"
)


class Row(NamedTuple):
    """One measured number: `work` beside `beside`, a median with quartiles, in `unit`.

    `goal` is the least that counts for what is faster or a rate, else the most. `note` says what both sides do,
    `bound` what holds it back (shown where the goal is missed). A point of a curve has its `curve` and where it is.
    """

    work: str
    beside: str
    median: float
    low: float
    high: float
    unit: str = LONGER
    goal: float | None = None
    ours_s: float | None = None
    beside_s: float | None = None
    compile_s: float | None = None
    note: str = ""
    bound: str = ""
    curve: str = ""
    at: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is; `None` without one."""
        if self.goal is None:
            return None
        return self.median >= self.goal if self.unit in (FASTER, RATE) else self.median <= self.goal

    def __str__(self) -> str:
        times = "".join(f"{seconds_text(s):>11}" for s in (self.ours_s, self.beside_s))
        compiled = "" if (self.compile_s or 0.0) < 0.05 else f"{self.compile_s:.1f} s"
        quartiles = f"[{self.low:.3g}, {self.high:.3g}]"
        line = f"{self.work:<70}{self.beside:<26}{self.median:>9.3g}{quartiles:>18} {self.unit:<14}{times}{compiled:>9}"
        return f"{line}  {self.goal_text}".rstrip()

    @property
    def goal_text(self) -> str:
        """The goal and whether it is met."""
        if self.goal is None:
            return ""
        bound = "at least" if self.unit in (FASTER, RATE) else "at most"
        return f"{bound} {self.goal:g}: {'met' if self.met else 'MISSED'}"


def seconds_text(s: float | None) -> str:
    """A time as people write it."""
    if s is None:
        return ""
    scale, unit = next((pair for pair in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")) if s >= pair[0]), (1e-9, "ns"))
    return f"{s / scale:.3g} {unit}"


def seconds(call: Call) -> float:
    """One run of `call`, until its result is there."""
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


def in_turn(
    calls: Mapping[str, Call], *, budget_s: float = 4.0, rounds: tuple[int, int] = (5, 41)
) -> dict[str, list[float]]:
    """Seconds of every call in every round: one of each in turn, after a round that does not count, until the budget is
    spent or there are rounds enough."""
    for call in calls.values():
        seconds(call)
    spent: dict[str, list[float]] = {name: [] for name in calls}
    start = time.perf_counter()
    for done in range(rounds[1]):
        if done >= rounds[0] and time.perf_counter() - start > budget_s:
            break
        for name, call in calls.items():
            spent[name].append(seconds(call))
    return spent


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, and the quartiles about it."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def row(
    work: str, ours: Sequence[float], beside: str, theirs: Sequence[float], *, unit: str = LONGER, **about: Any
) -> Row:
    """The median over rounds of the ratio of the two, ours over theirs or, where it is said faster, the other way."""
    ratios = [b / a if unit == FASTER else a / b for a, b in zip(ours, theirs, strict=True)]
    both = {"ours_s": statistics.median(ours), "beside_s": statistics.median(theirs)}
    return Row(work, beside, *quartiles(ratios), unit=unit, **{**both, **about})


def compare(
    work: str, ours: Call, theirs: Call, *, beside: str = "plain JAX", quick: bool = False, **about: Any
) -> Row:
    """Both timed in turn; see `row`."""
    spent = in_turn({"ours": ours, "theirs": theirs}, **rounds_of(quick))
    return row(work, spent["ours"], beside, spent["theirs"], **about)


def rounds_of(quick: bool) -> dict[str, Any]:
    """Rounds enough to see that it runs, or to measure."""
    return {"budget_s": 0.0, "rounds": (2, 2)} if quick else {}


def compiled(function: Callable[..., Any], *arguments: Any) -> tuple[Call, float]:
    """The compiled call and the seconds that tracing, lowering and compiling took (none for what was there already)."""
    start = time.perf_counter()
    jitted: Any = eqx.filter_jit(function)
    call = jitted.lower(*arguments).compile()
    return lambda: call(*arguments), time.perf_counter() - start


def digital_passes(score: Callable[[Any], Any], model: Any, xs: jax.Array, n: int) -> Call:
    """`n` digital passes of the batch and what they `score`, one after another, none of which can be left out."""

    def passes(model: Any, xs: jax.Array, zeros: jax.Array) -> jax.Array:
        return jax.lax.map(lambda zero: score(jax.vmap(model)(xs + zero)), zeros)

    return compiled(passes, model, xs, jnp.zeros(n, xs.dtype))[0]


def peak_gib() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(doc: str | None, rows: Callable[[bool], Iterator[Row]]) -> int:
    """Prints the rows of a benchmark as they come, and writes them where `--json` says."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the smallest sizes, to see that it runs")
    parser.add_argument("--json", type=Path, help="file to write the rows to")
    asked = parser.parse_args()
    sys.stdout.write(HEADER + "\n")
    found = []
    for one in rows(asked.quick):
        sys.stdout.write(f"{one}\n")
        sys.stdout.flush()
        found.append(one._asdict())
        if asked.json is not None:  # whoever stops it keeps what there is
            text = json.dumps({"rows": found, "peak_GiB": peak_gib()}, indent=2)
            asked.json.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(f"peak memory of the process: {peak_gib():.2f} GiB\n")
    return 0
