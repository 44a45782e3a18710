"""Tiles: the contract, a float64 statement of the same physics, the published error of the standard crossbar."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import reference
import tolerances
from contract import Entry, check_contract

from aimcjax import devices, periphery, tiles
from aimcjax.mapping import program_matrix


ROWS, COLS = 6, 4
W = jr.normal(jr.key(0), (ROWS, COLS))
X = jnp.linspace(-0.9, 0.9, ROWS)
IO = {"dac": periphery.IdealDac(), "adc": periphery.IdealAdc()}
TILES = {
    "ideal": tiles.preset("ideal"),
    "physical": tiles.TileDesign(),
    "standard_pcm": tiles.preset("standard_pcm"),
    "noiseless reads": tiles.TileDesign(device=devices.NoiselessReads(devices.Pcm())),
    "weight level": tiles.WeightLevelTile(),
    "ir drop": tiles.TileDesign(device=devices.IdealDevice(), crossbar=tiles.CubicIrDrop(r_wire=5.0), **IO),
}


@pytest.mark.parametrize("name", TILES)
def test_contract(name: str, getkey) -> None:
    def call(design, x, key):
        key_program, key_read = jr.split(key)
        state = design.program(W.astype(x.dtype), key=key_program)
        snapshot = design.at(state, 3600.0)
        return design.mvm(state, x, t=86400.0, key=key_read) + design.expected(snapshot, x) + design.gain(snapshot)

    check_contract(Entry(TILES[name], call, X, smooth=name in ("ideal",)), getkey())


@pytest.mark.parametrize("name", ["ideal_crossbar", "cubic_ir_drop"])
def test_crossbar_contract(name: str, getkey) -> None:
    crossbar = {"ideal_crossbar": tiles.IdealCrossbar(), "cubic_ir_drop": tiles.CubicIrDrop(r_wire=3.0)}[name]
    g = 25e-6 * jr.uniform(jr.key(1), (2, ROWS, COLS))

    def call(crossbar, v, key):
        prepared = crossbar.prepare(g, 0.01 * g, jnp.asarray([1.0, -1.0]))
        return crossbar.currents(prepared, 0.2 * v, v_max=jnp.asarray(0.2), key=key) / 5e-6

    check_contract(Entry(crossbar, call, X), getkey())


def test_encoding_contract_and_identity(getkey) -> None:
    for encoding in (tiles.DifferentialPair(), tiles.DifferentialPair(w_max=4.0)):
        device = devices.IdealDevice(g_min=2e-6, g_max=22e-6)

        def call(encoding, w, key, device=device):
            del key
            g, gain = encoding.encode(w, device)
            return gain[None] * jnp.tensordot(jnp.asarray(encoding.polarity), g, axes=1)

        check_contract(Entry(encoding, call, W), getkey())
        np.testing.assert_allclose(
            np.asarray(call(encoding, W, None)), np.asarray(W), rtol=0, atol=tolerances.PRIMITIVE
        )
        g, _ = encoding.encode(W, device)
        assert float(g.min()) >= 2e-6 * (1 - 1e-6)
        assert float(g.max()) <= 22e-6 * (1 + 1e-6)


def test_fixed_scale_saturates() -> None:
    g, gain = tiles.DifferentialPair(w_max=1.0).encode(jnp.asarray([[3.0], [-0.5]]), devices.IdealDevice())
    np.testing.assert_allclose(np.asarray(g[:, :, 0]) * 1e6, [[25.0, 0.0], [0.0, 12.5]], atol=1e-4)
    np.testing.assert_allclose(float(gain[0]), 1 / 25e-6, rtol=tolerances.PRIMITIVE)


def test_column_of_zeros(getkey) -> None:
    y = tiles.TileDesign().mvm(
        tiles.TileDesign().program(jnp.zeros((3, 2)), key=getkey()), jnp.ones(3), t=1.0, key=getkey()
    )
    np.testing.assert_array_equal(np.asarray(y), 0.0)


def test_trace_is_the_story(getkey) -> None:
    design = tiles.preset("standard_pcm")
    state, key = design.program(W, key=getkey()), getkey()
    trace = design.trace(state, X, t=60.0, key=key)
    np.testing.assert_allclose(
        np.asarray(trace.v), reference.quantize(0.2 * np.asarray(X, np.float64), 0.2, 8), rtol=1e-5
    )
    np.testing.assert_array_equal(np.asarray(trace.g), np.asarray(design.device.drift(state.cells, 60.0)))
    assert np.max(np.abs(np.asarray(trace.code - trace.i))) < 6 * 0.2e-6 + 50e-6 / 127  # noise and half a step
    np.testing.assert_array_equal(np.asarray(trace.y), np.asarray(design.mvm(state, X, t=60.0, key=key)))


def test_column_noise_is_the_sum_of_cell_noise(getkey) -> None:
    # The crossbar draws per column; reading every cell with its own noise must give the same law.
    n, crossbar, polarity = 20_000, tiles.IdealCrossbar(), jnp.asarray([1.0, -1.0])
    g = 25e-6 * jr.uniform(getkey(), (2, 8, 3))
    std, v = 0.05 * g, 0.2 * X[:1] * jnp.ones(8) + 0.01 * jnp.arange(8.0)
    prepared = crossbar.prepare(g, std, polarity)
    per_column = jax.vmap(lambda k: crossbar.currents(prepared, v, v_max=jnp.asarray(0.2), key=k))(
        jr.split(getkey(), n)
    )

    def per_cell(key):
        noisy = g + std * jr.normal(key, g.shape)
        return crossbar.mean_currents(crossbar.prepare(noisy, None, polarity), v, v_max=jnp.asarray(0.2))

    cellwise = jax.vmap(per_cell)(jr.split(getkey(), n))
    for a, b in zip(np.asarray(per_column, np.float64).T, np.asarray(cellwise, np.float64).T, strict=True):
        assert abs(a.mean() - b.mean()) < b.std() * tolerances.of_mean(n) * 2**0.5
        assert abs(a.std() / b.std() - 1) < tolerances.of_std(n) * 2**0.5


def test_ir_drop_formula() -> None:
    # Stated again in float64 from the reference: a = I n / ratio, c = a (a (0.05 a - 0.2) + 0.5).
    random = np.random.default_rng(0)
    g, v, n, r = 25e-6 * random.uniform(size=(2, 16, 5)), random.uniform(-0.2, 0.2, 16), 16, 40.0
    signed = g[0] - g[1]
    a = n * r / 0.2 * (np.abs(v) @ g.sum(0))
    factor = 1 - (1 - np.arange(n) / n) ** 2
    expected = v @ signed - a * (a * (0.05 * a - 0.2) + 0.5) * ((v * factor) @ signed)
    with jax.enable_x64(True):
        crossbar = tiles.CubicIrDrop(r_wire=r)
        prepared = crossbar.prepare(jnp.asarray(g), None, jnp.asarray([1.0, -1.0]))
        ours = crossbar.mean_currents(prepared, jnp.asarray(v), v_max=jnp.asarray(0.2))
    np.testing.assert_allclose(np.asarray(ours), expected, rtol=1e-12)


@jax.jit
def _mvm_error(key: jax.Array, t: jax.Array) -> tuple[jax.Array, jax.Array]:
    key_w, key_x, key_program, key_read = jr.split(key, 4)
    w = 0.246 * jr.normal(key_w, (512, 512))
    xs = jr.uniform(key_x, (300, 512), minval=-1.0)
    matrix = program_matrix(tiles.preset("standard_pcm"), w, key=key_program).at(t)
    y = jax.vmap(lambda x, key: matrix(x, key=key))(xs, jr.split(key_read, 300))
    norm = lambda z: jnp.mean(jnp.linalg.norm(z, axis=1))
    return norm(y - xs @ w) / norm(xs @ w), matrix.factor[0, 0, 0]


@pytest.mark.parametrize(("t", "error", "factor"), [(0.0, 0.1389, 1.0), (1.0, 0.1388, 1.0), (3600.0, 0.1562, 1.278)])
def test_mvm_error_of_the_standard_crossbar(t: float, error: float, factor: float) -> None:
    # Measured with AIHWKit 1.2.0 (four seeds, spread 0.001); Rasch 2023 states about 15 % at one hour.
    found = np.asarray([_mvm_error(jr.key(seed), jnp.asarray(t)) for seed in range(4)])
    assert np.all(np.abs(found[:, 0] - error) < 0.005)
    np.testing.assert_allclose(found[:, 1], factor, rtol=0.01)


def test_bad_input_is_named(getkey) -> None:
    design = tiles.TileDesign(rows=4, cols=4)
    with pytest.raises(ValueError, match="a tile of 4x4 cannot hold a matrix of 5x2"):
        design.program(jnp.ones((5, 2)), key=getkey())
    with pytest.raises(ValueError, match="got 1 NaN or infinite of 4"):
        design.program(jnp.asarray([[1.0, jnp.nan], [0.0, 1.0]]), key=getkey())
    with pytest.raises(ValueError, match=r"whole numbers from 1, got rows=0"):
        tiles.TileDesign(rows=0)
    state = design.program(jnp.ones((2, 2)), key=getkey())
    with pytest.raises(ValueError, match=r"one vector of shape \(2,\), got \(3,\)"):
        design.mvm(state, jnp.ones(3), t=0.0, key=getkey())
    with pytest.raises(ValueError, match="unknown tile preset"):
        tiles.preset("nope")


def test_ir_drop_depends_on_resistances_only(getkey) -> None:
    # Ohm's law is linear in the read voltage: doubling it must not change the relative drop.
    def y(v_max):
        design = tiles.TileDesign(
            device=devices.IdealDevice(),
            crossbar=tiles.CubicIrDrop(r_wire=50.0),
            dac=periphery.IdealDac(v_max=v_max),
            adc=IO["adc"],
        )
        return np.asarray(design.mvm(design.program(W, key=jr.key(0)), X, t=0.0, key=jr.key(0)))

    np.testing.assert_allclose(y(0.4), y(0.2), rtol=tolerances.PRIMITIVE)
