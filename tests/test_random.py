"""Noise: a battery of moment, distribution and independence tests, and reproducibility from (key, index)."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax import _random


N_KEYS, N = 400, 4096


def _samples(kind: str) -> np.ndarray:
    keys = {
        "consecutive seeds": jnp.stack([jr.key(seed) for seed in range(N_KEYS)]),
        "threefry split": jr.split(jr.key(3), N_KEYS),
        "hash split": _random.split(jr.key(3), N_KEYS),
        "vmap position": jax.vmap(lambda x: _random.key_per_vector(jr.key(3), x))(jnp.ones((N_KEYS, 2))),
    }[kind]
    return np.asarray(jax.vmap(lambda key: _random.normal(key, (N,)))(keys), np.float64)


KINDS = ["consecutive seeds", "threefry split", "hash split", "vmap position"]


@pytest.mark.parametrize("kind", KINDS)
def test_is_standard_normal(kind: str) -> None:
    x = _samples(kind)
    assert abs(x.mean()) < tolerances.of_mean(x.size)
    assert abs(x.std() - 1) < tolerances.of_std(x.size)
    assert abs((x**3).mean()) < 4 * (15 / x.size) ** 0.5
    assert abs((x**4).mean() - 3) < 4 * (96 / x.size) ** 0.5
    assert stats.kstest(x.ravel()[:200_000], "norm").pvalue > tolerances.P_VALUE
    expected = x.size * 2 * stats.norm.sf(4.0)  # the tail, which a lazy generator loses first
    assert abs((np.abs(x) > 4.0).sum() - expected) < 4 * expected**0.5


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_independent(kind: str) -> None:
    x = _samples(kind)
    for lag in (1, 2, 16, 256):  # within a stream
        assert abs((x[:, lag:] * x[:, :-lag]).mean()) < tolerances.of_mean(x[:, lag:].size)
    across = (x @ x.T / N**0.5)[np.triu_indices(N_KEYS, 1)]  # the same index under different keys
    assert stats.kstest(across, "norm").pvalue > tolerances.P_VALUE
    means = x.mean(axis=1) * N**0.5  # whole streams
    assert stats.kstest(means, "norm").pvalue > tolerances.P_VALUE


def test_bits_avalanche() -> None:
    # Flipping any bit of the key flips each output bit with probability one half.
    words = jr.key_data(jr.key(12345))
    base = np.asarray(_random._bits(jr.wrap_key_data(words), 2000))
    for word in range(2):
        for bit in range(32):
            flipped = words.at[word].set(words[word] ^ jnp.uint32(1 << bit))
            other = np.asarray(_random._bits(jr.wrap_key_data(flipped), 2000))
            rate = np.unpackbits((base ^ other).view(np.uint8)).mean()
            assert abs(rate - 0.5) < 4 * 0.5 / (2000 * 32) ** 0.5


def test_a_split_is_not_the_noise() -> None:
    key = jr.key(0)
    children = np.asarray(jr.key_data(_random.split(key, 100))).ravel()
    assert not set(children.tolist()) & set(np.asarray(_random._bits(key, 10_000)).tolist())


def test_keys_by_name_do_not_depend_on_the_other_names() -> None:
    key = jr.key(7)
    alone = _random.keys_for(key, ["mlp/up"])["mlp/up"]
    among = _random.keys_for(key, ["a", "mlp/up", "b"])["mlp/up"]
    assert jnp.array_equal(jr.key_data(alone), jr.key_data(among))
    assert jnp.array_equal(jr.key_data(alone), jr.key_data(_random.key_for(key, "mlp/up")))


def test_key_per_vector() -> None:
    key, xs = jr.key(1), jnp.ones((5, 3, 2))
    fresh = lambda key, x: jr.key_data(_random.key_per_vector(key, x))
    assert jnp.array_equal(fresh(key, xs[0, 0]), jr.key_data(key)), "one vector: the key as it is"
    nested = jax.vmap(jax.vmap(lambda x: fresh(key, x)))(xs).reshape(-1, 2)
    assert len({tuple(words) for words in np.asarray(nested).tolist()}) == 15, "each vector its own"
    keys = jr.split(key, 5)
    explicit = jax.vmap(fresh)(keys, xs[:, 0])
    assert jnp.array_equal(explicit, jr.key_data(keys)), "keys batched with the vectors stay as they are"


def test_key_per_vector_passes_through_transformations() -> None:
    def loss(w: jax.Array) -> jax.Array:
        read = lambda x: w @ x + _random.normal(_random.key_per_vector(jr.key(1), x), (2,))
        scanned, _ = jax.lax.scan(
            lambda carry, x: (carry + jnp.sum(read(x) ** 2), None), jnp.zeros(()), jnp.ones((4, 3))
        )
        return scanned + jnp.sum(jax.vmap(read)(jnp.ones((4, 3))) ** 2)

    gradient = jax.jit(jax.grad(jax.checkpoint(loss)))(jnp.ones((2, 3)))
    assert jnp.all(jnp.isfinite(gradient))


def test_four_word_keys() -> None:
    key = jr.key(0, impl="rbg")
    a, b = _random.normal(key, (1000,)), _random.normal(jr.fold_in(key, 1), (1000,))
    assert abs(float(jnp.mean(a * b))) < tolerances.of_mean(1000)
