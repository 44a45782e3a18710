"""Keys by name, and normal numbers fast enough that noise does not bind the computation.

`jax.random.normal` costs about 8 ns a number on one CPU core (Threefry), an analog MVM needs one
number per column and read: noise would take longer than the product. Here a counter is hashed with the
key instead, and XLA fuses the hash into whatever consumes the number. The result depends on (key, index)
only, so it is the same on every backend, mesh and batch split.
"""

import math
import zlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Float, Int, Key, UInt32

from ._types import PRNGKey


_GOLDEN = 0x9E3779B9  # 2^32 / golden ratio: spreads consecutive counters over the word
# Of degree 5 for log2(1 + m), and of degree 9 for the normal quantile over x = -1 to 1, in -log2(1 - x^2) / 11.5 - 1.
_LOGARITHM = (1.43725035e-05, 1.44159239, -0.707254899, 0.411564148, -0.189834428, 0.0439290998)
_QUANTILE = (
    3.75668388,
    1.99211048,
    -0.456626969,
    0.162979739,
    -0.0552416256,
    0.0405703653,
    0.0913561855,
    -0.179698768,
    0.000705690648,
    0.0675953146,
)


def key_for(key: PRNGKey, name: str) -> PRNGKey:
    """The key of the part called `name` (a path such as `"blocks/3/mlp"`).

    Depends on the name alone, not on how many other parts there are: converting one more layer changes no
    other layer's noise.
    """
    return jr.fold_in(key, zlib.crc32(name.encode()))


def keys_for(key: PRNGKey, names: Sequence[str]) -> dict[str, PRNGKey]:
    """`{name: key_for(key, name)}`, computed in one operation."""
    codes = jnp.asarray([zlib.crc32(name.encode()) for name in names], jnp.uint32)
    return dict(zip(names, jax.vmap(lambda code: jr.fold_in(key, code))(codes), strict=True))


def split(key: PRNGKey, num: int) -> Key[Array, " num"]:
    """`num` new keys from one, by hashing: the cheap counterpart of `jax.random.split` for inner loops."""
    words = _bits(key, 2 * num)
    # One more round against a different constant: the words of a split never appear as noise bits.
    return jr.wrap_key_data(_mix(words ^ jnp.uint32(0xA511E9B3)).reshape(num, 2))


def normal(key: PRNGKey, shape: tuple[int, ...], dtype: jnp.dtype | None = None) -> Float[Array, "..."]:
    r"""Standard normal numbers from $u$, uniform on the odd multiples of $2^{-24}$ in $(-1, 1)$: those of `normal_at`
    in single precision, $\sqrt2\,\mathrm{erf}^{-1}(u)$ in others; the largest magnitude is 5.4.

    **Arguments:** `key`, used once; `shape`; `dtype`, default the default float.

    **Returns:** independent N(0, 1) numbers of `shape`, a function of (key, index) only.

    **Reference:** mixing constants of the `lowbias32` family, Wellons, "Prospecting for hash functions" (2018);
    quality is tested in `tests/test_random.py`.
    """
    dtype = jnp.dtype(dtype or jnp.result_type(float))
    words, index = _words(key), lax.iota(jnp.uint32, math.prod(shape))
    if dtype == jnp.float32:
        return normal_at(words, index).reshape(shape)
    u = _symmetric(bits_at(words, index)).astype(dtype)
    return (math.sqrt(2.0) * lax.erf_inv(u)).reshape(shape)


def bits_at(words: UInt32[Array, "*n 2"], index: UInt32[Array, "*m"]) -> UInt32[Array, "..."]:
    """32 random bits at every `index` of the generator that the two `words` of a key select, in any order and as often
    as one likes; shapes broadcast."""
    words = _once(words)
    return _mix(_mix(index * jnp.uint32(_GOLDEN) + words[..., 0]) ^ words[..., 1])


