"""The study of designs, tiny from end to end, and what its config refuses."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from aimcjax import cli
from aimcjax.chips import codesign
from aimcjax.config import ConfigError, load_study
from aimcjax.studies import Progress
from aimcjax.studies._chip import _codesign as study, _codesign_report as report
from aimcjax.training import ACCURACY


CONFIG = Path(__file__).parents[2] / "configs" / "codesign_digits.yaml"
TINY = (
    "model.widths=[6]", "digital_training.epochs=0", "hwa_training.epochs=0", "sweep.n_chips=4",
    "codesign.uniform=[4, 8]", "codesign.weights=[0.1, 1.0]", "codesign.with_voltage=false", "codesign.tiles=[]",
    "codesign.descent={steps: 2, batch_size: 8, round_samples: 16, round_chips: 2}",
)  # fmt: skip


@pytest.mark.slow
def test_the_study_writes_designs_fronts_and_differences(tmp_path: Path) -> None:
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # optax is not strict
        result = CliRunner().invoke(cli.app, ["run", str(CONFIG), *TINY, "--out", str(tmp_path / "run")])
    assert result.exit_code == 0, result.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert [d["label"] for d in summary["designs"]] == ["4", "8", *2 * ["w=0.1", "w=1"]]
    with xr.open_dataset(tmp_path / "run" / "results.nc") as data:
        assert dict(data.sizes) == {"design": 6, "chip": 4, "layer": 2}
        assert np.all(np.isinf(data.refresh_period[:4]))
        assert np.all((data.refresh_period[4:] > 3600) & (data.refresh_period[4:] < 3.2e7))
        np.testing.assert_allclose(data.energy, [d["energy_J"] for d in summary["designs"]])
        assert np.all(data.conversion_energy < data.energy)
    text = (tmp_path / "run" / "report.md").read_text(encoding="utf-8")
    assert all(f"figures/{path.name})" in text for path in (tmp_path / "run" / "figures").iterdir())
    resolved = load_study(tmp_path / "run" / "config.yaml")
    assert resolved.to_yaml() == (tmp_path / "run" / "config.yaml").read_text(encoding="utf-8")


def _entry(family: str, label: str, scores: list[float], energy: float) -> report.Entry:
    choice = codesign.Choice(*(jnp.ones(n) for n in ((1,), (), (), ())))
    scored = codesign.Scored(np.repeat(scores, 2), energy, energy / 2, 1.0, 1.0)
    return report.Entry(family, label, choice, scored, ("a",))


def test_who_dominates_whom() -> None:
    """The best uniform setting is the cheapest that is not measurably worse; a match is cheaper, and better in the mean
    before it is only not measurably worse."""
    config = load_study(CONFIG)
    assert config.data.metric is ACCURACY
    coarse = _entry("uniform", "4", [0.80, 0.81, 0.79], 1.0)
    middle = _entry("uniform", "6", [0.90, 0.92, 0.91], 3.0)
    finest = _entry("uniform", "8", [0.91, 0.915, 0.912], 9.0)
    better = _entry("learned", "w=1", [0.90, 0.925, 0.915], 2.5)
    level = _entry("learned", "w=2", [0.90, 0.915, 0.912], 2.0)
    worse = _entry("learned", "w=3", [0.70, 0.715, 0.712], 0.5)
    entries = [coarse, middle, finest, better, level, worse]
    assert report.best_uniform(config, entries) is middle
    assert report._match(config, middle, entries).learned is better
    assert report._match(config, middle, [middle, level, worse]).learned is level
    assert report._match(config, middle, [middle, worse]).learned is None
    by_chance = _entry("learned", "w=4", [0.90, 0.915, 0.911], 2.0)
    assert report._dominates(report._match(config, middle, [middle, better]))
    tie = report._match(config, middle, [middle, by_chance])
    assert tie.difference is not None
    assert tie.difference.mean < 0 < tie.difference.high
    assert not report._dominates(tie)  # not measurably worse, but not shown to be as good either
    assert report._findings(config, [tie], middle)[1].startswith("Learned bits do not dominate it: w=4")
    assert report._match(config, middle, entries).saved == pytest.approx(1 - 2.5 / 3.0)


def test_sizes_are_tried_on_the_chip_of_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def optimise(*_: object, **how: object) -> None:
        asked.update(how)
        raise StopIteration

    monkeypatch.setattr(study.chips, "optimise", optimise)
    config = load_study(CONFIG, ["chip.strategy=balanced", "chip.replicas={layers/0: 2}"])
    with pytest.raises(StopIteration):
        study._sizes(config, None, config.data.load(), {"design": jax.random.key(0)}, Progress(quiet=True))
    assert asked["strategy"] == "balanced"
    assert asked["replicas"] == ({"layers/0": 2},)
    assert asked["tiles"] == (None, (64, 64))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["chip.replicas={layers/7: 2}"], "no layer is called 'layers/7'"),
        (["codesign.replicas=[{layers/7: 2}]"], "no layer is called 'layers/7'"),
        (["codesign.tiles=[[8, 8]]", "chip.design={grid: [1, 2]}"], "chip chip has 2 arrays"),
    ],
)
def test_what_cannot_be_tried_is_refused_before_training(
    overrides: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study.trainings, "train_digital", None)
    result = CliRunner().invoke(cli.app, ["run", str(CONFIG), *TINY, *overrides, "--out", str(tmp_path / "run")])
    assert result.exit_code == 2, result.exception
    assert words in result.stderr
    assert not (tmp_path / "run").exists()


def test_notes_tell_of_all_weights() -> None:
    noted = lambda *overrides: report._notes(load_study(CONFIG, [*overrides]))[0]
    assert report._REFRESHED_NOTE in report._notes(load_study(CONFIG, ["codesign.with_refresh=true"]))
    assert "area" not in noted()
    assert "area counts with a weight of 0.5" in noted("codesign.weight_area=0.5")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("codesign.bits=[8, 3]", "codesign.bits.*the smaller one first"),
        ("codesign.weights=[-1]", "codesign.weights.*greater than or equal to 0"),
        ("codesign.v_max=[400 mV, 50 mV]", "codesign.v_max.*the smaller one first"),
        ("codesign.refresh_period=[1 day, 1 h]", "codesign.refresh_period.*the smaller one first"),
        ("sweep.n_chips=3", "two chips choose designs"),
        ("chip.mapping=m.json", "chip.mapping: codesign places the layers itself"),
        ("chip.coactivation={a: [[1.0]]}", "chip.coactivation: codesign places the layers itself"),
        ("chip.strategy=coactivation", "chip.strategy: codesign knows no frequencies"),
        ("codesign.weigths=[1]", "unknown key; did you mean.*weights"),
    ],
)
def test_bad_configs_are_refused_in_one_line(override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as error:
        load_study(CONFIG, [override])
    assert "\n" not in str(error.value)
