"""Which values sweeps visit."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from aimcjax import sweeps
from aimcjax.config import ConfigError, load_config
from aimcjax.config._sweep import SweepConfig, coordinate, read_axis


CONFIG = Path(__file__).parents[2] / "configs" / "mlp_digits.yaml"


def _points(axes: dict, seed: int = 0, **asked: object) -> sweeps.Points:
    return SweepConfig(axes=axes, **asked).points(seed)


def test_crossed_axes_vary_the_last_one_fastest() -> None:
    found = sweeps.crossed({"a": [1, 2], "b": ["x", "y", "z"]})
    assert found == [{"a": a, "b": b} for a in (1, 2) for b in ("x", "y", "z")]
    assert sweeps.crossed({}) == [{}]


def test_paired_axes_go_side_by_side() -> None:
    assert sweeps.paired({"a": [1, 2], "b": [3, 4]}) == [{"a": 1, "b": 3}, {"a": 2, "b": 4}]
    with pytest.raises(ValueError, match="paired axes have equally many values, but a has 2, b has 1; make them equal"):
        sweeps.paired({"a": [1, 2], "b": [3]})


def test_spaced_values_are_numpys_in_si() -> None:
    for kind, spaced in (("linspace", np.linspace), ("logspace", np.geomspace)):
        values, unit = coordinate(list(read_axis({kind: ["0.1 uS", "30 uS", 7]}).values))
        assert unit == "S"
        np.testing.assert_allclose(values, spaced(0.1e-6, 30e-6, 7), rtol=1e-10)
    assert _points({"tile.device.nu_mean": {"linspace": [0.03, 0.09, 3]}}) == [
        {"tile.device.nu_mean": nu} for nu in (0.03, 0.06, 0.09)
    ]


@pytest.mark.parametrize("kind", ["random", "sobol"])
def test_samples_lie_in_their_boxes(kind: str) -> None:
    axes = {"a": {"uniform": [2.0, 5.0]}, "b": {"loguniform": ["1 nA", "10 uA"]}, "c": [4, 8]}
    points = _points(axes, design={kind: 256})
    a, (b, unit) = np.asarray([point["a"] for point in points]), coordinate([point["b"] for point in points])
    assert (len(points), unit) == (256, "A")
    assert a.min() >= 2.0
    assert a.max() <= 5.0
    assert min(b) >= 1e-9
    assert max(b) <= 1e-5
    # Uniform in the value, and in its logarithm.
    for u in ((a - 2.0) / 3.0, np.log(np.asarray(b) / 1e-9) / np.log(1e4)):
        assert stats.kstest(u, "uniform").pvalue > 1e-4
    assert abs(sum(point["c"] == 8 for point in points) - 128) <= 4 * 8  # 4 standard deviations
    assert points == _points(axes, design={kind: 256})
    assert points != _points(axes, design={kind: 256}, seed=1)


def test_sobol_fills_the_box_more_evenly() -> None:
    axes = {"a": sweeps.Axis(low=0.0, high=1.0), "b": sweeps.Axis(low=0.0, high=1.0)}
    for n in (16, 100):
        discrepancy = {
            sobol: np.mean([
                stats.qmc.discrepancy(np.asarray([[*p.values()] for p in sweeps.sampled(axes, n, sobol=sobol, seed=s)]))
                for s in range(5)
            ])
            for sobol in (True, False)
        }  # fmt: skip
        assert discrepancy[True] < 0.5 * discrepancy[False]


@pytest.mark.parametrize(
    ("sweep", "told"),
    [
        ("axes={tile.rows: []}", "tile.rows: expected at least one value"),
        ("axes={tile.rows: [8, 8]}", r"tile.rows: every value stands there once, got \[8, 8\]"),
        ("axes={tile.device.g_max: ['1 uS', '0.001 mS']}", "every value stands there once"),
        ("axes={tile.rows: {linspace: [8, 4, 2]}}", "linspace goes up"),
        ("axes={tile.rows: {logspace: [0, 4, 2]}}", "logspace goes up from above zero"),
        ("axes={tile.rows: {linspace: [1, 4, 1]}}", "at least two values"),
        ("axes={tile.rows: {linspace: ['1 uS', '4 V', 3]}}", "quantities of one kind"),
        ("axes={tile.rows: {grid: [1, 2]}}", "uniform, loguniform"),
        ("axes={sweep.n_chips: [2, 3]}", "is no parameter of a network or a chip"),
        ("design={sobol: 0}", "expected crossed, paired"),
        ("metrics=[acuracy]", "module:function"),
        ("memory=2 apples", "an amount of memory"),
        ("until={ci95: 0}", "greater than 0"),
    ],
)
def test_mistakes_are_one_line(sweep: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        load_config(CONFIG, [f"sweep.{sweep}"])
    assert "\n" not in str(caught.value)


def test_ranges_are_for_samples() -> None:
    with pytest.raises(ValueError, match=r"sweep.axes.a is a range; it takes design: \{random: n\} or \{sobol: n\}"):
        _points({"a": {"uniform": [0, 1]}})


def test_words_stand_for_what_is_no_number() -> None:
    assert coordinate([{"type": "pcm"}, {"type": "rram", "g_max": "1 uS"}]) == (["pcm", "rram(g_max=1 uS)"], "")
    assert coordinate([8, None]) == (["8", "None"], "")
