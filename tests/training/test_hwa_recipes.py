"""Recipes of hardware-aware training: chips, schedules, teachers, precision, memory; from a config to aged chips."""

import dataclasses
import re
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest
import tolerances
from jax.extend.core import jaxprs_in_params

from aimcjax import models, nn, tiles, training
from aimcjax.config import ConfigError, load_config
from aimcjax.models import Mlp
from aimcjax.studies._networks import _roads, _trainings


RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(64, 6)).astype(np.float32), RNG.integers(0, 3, 64).astype(np.int32)
SCHEDULE = training.Schedule(epochs=2, batch_size=16, learning_rate=1e-2)
MODEL = Mlp(6, 3, (), key=jr.key(0))
ANALOG = nn.convert(MODEL, [nn.Rule(".*", tiles.WeightLevelTile(noise=0.1, adc=None, rows=4))])


@pytest.fixture(autouse=True)
def standard_promotion():
    with jax.numpy_dtype_promotion("standard"):  # optax is not written for strict promotion
        yield


def _fit(model, forward=training.hwa_forward, schedule=SCHEDULE, **how):
    return training.fit(model, X, Y, forward=forward, schedule=schedule, key=jr.key(2), **how)


def test_blocks_that_are_computed_again_draw_the_same() -> None:
    """The losses are those of blocks that are kept, with all that is random."""
    forward = lambda model, xs, *, key: training.hwa_forward(model, xs, key=key, chips=4)
    noisy = nn.with_ranges(ANALOG, nn.InitialRange(steps=3.0), per_tile=True)
    how = {"noise": (0.5, 1.5), "schedule": SCHEDULE._replace(accumulate=2)}
    first, losses = _fit(noisy, forward, **how)
    second, again = _fit(noisy, training.rematerialised(forward, "layers/[0-9]+"), **how)
    np.testing.assert_allclose(losses, again, rtol=1e-6)
    for a, b in zip(*(jax.tree.leaves(eqx.filter(m, eqx.is_array)) for m in (first, second)), strict=True):
        np.testing.assert_allclose(a, b, atol=tolerances.PRIMITIVE)
    assert losses[1] != losses[0]


def test_same_key_same_training() -> None:
    first, second = (_fit(ANALOG, schedule=SCHEDULE._replace(epochs=1))[0] for _ in range(2))
    assert eqx.tree_equal(first, second)


