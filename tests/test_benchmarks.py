"""Benchmarks run at their smallest sizes: complete rows, and a page of them. Nothing is timed."""

import importlib
import math
from pathlib import Path
from typing import Any

import jax
import pytest

from experiments.benchmarks import __main__ as runner, page
from experiments.benchmarks._measure import FASTER, LONGER, RATE, Row, in_turn, quartiles, row


QUICK = ("tile",)
SLOW = tuple(name for name in runner.NAMES if name not in QUICK)


def _rows(name: str) -> list[Row]:
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # optax is not strict
        return list(importlib.import_module(f"experiments.benchmarks.{name}").rows(True))


def _check(found: list[Row], name: str) -> None:
    assert found, name
    for one in found:
        assert one.work, one
        assert one.beside, one
        assert all(math.isfinite(value) and value > 0 for value in (one.median, one.low, one.high)), one
        assert one.low <= one.median <= one.high, one
        assert (one.curve == "") == (one.at is None), one
        assert one.goal is None or one.met is not None, one


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_rows_are_complete_and_make_a_page(name: str, tmp_path: Path) -> None:
    found = _rows(name)
    _check(found, name)
    text = _page({name: found}, tmp_path)
    assert all(one.work in text for one in found if not one.curve)


def _page(rows: dict[str, list[Row]], folder: Path) -> str:
    spent = {"exit_code": 0, "wall_s": 1.0, "peak_GiB": 0.5}
    found: dict[str, Any] = {name: {**spent, "rows": [one._asdict() for one in each]} for name, each in rows.items()}
    page.write({"machine": runner.machine(), "quick": True, "benchmarks": found}, folder)
    return (folder / "README.md").read_text(encoding="utf-8")


def test_a_page_tells_goals_met_from_goals_missed(tmp_path: Path) -> None:
    base = Row("step", "plain JAX", 1.2, 1.1, 1.3, goal=1.25, bound="noise")
    peer = Row("step", "AIHWKit, torch tile", 1.1, 1.0, 1.2, unit=FASTER, goal=1.2, bound="products")
    curve = [
        Row("n", "plain JAX", 2.0, 1.9, 2.1, ours_s=2e-3 * n, beside_s=1e-3 * n, curve="batch", at=n)
        for n in (1.0, 8.0)
    ]
    text = _page(
        {"hwa": [base, base._replace(median=1.26), peer, peer._replace(median=1.2)], "growth": curve}, tmp_path
    )
    assert "2 of 4 are met" in text
    assert text.count("**missed**: noise") == text.count("**missed**: products") == 1
    assert "| batch | 1 | 8 |" in text
    assert "| ratio | 2.00 | 2.00 |" in text
    assert (tmp_path / "growth.png").stat().st_size > 1000


def test_ratios_are_paired_and_faster_is_the_other_way() -> None:
    ours, theirs = [1.0, 2.0, 4.0], [2.0, 8.0, 12.0]
    longer, faster = row("w", ours, "b", theirs, unit=LONGER), row("w", ours, "b", theirs, unit=FASTER)
    assert (longer.median, faster.median) == (1 / 3, 3.0)
    assert (faster.ours_s, faster.beside_s) == (2.0, 8.0)
    assert quartiles([5.0]) == (5.0, 5.0, 5.0)
    assert Row("w", "b", 3.0, 3.0, 3.0, unit=RATE, goal=2.0).met
    assert not Row("w", "b", 3.0, 3.0, 3.0, goal=2.0).met


def test_all_calls_have_a_turn_in_every_round() -> None:
    order: list[str] = []
    calls = {name: lambda name=name: order.append(name) for name in ("a", "b")}
    spent = in_turn(calls, budget_s=0.0, rounds=(3, 9))
    assert order == ["a", "b"] * 4  # one round that does not count
    assert {name: len(times) for name, times in spent.items()} == {"a": 3, "b": 3}


def test_rows_survive_being_written() -> None:
    one = Row("w", "b", 1.0, 1.0, 1.0, curve="batch", at=8.0)
    assert Row(**one._asdict()) == one
