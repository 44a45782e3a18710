"""The table of a validation, for people and for programs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..components import json_text
from ._check import Check, Origin
from ._run import Row, Verdict


_HEADER = ("check", "source", "quantity", "published", "ours", "tolerance", "verdict", "origin", "note")


def shown(numbers: Sequence[float], unit: str) -> str:
    """All `numbers` with their `unit` (`"1"` for none), to six digits; zero has no sign."""
    return f"{', '.join(f'{number + 0.0:.6g}' for number in numbers)}{'' if unit == '1' else f' {unit}'}"


def compared_with(check: Check) -> str:
    """What was published: numbers, or the source's range; where the range is ours, that it is."""
    if check.values:
        return shown(check.values, check.unit)
    return str(check.origin if check.origin is Origin.STATED else check.tolerance)


def markdown(rows: Sequence[Row]) -> str:
    """A page: how many rows passed, and a line of a table for each."""
    counts = ", ".join(f"{sum(row.verdict is verdict for row in rows)} {verdict}" for verdict in Verdict)
    lines = ["# Published numbers, recomputed", "", f"{len(rows)} checks: {counts}.", ""]
    lines += [_line(_HEADER), _line(["---"] * len(_HEADER)), *(_line(_cells(row)) for row in rows)]
    lines += ["", "## Sources", "", *(f"- {paper.key}: {paper.citation}, <{paper.url}>" for paper in _papers(rows))]
    lines += ["", "## Reasons of tolerances", "", *(f"- {row.check.id}: {row.check.reason}" for row in rows), ""]
    return "\n".join(lines)


def as_json(rows: Sequence[Row]) -> str:
    """The same as JSON: an object for each row."""
    return json_text([_record(row) for row in rows])


def write(rows: Sequence[Row], folder: Path) -> None:
    """Writes `validation.md` and `validation.json` into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "validation.md").write_text(markdown(rows), encoding="utf-8")
    (folder / "validation.json").write_text(as_json(rows), encoding="utf-8")


def _papers(rows: Sequence[Row]) -> list[Any]:
    return list(dict.fromkeys(row.check.paper for row in rows))


def _cells(row: Row) -> list[str]:
    check = row.check
    published, ours = compared_with(check), shown(row.ours, check.unit) if row.ours else "none"
    mark = f"**{row.verdict}**" if row.verdict is Verdict.FAIL else str(row.verdict)
    return [
        f"`{check.id}`", check.paper.citation, check.quantity, published, ours, str(check.tolerance), mark,
        str(check.origin), row.note,
    ]  # fmt: skip


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def described(check: Check) -> dict[str, Any]:
    """What a check compares with, for JSON."""
    return {
        "id": check.id, "source": check.paper.citation, "url": check.paper.url, "quantity": check.quantity,
        "unit": check.unit, "published": list(check.values), "published_shown": compared_with(check),
        "tolerance": str(check.tolerance), "tolerance_reason": check.reason,
        "origin": str(check.origin), "to_be_verified": check.to_be_verified,
        "known_discrepancy": check.known_discrepancy, "fitted": check.fitted, "slow": check.slow,
    }  # fmt: skip


def _record(row: Row) -> dict[str, Any]:
    ours = [number if abs(number) < float("inf") else None for number in row.ours]
    found = {"ours": ours, "verdict": str(row.verdict), "note": row.note, "elapsed_s": round(row.elapsed, 3)}
    return {**described(row.check), **found}