def test_what_is_computed_again() -> None:
    program = lambda pattern: str(jax.make_jaxpr(training.with_checkpoints(MODEL, pattern))(X[0]))
    counts = {
        pattern: len(re.findall(r"(?:remat2?|checkpoint)\[", program(pattern)))
        for pattern in ("layers/0", ".*", "layers/0.*")
    }
    assert set(counts.values()) == {1}  # not what lies within, nor the model itself
    sizes = {"vocab_size": 8, "n_positions": 4, "dim": 8, "n_layers": 1, "n_heads": 2, "n_kv_heads": 1, "hidden": 8}
    moe = models.WithRouting(models.Mixtral(models.MixtralConfig(**sizes, n_experts=2), key=jr.key(0)))
    found = training.with_checkpoints(moe, "blocks/[0-9]+")
    assert type(found.model.blocks[0]) is not type(moe.model.blocks[0])
    for pattern, message in (("layer/0", "no module of the model has a path that matches 'layer/0'"),
                             ("layers/[", "'layers/\\[' is no pattern of paths")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            training.with_checkpoints(MODEL, pattern)


def test_parts_of_a_batch_add_up() -> None:
    with jax.enable_x64(True):
        model = jax.tree.map(lambda leaf: leaf.astype(float) if eqx.is_inexact_array(leaf) else leaf, MODEL)
        x = jnp.asarray(X, float)
        whole, parts = (
            training.fit(model, x, Y, forward=training.digital_forward, schedule=SCHEDULE._replace(accumulate=n),
                         key=jr.key(2)) for n in (1, 4)
        )  # fmt: skip
        np.testing.assert_allclose(whole[1], parts[1], rtol=tolerances.FLOAT64)
        for a, b in zip(*(jax.tree.leaves(eqx.filter(m, eqx.is_array)) for m, _ in (whole, parts)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9)  # Adam divides by roots of small gradients


def test_chips_of_a_batch() -> None:
    """Samples of a part of the batch meet one chip, those of different parts different ones."""
    silent = nn.map_layers(
        ANALOG,
        lambda _, layer: dataclasses.replace(
            layer, design=dataclasses.replace(layer.design, output_noise=jnp.asarray(0.0))
        ),
        nn.is_analog,
    )
    xs = jnp.broadcast_to(jnp.asarray(X[:1]), (8, 6))
    answer = eqx.filter_jit(lambda chips: training.hwa_forward(silent, xs, key=jr.key(1), chips=chips))
    for chips in (1, 2, 8):
        ys = np.asarray(answer(chips)).reshape(chips, 8 // chips, 3)
        np.testing.assert_allclose(ys, np.broadcast_to(ys[:, :1], ys.shape), atol=1e-6)
        assert len(np.unique(ys[:, 0, 0].round(5))) == chips
    for chips in (3, 0):
        with pytest.raises(ValueError, match=f"a batch of 8 does not divide among {chips} chips"):
            training.hwa_forward(silent, xs, key=jr.key(1), chips=chips)


class _First(training.AbstractObjective):
    """What the forward pass says is the loss."""

    def __call__(self, logits, xs, ys):
        return jnp.mean(logits)


@pytest.mark.parametrize(("epochs", "factors"), [(5, np.linspace(1.5, 0.5, 5)), (1, [1.5])])
def test_noise_goes_from_the_first_factor_to_the_last(epochs: int, factors: list) -> None:
    scale = lambda model, xs, *, key: model.layers[0].design.noise_scale + 0.0 * xs[:, 0]
    schedule = training.Schedule(epochs=epochs, batch_size=64, learning_rate=0.0)
    _, losses = _fit(ANALOG, scale, schedule, noise=(1.5, 0.5), objective=_First())
    np.testing.assert_allclose(losses, factors, rtol=tolerances.PRIMITIVE)
    assert nn.scale_noise(ANALOG, 0.5).layers[0].design.noise_scale == 0.5


def test_distillation_in_closed_form() -> None:
    logits, labels = jnp.asarray(RNG.normal(size=(5, 4, 3)), jnp.float32), jnp.asarray(RNG.integers(0, 3, (5, 4)))
    table = jnp.asarray(RNG.normal(size=(5, 4, 3)), jnp.float32)
    teacher = lambda x: table[x]
    loss = training.Distillation(teacher, weight=0.7, temperature=2.5)
    softmax = lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    p, q = (softmax(np.asarray(z, float) / 2.5) for z in (table, logits))
    divergence = np.mean(np.sum(p * np.log(p / q), -1)) * 2.5**2
    entropy = -np.mean(np.log(np.take_along_axis(softmax(np.asarray(logits, float)), labels[..., None], -1)))
    np.testing.assert_allclose(
        loss(logits, jnp.arange(5), labels), 0.7 * divergence + 0.3 * entropy, rtol=tolerances.PRIMITIVE
    )


def test_a_network_learns_from_its_teacher_alone() -> None:
    teacher = Mlp(6, 3, (), key=jr.key(9))
    objective = training.Distillation(teacher)
    gradient = eqx.filter_grad(lambda o: o(jnp.zeros((64, 3)), jnp.asarray(X), jnp.asarray(Y)))(objective)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(gradient.teacher))
    calm = nn.scale_noise(nn.calibrate(ANALOG, jnp.asarray(X)), 0.1)
    student, losses = _fit(calm, schedule=SCHEDULE._replace(epochs=40, learning_rate=3e-2), objective=objective)
    said = jnp.argmax(jax.vmap(teacher)(X), -1)
    agrees = lambda model: float(jnp.mean(jnp.argmax(jax.vmap(nn.to_digital(model))(X), -1) == said))
    assert losses[-1] < 0.1 * losses[0]
    assert agrees(student) > max(0.9, agrees(calm) + 0.2)


def _products(jaxpr) -> list[tuple[str, ...]]:
    """Types of the operands and the result of all products."""
    found = []
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            found.append(tuple(str(v.aval.dtype) for v in (*eqn.invars, *eqn.outvars)))
        for inner in jaxprs_in_params(eqn.params):
            found += _products(inner)
    return found


def test_half_precision_is_that_of_products_alone() -> None:
    ranged = nn.with_ranges(nn.calibrate(ANALOG, jnp.asarray(X)), nn.ClippingRange(), per_tile=True)
    forward = training.in_precision(training.hwa_forward, jnp.bfloat16)
    params, rest = eqx.partition(ranged, nn.trainable(ranged))
    loss = lambda params: jnp.sum(forward(eqx.combine(params, rest), jnp.asarray(X), key=jr.key(1)))
    products = _products(jax.make_jaxpr(jax.grad(loss))(params).jaxpr)
    assert ("bfloat16", "bfloat16", "float32") in products
    assert ("bfloat16", "bfloat16", "bfloat16") in products  # gradients, as of digital layers
    assert not any({a, b} == {"bfloat16", "float32"} for a, b, _ in products)
    low, history = _fit(ranged, forward)
    _, full = _fit(ranged)
    np.testing.assert_allclose(history, full, rtol=0.02)
    assert history != full
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(eqx.filter(low, nn.trainable(low))))
    assert forward(ranged, jnp.asarray(X), key=jr.key(0)).dtype == jnp.float32


@pytest.mark.parametrize(
    ("layer", "rows"),
    [
        (eqx.nn.Conv2d(4, 6, 3, groups=2, key=jr.key(0)), lambda w: w.reshape(6, -1)),
        (models.ExpertLinear(3, 7, 5, std=1.0, key=jr.key(0)), lambda w: w.reshape(15, 7)),
    ],
    ids=["grouped convolution", "experts"],
)
def test_weights_are_clipped_by_output(layer, rows) -> None:
    analog = nn.convert(layer, [nn.Rule(".*", tiles.WeightLevelTile())])
    params = eqx.filter(analog, nn.trainable(analog))
    clip = training.keep_programmable(1.5, per="column")
    updates, _ = clip.update(jax.tree.map(jnp.zeros_like, params), clip.init(params), params)
    w, found = (rows(np.asarray(p.weight, float)) for p in (params, optax.apply_updates(params, updates)))
    limit = 1.5 * np.std(w, axis=1, ddof=1, keepdims=True)
    np.testing.assert_allclose(found, np.clip(w, -limit, limit), atol=1e-6)
    assert np.any(found != w)


CONFIG = Path(__file__).parents[2] / "configs" / "mlp_digits.yaml"
TINY = ["model.widths=[]", "tile.rows=32", "tile.cols=16", "digital_training.epochs=2", "sweep.n_chips=2",
        "digital_training.settle=0", "hwa_training.epochs=2"]  # fmt: skip
WEIGHT_LEVEL = "{type: weight_level_tile, rows: %d, noise: 0.05, weight_bits: 4, drop: 0.02, adc: null}"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["chips=5"], "hwa_training: batch_size=64 does not divide among chips=5"),
        (["chips=32", "accumulate=4"], "hwa_training: batch_size=64 in accumulate=4 parts does not divide among chips"),
        (["accumulate=3"], "hwa_training: batch_size=64 does not divide into accumulate=3 parts"),
        (["tile_ranges=true", f"tile={WEIGHT_LEVEL % 64}"], "tile_ranges need tiles with the 32 rows of the chip's"),
        (["remat='blocks/[0-9]+'"], "hwa_training: no module of the model has a path that matches 'blocks/"),
        (["remat='layers/['"], "hwa_training: 'layers/[' is no pattern of paths"),
        (["precision=float8"], "hwa_training.precision: Input should be 'float32' or 'bfloat16', got 'float8'"),
        (["ranges={type: clip}"], "hwa_training.ranges"),
        (["clip_per=row"], "hwa_training.clip_per: Input should be 'tensor' or 'column', got 'row'"),
        (["noise=[1]"], "hwa_training.noise"),
        (["noise=[0.5, 1]"], "hwa_training: noise=[0.5, 1.0] scales that of a weight_level_tile: set `tile` to one"),
        (["tile={type: weight_level_tile, adc: {type: uniform_adc, bits: 6}}"], "(10, or 10 A in a config), got 5e-05"),
        (["tile={type: weight_level_tile, drop: 2}"], "hwa_training.tile: drop: expected a value at most 1, got 2"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_cannot_be_trained_is_one_line(overrides: list[str], message: str) -> None:
    def prepare() -> None:
        config = load_config(CONFIG, [*TINY, *(f"hwa_training.{one}" for one in overrides)])
        _roads.prepare(config, config.data.load(), jr.key(0))

    with pytest.raises((ConfigError, ValueError)) as caught:
        prepare()
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


def test_what_was_trained_on_weights_goes_to_aged_chips() -> None:
    """All settings at once, from a config, in one process: trained, and read on physical chips after a year."""
    config = load_config(
        CONFIG,
        [*TINY, "digital_training.epochs=8", "digital_training.shift=0", "digital_training.learning_rate=1e-2",
         f"hwa_training.tile={WEIGHT_LEVEL % 32}", "hwa_training.ranges={type: initial, steps: 5}",
         "hwa_training.tile_ranges=true", "hwa_training.weight_ranges=true", "hwa_training.chips=4",
         "hwa_training.noise=[0.5, 1]", "hwa_training.distillation={}", "hwa_training.precision=bfloat16",
         "hwa_training.accumulate=2", "hwa_training.remat='layers/[0-9]+'", "hwa_training.clip_per=column"],
    )  # fmt: skip
    data = config.data.load()
    nothing = lambda epoch, loss: None
    model = _trainings.train_digital(config, _roads.prepare(config, data, jr.key(0)), data, jr.key(1), nothing)
    direct = _roads.map_directly(config, model, data)
    trained = _trainings.train_for_hardware(config, direct, model, data, jr.key(2), nothing)
    layer = trained.layers[0]
    assert type(layer.design) is type(direct.layers[0].design)
    assert layer.input_range.shape == (2,)
    assert layer.seen is None
    assert np.all(np.abs(layer.weight) != np.abs(direct.layers[0].weight))
    with jax.numpy_dtype_promotion("strict"):
        scores = _roads.age(config, trained, data, jr.key(3))
    assert scores.shape == (2, 2, 6)
    assert scores[0].min() > _roads.digital_score(config, model, data) - 0.2 > 0.4  # of ten classes, at any time


def test_what_a_run_writes_of_its_config_is_read_as_the_same(tmp_path: Path) -> None:
    config = load_config(CONFIG, [*TINY, f"hwa_training.tile={WEIGHT_LEVEL % 32}"])
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    again = load_config(tmp_path / "config.yaml", [])
    assert config.hwa_training.tile.adc is None
    assert eqx.tree_equal(again.hwa_training.tile, config.hwa_training.tile)
