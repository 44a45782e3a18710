"""Studies of training inside the memory, each tiny from end to end, and what their configs refuse."""

import json
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from aimcjax import cli, studies
from aimcjax.config import ConfigError, load_config, load_study
from aimcjax.studies._in_memory import _delta_rule, _training, _vit
from aimcjax.training import cross_entropy


CONFIGS = Path(__file__).parents[2] / "configs"
ONE = "algorithms={SGD: {type: sgd, lr: 0.1, length: 5}}"
DIGITAL = "{exact: {type: digital, lr: 5.0e-3}}"


def _run(name: str, out: Path, *overrides: str) -> dict:
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # optax is not strict
        result = CliRunner().invoke(cli.app, ["run", str(CONFIGS / name), *overrides, "--out", str(out)])
    assert result.exit_code == 0, result.stderr
    assert {path.name for path in out.iterdir()} == {
        "config.yaml", "versions.json", "summary.json", "results.nc", "report.md", "figures"
    }  # fmt: skip
    text = (out / "report.md").read_text(encoding="utf-8")
    assert all(f"figures/{path.name})" in text for path in (out / "figures").iterdir())
    resolved = load_study(out / "config.yaml")
    assert resolved.to_yaml() == (out / "config.yaml").read_text(encoding="utf-8")
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


def test_the_toy_finds_what_the_study_published(tmp_path: Path) -> None:
    """In-memory SGD on 20 states: more than 25 %, here 28.6 % from another simulator."""
    summary = _run("insitu_toy.yaml", tmp_path / "toy", "samples=3_000", "n_seeds=4", "states=[20]", "offsets=[0]", ONE)
    assert abs(summary["error"]["SGD"][0][0] - 0.285) < 0.02
    with xr.open_dataset(tmp_path / "toy" / "results.nc") as data:
        assert dict(data.sizes) == {"algorithm": 1, "states": 1, "offset": 1, "seed": 4, "checkpoint": 20}


def test_the_first_crossbar_classifier_learns_all_patterns(tmp_path: Path) -> None:
    """Prezioso 2015: no errors after about 23 epochs; asked of 95 % of the seeds."""
    x, y = _delta_rule.patterns()
    assert x.shape == (30, 10)
    assert len({tuple(row) for row in x}) == 30
    assert np.bincount(y).tolist() == [10, 10, 10]
    config = load_study(CONFIGS / "prezioso.yaml", ["n_seeds=200"])
    errors = _delta_rule.errors_by_epoch(config)
    assert np.mean(np.any(errors[:, :24] == 0, axis=1)) >= 0.95
    assert np.mean(errors[:, 0]) > 10  # untrained crossbars guess
    summary = _run("prezioso.yaml", tmp_path / "p", "n_seeds=20")
    assert summary["share_without_errors"] >= 0.95


def test_networks_learn_from_scratch(tmp_path: Path) -> None:
    summary = _run(
        "insitu_digits.yaml", tmp_path / "d", "network.widths=[8]", "epochs=2", "tau=[0.5, 1.0]", "max_train=800",
        "cells={x: {cell: ecram_tang2018, endurance: 1000}, y: {cell: ecram_tang2018, endurance: 2000}}",
        "algorithms={SGD: {type: sgd, lr: 0.05}}", "tuned={y: {SGD: {lr: 0.001}}}",
    )  # fmt: skip
    rows = summary["results"]
    assert [(row["cells"], row["tau"]) for row in rows] == [("x", 0.5), ("x", 1.0), ("y", 0.5), ("y", 1.0)]
    assert {row["cells_written"] for row in rows} == {65 * 8 + 9 * 10}
    for row, endurance in zip(rows, (1000, 1000, 2000, 2000), strict=True):
        most, mean = row["pulses_per_sample_most_pulsed"], row["pulses_per_sample_mean_cell"]
        assert endurance / most / 800 <= row["lifetime_epochs"] < endurance / mean / 800
    assert min(row["accuracy_mean"] for row in rows[:2]) > 0.25
    assert rows[2]["pulses"] < 0.2 * rows[0]["pulses"]  # with the rate that is tuned for these cells


