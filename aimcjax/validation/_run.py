"""From checks to rows: computed, compared, never tuned."""

import dataclasses
import enum
import time
from collections.abc import Callable, Sequence

import numpy as np

from ._check import Check


class Verdict(enum.StrEnum):
    """What came out of a check; `KNOWN` is a failure whose reason is known and shown, `FITTED` an agreement for which a
    constant was chosen."""

    PASS = "pass"
    FAIL = "fail"
    KNOWN = "known"
    FITTED = "fitted"


@dataclasses.dataclass(frozen=True)
class Row:
    """A check with its result: `ours`, none if it raised; `note`, what is to be said; `elapsed` in seconds."""

    check: Check
    ours: tuple[float, ...]
    verdict: Verdict
    note: str
    elapsed: float


def run(checks: Sequence[Check], progress: Callable[[Check], None] = lambda _: None) -> list[Row]:
    """Computes every check; `progress` is called with each before it begins."""
    rows = []
    for check in checks:
        progress(check)
        rows.append(_row(check))
    return rows


def all_good(rows: Sequence[Row]) -> bool:
    """Whether no row fails, but for a known reason."""
    return all(row.verdict is not Verdict.FAIL for row in rows)


def _row(check: Check) -> Row:
    start = time.perf_counter()
    try:
        ours = np.atleast_1d(np.asarray(check.compute(), np.float64))
        published = np.asarray(check.values, np.float64)
        if ours.ndim != 1 or not ours.size or (published.size and ours.shape != published.shape):
            raise ValueError(f"computed numbers of shape {ours.shape} for published ones of shape {published.shape}")
        holds, error = bool(np.all(check.tolerance.holds(ours, published))), ""
    except Exception as raised:  # whatever a check does, the others are computed and it is shown as failed
        ours, holds, error = np.zeros(0), False, f"{type(raised).__name__}: {' '.join(str(raised).split())[:300]}"
    agrees = Verdict.FITTED if check.fitted else Verdict.PASS
    verdict = agrees if holds else Verdict.KNOWN if check.known_discrepancy and not error else Verdict.FAIL
    return Row(check, tuple(ours.tolist()), verdict, _note(check, verdict, error), time.perf_counter() - start)


def _note(check: Check, verdict: Verdict, error: str) -> str:
    parts = [error] if error else []
    if check.known_discrepancy:
        stale = "passes although a discrepancy is listed: " if verdict in (Verdict.PASS, Verdict.FITTED) else ""
        parts.append(f"{stale}{check.known_discrepancy}")
    if check.fitted:
        parts.append(f"by construction: {check.fitted}")
    if check.to_be_verified:
        parts.append(f"to be verified: {check.to_be_verified}")
    return "; ".join(parts)
