"""Training: it learns, it respects the hardware, it is reproducible, it says when it fails."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest
import tolerances
from scipy import stats

from aimcjax import devices, nn, periphery, tiles, training
from aimcjax.models import Mlp


X = np.asarray(jr.uniform(jr.key(0), (256, 8)), np.float32)
Y = (X[:, :4].sum(1) > X[:, 4:].sum(1)).astype(np.int32)
SCHEDULE = training.Schedule(epochs=20, batch_size=32, learning_rate=1e-2)


@pytest.fixture(autouse=True)
def standard_promotion():
    with jax.numpy_dtype_promotion("standard"):  # optax is not written for strict promotion
        yield


def _accuracy(model, key=None):
    logits = jax.vmap(model)(jnp.asarray(X)) if key is None else nn.apply(model, jnp.asarray(X), key=key)
    return float(training.accuracy(logits, jnp.asarray(Y)))


def _without_noise(model, xs, *, key):
    del key
    return jax.vmap(nn.to_digital(model))(xs)


def test_learns_digitally_and_on_hardware() -> None:
    model = Mlp(8, 2, (16,), key=jr.key(1))
    model, history = training.fit(model, X, Y, forward=training.digital_forward, schedule=SCHEDULE, key=jr.key(2))
    assert len(history) == 20
    assert _accuracy(model) > 0.95
    tile = tiles.WeightLevelTile(noise=0.5, through_noise=True)
    analog = nn.calibrate(nn.convert(model, [nn.Rule(".*", tile)]), jnp.asarray(X))
    noisy = lambda m: np.mean([_accuracy(nn.program(m, key=k), key=k) for k in jr.split(jr.key(3), 20)])
    further = lambda forward: training.fit(
        analog, X, Y, forward=forward, schedule=SCHEDULE, key=jr.key(4), projection=training.keep_programmable(2.0)
    )[0]
    hardware, digital = noisy(further(training.hwa_forward)), noisy(further(_without_noise))
    assert hardware > max(digital, noisy(analog)) + 0.01  # as many steps without noise do not teach the same


def test_same_key_same_training() -> None:
    run = lambda: training.fit(
        Mlp(8, 2, (4,), key=jr.key(1)),
        X,
        Y,
        forward=training.digital_forward,
        schedule=SCHEDULE._replace(epochs=2),
        key=jr.key(2),
    )
    assert eqx.tree_equal(run()[0], run()[0])


def test_weights_are_clipped_and_ranges_stay_positive() -> None:
    layer = nn.convert(eqx.nn.Linear(8, 8, key=jr.key(0)), [nn.Rule(".*", tiles.TileDesign())])
    params = eqx.filter(layer, nn.trainable(layer))
    wild = eqx.tree_at(
        lambda p: (p.weight, p.input_range),
        jax.tree.map(jnp.zeros_like, params),
        (10 * jr.normal(jr.key(1), (8, 8)), jnp.asarray(-5.0)),
    )
    projection = training.keep_programmable(1.5)
    updates, _ = projection.update(wild, projection.init(params), params)
    moved = optax.apply_updates(params, updates)
    limit = 1.5 * np.std(np.asarray(params.weight + wild.weight), ddof=1)
    np.testing.assert_allclose(np.max(np.abs(np.asarray(moved.weight))), limit, rtol=1e-5)
    inside = np.abs(np.asarray(params.weight + wild.weight)) < limit
    np.testing.assert_allclose(
        np.asarray(moved.weight)[inside], np.asarray(params.weight + wild.weight)[inside], atol=1e-5
    )
    np.testing.assert_allclose(float(moved.input_range), 0.5 * float(params.input_range), rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(moved.bias), np.asarray(params.bias))


def test_noise_never_enters_the_stored_weights() -> None:
    layer = nn.convert(eqx.nn.Linear(8, 4, key=jr.key(0)), [nn.Rule(".*", tiles.WeightLevelTile(noise=0.5))])
    still = training.Schedule(epochs=3, batch_size=32, learning_rate=0.0)
    trained, _ = training.fit(layer, X, Y, forward=training.hwa_forward, schedule=still, key=jr.key(1))
    assert eqx.tree_equal(trained, layer)


def test_ages_reach_the_forward_pass() -> None:
    # Without compensation, older chips answer less: the age must matter, and lie between the two given.
    device = devices.Pcm(nu_mean=0.1, nu_std=0.0, accumulated=0.0, programming=0.0, read_noise=0.0)
    design = tiles.TileDesign(device=device)
    layer = nn.convert(eqx.nn.Linear(8, 4, use_bias=False, key=jr.key(0)), [nn.Rule(".*", design)])
    off = nn.with_compensation(layer, nn.analog_layers(layer)[""].compensation.__class__(strength=0.0))
    size = lambda ages: float(jnp.mean(jnp.abs(training.hwa_forward(off, jnp.asarray(X), key=jr.key(1), ages=ages))))
    young, old, between = size((20.0, 20.0)), size((1e7, 1e7)), size((20.0, 1e7))
    assert old < between < young
    np.testing.assert_allclose(old / young, ((1e7 + 20) / 40) ** -0.1, rtol=0.02)


def test_ages_are_uniform_in_their_logarithm() -> None:
    """A chip with one exponent for all cells tells its age by its answer."""
    device = devices.Pcm(nu_mean=0.1, nu_std=0.0, accumulated=0.0, programming=0.0, read_noise=0.0)
    design = tiles.TileDesign(device=device, dac=periphery.IdealDac(), adc=periphery.IdealAdc())
    layer = nn.convert(eqx.nn.Linear(1, 1, use_bias=False, key=jr.key(0)), [nn.Rule(".*", design)])
    off = nn.with_compensation(layer, nn.analog_layers(layer)[""].compensation.__class__(strength=0.0))
    one = lambda key: training.hwa_forward(off, jnp.full((1, 1), 0.5), key=key, ages=(20.0, 2e7))[0, 0]
    y = np.asarray(jax.jit(jax.vmap(one))(jr.split(jr.key(1), 400)), np.float64)
    fresh = 0.5 * float(layer.weight[0, 0])
    logarithm = np.log(20.0 * ((y / fresh) ** -10.0 - 1.0))  # y = fresh (age / 20 + 1)^-0.1
    low, high = np.log(20.0), np.log(2e7)
    assert stats.kstest((logarithm - low) / (high - low), "uniform").pvalue > tolerances.P_VALUE


def test_bits_per_character_of_guesses_and_of_a_fair_coin() -> None:
    metric = training.BITS_PER_CHARACTER
    labels = jnp.arange(6) % 32
    np.testing.assert_allclose(metric.function(jnp.zeros((6, 32)), labels), 5.0, rtol=tolerances.PRIMITIVE)
    assert metric.chance(32) == 5.0
    two = jnp.where(jnp.arange(32)[None] // 2 == labels[:, None] // 2, 0.0, -1e3)
    np.testing.assert_allclose(metric.function(two, labels), 1.0, rtol=tolerances.PRIMITIVE)


def test_shift_moves_images_by_whole_pixels(getkey) -> None:
    xs = jnp.zeros((200, 8, 8)).at[:, 4, 4].set(1.0)
    moved = np.asarray(training.random_shift(xs, 1, key=getkey()))
    rows, cols = np.nonzero(moved.sum(0))
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (3, 5, 3, 5)
    assert np.all(moved.sum((1, 2)) == 1)
    np.testing.assert_array_equal(np.asarray(training.random_shift(xs, 1, False, key=getkey())), np.asarray(xs))


def test_failures_are_named() -> None:
    with pytest.raises(ValueError, match="batch_size=512 is more than the 256 training samples"):
        training.fit(
            Mlp(8, 2, (), key=jr.key(0)),
            X,
            Y,
            forward=training.digital_forward,
            schedule=SCHEDULE._replace(batch_size=512),
            key=jr.key(0),
        )
    with pytest.raises(FloatingPointError, match="training diverged: the loss is no longer finite in epoch 1 of 20"):
        training.fit(
            Mlp(8, 2, (), key=jr.key(0)),
            X * np.nan,
            Y,
            forward=training.digital_forward,
            schedule=SCHEDULE,
            key=jr.key(0),
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": -1}, "epochs is a whole number from 0, got -1"),
        ({"batch_size": 0}, "batch_size is a whole number from 1, got 0"),
        ({"accumulate": 0}, "accumulate is a whole number from 1, got 0"),
        (
            {"learning_rate": float("nan")},
            "learning rate and decay are finite and not below zero, got learning_rate=nan",
        ),
    ],
)
def test_schedules_that_cannot_be_are_refused(as_installed, change: dict, message: str) -> None:
    model, how = Mlp(8, 2, (), key=jr.key(0)), {"forward": training.digital_forward, "key": jr.key(0)}
    with pytest.raises(ValueError, match=message):
        training.fit(model, X, Y, schedule=SCHEDULE._replace(**change), **how)
    with pytest.raises(ValueError, match="every sample has a label, got 256 samples and 255 labels"):
        training.fit(model, X, Y[1:], schedule=SCHEDULE, **how)


def test_only_matrices_decay() -> None:
    layer = nn.convert(eqx.nn.Linear(8, 4, key=jr.key(0)), [nn.Rule(".*", tiles.TileDesign())])
    silent = lambda model, xs, *, key: 0.0 * jax.vmap(lambda x: model.weight @ x)(xs)[:, :2]
    decay = SCHEDULE._replace(weight_decay=0.5)
    trained, _ = training.fit(layer, X, Y, forward=silent, schedule=decay, key=jr.key(1))
    assert float(jnp.linalg.norm(trained.weight)) < 0.9 * float(jnp.linalg.norm(layer.weight))
    np.testing.assert_array_equal(np.asarray(trained.bias), np.asarray(layer.bias))
    np.testing.assert_array_equal(float(trained.input_range), float(layer.input_range))