def test_arrays_take_the_place_of_layers_in_the_transformer() -> None:
    """Nothing is tuned yet: the same outputs. The factors of all tokens give the gradients of the matrices."""
    config = load_study(CONFIGS / "insitu_lora.yaml", ["model.dim=8", "model.n_heads=2"])
    data = config.data.load()
    model, (x, y) = config.model.build(data, jr.key(0)), (jnp.asarray(part[:2]) for part in (data.x_test, data.y_test))
    lora, full = _vit.factors(config, model, jr.key(1)), _vit.matrices(config, model)
    for trainees in (lora, full):
        found = jax.vmap(trainees.put(model, trainees.params))(x)
        np.testing.assert_allclose(found, jax.vmap(model)(x), atol=1e-5)
    loss = lambda model: 2.0 * cross_entropy(jax.vmap(model)(x), y)  # factors are of the sum over the batch
    expected = eqx.filter_jit(eqx.filter_grad(loss))(model)
    gradients = lambda params: _vit.gradients(model, full, params, x, y, key=jr.key(2))
    _, outers = jax.jit(gradients)(full.params)
    block = expected.blocks[0]
    slopes = {"embed": expected.embed, "head": expected.head, "blocks/0/attention/qkv": block.attention.qkv,
              "blocks/0/mlp/down": block.mlp.down}  # fmt: skip
    for path, layer in slopes.items():
        assert outers[path].x.shape[0] == (2 if path == "head" else 2 * model.positions.shape[0])
        np.testing.assert_allclose(full.scales[path] * outers[path].matrix(), layer.weight.T, atol=1e-4)


def test_lora_factors_learn(tmp_path: Path) -> None:
    summary = _run(
        "insitu_lora.yaml", tmp_path / "l", "pretraining.epochs=2", "epochs=1", "model.dim=8", "model.n_heads=1",
        f"lora_algorithms={DIGITAL}", "full_algorithms={all: {type: digital, lr: 5.0e-3}}",
    )  # fmt: skip
    assert [row["what"] for row in summary["results"]] == ["LoRA", "all matrices"]


@pytest.mark.parametrize(
    ("name", "override", "message"),
    [
        ("prezioso.yaml", "study=deltarule", "study: got 'deltarule'; did you mean 'delta_rule'?"),
        ("prezioso.yaml", "n_seeds=1", "n_seeds: Input should be greater than or equal to 2, got 1"),
        ("prezioso.yaml", "cells.cell=rram", "cells.cell: unknown pulsed preset 'rram'"),
        ("prezioso.yaml", "rule.evry=3", "rule.evry: unknown key; did you mean 'every'?"),
        ("insitu_toy.yaml", "algorithms.SGD.lrr=3", "algorithms.SGD: unknown key 'lrr' of sgd; did you mean 'lr'?"),
        ("insitu_toy.yaml", "algorithms.SGD.lr=-3", "algorithms.SGD: lr: Input should be greater than 0, got -3"),
        ("insitu_toy.yaml", "algorithms.X={type: adam}", "algorithms.X: type is 'adam'"),
        ("insitu_digits.yaml", "tau=[1.0]", "tau sets bounds on both sides, but cells.PCM are one_sided"),
        ("insitu_digits.yaml", "tuned={RAM: {}}", "tuned.RAM: no such cells; did you mean 'RRAM'?"),
        ("insitu_digits.yaml", "tuned.PCM.TTv3={lr: 1.0}", "tuned.PCM.TTv3: no such algorithm; did you mean 'TTv2'?"),
        ("insitu_digits.yaml", "tuned.PCM.TTv2.lr=-3", "tuned.PCM.TTv2: lr: Input should be greater than 0, got -3"),
        ("insitu_digits.yaml", "cells.PCM.reference_off=0.1", "reference_off is of cells with one reference each"),
        ("insitu_mnist.yaml", "cells.ALD.endurence=3", "unknown key; did you mean 'endurance'?"),
    ],
)
def test_config_errors_are_one_line(name: str, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_study(CONFIGS / name, [override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_batch_is_not_larger_than_the_data(tmp_path: Path) -> None:
    config = load_study(CONFIGS / "insitu_digits.yaml", ["max_train=4"])
    with pytest.raises(ValueError, match="batch_size=5 is more than the 4 training samples"):
        studies.run(config, tmp_path / "run")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="study: expected 'score_over_time', got 'delta_rule'"):
        load_config(CONFIGS / "prezioso.yaml")


def test_rules_that_differ_in_numbers_share_a_program() -> None:
    """References, rates and choppers are numbers; step laws and lengths of trains are not."""
    jobs = _training._jobs(load_study(CONFIGS / "insitu_digits.yaml"))
    groups = [{(job.cells, job.algorithm) for job in group} for group in _training._together(jobs)]
    assert sum(len(group) for group in groups) == len(jobs) == 29
    together = {(cells, name) for cells in ("RRAM", "RRAM, reference off") for name in ("TTv2", "c-TTv2")}
    assert together in groups
    assert {("ECRAM", "SGD")} in groups
    exact, off = (job.rules[0].algorithm for job in jobs if job.algorithm == "AGAD" and "RRAM" in job.cells)
    assert float(off.fast.reference.std) == 0.5 > float(exact.fast.reference.std) == 0.0
    assert float(off.slow.reference.std) == 0.0
