"""Managed tiles: AIHWKit's rounds written out again, per vector and per converter; the contract; ranges that learn."""

import dataclasses

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from contract import Entry, check_contract

from aimcjax import devices, mapping, periphery as p, tiles


ROWS, COLS = 6, 4
W = jr.normal(jr.key(0), (ROWS, COLS))
X = jnp.linspace(-2.0, 3.0, ROWS)
I_0 = 25e-6 * 0.2  # of a full cell at full input


def _tile(bound: float, **parts) -> tiles.TileDesign:
    parts = {"adc": p.UniformAdc(bits=9.0, i_max=bound * I_0, noise=0.0), "dac": p.IdealDac(), **parts}
    encoding = parts.pop("encoding", tiles.DifferentialPair(w_max=4.0))
    return tiles.TileDesign(device=devices.IdealDevice(), encoding=encoding, rows=ROWS, cols=COLS, **parts)


def test_contract(getkey) -> None:
    inner = tiles.TileDesign(device=devices.IdealDevice(), adc=p.UniformAdc(i_max=2 * I_0))
    design = tiles.ManagedTile(inner, p.AbsMax(), p.BoundManagement(fallback=p.AbsMaxNpSum()))

    @jax.jit  # or every eager call compiles its loops again
    def call(design, x, key):
        key_program, key_read = jr.split(key)
        state = design.program(W.astype(x.dtype), key=key_program)
        return design.mvm(state, x, t=60.0, key=key_read) + design.expected(design.at(state, 60.0), x)

    check_contract(Entry(design, call, X), getkey())


def _aihwkit(x: np.ndarray, bound: float) -> tuple[np.ndarray, float]:
    """AIHWKit's forward pass of one vector: abs-max range, repeated at half the range while an output is clipped."""
    w, step, r = np.clip(np.asarray(W, np.float64) / 4.0, -1, 1), bound / 255, 0.5
    alpha = np.max(np.abs(x))
    if alpha <= 0:
        return np.zeros(COLS), 0.0
    while True:
        r *= 2
        y = np.rint(x / (alpha * r) @ w / step) * step
        if not np.any(np.abs(y) > bound + step / 2) or r > 1000 or r / 126 > 0.25 / 2:
            return 4.0 * alpha * r * np.clip(y, -bound, bound), r


