"""Encodings: exact in the ideal limit for every bit width, within the range of the cells, described and rebuilt."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from contract import Entry, check_contract

from aimcjax import devices, periphery, tiles
from aimcjax.config import build, describe
from aimcjax.mapping import program_matrix


ROWS, COLS = 12, 5
DEVICE = devices.IdealDevice(g_min=2e-6, g_max=22e-6)
PAIR = tiles.DifferentialPair(w_max=1.0)
EXACT = {
    "pair": tiles.DifferentialPair(),
    "offset": tiles.Offset(),
    "offset, fixed scale": tiles.Offset(w_max=5.0),
    "unit column": tiles.OffsetUnitColumn(),
    "significance": tiles.SignificancePairs(),
    "three pairs": tiles.SignificancePairs(significance=[1.0, 2.0, 3.0]),
    "table": tiles.TablePairs(table=[[0.0, 0.25, 1.0], [0.0, 7 / 12, 1.0]], significance=[1.0, 3.0]),
    "replicas": tiles.Replicated(copies=3),
    "replicas of offsets": tiles.Replicated(tiles.Offset(), copies=2),
    "replicas of unit columns": tiles.Replicated(tiles.OffsetUnitColumn(levels=8), copies=2),
}
SLICED = {
    "sliced": tiles.BitSliced(),
    "sliced on the line": tiles.BitSliced(bits=5, slices=2, on_line=True),
    "sliced offsets": tiles.BitSliced(tiles.Offset(w_max=1.0), bits=9, slices=4, full_scale=[1.0, 2.0, 1.0, 0.5]),
    "sliced unit columns": tiles.BitSliced(tiles.OffsetUnitColumn(w_max=1.0), bits=9, slices=4),
    "sliced offsets on the line": tiles.BitSliced(tiles.Offset(w_max=1.0), bits=6, slices=3, on_line=True),
    "slices of replicas": tiles.BitSliced(tiles.Replicated(PAIR, copies=3), bits=6, slices=2),
    "replicas of slices": tiles.Replicated(tiles.BitSliced(bits=4, slices=2), copies=2),
}
ENCODINGS = EXACT | SLICED
CONTRACT = ("unit column", "significance", "table", "replicas of slices")


def _design(encoding, device=DEVICE) -> tiles.TileDesign:
    return tiles.TileDesign(
        device=device, encoding=encoding, dac=periphery.IdealDac(), adc=periphery.IdealAdc(), rows=ROWS, cols=COLS
    )


def _on_grid(bits: int, seed: int) -> np.ndarray:
    """Weights that are multiples of the step of `bits`, each column with its full scale."""
    largest = 2 ** (bits - 1) - 1
    integers = np.random.default_rng(seed).integers(-largest, largest + 1, (ROWS, COLS))
    integers[seed % ROWS] = largest * np.sign(np.arange(COLS) - 1.5)
    return integers * np.linspace(0.3, 2.0, COLS) / largest


def _relative_error(encoding, w: np.ndarray, device=DEVICE) -> float:
    """Of the MVM of an ideal tile, in double precision."""
    with jax.enable_x64(True):
        to_double = lambda tree: jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), tree)
        design, x = to_double(_design(encoding, device)), np.linspace(-1, 0.9, ROWS)
        state = design.program(jnp.asarray(w), key=jr.key(0))
        y = np.asarray(design.mvm(state, jnp.asarray(x), t=1.0, key=jr.key(1)))
        expected = np.asarray(design.expected(design.at(state, 1.0), jnp.asarray(x)))
    np.testing.assert_allclose(expected, y, rtol=1e-9, atol=1e-12)
    return float(np.linalg.norm(y - x @ w) / np.linalg.norm(x @ w))


@pytest.mark.parametrize(
    "name", [name if name in CONTRACT else pytest.param(name, marks=pytest.mark.slow) for name in ENCODINGS]
)
def test_contract(name: str, getkey) -> None:
    w = jr.normal(jr.key(0), (4, 3))

    def call(encoding, w, key):
        g, gain = encoding.encode(w, DEVICE)
        return key_sum(g) + tiles.decode_weights(encoding, g, gain, DEVICE)

    def key_sum(g):
        return jnp.sum(g) * 1e3

    check_contract(Entry(ENCODINGS[name], call, w), getkey())


@pytest.mark.parametrize("name", EXACT)
def test_identity_for_any_weights(name: str) -> None:
    assert _relative_error(EXACT[name], np.random.default_rng(0).normal(size=(ROWS, COLS))) < 1e-6


@pytest.mark.parametrize("bits", range(2, 13))
def test_identity_of_slices_for_every_width_and_number_of_slices(bits: int) -> None:
    # CrossSim fails where the slices do not divide the bits and offsets come from a unit column.
    w = _on_grid(bits, seed=bits)
    inner = (PAIR, tiles.Offset(w_max=1.0), tiles.OffsetUnitColumn(w_max=1.0))
    held = eqx.filter_jit(lambda encoding, w: tiles.decode_weights(encoding, *encoding.encode(w, DEVICE), DEVICE))
    for index, slices in enumerate(sorted({1, 3, bits - 1} & set(range(1, bits)))):
        encoding = tiles.BitSliced(
            inner[(bits + index) % 3], bits=bits, slices=slices, on_line=bool((bits + index) % 2)
        )
        error = np.asarray(held(encoding, jnp.asarray(w, jnp.float32))) - w
        assert np.linalg.norm(error) < 2e-6 * np.linalg.norm(w)


def test_every_slice_holds_bits() -> None:
    for bits, slices in ((b, s) for b in range(2, 25) for s in range(1, b)):
        widths = tiles.BitSliced(PAIR, bits=bits, slices=slices).widths
        assert len(widths) == slices
        assert sum(widths) == bits - 1
        assert max(widths) - 1 <= min(widths) > 0
    # All digits at once: the largest integer fills every plus cell, whatever the width of its slice.
    for bits, slices in ((5, 3), (10, 8)):
        g, _ = tiles.BitSliced(PAIR, bits=bits, slices=slices).encode(jnp.ones((1, 1)), DEVICE)
        np.testing.assert_allclose(np.asarray(g)[:, 0, 0], [22e-6, 2e-6] * slices, rtol=tolerances.PRIMITIVE)


@pytest.mark.parametrize("name", SLICED)
def test_identity_of_slices_in_the_tile(name: str) -> None:
    encoding = SLICED[name]
    bits = encoding.encoding.bits if isinstance(encoding, tiles.Replicated) else encoding.bits
    assert _relative_error(encoding, _on_grid(bits, seed=1)) < 1e-6


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_offset_has_no_gain_error_at_any_width_of_the_cells(bits: int) -> None:
    # CrossSim's MVM is (2^b - 2)/(2^b - 1) of what it should be. Levels of the cells: what the weights are multiples of
    # half the number of used steps, so every weight and zero lie on a level.
    levels = 2**bits
    device = devices.DiscreteLevels(devices.IdealDevice(g_min=2e-6), levels=levels)
    half = (levels - 2) // 2
    w = np.random.default_rng(bits).integers(-half, half + 1, (ROWS, COLS)) / half
    w[0] = 1.0
    for encoding in (tiles.Offset(levels=levels), tiles.OffsetUnitColumn(levels=levels)):
        assert _relative_error(encoding, w, device) < 1e-6


def test_offset_of_an_odd_number_of_levels_uses_all() -> None:
    g, _ = tiles.Offset(levels=5).encode(jnp.asarray([[1.0], [-1.0], [0.0]]), DEVICE)
    np.testing.assert_allclose(np.asarray(g)[0, :, 0] * 1e6, [22.0, 2.0, 12.0], rtol=tolerances.PRIMITIVE)


@pytest.mark.parametrize("name", ENCODINGS)
def test_targets_are_within_the_range_of_the_cells(name: str, getkey) -> None:
    encoding = ENCODINGS[name]
    g, _ = encoding.encode(3.0 * jr.normal(getkey(), (ROWS, COLS)), DEVICE)
    assert g.shape[:2] == (len(encoding.polarity), ROWS)
    assert float(g.min()) >= 2e-6 * (1 - 1e-6)
    assert float(g.max()) <= 22e-6 * (1 + 1e-6)


def test_slices_are_rounded_weights() -> None:
    w = np.random.default_rng(1).normal(size=(ROWS, COLS))
    w_max = np.abs(w).max(axis=0)
    rounded = np.round(w / w_max * 7) / 7 * w_max
    g, gain = SLICED["replicas of slices"].encode(jnp.asarray(w, jnp.float32), DEVICE)
    held = tiles.decode_weights(SLICED["replicas of slices"], g, gain, DEVICE)
    np.testing.assert_allclose(np.asarray(held), rounded, rtol=0, atol=tolerances.PRIMITIVE * w_max.max())


def test_slices_have_converter_ranges_of_their_own(getkey) -> None:
    # Full scale is reached by the top slice only; a narrow range for the others would saturate without its amplifier.
    w, x = _on_grid(7, 3), jnp.linspace(-1, 1, ROWS)
    adc = periphery.UniformAdc(bits=20.0, i_max=ROWS * 20e-6 * 0.2, noise=0.0)
    errors = []
    for full_scale in ([1.0, 1.0], [0.02, 1.0]):
        encoding = tiles.BitSliced(PAIR, bits=7, slices=2, full_scale=full_scale)
        design = tiles.TileDesign(device=DEVICE, encoding=encoding, dac=periphery.IdealDac(), adc=adc)
        state = design.program(jnp.asarray(w, jnp.float32), key=getkey())
        trace = design.trace(state, x, t=0.0, key=getkey())
        assert trace.i.shape == (2, COLS)
        errors.append(float(jnp.max(jnp.abs(trace.code - trace.i)) / jnp.max(jnp.abs(trace.i[0]))))
        clipped = float(jnp.max(jnp.abs(trace.code[0]))) <= full_scale[0] * float(adc.i_max) * (1 + 1e-6)
        assert clipped
    assert errors[0] < 1e-4 < 0.1 < errors[1]


def test_noise_is_scaled_as_the_current_is(getkey) -> None:
    # Three significances and replicas: the deviation of a read against the sum over cells in closed form.
    device = devices.StatisticalDevice(read_noise=0.05)
    for name in ("three pairs", "replicas", "unit column"):
        design = _design(ENCODINGS[name], device)
        state = design.program(jr.normal(getkey(), (ROWS, COLS)), key=getkey())
        snapshot, x, n = design.at(state, 0.0), jnp.linspace(-1, 1, ROWS), 4000
        read = functools.partial(design.read, snapshot, x)
        y = np.asarray(jax.vmap(lambda k, read=read: read(key=k))(jr.split(getkey(), n)))
        square = np.sum(np.asarray(design.encoding.polarity, np.float64) ** 2) * np.sum(np.asarray(x, np.float64) ** 2)
        lines = 2.0 if name == "unit column" else 1.0
        std = np.asarray(state.gain) * 0.05 * 25e-6 * np.sqrt(lines * square)
        assert np.max(np.abs(y.std(axis=0) / std - 1)) < tolerances.of_std(n) * 1.2


def test_replicas_average_errors_of_the_cells(getkey) -> None:
    device = devices.StatisticalDevice(programming=0.02)
    std = []
    for copies in (1, 4):
        encoding = tiles.Replicated(tiles.DifferentialPair(w_max=1.0), copies=copies)
        w = jnp.full((200, 100), 0.5)
        g, gain = encoding.encode(w, device)
        g = device.program(g, key=getkey()).g[: 2 * copies]
        plus_only = np.asarray(tiles.decode_weights(encoding, g, gain, device)) - 0.5
        std.append(plus_only[:, :].std())
    # The lower cell has its noise cut at zero in the same way in all copies, so only the ratio is in closed form.
    assert abs(std[0] / std[1] / 2.0 - 1) < 3 * tolerances.of_std(20_000)


@pytest.mark.parametrize("name", ["unit column", "sliced unit columns"])
def test_matrices_on_a_grid_of_tiles(name: str, getkey) -> None:
    w, x = jnp.asarray(_on_grid(9, 1), jnp.float32), jnp.linspace(-1, 1, ROWS)
    design = tiles.TileDesign(
        device=DEVICE, encoding=ENCODINGS[name], dac=periphery.IdealDac(), adc=periphery.IdealAdc(), rows=5, cols=3
    )
    y = program_matrix(design, w, key=getkey())(x, t=0.0, key=getkey())
    # Rounded again to the largest weight of each block, so to half a step of nine bits in every row.
    np.testing.assert_allclose(np.asarray(y), np.asarray(x @ w), rtol=0, atol=0.5 * 2.0 / 255 * ROWS)


@pytest.mark.parametrize("name", ENCODINGS)
def test_gradient_of_full_weights_and_of_columns_of_zeros_is_that_of_the_identity(name: str) -> None:
    # What an optimiser sees of `decode(encode(w)) = w`: half a gradient at full weight or none at zero is not that.
    encoding = ENCODINGS[name]
    full = 5.0 if name == "offset, fixed scale" else 1.0
    w = jnp.asarray([[full, -full, 0.0], [0.0, 0.0, 0.0]])
    held = lambda w: tiles.decode_weights(encoding, *encoding.encode(w, DEVICE), DEVICE).reshape(-1)
    slope = np.asarray(jax.jit(jax.jacobian(held))(w)).reshape(6, 6)
    np.testing.assert_allclose(slope, np.eye(6), atol=tolerances.PRIMITIVE)


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_tile_knows_the_weight_of_full_cells(name: str, getkey) -> None:
    w = jnp.asarray([[0.5, 0.0, -2.0], [-0.25, 0.0, 1.0]])
    design = _design(ENCODINGS[name])
    full = np.asarray(design.gain(design.at(design.program(w, key=getkey()), 0.0)))
    expected = [5.0, 5.0, 5.0] if name == "offset, fixed scale" else [0.5, 0.0, 2.0]
    np.testing.assert_allclose(full, expected, rtol=tolerances.PRIMITIVE)


@pytest.mark.parametrize("design", [_design(tiles.DifferentialPair()), tiles.WeightLevelTile(noise=0.0)])
def test_a_layer_of_zeros_is_silent_and_learns(design, getkey) -> None:
    x, key = jnp.linspace(-1.0, 1.0, ROWS), getkey()
    y = lambda w: design.mvm(design.program(w, key=key), x, t=0.0, key=key)
    value, slope = jax.value_and_grad(lambda w: jnp.sum(y(w)))(jnp.zeros((ROWS, 2)))
    assert float(value) == 0.0
    # Half a step of the converter of eight bits.
    np.testing.assert_allclose(np.asarray(slope), np.stack([x, x], axis=1), atol=0.5 / 127)


def test_gradient_passes_the_rounding() -> None:
    encoding = tiles.BitSliced(bits=4, slices=3, w_max=1.0)
    w = jnp.asarray([[0.3, -0.62]])

    def held(w):
        return tiles.decode_weights(encoding, *encoding.encode(w, DEVICE), DEVICE)

    np.testing.assert_allclose(np.asarray(jax.jit(jax.jacobian(held))(w)).reshape(2, 2), np.eye(2), atol=1e-5)


@pytest.mark.parametrize("name", ENCODINGS)
def test_config_round_trip(name: str) -> None:
    encoding = ENCODINGS[name]
    assert jax.tree.all(jax.tree.map(jnp.array_equal, build(describe(encoding), tiles.AbstractEncoding), encoding))


def test_bad_sizes_are_named() -> None:
    with pytest.raises(ValueError, match="levels=2: a whole number from 3"):
        tiles.Offset(levels=2)
    with pytest.raises(ValueError, match="bits=3, slices=3"):
        tiles.BitSliced(bits=3, slices=3)
    # What holds a digit at another scale, or at none, is no digit: the identity is lost.
    pair = tiles.DifferentialPair
    for inner in (tiles.Offset(), tiles.Replicated(pair()), pair(w_max=0.5), tiles.Replicated(pair(w_max=2.0))):
        with pytest.raises(ValueError, match="give it w_max=1.0"):
            tiles.BitSliced(inner, bits=8, slices=3)
    with pytest.raises(ValueError, match="one entry a slice"):
        tiles.BitSliced(full_scale=[1.0])
    with pytest.raises(ValueError, match="one row a pair"):
        tiles.TablePairs(table=[[0.0, 1.0]], significance=[1.0, 2.0])
    with pytest.raises(ValueError, match="copies=0"):
        tiles.Replicated(copies=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tiles.DifferentialPair(w_max=-1.0), "w_max is a weight above 0, .* got -1"),
        (lambda: tiles.Offset(w_max=0.0), "w_max is a weight above 0, .* got 0"),
        (lambda: tiles.SignificancePairs(significance=[0.0, 1.0]), r"significance has numbers above 0, got \[0.0, 1.0"),
        (lambda: tiles.SignificancePairs(significance=[-1.0, 3.0]), "significance has numbers above 0"),
        (lambda: tiles.SignificancePairs(significance=[]), r"one number or more, .* shape \(0,\)"),
        (lambda: tiles.TablePairs(significance=[-1.0]), "significance has numbers above 0"),
        (lambda: tiles.BitSliced(slices=2, full_scale=[0.0, 1.0]), "full_scale has numbers above 0"),
    ],
)
def test_bad_values_are_named(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
