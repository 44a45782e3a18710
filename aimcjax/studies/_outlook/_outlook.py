"""What a run of a config would do and take, before it does."""

from typing import Any, NamedTuple

from ._work import Rates, Work


class Part(NamedTuple):
    """One part of a run: `words` say how much of it there is; `run_s` and `compile_s`, estimates [s]."""

    name: str
    words: str
    run_s: float
    compile_s: float


class Outlook(NamedTuple):
    """A checked config: `facts` to read, `(what, value)`; the same as `numbers`; `parts` in the order of work; `bytes`,
    an estimate of what a device must hold; `notes`, what to know of either."""

    name: str
    study: str
    facts: tuple[tuple[str, str], ...]
    numbers: dict[str, Any]
    parts: tuple[Part, ...] = ()
    bytes: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """All parts, compiled and run [s]."""
        return sum(part.run_s + part.compile_s for part in self.parts)

    def shown(self, most: int) -> list[Part]:
        """At most so many parts in order: where there are more, the longest, and the others as one."""
        if len(self.parts) <= most:
            return list(self.parts)
        by_length = sorted(self.parts, key=lambda part: part.run_s + part.compile_s, reverse=True)
        kept, others = by_length[: most - 1], by_length[most - 1 :]
        rest = Part(f"{len(others)} others", "", sum(o.run_s for o in others), sum(o.compile_s for o in others))
        return [*(part for part in self.parts if part in kept), rest]

    def tree(self) -> dict[str, Any]:
        """For JSON."""
        parts = [part._asdict() for part in self.parts]
        estimate = {"seconds": self.seconds if self.parts else None, "bytes": self.bytes, "parts": parts}
        return {"config": self.name, "study": self.study, "valid": True, **self.numbers, "estimate": estimate,
                "notes": list(self.notes)}  # fmt: skip


def part(name: str, words: str, work: Work, runs: float, rates: Rates) -> Part:
    """A program of `work`, compiled once and run `runs` times."""
    run, compiled = rates.seconds(work)
    return Part(name, words, run * runs, compiled)


def in_words(seconds: float) -> str:
    """A duration of so many `seconds` to two digits or so."""
    for size, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.2g} {unit}" if seconds < 100 * size else f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "< 1 s"
