"""The tile of hardware-aware training: its forward and backward passes in closed form, its noise by its moments."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest
import tolerances
from lightning import Layer

from aimcjax import devices, nn, periphery, tiles, training


N_IN, N_OUT, DECAY, INSIDE = 20, 6, 0.01, 0.8
ADC = {"bits": 6.0, "i_max": 1.5}  # narrow, so that some outputs saturate


def _case(rows: int, tile: dict, limits: bool):
    """A layer on tiles of `rows` rows, inputs with some on and some beyond the ranges, and the same in NumPy."""
    rng = np.random.default_rng(0)
    parts = {20: [(0, 20)], 10: [(0, 10), (10, 20)], 7: [(0, 7), (7, 14), (14, 20)]}[rows]
    w, bias, x, dy = (rng.normal(size=s) for s in ((N_OUT, N_IN), (N_OUT,), (8, N_IN), (8, N_OUT)))
    beta = np.asarray([1.5, 0.75, 2.5])[: len(parts)]
    for (start, stop), limit in zip(parts, beta, strict=True):
        x[0, start], x[1, stop - 1] = limit, -limit  # equality
    statement = Layer(w, bias, parts, beta)
    if "adc" in tile:
        statement = dataclasses.replace(statement, adc=(ADC["bits"], ADC["i_max"]), per=tile.get("per", "column"))
    design = tiles.WeightLevelTile(**{"noise": 0.0, "output_noise": 0.0, "adc": None, "rows": rows} | tile)
    linear = eqx.nn.Linear(N_IN, N_OUT, key=jr.key(0), dtype=jnp.float64)
    linear = eqx.tree_at(lambda it: (it.weight, it.bias), linear, (jnp.asarray(w), jnp.asarray(bias)))
    rule = nn.ClippingRange(decay=DECAY, inside=INSIDE)
    layer = nn.with_ranges(nn.convert(linear, [nn.Rule(".*", design)]), rule, per_tile=True)
    layer = dataclasses.replace(layer, input_range=jnp.asarray(beta))
    if limits:
        limit = np.quantile(np.abs(w), 0.8, axis=1)
        limit[0] = np.abs(w[0, 3])  # equality
        layer = dataclasses.replace(nn.with_weight_ranges(layer), weight_range=jnp.asarray(limit))
        statement = dataclasses.replace(statement, limit=limit, limit_bits=tile.get("weight_bits"))
    return layer, statement, x, dy


@eqx.filter_jit
def _gradients(layer, x, dy):
    """Outputs, and gradients as the optimiser gets them."""
    layer = nn.watched(layer)
    params, rest = eqx.partition(layer, eqx.tree_at(lambda it: it.seen, nn.trainable(layer), True))

    def value(params, x):
        y = training.hwa_forward(eqx.combine(params, rest), x, key=jr.key(1))
        return jnp.sum(y * dy), y

    (_, y), (grads, dx) = jax.value_and_grad(value, argnums=(0, 1), has_aux=True)(params, x)
    learn = training.learn_ranges(optax.identity())
    grads, _ = learn.update(grads, learn.init(params), params, rules={"": layer.ranges})
    return y, dx, grads


CASES = [
    *((rows, tile, False) for rows in (20, 10, 7) for tile in ({}, {"adc": ADC})),
    (7, {"adc": ADC, "per": "tile"}, False),
    (10, {}, True),
    (7, {"adc": ADC, "weight_bits": 4.0}, True),
]


@pytest.mark.parametrize(("rows", "tile", "limits"), CASES, ids=str)
def test_forward_and_backward_are_the_formulas(rows: int, tile: dict, limits: bool) -> None:
    with jax.enable_x64(True):
        tile = tile | ({"adc": periphery.UniformAdc(noise=0.0, **ADC)} if "adc" in tile else {})
        layer, statement, x, dy = _case(rows, tile, limits)
        y, dx, grads = _gradients(layer, jnp.asarray(x), jnp.asarray(dy))
        np.testing.assert_allclose(y, statement.forward(x), atol=tolerances.FLOAT64)
        wanted = statement.backward(x, dy, DECAY, INSIDE)
        for name, value in wanted.items():
            found = dx if name == "x" else getattr(grads, name)
            assert np.any(value != 0)
            np.testing.assert_allclose(found, value, atol=10 * tolerances.FLOAT64, err_msg=name)
        saturated = [np.mean(~statement.tile(i, x)[2]) for i in range(len(statement.parts))]
        assert statement.adc is None or 0 < max(saturated) < 0.5


def _program(w, n_rows: int = 4096, **parts):
    """The weights `w[n_in, n_out]` on one tile, as drawn."""
    design = tiles.WeightLevelTile(**{"rows": n_rows, "cols": 64} | parts)
    return design.program(jnp.asarray(w, jnp.float32), key=jr.key(3))


def _wide(n_rows: int = 4096):
    return np.asarray(jr.normal(jr.key(2), (n_rows, 4)), np.float32) * np.asarray([[0.1, 0.5, 2.0, 0.0]], np.float32)


@pytest.mark.parametrize("per", ["column", "tile", "one"])
def test_noise_of_weights_is_in_units_of_the_largest(per: str) -> None:
    w = _wide()
    full = np.max(np.abs(w), axis=0)
    full = {"column": full, "tile": np.full(4, full.max()), "one": np.ones(4)}[per]
    state = _program(w, noise=0.03, per=per)
    np.testing.assert_array_equal(state.w_max, full)
    error = np.asarray(state.w) - w
    for c in np.flatnonzero(full):
        z = error[:, c] / (0.03 * full[c])
        assert abs(z.mean()) < tolerances.of_mean(len(z))
        assert abs(z.std() - 1) < tolerances.of_std(len(z))
    if per == "column":
        np.testing.assert_array_equal(error[:, 3], 0.0)  # nothing was to be written there
    assert abs(np.corrcoef(error[:, 0], error[:, 1])[0, 1]) < tolerances.of_mean(len(w))


def test_noise_of_weights_has_the_shape_of_a_law() -> None:
    """The default is the programming error of Joshi et al. 2020 [25 uS]: 0.2635 + 1.965 r - 1.1731 r^2."""
    x = np.asarray([0.0, 0.1, 0.5, 1.0], np.float32)
    w = np.tile(x, 4096)[:, None] * np.asarray([[2.0]], np.float32)
    for design, scale in (({}, 1.0), ({"noise_scale": 0.5}, 0.5)):
        error = np.asarray(_program(w, len(w), **design).w - w).reshape(4096, 4) / 2.0
        wanted = scale * (0.26348 + 1.9650 * x - 1.1731 * x**2) / 25
        np.testing.assert_allclose(error.std(0) / wanted, 1.0, atol=tolerances.of_std(4096))


@pytest.mark.parametrize("adc", [None, periphery.UniformAdc(bits=24.0, i_max=50.0, noise=0.0)], ids=["none", "adc"])
def test_tiles_share_the_noise_of_outputs(adc) -> None:
    """Every one of T tiles adds sigma / sqrt(T) times its range times its largest weight of the output."""
    n, scale, beta = 2048, 0.5, np.asarray([1.5, 0.75, 2.5])
    design = tiles.WeightLevelTile(noise=0.0, output_noise=0.04, noise_scale=scale, adc=adc, rows=7)
    linear = eqx.nn.Linear(20, 6, key=jr.key(0))
    layer = nn.with_ranges(nn.convert(linear, [nn.Rule(".*", design)]), nn.FixedRange(), per_tile=True)
    layer = dataclasses.replace(layer, input_range=jnp.asarray(beta, jnp.float32))
    ys = np.asarray(nn.apply(nn.program(layer, key=jr.key(1)), jnp.zeros((n, 20)), key=jr.key(2)))
    ys = ys - np.asarray(linear.bias)
    parts = ((0, 7), (7, 14), (14, 20))
    largest = np.stack([np.max(np.abs(linear.weight[:, a:b]), axis=1) for a, b in parts])
    wanted = scale * 0.04 * np.sqrt(np.mean((beta[:, None] * largest) ** 2, axis=0))
    np.testing.assert_allclose(ys.std(0) / wanted, 1.0, atol=tolerances.of_std(n))
    assert np.max(np.abs(ys.mean(0) / wanted)) < tolerances.of_mean(n)
    assert np.max(np.abs(np.corrcoef(ys.T) - np.eye(6))) < 1.2 * tolerances.of_mean(n)


def test_missing_weights() -> None:
    w = _wide()[:, :3]
    state = _program(w, noise=0.0, drop=0.25)
    missing = np.asarray(state.w) == 0
    np.testing.assert_allclose(np.asarray(state.w)[~missing], w[~missing], rtol=tolerances.PRIMITIVE)  # no rescaling
    spread = (0.25 * 0.75 / missing.size) ** 0.5
    assert abs(missing.mean() - 0.25) < 4 * spread


@pytest.mark.parametrize("bits", [2.0, 4.0, 8.0])
def test_steps_of_weights(bits: float) -> None:
    w = _wide()[:, :3]
    largest, full = (2**bits - 2) / 2, np.max(np.abs(w), axis=0)
    code = lambda state: np.asarray(state.w) / full * largest
    nearest = code(_program(w, noise=0.0, weight_bits=bits))
    np.testing.assert_allclose(nearest, np.rint(w.astype(float) / full * largest), atol=tolerances.COMPOSITE)
    drawn, z = code(_program(w, noise=0.0, weight_bits=bits, stochastic=True)), w.astype(float) / full * largest
    np.testing.assert_allclose(drawn, np.rint(drawn), atol=tolerances.COMPOSITE)
    assert np.max(np.abs(drawn - z)) < 1 + tolerances.COMPOSITE
    share = z - np.floor(z)  # the mean of stochastic rounding is what it rounds
    bound = 4 * np.sqrt(np.sum(share * (1 - share)))
    assert abs(np.sum(drawn - z)) < bound
    assert not np.array_equal(np.rint(drawn), np.rint(nearest))


@pytest.mark.parametrize(
    "design",
    [
        {"noise": 0.1, "weight_bits": 3.0, "drop": 0.2},
        {"noise": 0.1, "weight_bits": 3.0, "stochastic": True, "adc": periphery.UniformAdc(i_max=10.0)},
        {"device": devices.Pcm(), "per": "tile"},
    ],
    ids=["dropped", "stochastic", "device"],
)
def test_the_gradient_is_that_of_exact_weights(design: dict) -> None:
    """Whatever was drawn: dW is the outer product, dx the product with what was drawn."""
    tile = tiles.WeightLevelTile(**{"adc": None} | design)
    w, x, dy = (jr.normal(jr.key(i), s) for i, s in enumerate(((9, 4), (9,), (4,))))
    x = x.clip(-0.9, 0.9)

    def value(w, x):
        return jnp.sum(tile.read(tile.at(tile.program(w, key=jr.key(5)), 0.0), x, key=jr.key(6)) * dy)

    dw, dx = jax.jit(jax.grad(value, argnums=(0, 1)))(w, x)
    np.testing.assert_allclose(dw, np.outer(np.rint(np.asarray(x) * 127) / 127, dy), atol=tolerances.PRIMITIVE)
    drawn = tile.program(w, key=jr.key(5)).w
    np.testing.assert_allclose(dx, np.asarray(drawn) @ dy, atol=tolerances.COMPOSITE)
    assert np.max(np.abs(drawn - w)) > 0.01


@pytest.mark.parametrize("design", [{}, {"adc": 1}, {"device": 1}], ids=["noise", "adc", "device"])
def test_gradient_through_noise_is_that_of_differences(design: dict) -> None:
    with jax.enable_x64(True):
        fine = {"dac": periphery.UniformDac(bits=32.0, v_max=1.0), "adc": None, "through_noise": True, "per": "column"}
        if "adc" in design:
            design = {"adc": periphery.UniformAdc(bits=32.0, i_max=10.0, noise=0.0)}
        if "device" in design:
            design = {"device": devices.Pcm(), "noise": 0.1}
        tile = tiles.WeightLevelTile(**fine | design)
        w, x, dy, direction = (jr.normal(jr.key(i), s, jnp.float64) for i, s in enumerate(((9, 4), (9,), (4,), (9, 4))))

        def value(w):
            state = tile.program(w, key=jr.key(5))
            return jnp.sum(tile.read(tile.at(state, 3600.0), x.clip(-1, 1), key=jr.key(6)) * dy)

        f, df = jax.jit(value), jax.jit(jax.grad(value))
        h = 1e-4
        difference = (f(w + h * direction) - f(w - h * direction)) / (2 * h)
        np.testing.assert_allclose(jnp.sum(df(w) * direction), difference, rtol=1e-5)
        outer = np.outer(x.clip(-1, 1), dy)
        assert abs(np.sum(outer * np.asarray(direction)) / difference - 1) > 1e-3  # noise does have a slope


@pytest.mark.parametrize("compensated", [1.0, 0.0])
def test_drift_and_its_compensation_are_in_the_forward_pass(compensated: float) -> None:
    """Every weight drifts as t^-nu; training sees what a chip of that age answers, and its gradient."""
    device = devices.Pcm(nu_mean=0.1, nu_std=0.0, accumulated=0.0, programming=0.0, read_noise=0.0)
    tile = tiles.WeightLevelTile(device=device, output_noise=0.0, adc=None, rows=7)
    layer = nn.convert(eqx.nn.Linear(20, 6, use_bias=False, key=jr.key(0)), [nn.Rule(".*", tile)])
    layer = nn.with_compensation_strength(layer, compensated)
    xs = jr.uniform(jr.key(1), (3, 20), minval=-0.9, maxval=0.9)
    t, xq = 1e6, np.rint(np.asarray(xs) * 127) / 127

    def answer(weight):
        aged = dataclasses.replace(layer, weight=weight)
        return training.hwa_forward(aged, xs, key=jr.key(2), ages=(t, t))

    y = jax.jit(answer)(layer.weight)
    left = 1.0 if compensated else float(device.drift(device.program(device.g_max, key=jr.key(0)), t) / device.g_max)
    assert compensated or abs(left - (t / device.t_0) ** -0.1) < 0.01
    np.testing.assert_allclose(y, left * xq @ np.asarray(layer.weight).T, rtol=tolerances.COMPOSITE, atol=1e-5)
    if not compensated:
        dw = jax.jit(jax.grad(lambda weight: jnp.sum(answer(weight))))(layer.weight)
        np.testing.assert_allclose(dw, np.broadcast_to(left * xq.sum(0), dw.shape), rtol=1e-3, atol=1e-4)
