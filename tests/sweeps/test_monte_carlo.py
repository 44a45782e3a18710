"""Many chips in one program: the same numbers under every transformation, one compilation for all values."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax import nn, sweeps, tiles
from aimcjax.devices import Constant
from aimcjax.mapping import GlobalDriftCompensation
from aimcjax.models import Mlp
from aimcjax.sweeps import _monte_carlo
from aimcjax.training import accuracy


TIMES = jnp.asarray([20.0, 86400.0])


@pytest.fixture(scope="module")
def problem():
    key = jr.key(0)
    model = Mlp(16, 4, (8,), key=key)
    xs = jr.uniform(key, (40, 16))
    analog = nn.calibrate(nn.convert(model, [nn.Rule(".*", tiles.TileDesign(rows=8, cols=8))]), xs)
    return analog, xs, jnp.argmax(jax.vmap(model)(xs), axis=-1).astype(jnp.int32)


def _logits(analog, xs):
    def one_chip(key):
        key_program, key_read = jr.split(key)
        return nn.apply(nn.program(analog, key=key_program), xs, key=key_read, t=3600.0)

    return one_chip


def test_vmap_sharding_shard_map_and_pmap_agree(problem) -> None:
    analog, xs, _ = problem
    one_chip, keys = _logits(analog, xs), jr.split(jr.key(5), 8)
    assert jax.device_count() >= 4
    expected = np.asarray(jax.jit(jax.vmap(one_chip))(keys))
    loop = np.stack([np.asarray(one_chip(key)) for key in keys[:2]])
    mesh = jax.make_mesh((4,), ("chip",), axis_types=(jax.sharding.AxisType.Auto,))
    spread = jax.device_put(keys, jax.sharding.NamedSharding(mesh, jax.P("chip")))
    sharded = jax.jit(jax.vmap(one_chip))(spread)
    assert len(sharded.sharding.device_set) == 4
    mapped = jax.jit(jax.shard_map(jax.vmap(one_chip), mesh=mesh, in_specs=jax.P("chip"), out_specs=jax.P("chip")))(
        keys
    )
    pmapped = jax.pmap(jax.vmap(one_chip))(keys.reshape(4, 2)).reshape(expected.shape)
    for name, found in {"jit + sharding": sharded, "shard_map": mapped, "pmap": pmapped}.items():
        np.testing.assert_allclose(np.asarray(found), expected, atol=tolerances.PRIMITIVE, err_msg=name)
    np.testing.assert_allclose(loop, expected[:2], atol=tolerances.PRIMITIVE)


def test_accuracies_are_those_of_single_chips(problem) -> None:
    analog, xs, labels = problem
    key, strengths = jr.key(6), jnp.asarray([1.0, 0.0])
    swept = sweeps.score_over_time(
        analog, xs, labels, score=accuracy, n_chips=3, times=TIMES, strengths=strengths, key=key
    )
    assert swept.shape == (2, 3, 2)
    for c, chip_key in enumerate(jr.split(key, 3)):
        key_program, key_read = jr.split(chip_key)
        chip = nn.program(analog, key=key_program)
        for s in range(2):
            compensated = nn.with_compensation(chip, GlobalDriftCompensation(strength=float(strengths[s])))
            for i in range(2):
                logits = nn.apply(compensated, xs, key=key_read, t=TIMES[i])
                right = np.mean(np.argmax(np.asarray(logits), axis=-1) == np.asarray(labels))
                np.testing.assert_allclose(float(swept[s, c, i]), right, atol=1e-6)


def test_sweeping_values_never_recompiles(problem) -> None:
    analog, xs, labels = problem
    analog = _with_device(analog, lambda device: eqx.tree_at(lambda d: d.nu_mean, device, Constant(0.05)))
    run = lambda model, times: sweeps.score_over_time(
        model, xs, labels, score=accuracy, n_chips=2, times=times, strengths=jnp.ones(1), key=jr.key(0)
    )
    run(analog, TIMES)
    before = _monte_carlo._scores._cached._cache_size()
    for changed in (
        _with_device(analog, lambda d: eqx.tree_at(lambda d: d.nu_mean.value, d, jnp.asarray(0.09))),
        _with_device(analog, lambda d: eqx.tree_at(lambda d: d.read_noise.coefficient, d, jnp.asarray(0.03))),
        _with_design(analog, lambda d: eqx.tree_at(lambda d: d.adc.i_max, d, jnp.asarray(30e-6))),
        _with_design(analog, lambda d: eqx.tree_at(lambda d: d.adc.bits, d, jnp.asarray(6.0))),
    ):
        run(changed, TIMES * 2)
    assert _monte_carlo._scores._cached._cache_size() == before


def test_physics_is_an_axis() -> None:
    # The drift mean as a vmap axis: the more drift, the smaller the outputs of an uncompensated chip.
    layer = nn.convert(eqx.nn.Linear(16, 4, use_bias=False, key=jr.key(0)), [nn.Rule(".*", tiles.TileDesign())])
    layer, xs = nn.with_compensation(layer, GlobalDriftCompensation(strength=0.0)), jr.uniform(jr.key(1), (40, 16))

    @jax.jit
    @jax.vmap
    def size(nu):
        model = _with_device(layer, lambda d: eqx.tree_at(lambda d: d.nu_mean, d, Constant(nu)))
        return jnp.mean(jnp.abs(nn.apply(nn.program(model, key=jr.key(1)), xs, key=jr.key(2), t=1e6)))

    assert np.all(np.diff(np.asarray(size(jnp.asarray([0.0, 0.03, 0.06, 0.12])))) < 0)


def test_summary_is_students_interval() -> None:
    # 1, 2, 3, 4: mean 2.5, s = 1.2910, t_{0.975, 3} = 3.18245, half width 2.0542.
    found = sweeps.summarize(np.asarray([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_allclose(found[:4], [2.5, 1.2909944, 2.5 - 2.0542603, 2.5 + 2.0542603], rtol=1e-6)
    with pytest.raises(ValueError, match="at least two chips, got 1"):
        sweeps.summarize(np.asarray([1.0]))


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        s = sweeps.summarize(random.normal(0.9, 0.01, 25))
        inside += s.low <= 0.9 <= s.high
    assert abs(inside / 2000 - 0.95) < 4 * (0.95 * 0.05 / 2000) ** 0.5


def _with_design(model, change):
    return nn.map_layers(model, lambda _, layer: dataclasses.replace(layer, design=change(layer.design)), nn.is_analog)


def _with_device(model, change):
    return _with_design(model, lambda design: dataclasses.replace(design, device=change(design.device)))
