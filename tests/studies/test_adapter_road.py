"""The third road of a study: what its config refuses, what it trains, what reports say of it."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from aimcjax import chips, nn, reports, training
from aimcjax.config import ConfigError, load_config
from aimcjax.studies._networks import _roads, _trainings


CONFIG = Path(__file__).parents[2] / "configs" / "mlp_digits.yaml"
TINY = ["model.widths=[]", "tile.rows=64", "tile.cols=16", "adapter.epochs=3", "adapter.rank=2",
        "adapter.plus_ratio=16", "adapter.learning_rate=1e-2"]  # fmt: skip


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("adapter.rank=0", "adapter.rank: Input should be greater than 0, got 0"),
        ("adapter.kind=dora", "adapter.kind: Input should be 'lora' or 'loha', got 'dora'"),
        ("adapter.rnak=4", "adapter.rnak: unknown key; did you mean 'rank'?"),
        ("adapter.layers=[]", "adapter.layers: expected at least one entry"),
        ("adapter=3", "adapter: expected a section of keys and values, got 3"),
    ],
)
def test_config_errors_are_one_line(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(CONFIG, [*TINY, override])
    assert message in str(caught.value)


def test_adapters_train_beside_weights_that_nobody_writes() -> None:
    config = load_config(CONFIG, TINY)
    data = config.data.load()
    misspelt = load_config(CONFIG, [*TINY, "adapter.layers=[head]"])
    with pytest.raises(ValueError, match=r"adapter: adapter patterns matched no layer: \['head'\]"):
        _roads.prepare(misspelt, data, jr.key(0))
    direct = _roads.map_directly(config, _roads.prepare(config, data, jr.key(0)), data)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # optax is not strict
        adapted = _trainings.train_adapters(config, direct, None, data, jr.key(1), lambda epoch, loss: None)
    assert eqx.tree_equal(nn.detach(adapted), direct)
    digital = [_roads.digital_score(config, nn.to_digital(model), data) for model in (direct, adapted)]
    assert digital[1] > digital[0] + 0.3  # from weights that know nothing
    facts = _roads.adapter_facts({"direct": direct, "hwa_lora": adapted}, data, jr.key(2))
    assert facts == reports.AdapterFacts(
        parameters=2 * (64 + 10), base_parameters=64 * 10 + 10 + 1, analog_writes=0, extra_macs=2 * (64 + 10)
    )
    other = eqx.tree_at(lambda m: m.layers[0].base.weight, adapted, replace_fn=lambda w: -w)
    facts = _roads.adapter_facts({"direct": direct, "hwa_lora": other}, data, jr.key(2))
    assert facts is not None
    assert 0.95 * 1280 < facts.analog_writes <= 1280  # both cells of every pair, but those that stay at zero by chance


def test_reports_show_the_roads_that_were_taken() -> None:
    scores = {road: np.full((2, 3, 1), score) for road, score in (("direct", 0.5), ("hwa", 0.8), ("hwa_lora", 0.75))}
    stages: Any = None
    cost = chips.Cost(
        jnp.full((len(chips.COMPONENTS), 1), 1e-9), jnp.asarray(1e-6), jnp.asarray(1e-6), {}, stages, batch=1,
        n_tokens=1, n_macs=100, n_tiles=1, n_cells=1280, layers=("layers/0",),
    )  # fmt: skip
    blank = np.zeros((1, 1))
    results = reports.Results(
        name="x", metric=training.ACCURACY, baseline=0.9, retrained={"hwa": 0.91, "hwa_lora": 0.92}, n_classes=10,
        times=np.asarray([20.0]), scores=scores, cost=cost, constants=[], references=[], wall_s=1.0,
        tile_errors=reports.TileErrors("layer", "tile", blank, blank, blank),
        adapter=reports.AdapterFacts(parameters=148, base_parameters=651, analog_writes=0, extra_macs=148),
    )  # fmt: skip
    header, rows = reports.score_table(results)
    assert header[5:] == ["HWA-LoRA, compensated", "HWA-LoRA, uncompensated"]
    assert rows[0][5].startswith("75.0")
    text = "\n".join(reports.findings(results))
    assert "hardware-aware training of adapters alone +25.0" in text
    assert "After the 1,280 cells that hold weights were programmed, training them wrote 0 cells." in text
    found = reports.summary(results)
    assert found["adapter"]["analog_writes"] == 0
    assert found["adapter"]["programmed_cells"] == 1280
    np.testing.assert_allclose(found["roads"]["hwa_lora"]["compensated"][0]["mean"], 0.75, rtol=1e-12)