@pytest.mark.parametrize("bound", [12.0, 0.5, 0.2])
def test_bound_management_is_aihwkits_for_every_vector(bound: float) -> None:
    xs = np.asarray(jr.normal(jr.key(4), (40, ROWS))) * np.asarray([[1.0, 20.0, 0.01, 3.0] * 10]).T
    xs = np.concatenate([xs, [[0.0] * ROWS]]).astype(np.float32)
    for tile in (_tile(bound), _tile(bound, adc=_wrapped(bound))):
        managed = tiles.ManagedTile(tile, bound=p.BoundManagement())
        state = tile.program(W, key=jr.key(1))
        read = jax.jit(jax.vmap(lambda x, m=managed, s=state: m.mvm(s, x, t=0.0, key=jr.key(2))))
        found = np.asarray(read(jnp.asarray(xs)))
        wanted = [_aihwkit(x.astype(np.float64), bound) for x in xs]
        assert len({r for _, r in wanted}) > 2 or bound == 12.0
        np.testing.assert_allclose(found, np.stack([y for y, _ in wanted]), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(found[-1], 0.0)


def _wrapped(bound: float) -> p.AbstractAdc:
    """Three converters of the same codes behind noise of nothing."""
    sar = p.SarAdc(bits=9, i_max=bound * I_0, sigma_capacitor=0.0)
    return p.NoisyAdc(p.OutputNoise(std=0.0), p.SharedAdc(sar, cols_per_adc=3))


def test_any_conversion_beyond_its_range_counts() -> None:
    """One slice of the inputs, one of the weights, or the unit column may saturate while the sum would not."""
    x = jnp.asarray([1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    serial = p.BitSerialDac(bits=3, slice_bits=1)
    sliced = tiles.BitSliced(bits=3, slices=2, w_max=4.0, full_scale=jnp.asarray([0.05, 1.0]))
    cases = [
        _tile(100.0, dac=dataclasses.replace(serial, adc_range=jnp.asarray([1e-3, 1.0]))),
        _tile(100.0, encoding=sliced, adc=p.UniformAdc(bits=9.0, i_max=2 * I_0, noise=0.0)),
        _tile(1.0, encoding=tiles.OffsetUnitColumn(w_max=40.0)),
    ]
    w = jnp.full((ROWS, COLS), 4.0 / 3.0).at[0].set(0.0)  # the digits of one third: the lower one alone
    for tile in cases:
        state = tile.program(w, key=jr.key(0))
        probe = tiles.with_overrange(tile)
        watched = jax.jit(lambda x, t=probe, s=state: t.mvm(s, x, t=0.0, key=jr.key(0)))
        assert not np.all(np.isfinite(watched(x)))
        assert np.all(np.isfinite(watched(1e-3 * x)))
        assert np.all(np.isfinite(tile.mvm(state, x, t=0.0, key=jr.key(0))))


def test_noise_of_the_converter_counts() -> None:
    adc = p.UniformAdc(i_max=1.0, noise=1.0, bits=8.0)
    keys = jr.split(jr.key(0), 50)
    codes = jax.vmap(lambda key: adc(jnp.zeros(1), key=key))(keys)
    seen = jax.vmap(lambda key: p.watched(adc)(jnp.zeros(1), key=key))(keys)
    np.testing.assert_array_equal(np.isinf(seen)[np.abs(codes) < 1.0], False)
    assert 5 < np.sum(np.isinf(seen)) < 30  # beyond one deviation: a third


def test_ranges_static_dynamic_and_learned() -> None:
    tile = _tile(12.0, dac=p.UniformDac(bits=6.0))
    state = tile.program(W, key=jr.key(1))
    read = jax.jit(lambda range_, x: tiles.ManagedTile(tile, range_).mvm(state, x, t=0.0, key=jr.key(2)))
    for range_, alpha in [
        (p.StaticRange(2.5), 2.5),
        (p.AbsMax(), 3.0),
        (p.AbsMax(cap=2.0), 2.0),
        (p.LearnedRange(np.log(1.5)), 1.5),
        (p.Deviations(1.0), float(np.sqrt(np.mean(np.asarray(X, np.float64) ** 2)))),
    ]:
        expected = alpha * np.asarray(tile.mvm(state, X / alpha, t=0.0, key=jr.key(2)))
        np.testing.assert_allclose(read(range_, X), expected, rtol=tolerances.PRIMITIVE, atol=1e-6)
    # A range that is far too small learns to grow: the error of a saturated input has a slope
    loss = lambda range_: jnp.mean((read(range_, X) - X @ W) ** 2)
    range_, slope = p.LearnedRange(0.0), jax.jit(jax.value_and_grad(loss))
    first = loss(range_)
    for _ in range(30):
        gradient = slope(range_)[1]
        range_ = p.LearnedRange(range_.log_range - 0.05 * jnp.sign(gradient.log_range))
    assert loss(range_) < 0.05 * first
    np.testing.assert_allclose(jnp.exp(range_.log_range), 3.0, rtol=0.1)


def test_on_a_grid_every_tile_scales_its_part() -> None:
    tile = dataclasses.replace(_tile(12.0, dac=p.UniformDac(bits=5.0)), rows=3)
    x = jnp.asarray([0.01, -0.02, 0.005, 30.0, 10.0, -20.0])
    matrix = mapping.program_matrix(tiles.ManagedTile(tile), W, key=jr.key(1))
    found = matrix(x, t=0.0, key=jr.key(2))
    halves = [mapping.program_matrix(tile, W[rows], key=jr.key(1)) for rows in (slice(0, 3), slice(3, 6))]
    parts = [
        s * half(part / s, t=0.0, key=jr.key(2))
        for half, part, s in zip(halves, (x[:3], x[3:]), (0.02, 30.0), strict=True)
    ]
    np.testing.assert_allclose(found, sum(parts), rtol=tolerances.COMPOSITE)


def test_what_is_no_part_is_named() -> None:
    class Other(tiles.AbstractTileDesign):
        rows: int = 2
        cols: int = 2

        def program(self, w, *, key): ...
        def at(self, state, t): ...
        def read(self, snapshot, x, *, key): ...
        def expected(self, snapshot, x): ...
        def gain(self, snapshot): ...

    tiles.ManagedTile(Other())
    assert tiles.ManagedTile(tiles.WeightLevelTile(rows=3), bound=p.BoundManagement()).rows == 3
    with pytest.raises(ValueError, match="needs a tile whose ADC is known, got Other; use bound=None"):
        tiles.ManagedTile(Other(), bound=p.BoundManagement())
