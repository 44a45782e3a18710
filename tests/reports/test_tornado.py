"""The tornado shows the numbers it is given, with units."""

import math

import numpy as np
import pytest

from aimcjax import reports
from aimcjax.chips.economics import Bar, Tornado


FOUND = Tornado(
    2.0,
    [
        Bar("economics.lifetime", "s", 1.5e8, 1e8, 2e8, 3.5, 1.0, 2.5, -0.9),
        Bar("economics.pue", "1", 1.5, 1.05, 1.95, 1.9, 2.1, 0.2, 0.1),
        Bar("machine.refresh_energy", "J", 0.0, 0.0, 0.0, 2.0, 2.0, 0.0, 0.0),
    ],
)


def test_bars_and_units() -> None:
    axes = reports.plot_tornado(FOUND, unit="USD per million tokens")
    low, high = axes.containers
    ends = [[bar.get_x() + bar.get_width() for bar in bars] for bars in (low, high)]  # pyright: ignore
    np.testing.assert_allclose(ends, [[3.5, 1.9], [1.0, 2.1]])
    assert axes.get_xlabel() == "cost (USD per million tokens)"
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["economics.lifetime\n3.17 years to 6.34 years", "economics.pue\n1.05 to 1.95"]
    assert reports.plot_tornado(FOUND, axes, unit="USD") is axes


def test_infinite_ends_and_results() -> None:
    bars = [Bar("dies", "1", 1.0, 0.7, 1.3, 1.0, math.inf, math.inf, 2.0)]
    axes = reports.plot_tornado(Tornado(2.0, bars), unit="tokens a day")
    assert [text.get_text() for text in axes.texts] == ["∞"]
    with pytest.raises(ValueError, match="around a finite result, got 1 around inf tokens a day"):
        reports.plot_tornado(Tornado(math.inf, bars), unit="tokens a day")


def test_table() -> None:
    table = reports.tornado_table(FOUND, most=2)
    assert table[0][0] == "input"
    assert table[1] == ["economics.lifetime", "3.17 years", "4.75 years", "6.34 years", "3.5", "1", "2.5", "-0.900"]
    assert len(table) == 3
