"""Rules of in-memory training: contracts of every algorithm, statistics, presets, networks."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from aimcjax import checkpoint, devices
from aimcjax.devices import pulsed
from aimcjax.training import in_memory


DEVICE = pulsed.preset("soft_bounds_rasch2024")
NOISY = dataclasses.replace(DEVICE, write_noise=jnp.asarray(0.1), leak=pulsed.Leak(lifetime=1e4))
SHORT = in_memory.PulsedUpdate(management=in_memory.Management(3))
SLOW = ("sgd", "cttv2", "tiki_taka", "residual", "vector", "batch_update")
RULES = {
    "sgd": in_memory.sgd(NOISY, lr=0.05, pulses=SHORT),
    "tiki_taka": in_memory.tiki_taka(DEVICE, every=2, gamma=0.1, pulses=SHORT, read=in_memory.transfer_mvm()),
    "cttv2": in_memory.cttv2(DEVICE, every=2, gamma0=1.0, chop=0.3, pulses=SHORT),
    "agad": in_memory.agad(DEVICE, every=2, gamma0=1.0, chop=0.5, pulses=SHORT),
    "residual": in_memory.residual(DEVICE, n_tiles=2, switch=5, pulses=SHORT),
    "mixed_precision": in_memory.mixed_precision(DEVICE, every=2, x_bins=8, d_bins=8),
    "delta_rule": in_memory.delta_rule(in_memory.OneSidedPair(DEVICE, refresh_every=2, upper=0.1, lower=0.02), every=2),
    "batch_update": in_memory.batch_update(DEVICE, stochastic=True, lr=0.1),
    "vector": in_memory.sgd(in_memory.VectorCell((DEVICE, DEVICE), policy=in_memory.OneInTurn()), lr=0.1, pulses=SHORT),
}
W = 0.2 * jr.normal(jr.key(0), (4, 3))
init = jax.jit(lambda rule, key: rule.init(W, key=key))


def _batch(key):
    return in_memory.Outer(jr.normal(key, (4, 4)), jr.normal(jr.fold_in(key, 1), (4, 3)))


@jax.jit
def step(rule, state, key):
    _, state, stats = rule.update(_batch(key), state, key=jr.fold_in(key, 2))
    return state, stats


def _run(rule, state, keys):
    total = None
    for key in keys:
        state, stats = step(rule, state, key)
        total = stats if total is None else total + stats
    return state, total


def _same(found, expected, atol=0.0):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), atol=atol)


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in RULES])
def test_every_rule(name: str, tmp_path) -> None:
    rule, keys = RULES[name], jr.split(jr.key(1), 6)
    start = init(rule, jr.key(2))
    end, stats = _run(rule, start, keys)
    assert float(stats.samples) == 24
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(end))
    assert float(jnp.max(jnp.abs(rule.weights(end) - rule.weights(start)))) > 1e-3
    assert max(float(n) for n in stats.max().values()) >= 1
    assert all(float(stats.max()[k]) >= float(stats.mean()[k]) for k in stats.pulses)
    total = sum(float(jnp.sum(n)) for n in stats.pulses.values())
    np.testing.assert_allclose(float(stats.energy), total * 1e-13, rtol=1e-5)
    assert float(stats.time) > 0
    # Saved in the middle of an epoch and resumed: to the bit
    checkpoint.save(tmp_path / "state", state=_run(rule, start, keys[:3])[0])
    _same(_run(rule, checkpoint.load(tmp_path / "state", "state", start), keys[3:])[0], end)


@pytest.mark.parametrize("name", [pytest.param("sgd", marks=pytest.mark.slow), "agad"])
def test_same_key_same_result(name: str) -> None:
    rule, state = RULES[name], init(RULES[name], jr.key(2))
    expected = step(rule, state, jr.key(4))[0]
    double = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), state)
    both = jax.jit(jax.vmap(step, in_axes=(None, 0, 0)))(rule, double, jnp.stack([jr.key(9), jr.key(4)]))[0]
    _same(jax.tree.map(lambda leaf: leaf[1], both), expected, atol=1e-6)
    mesh = jax.make_mesh((4,), ("cells",), axis_types=(jax.sharding.AxisType.Auto,))
    rows = lambda leaf: NamedSharding(mesh, PartitionSpec(*(("cells",) if leaf.shape[:1] == (4,) else ())))
    spread = jax.tree.map(lambda leaf: jax.device_put(leaf, rows(leaf)), state)
    _same(step(rule, spread, jr.key(4))[0], expected, atol=1e-6)


def test_parameters_are_independent_of_each_other() -> None:
    """Every array has draws of its own, and one more parameter does not change those of the others."""
    rule = in_memory.delta_rule(DEVICE)
    one, two = {"a": W}, {"a": W, "b": W}
    first, second = (jax.jit(lambda w: rule.init(w, key=jr.key(0)))(w) for w in (one, two))
    update = jax.jit(lambda gradient, state: rule.update(gradient, state, key=jr.key(1)))
    _same(first.arrays["a"], second.arrays["a"], atol=1e-6)
    updated, _, stats = update(two, second)
    assert updated.keys() == two.keys()
    assert set(stats.pulses) == {"a/W", "b/W"}
    assert float(jnp.min(jnp.abs(updated["a"] - updated["b"]))) > 0
    _same(update(one, first)[0]["a"], updated["a"], atol=1e-6)


def test_published_runtimes() -> None:
    published = {"ttv2": 56.3, "cttv2": 56.3, "agad": 62.1, "sgd": 30.9, "mixed_precision": 3024.5}
    for name, nanoseconds in published.items():
        assert abs(in_memory.runtime(name) * 1e9 - nanoseconds) < 0.05
    with pytest.raises(ValueError, match="no published runtime of 'adam'"):
        in_memory.runtime("adam")


def test_lifetime() -> None:
    pulses = {"w/A": jnp.asarray([[1.0, 2.0], [4.0, 0.0]]), "w/W": jnp.full((2, 2), 1e-3)}
    stats = in_memory.WriteStats(pulses, jnp.asarray(10.0), jnp.asarray(0.0), jnp.asarray(1e-6))
    fixed = in_memory.lifetime(stats + stats, 1e6, share=0.5, samples_per_epoch=100.0)
    np.testing.assert_allclose(fixed["w/A"].samples, 1e6 / 0.2)  # half of the cells: at least 2 pulses in 10 samples
    np.testing.assert_allclose(fixed["w/A"].epochs, 5e4)
    np.testing.assert_allclose(fixed["w/A"].days, 5e6 * 1e-7 / 86400)
    weibull = devices.Endurance(devices.preset("pcm_joshi2020"), scale=1e6, shape=2.0)
    found = in_memory.lifetime(stats, weibull, share=0.01)["w/W"]
    np.testing.assert_allclose(found.samples, 1e6 * np.sqrt(-np.log(0.99)) / 1e-4, rtol=1e-4)
    idle = in_memory.WriteStats({"w": jnp.zeros((1, 1))}, jnp.ones(()), jnp.zeros(()), jnp.ones(()))
    assert in_memory.lifetime(idle, 1e6)["w"].samples == np.inf
    with pytest.raises(ValueError, match="a share in"):
        in_memory.lifetime(stats, 1e6, share=1.0)


def test_mixed_precision_loses_nothing() -> None:
    ideal = pulsed.PulsedDevice(dw_min=0.01, w_max=1e3, w_min=-1e3, noise=pulsed.RelativeNoise(0.0),
                                variation=pulsed.no_variation())  # fmt: skip
    rule = in_memory.mixed_precision(ideal, lr=0.003)
    gradient = jr.normal(jr.key(0), (5, 4))
    state = rule.init(jnp.zeros((5, 4)), key=jr.key(1))
    update = jax.jit(lambda state: rule.update(gradient, state, key=jr.key(2))[:2])
    for _ in range(7):
        w, state = update(state)
    wanted = -7 * 0.003 * np.asarray(gradient)
    np.testing.assert_allclose(np.asarray(w + state.arrays["w"].chi), wanted, atol=1e-6)
    np.testing.assert_allclose(w, 0.01 * np.trunc(wanted / 0.01), atol=1e-6)  # whole pulses, never ahead of the sum
    assert float(jnp.max(jnp.abs(state.arrays["w"].chi))) < 0.01


def test_every_residual_tile_moves_the_weights_alike() -> None:
    """W <- W - lr x d^T whichever tile is active: its own weights move 1 / gamma^k times as far."""
    ideal = pulsed.PulsedDevice(step=pulsed.ConstantStep(), dw_min=1e-3, w_max=1e3, w_min=-1e3,
                                noise=pulsed.RelativeNoise(0.0), variation=pulsed.no_variation())  # fmt: skip
    exact = in_memory.PulsedUpdate(trains=in_memory.MeanField())
    algorithm = in_memory.residual(ideal, lr=0.02, gamma=0.5, n_tiles=3, switch=4, pulses=exact).algorithm
    outer = _batch(jr.key(5))  # of four samples: every batch is of another tile
    state, change = algorithm.init(jnp.zeros((4, 3)), key=jr.key(1)), 0.02 * np.asarray(outer.x.T @ outer.d)
    update = jax.jit(lambda state: algorithm.update(outer, state, key=jr.key(2))[0])
    for k in range(3):
        state = update(state)
        np.testing.assert_allclose(algorithm.weights(state), -(k + 1) * change, atol=1e-6)
        np.testing.assert_allclose(ideal.weights(state.tiles[k]), -change / 0.5**k, atol=1e-6)


def test_manhattan_rule_moves_every_cell_by_one_step() -> None:
    pair = in_memory.OneSidedPair(
        pulsed.PulsedDevice(dw_min=0.01, w_max=1.0, w_min=0.0, noise=pulsed.RelativeNoise(0.0),
                            variation=pulsed.no_variation())
    )  # fmt: skip
    rule, gradient = in_memory.delta_rule(pair), jr.normal(jr.key(0), (5, 4))
    state = rule.init(jnp.zeros((5, 4)), key=jr.key(1))
    w, state, _ = jax.jit(lambda state: rule.update(gradient, state, key=jr.key(2)))(state)
    np.testing.assert_allclose(np.asarray(w), -0.01 * np.sign(gradient), atol=1e-7)
    assert float(jnp.min(state.arrays["w"].w.plus.w)) >= 0  # both cells go up


def test_pairs_are_refreshed() -> None:
    device = pulsed.PulsedDevice(step=pulsed.ConstantStep(), dw_min=0.01, w_max=1.0, w_min=0.0,
                                 noise=pulsed.RelativeNoise(0.0), variation=pulsed.no_variation())  # fmt: skip
    pair = in_memory.OneSidedPair(device, refresh_every=1)
    cells = pair.init((1, 3), key=jr.key(0))
    level = lambda side, w: device.write(side, jnp.asarray([w]), key=jr.key(1))
    cells = dataclasses.replace(
        cells, plus=level(cells.plus, [0.9, 0.9, 0.5]), minus=level(cells.minus, [0.6, 0.1, 0.4])
    )
    after = in_memory.rested(pair, cells, key=jr.key(2))
    np.testing.assert_allclose(np.asarray(pair.weights(after)), np.asarray(pair.weights(cells)), atol=1e-6)
    np.testing.assert_allclose(np.asarray(after.plus.w), [[0.3, 0.9, 0.5]], atol=1e-6)
    np.testing.assert_allclose(np.asarray(after.minus.w), [[0.0, 0.1, 0.4]], atol=1e-6)


def test_a_network_learns_by_pulses_and_optax() -> None:
    xs = jr.uniform(jr.key(0), (64, 6))
    ys = (xs[:, :3].sum(1) > xs[:, 3:].sum(1)).astype(jnp.float32)
    analog = [0.3 * jr.normal(jr.key(1), (6, 8)), 0.3 * jr.normal(jr.key(2), (8, 1))]
    digital = {"bias": jnp.zeros(8), "out": jnp.zeros(())}

    def loss(analog, digital, x, y, *, key):
        k0, k1 = jr.split(key)
        noisy = {"forward": in_memory.NoisyMvm(out_noise=0.02), "backward": in_memory.NoisyMvm(out_noise=0.01)}
        hidden = jnp.tanh(in_memory.linear(analog[0], x, **noisy, key=k0) + digital["bias"])
        logit = in_memory.linear(analog[1], hidden, **noisy, key=k1)[0] + digital["out"]
        return jnp.logaddexp(0.0, jnp.where(y > 0, -logit, logit))

    rule, optimiser = in_memory.sgd(pulsed.preset("idealized_rasch2019"), lr=0.02), optax.sgd(0.2)
    start = (analog, digital, rule.init(analog, key=jr.key(3)), optimiser.init(digital))

    def step(carry, key):
        analog, digital, state, slots = carry
        key_loss, key_update = jr.split(key)
        value, xd, grads = in_memory.outer_factors(loss, analog, digital, xs, ys, key=key_loss)
        analog, state, _ = rule.update(xd, state, key=key_update)
        updates, slots = optimiser.update(grads, slots)
        return (analog, optax.apply_updates(digital, updates), state, slots), value

    with jax.numpy_dtype_promotion("standard"):  # optax is not written for strict promotion
        _, losses = jax.jit(lambda start: jax.lax.scan(step, start, jr.split(jr.key(4), 40)))(start)
    assert float(losses[-1]) < 0.3 < 0.6 < float(losses[0])


def test_factors_are_those_of_the_gradient() -> None:
    w, xs = jr.normal(jr.key(0), (3, 2)), jr.normal(jr.key(1), (5, 4, 3))
    loss = lambda w, digital, x, *, key: jnp.sum(jnp.tanh(in_memory.linear(w, x) * digital) ** 2)
    of_batch = jax.jit(lambda w, s: in_memory.outer_factors(loss, w, s, xs, key=jr.key(2), uses=4))
    value, outer, slope = of_batch(w, jnp.asarray(0.7))
    plain = lambda w, s: jnp.sum(jnp.tanh(jnp.einsum("btn,nm->btm", xs, w) * s) ** 2)
    total, (dw, ds) = jax.jit(jax.value_and_grad(plain, argnums=(0, 1)))(w, jnp.asarray(0.7))
    np.testing.assert_allclose(float(value) * 5, float(total), rtol=1e-5)
    np.testing.assert_allclose(np.asarray(outer.matrix()), np.asarray(dw), atol=1e-5)
    np.testing.assert_allclose(float(slope) * 5, float(ds), rtol=1e-5)
    direct = jax.jit(jax.grad(lambda w: sum(loss(w, jnp.asarray(0.7), x, key=None) for x in xs)))(w)
    np.testing.assert_allclose(np.asarray(direct), np.asarray(dw), atol=1e-5)


def test_presets() -> None:
    names = in_memory.preset_names()
    families = [f"{family}{name}" for name in ("reram_es", "reram_sb", "capacitor", "ecram", "ecram_mo", "idealized")
                for family in ("", "tiki_taka_", "ttv2_", "chopped_ttv2_", "agad_", "mixed_precision_")]  # fmt: skip
    assert set(families) < set(names)
    for name in names:
        device, rule = in_memory.preset(name)
        assert isinstance(rule, in_memory.InMemoryRule)
        assert float(device.w_max) > 0
    agad = in_memory.preset("agad_capacitor", lr=0.5)[1].algorithm
    np.testing.assert_allclose([agad.beta, agad.eta0, agad.gamma0, agad.chop, agad.lr], [0.2, 0.1, 1000, 0.01, 0.5])
    with pytest.raises(ValueError, match="unknown preset 'reram'"):
        in_memory.preset("reram")


def test_errors_are_one_line() -> None:
    rule = in_memory.sgd(DEVICE)
    state = rule.init({"a": jnp.zeros((2, 2))}, key=jr.key(0))
    with pytest.raises(ValueError, match="sgd updates by pulses on rows and columns"):
        rule.update({"a": jnp.zeros((2, 2))}, state, key=jr.key(1))
    with pytest.raises(ValueError, match=r"gradients are of \['b'\], the state is of \['a'\]"):
        rule.update({"b": jnp.zeros((2, 2))}, state, key=jr.key(1))
    with pytest.raises(ValueError, match="analog parameters are float matrices"):
        rule.init({"a": jnp.zeros(2)}, key=jr.key(0))
    with pytest.raises(ValueError, match="draws its noise"):
        in_memory.linear(jnp.zeros((2, 2)), jnp.zeros(2), forward=in_memory.NoisyMvm())


def test_what_is_no_algorithm_is_refused_in_one_line() -> None:
    outer = in_memory.Outer(jnp.zeros((2, 3)), jnp.zeros((2, 2)))
    rule = in_memory.mixed_precision(DEVICE)
    state = rule.init({"a": jnp.zeros((3, 2))}, key=jr.key(0))
    update = lambda gradient: rule.update({"a": gradient}, state, key=jr.key(1))
    refused = {
        "Ttv2.every is a whole number of at least 1, got 0": lambda: in_memory.ttv2(DEVICE, every=0),
        "Agad.max_pulses is a whole number of at least 1, got 0": lambda: in_memory.agad(DEVICE, max_pulses=0),
        "Agad.chop is a finite number at least 0 and at most 1, got 3.0": lambda: in_memory.agad(DEVICE, chop=3.0),
        "Agad.beta is a finite number above 0 and at most 1": lambda: in_memory.agad(DEVICE, beta=0.0),
        "Ttv2.gamma0 is a finite number above 0": lambda: in_memory.ttv2(DEVICE, gamma0=0.0),
        "Residual.n_tiles is a whole number of at least 1": lambda: in_memory.residual(DEVICE, n_tiles=0),
        "Sgd.lr is a finite number above 0, got nan": lambda: in_memory.sgd(DEVICE, lr=float("nan")),
        "Sgd has no hyper-parameter 'lrr'; did you mean 'lr'?": lambda: in_memory.sgd(DEVICE, lrr=0.1),
        "Agad has no hyper-parameter 'chp'; did you mean 'chop'?": lambda: in_memory.preset("agad_ecram", chp=0.1),
        "at least one analog parameter, got none": lambda: rule.init({}, key=jr.key(0)),
        "got a of int32(3, 2)": lambda: rule.init({"a": jnp.zeros((3, 2), jnp.int32)}, key=jr.key(0)),
        "a is an array of (3, 2), got a gradient of (2, 3)": lambda: update(jnp.zeros((2, 3))),
        "a is an array of (3, 2) and needs x[batch, 3] and d[batch, 2], got (2, 2)": lambda: update(
            in_memory.Outer(outer.d, outer.x)
        ),
        "n_s of a runtime is above 0, got 0": lambda: in_memory.runtime("ttv2", n_s=0.0),
        "give the pulses that a cell endures": lambda: in_memory.lifetime(update(outer)[2], -1.0),
        "samples_per_epoch is above 0, got 0": lambda: in_memory.lifetime(update(outer)[2], 1e6, samples_per_epoch=0.0),
        "a vector cell has at least one device": lambda: in_memory.VectorCell(()),
        "a pair is of PulsedDevice cells": lambda: in_memory.OneSidedPair(DEVICE, refresh_every=-1),
        "a group is of at least one sample": lambda: in_memory.EveryGroup(0),
    }
    for message, call in refused.items():
        with pytest.raises(ValueError, match=re.escape(message)) as caught:
            call()
        assert "\n" not in str(caught.value)
    in_memory.sgd(DEVICE, lr=jnp.asarray(0.0) + 1e-3)
    jax.eval_shape(lambda lr: in_memory.sgd(DEVICE, lr=lr), 0.1)  # values that are not known yet pass
