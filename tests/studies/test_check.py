"""A config checked without running it: tiles and cells exactly, work by closed forms, refusals as of the run."""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from aimcjax import studies
from aimcjax.config import load_study
from aimcjax.studies import in_words
from aimcjax.studies._outlook._work import Rates, Work, work_of


CONFIGS = Path(__file__).parents[2] / "configs"
HERE = sorted(path for path in CONFIGS.glob("*_digits.yaml"))


def _shape(*sizes: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(sizes, float)


def test_products_are_counted_exactly() -> None:
    matrices = work_of(lambda a, b: a @ b, _shape(5, 7), _shape(7, 3))
    assert matrices.products == 2 * 5 * 7 * 3
    batched = work_of(jax.vmap(lambda a, b: a @ b), _shape(4, 5, 7), _shape(4, 7, 3))
    assert batched.products == 4 * matrices.products
    convolution = lambda x, w: jax.lax.conv(x, w, (1, 1), "VALID")
    assert work_of(convolution, _shape(1, 2, 8, 8), _shape(3, 2, 3, 3)).products == 2 * 3 * 36 * 18


def test_loops_count_as_often_as_they_run() -> None:
    body = lambda x, _: (jnp.tanh(x @ x), None)
    once, loop = (work_of(lambda x, n=n: jax.lax.scan(body, x, length=n)[0], _shape(6, 6)) for n in (1, 9))
    assert once.products == 2 * 6**3
    assert (loop.products, loop.elements) == (9 * once.products, 9 * once.elements)
    assert loop.equations == once.equations


def test_seconds_are_work_over_rates() -> None:
    run, _ = Rates(products=10.0, elements=5.0).seconds(Work(100.0, 10.0, 7))
    assert run == pytest.approx(12.0)


def test_tiles_and_parameters_of_a_network_are_exact() -> None:
    config = load_study(CONFIGS / "mlp_digits.yaml", ["model.widths=[130, 20]", "tile.rows=64", "tile.cols=64"])
    found = studies.check(config, estimate=False).numbers
    sizes = ((64, 130), (130, 20), (20, 10))
    assert found["parameters"] == sum(a * b + b for a, b in sizes)
    assert found["blocks"] == sum(-(-a // 64) * -(-b // 64) for a, b in sizes)
    assert (found["n_train"], found["n_test"]) == (1437, 360)
    on_chip = load_study(CONFIGS / "mlp_digits.yaml", ["chip.design=hermes_2023"])
    assert studies.check(on_chip, estimate=False).numbers["chip_tiles"] == 64


def test_points_structures_and_cells_of_a_sweep() -> None:
    axes = "sweep.axes={tile.rows: [32, 64], tile.adc.bits: [4, 6, 8]}"
    found = studies.check(load_study(CONFIGS / "sweep_digits.yaml", [axes, "sweep.n_chips=10"]), estimate=False).numbers
    assert (found["points"], found["structures"], found["cells"]) == (6, 2, 6 * 10 * 5)


@pytest.mark.parametrize("path", HERE, ids=lambda path: path.stem)
def test_shipped_configs_are_checked(path: Path) -> None:
    found = studies.check(load_study(path), estimate=False)
    assert found.tree()["valid"]
    assert found.bytes is not None


def test_adapters_are_checked() -> None:
    adapter = "adapter={kind: lora, rank: 2, epochs: 1, batch_size: 64, learning_rate: 1.0e-3}"
    found = studies.check(load_study(CONFIGS / "mlp_digits.yaml", [adapter]), estimate=False)
    assert found.tree()["valid"]


def test_an_estimate_has_its_parts() -> None:
    found = studies.check(load_study(CONFIGS / "mlp_digits.yaml"))
    assert [part.name for part in found.parts] == ["digital training", "hwa training", "chips"]
    assert found.seconds == pytest.approx(sum(part.run_s + part.compile_s for part in found.parts))
    twice = studies.check(load_study(CONFIGS / "mlp_digits.yaml", ["sweep.n_chips=500"]))
    assert twice.parts[-1].words == "1,000 programmed, 12,000 times read"
    direct = studies.check(load_study(CONFIGS / "sweep_digits.yaml", ["sweep.networks=[direct]"]))
    assert [part.name for part in direct.parts] == ["digital training", "chips"]  # the other is not trained


@pytest.mark.parametrize(
    ("override", "fragment"),
    [
        ("chip.max_tiles=2", "has 2 tiles"),
        ("hwa_training.batch_size=5000", "5000"),
        ("sweep.axes={tile.cos: [1]}", "cos"),
        ("sweep.until={ci95: 0.1, metric: perplexity}", "perplexity is not measured"),
    ],
)
def test_what_a_run_would_refuse_is_refused(override: str, fragment: str) -> None:
    with pytest.raises(ValueError, match=fragment):
        studies.check(load_study(CONFIGS / "mlp_digits.yaml", [override]), estimate=False)


def test_durations_in_words() -> None:
    assert [in_words(t) for t in (0.2, 42.0, 600.0, 86400.0, 1e7)] == ["< 1 s", "42 s", "10 min", "24 h", "116 days"]
