"""Costs and scores as people read them: every number of the text, by hand."""

import math

import jax.numpy as jnp
import pytest
import tolerances

from aimcjax import chips, reports, training


# Components take 1, 2, ... 9 nJ, half of it in each of two layers: 45 nJ for 4 x 625,000 MACs, 18 fJ each.
PARTS = 0.5e-9 * jnp.arange(1.0, 10.0)[:, None] * jnp.ones((9, 2))
COST = chips.Cost(
    PARTS, jnp.asarray(2e-6), jnp.asarray(3e-6), {"energy_J": jnp.asarray(0.01)}, None,
    batch=4, n_tokens=9, n_macs=625_000, n_tiles=7, n_cells=1234, layers=("one", "two"),
)  # fmt: skip


def test_rows_of_components() -> None:
    rows = reports.cost_rows(COST)
    assert [row[0] for row in rows] == [*chips.COMPONENTS, "total"]
    assert rows[0] == ("core", "1 nJ", "2.2%", "0.4")
    assert rows[8] == ("static", "9 nJ", "20.0%", "3.6")
    assert rows[9] == ("total", "45 nJ", "100.0%", "18")


def test_headlines() -> None:
    work, times, efficiency, area, gap = reports.headline_lines(COST)
    assert work == "batch 4, 9 tokens or samples, 2,500,000 MACs (exact)"
    assert times == "latency 2 us in closed form; 4.5e+06 tokens/s; 5 nJ a token; 22.5 mW"
    assert efficiency == "111 TOPS/W (two operations a MAC), 18 fJ/MAC"  # 5,000,000 / 45 nJ
    assert area == "area 3 mm2; 7 blocks; 1,234 cells hold weights"
    assert gap == "smooth against exact: energy +1.00%"


def test_lines_of_a_report() -> None:
    results = object.__new__(reports.Results)
    object.__setattr__(results, "cost", COST)
    energy, inference, latency, area = reports.cost_lines(results)
    assert energy.startswith("energy per MAC: 18 fJ (core 0.4, dac 0.8, adc 1.2, interconnect 1.6, ")
    assert inference.startswith("energy per inference: 45 nJ for 625,000 MACs (core 1 nJ, dac 2 nJ, ")
    assert latency == "latency: 2 us, batch 1 in closed form; 111 TOPS/W (two operations a MAC)"
    assert area == "area: 3 mm2 for 7 tiles; 1,234 cells hold weights"


@pytest.mark.parametrize(
    ("metric", "n_classes", "baseline", "half"),
    [(training.ACCURACY, 10, 0.9, 0.5), (training.BITS_PER_CHARACTER, 32, 2.0, 3.5)],
    ids=["accuracy", "bits"],
)
def test_what_is_left_of_what_was_learned(metric, n_classes: int, baseline: float, half: float) -> None:
    """All of it at the baseline, none where the chip guesses: one in ten, or five bits of 32 characters."""
    results = object.__new__(reports.Results)
    for name, value in (("metric", metric), ("n_classes", n_classes), ("baseline", baseline)):
        object.__setattr__(results, name, value)
    guess = {10: 0.1, 32: math.log2(32)}[n_classes]
    for score, left in ((baseline, 1.0), (half, 0.5), (guess, 0.0)):
        assert results.retained(score) == pytest.approx(left, abs=tolerances.FLOAT64)