def normal_at(words: UInt32[Array, "*n 2"], index: UInt32[Array, "*m"]) -> Float[Array, "..."]:
    r"""Standard normal numbers at every `index`, for loops that draw one per cell and step: half the cost of `normal`.

    $x\,P(-\log_2(1 - x^2))$ with $x$ as in `normal`; logarithm and P are polynomials of degree 5 and 9.

    **Returns:** float32, within 2e-4 of the quantile and 6e-6 in the standard deviation; the largest is 5.4.

    **Reference:** the form of the quantile is that of Giles, GPU Computing Gems, ch. 10 (2011); fitted here.
    """
    x = _symmetric(bits_at(words, index))
    code = lax.bitcast_convert_type((1.0 - x) * (1.0 + x), jnp.int32)
    mantissa = lax.bitcast_convert_type((code & 0x7FFFFF) | 0x3F800000, jnp.float32) - 1.0
    exponent = (code >> 23).astype(jnp.float32)
    return x * _horner(_QUANTILE, (127.0 - exponent - _horner(_LOGARITHM, mantissa)) * (1.0 / 11.5) - 1.0)


def key_per_vector(key: PRNGKey, x: Float[Array, "..."]) -> PRNGKey:
    """`key`, made different for every vector when `vmap` batches `x` but not `key`.

    A layer called as `jax.vmap(layer)(tokens)` holds one key; without this every token would see the same
    read noise. Explicit keys, batched together with `x`, are used as they are.
    """
    marker = lax.stop_gradient(jnp.ravel(x)[0]).astype(jnp.int32)
    return jr.wrap_key_data(_per_vector(jr.key_data(key), marker))


@custom_vmap
def _per_vector(words: UInt32[Array, "*n 2"], marker: Int[Array, "*m"]) -> UInt32[Array, "*n 2"]:
    del marker
    return words


@_per_vector.def_vmap
def _fold_in_position(axis_size: int, in_batched: list[bool], words: Array, marker: Array) -> tuple[Array, bool]:
    words_batched, marker_batched = in_batched
    if marker_batched and not words_batched:
        low, high = words[..., 0][None], words[..., 1][None]
        index = jnp.arange(axis_size, dtype=jnp.uint32).reshape((axis_size,) + (1,) * (words.ndim - 1))
        # Digits of pi keep the two new words apart, and both away from the words of noise and of splits.
        step = index * jnp.uint32(_GOLDEN)
        first = _mix(_mix(low + step + jnp.uint32(0x243F6A88)) ^ high)
        second = _mix(_mix(high + step + jnp.uint32(0x85A308D3)) ^ low)
        words = jnp.stack([first, second], axis=-1)
    # Called again, not finished: an outer vmap may still have to fold in its own position.
    return _per_vector(words, marker), words_batched or marker_batched


def _bits(key: PRNGKey, n: int) -> UInt32[Array, " n"]:
    return bits_at(_words(key), lax.iota(jnp.uint32, n))


def _words(key: PRNGKey) -> UInt32[Array, "2"]:
    low, high, *more = jr.key_data(key)
    for word in more:  # keys of the "rbg" generators have four words
        low, high = _mix(low + word), _mix(high ^ low)
    return jnp.stack([low, high])


def _once(words: UInt32[Array, "*n"]) -> UInt32[Array, "*n"]:
    """`words` divided by one: XLA holds a division for expensive and keeps its result, where it would repeat the hash
    that made the words in every number drawn from them. That the divisor is one it does not see; LLVM does."""
    one = jnp.maximum(words >> 31, jnp.uint32(1))
    return lax.div(words, one)


def _symmetric(bits: UInt32[Array, "*n"]) -> Float[Array, "*n"]:
    """Bits as numbers in (-1, 1): neither end, nor zero."""
    return (bits >> 8).astype(jnp.int32).astype(jnp.float32) * jnp.float32(2.0**-23) + jnp.float32(2.0**-24 - 1.0)


def _mix(h: UInt32[Array, "*n"]) -> UInt32[Array, "*n"]:
    h = (h ^ (h >> 16)) * jnp.uint32(0x21F0AAAD)
    h = (h ^ (h >> 15)) * jnp.uint32(0xD35A2D97)
    return h ^ (h >> 15)


def _horner(coefficients: tuple[float, ...], x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    value = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = coefficient + value * x
    return value
