"""The parallel update: counts of pulses against the binomial law, steps against their closed forms."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from aimcjax.devices import pulsed
from aimcjax.training import in_memory
from tests import tolerances


SOFT = pulsed.PulsedDevice(step=pulsed.SoftBounds(), noise=pulsed.AdditiveNoise(0.3))
SMOOTH = pulsed.PulsedDevice(
    step=pulsed.SoftBounds(), dw_min=0.05, w_max=1.0, w_min=-0.8, noise=pulsed.AdditiveNoise(0.0),
    variation=pulsed.Variation(gain=pulsed.NormalSpread(0.1), imbalance=0.1, w_max=0.1, w_min=0.1),
)  # fmt: skip
CONSTANT = pulsed.PulsedDevice(
    dw_min=0.001, w_max=1e3, w_min=-1e3, noise=pulsed.RelativeNoise(0.0), variation=pulsed.no_variation()
)
PLAIN = in_memory.Management(length=10, adapt_length=False, balance=False)
update = eqx.filter_jit(in_memory.outer_update)
fabricate = eqx.filter_jit(lambda device, shape: device.init(shape, key=jr.key(0)))


@functools.partial(jax.jit, static_argnames=("shape", "length", "compressed"))
def _counts(p_x, p_d, key, shape, length, compressed=True):
    """Counts of many samples with the same lines."""
    n_samples, n_rows, n_cols = shape
    lines = in_memory.Lines(
        jnp.broadcast_to(p_x, (n_samples, n_rows)), jnp.broadcast_to(p_d, (n_samples, n_cols)),
        jnp.full((n_samples,), float(length)),
    )  # fmt: skip
    streams = in_memory.Stochastic(compressed).draw(lines, length, key=key)
    return jax.vmap(lambda s: s.at())(streams)


@pytest.mark.parametrize(("x", "d"), [(0.5, 0.4), (0.1, 0.05)])
def test_pulses_are_binomial(x: float, d: float) -> None:
    n_draws, length, dw_min, lr = 400_000, 10, 0.001, 0.01
    amplitude = np.sqrt(lr / (length * dw_min))  # C of Gokmen & Vlasov, here 1
    counts, up = _counts(
        jnp.asarray([amplitude * x]), jnp.asarray([-amplitude * d]), jr.key(1), (n_draws, 1, 1), length
    )
    assert bool(jnp.all(up))
    moved = dw_min * np.asarray(counts, np.float64).ravel()
    p = amplitude**2 * x * d
    std = dw_min * np.sqrt(length * p * (1 - p))
    assert abs(moved.mean() - length * dw_min * p) < 0.01 * std
    assert abs(moved.std() - std) < 0.01 * std
    observed = np.bincount(np.asarray(counts, int).ravel(), minlength=length + 1)
    expected = n_draws * stats.binom.pmf(np.arange(length + 1), length, p)
    keep = expected > 5
    assert stats.chisquare(observed[keep], expected[keep] * observed[keep].sum() / expected[keep].sum()).pvalue > 1e-4


def test_trains_are_shared_by_rows_and_columns() -> None:
    n_draws, length, p, q = 100_000, 7, 0.5, 0.3
    counts, _ = _counts(jnp.full(2, p), jnp.full(2, q), jr.key(2), (n_draws, 2, 2), length)
    correlation = np.corrcoef(np.asarray(counts).reshape(n_draws, 4).T)
    # Two cells of a row share the train of the row: E[AB AB'] = p q^2; of a column p^2 q.
    in_row = (p * q**2 - (p * q) ** 2) / (p * q * (1 - p * q))
    in_column = (p**2 * q - (p * q) ** 2) / (p * q * (1 - p * q))
    error = tolerances.of_mean(n_draws)
    for found, expected in ((correlation[0, 1], in_row), (correlation[0, 2], in_column), (correlation[0, 3], 0.0)):
        assert abs(found - expected) < error


def test_uncompressed_trains_share_nothing_between_signs() -> None:
    n_draws, p, q = 50_000, 0.5, 0.3
    lines = jnp.asarray([p, -p]), jnp.asarray([q])
    for compressed, expected in ((True, (p**2 * q - (p * q) ** 2) / (p * q * (1 - p * q))), (False, 0.0)):
        counts, up = _counts(*lines, jr.key(3), (n_draws, 2, 1), 7, compressed)
        assert np.array_equal(np.unique(np.asarray(up[:, :, 0]), axis=0), [[False, True]])
        found = np.corrcoef(np.asarray(counts).reshape(n_draws, 2).T)[0, 1]
        assert abs(found - expected) < tolerances.of_mean(n_draws)
    assert in_memory.Stochastic(False).passes() == 2


def test_expected_update_is_exact() -> None:
    x, d, lr = jr.normal(jr.key(0), (16, 5)), jr.normal(jr.key(1), (16, 3)), 0.001
    cells, wanted = fabricate(CONSTANT, (5, 3)), -lr * np.asarray(x.T @ d)
    mean_field = in_memory.PulsedUpdate(in_memory.MeanField())
    moved, _, _ = update(CONSTANT, cells, x, d, lr, update=mean_field, key=jr.key(3))
    np.testing.assert_allclose(np.asarray(moved.w), wanted, rtol=1e-5, atol=1e-7)
    short = in_memory.PulsedUpdate(management=in_memory.Management(8))
    once = lambda key: in_memory.outer_update(CONSTANT, cells, x, d, lr, update=short, key=key)[0].w
    runs = jax.jit(jax.vmap(once))(jr.split(jr.key(4), 2000))
    error = np.asarray(jnp.std(runs, axis=0)) * tolerances.of_mean(2000)
    assert np.all(np.abs(np.asarray(jnp.mean(runs, axis=0)) - wanted) < error)


def test_management_gives_the_largest_element_its_pulses() -> None:
    x, d = jnp.asarray([[1.0, -0.5]]), jnp.asarray([[0.02, 0.01]])
    lines = in_memory.Management(31).lines(x, d, jnp.asarray(0.01), jnp.asarray(1e-4))
    k = 0.01 * 1.0 * 0.02 / 1e-4
    assert float(lines.length[0]) == np.ceil(k)
    np.testing.assert_allclose([lines.x[0, 0], lines.d[0, 0]], np.sqrt(k / np.ceil(k)), rtol=1e-6)
    np.testing.assert_allclose(lines.x[0, 0] * lines.d[0, 0] * lines.length[0], k, rtol=1e-6)
    saturated = in_memory.Management(31).lines(x, 1e3 * d, jnp.asarray(0.01), jnp.asarray(1e-4))
    np.testing.assert_allclose(saturated.x[0, 0], 1.0, rtol=1e-6)  # x is never cut, d is
    assert float(saturated.d[0, 0]) > 1.0
    nothing = in_memory.Management(31).lines(x, 0 * d, jnp.asarray(0.01), jnp.asarray(1e-4))
    assert not np.any(np.asarray(nothing.x))
    assert float(nothing.length[0]) == 0


def test_deterministic_trains() -> None:
    lines = in_memory.Lines(jnp.asarray([[0.5, -0.26]]), jnp.asarray([[0.8, 0.1]]), jnp.asarray([10.0]))
    count = lambda trains: np.asarray(jax.tree.map(lambda leaf: leaf[0], trains.draw(lines, 10, key=jr.key(0))).at()[0])
    np.testing.assert_array_equal(count(in_memory.Deterministic()), [[4, 0], [2, 0]])
    np.testing.assert_array_equal(count(in_memory.MeanCount()), [[4, 0], [2, 0]])
    np.testing.assert_allclose(count(in_memory.MeanField()), [[4, 0.5], [2.08, 0.26]], rtol=1e-6)


def test_soft_bounds_algebra() -> None:
    up_and_down = np.tile(np.asarray([1.0, -1.0])[:, None, None], (300, 4, 6))

    @jax.jit
    def run(device, key):
        cells = device.init((4, 6), key=key)
        ends = []
        for order in (in_memory.EverySample(), in_memory.EveryPulse(), in_memory.EveryGroup(3)):
            apply = lambda cells, n, order=order: in_memory.apply_counts(
                device, cells, in_memory.Given(jnp.asarray(n)), order, key=key
            )[0]
            rises = apply(cells, np.full((2, 4, 6), 6.0))
            ends.append((rises.w, apply(rises, np.full((1, 4, 6), -5.0)).w, apply(cells, up_and_down).w))
        return cells, ends, pulsed.symmetry_point(device, cells), pulsed.number_of_states(device)

    with jax.enable_x64(True):
        device = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), SMOOTH)
        cells, ends, symmetry, n_states = jax.tree.map(np.asarray, run(device, jr.key(0)))
    traits = cells.traits
    up, down, low, high = traits.alpha_up, traits.alpha_down, traits.w_min, traits.w_max
    factor_up, factor_down = 1 - up / high, 1 + down / low
    for rises, falls, settled in ends:
        np.testing.assert_allclose(rises, high * (1 - factor_up**12), atol=1e-6)
        np.testing.assert_allclose(falls, low + (rises - low) * factor_down**5, atol=1e-6)
        # Where pairs of pulses lead, up first: w = lambda_d (lambda_u w + up) - down
        np.testing.assert_allclose(settled, (factor_down * up - down) / (1 - factor_up * factor_down), atol=1e-6)
    np.testing.assert_allclose(symmetry, (up - down) / (up / high - down / low), atol=1e-6)
    np.testing.assert_allclose(n_states, 1.8 / 0.05, atol=1e-6)


def test_mean_field_is_the_limit_of_small_pulses() -> None:
    x, d = jnp.ones((1, 1)), jnp.asarray([[-0.7]])
    for dw_min in (1e-3, 1e-4):
        device = dataclasses.replace(SMOOTH, dw_min=jnp.asarray(dw_min), variation=pulsed.no_variation())
        cells = fabricate(device, (1, 1))
        found, _, _ = update(
            device, cells, x, d, 0.5, update=in_memory.PulsedUpdate(in_memory.MeanField()), key=jr.key(0)
        )
        np.testing.assert_allclose(float(found.w[0, 0]), 1 - np.exp(-0.35), rtol=1e-4)  # dw = (1 - w) lr |x d|


def test_sparse_path_is_the_dense_one() -> None:
    device = dataclasses.replace(SOFT, write_noise=jnp.asarray(1.0))
    cells = fabricate(device, (128, 160))
    x, d = jr.normal(jr.key(1), (12, 128)), 3e-4 * jr.normal(jr.key(2), (12, 160))
    results = [
        update(device, cells, x, d, 0.01, update=in_memory.PulsedUpdate(order=in_memory.EverySample(s)), key=jr.key(3))
        for s in (True, False)
    ]
    (sparse, n_sparse, _), (dense, n_dense, _) = results
    assert 0 < float(jnp.sum(n_dense)) < 0.03 * cells.w.size
    assert float(jnp.max(n_dense)) > 1
    np.testing.assert_array_equal(np.asarray(n_sparse), np.asarray(n_dense))
    np.testing.assert_allclose(np.asarray(sparse.w), np.asarray(dense.w), atol=1e-7)


@pytest.mark.parametrize(
    "noise", [pulsed.AdditiveNoise(0.3), pytest.param(pulsed.RelativeNoise(0.3), marks=pytest.mark.slow)]
)
def test_orders_agree_in_law(noise) -> None:
    device = dataclasses.replace(SOFT, noise=noise, dw_min=jnp.asarray(0.02), variation=pulsed.no_variation())
    cells = fabricate(device, (1, 6000))
    x, d = jr.normal(jr.key(1), (6, 1)), jnp.ones((6, 6000))  # all cells alike: one law
    run = lambda order: np.asarray(
        update(device, cells, x, d, 0.05, update=in_memory.PulsedUpdate(order=order), key=jr.key(2))[0].w
    ).ravel()
    reference = run(in_memory.EveryPulse())
    for order in (in_memory.EverySample(), in_memory.EveryGroup(4)):
        found = run(order)
        assert stats.ks_2samp(reference, found).pvalue > tolerances.P_VALUE
    # A fresh draw of the trains for the sum: same counts, another order
    assert abs(run(in_memory.Summed()).mean() - reference.mean()) < 0.1 * reference.std()


def test_total_counts_are_products_of_bits() -> None:
    @functools.partial(jax.jit, static_argnames="trains")
    def count(key, trains):
        lines = in_memory.Management(40).lines(
            jr.normal(key, (9, 5)), jr.normal(jr.key(1), (9, 4)), jnp.asarray(0.05), jnp.asarray(0.002)
        )
        streams = trains.draw(lines, 40, key=jr.key(2))
        n, up = jax.vmap(lambda s: s.at())(streams)
        return in_memory.total_counts(streams), (jnp.where(up, n, 0.0).sum(0), jnp.where(up, 0.0, n).sum(0))

    for compressed in (True, False):
        found, expected = count(jr.key(0), in_memory.Stochastic(compressed))
        assert float(jnp.sum(expected[0])) > 50
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_laws_without_closed_form_and_errors() -> None:
    table = pulsed.LookUpTable.from_table(np.linspace(-1, 1, 9), np.linspace(2, 0.2, 9), np.linspace(0.2, 2, 9))
    device = pulsed.PulsedDevice(step=table, dw_min=0.01, w_max=1.0, w_min=-1.0)
    cells = fabricate(device, (3, 2))
    x, d = jnp.ones((4, 3)), -jnp.ones((4, 2))
    moved, n, _ = update(device, cells, x, d, 0.1, update=in_memory.PulsedUpdate(), key=jr.key(1))
    assert float(jnp.min(moved.w)) > 0.1
    assert float(jnp.min(n)) > 10
    with pytest.raises(ValueError, match="EveryGroup needs the moments"):
        update(device, cells, x, d, 0.1, update=in_memory.PulsedUpdate(order=in_memory.EveryGroup()), key=jr.key(1))
    with pytest.raises(ValueError, match=r"needs x\[batch, 3\]"):
        update(device, cells, x[:, :2], d, 0.1, update=in_memory.PulsedUpdate(), key=jr.key(1))
    with pytest.raises(ValueError, match="at least one slot"):
        in_memory.Management(0)
