"""Rules of in-memory training: an algorithm for one array, and the rule that applies it to every analog parameter."""

import abc
import zlib
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float

from ... import _random
from ..._types import PRNGKey, Scalar
from ...components import shorten
from ._checks import check_fields, check_gradient
from ._stats import WriteCost, WriteStats


Matrix = Float[Array, "rows cols"]


class Outer(eqx.Module):
    """The factors of a gradient, $\\sum_b x_b d_b^T$: what the arrays see. `x` inputs, `d` errors at the outputs."""

    x: Float[Array, "batch rows"]
    d: Float[Array, "batch cols"]

    def matrix(self) -> Matrix:
        """The gradient."""
        return jnp.matmul(self.x.T, self.d, precision=jax.lax.Precision.HIGHEST)


Gradient = Outer | Matrix


class Written(NamedTuple):
    """What one update of one parameter did: `pulses` of every cell by array, `slots` of pulse trains that followed
    one another, `reads`, the products that it needed, `samples`."""

    pulses: dict[str, Matrix]
    slots: Scalar
    reads: Scalar
    samples: Scalar


class AbstractAlgorithm(eqx.Module):
    """In-memory training of one matrix of weights `w[n_in, n_out]`, `y = x @ w`. What an algorithm is made of is
    checked: devices, counts, and the limits of its physical values."""

    def __check_init__(self) -> None:
        check_fields(self)

    @abc.abstractmethod
    def init(self, w: Matrix, *, key: PRNGKey) -> Any:
        """Fabricates the arrays and writes `w`; the state, a pytree of named arrays."""

    @abc.abstractmethod
    def update(self, gradient: Gradient, state: Any, *, key: PRNGKey) -> tuple[Any, Written]:
        """The state after one batch."""

    @abc.abstractmethod
    def weights(self, state: Any) -> Matrix:
        """What a product sees."""


class InMemoryState(eqx.Module):
    """The arrays of every analog parameter, by its path; `structure` is that of the parameters."""

    arrays: dict[str, Any]
    structure: Any = eqx.field(static=True)


class InMemoryRule(eqx.Module):
    """How the analog parameters of a model learn, as an `(init, update)` pair; digital ones are left to optax.

        rule = in_memory.ttv2(device, lr=0.1)
        state = rule.init(analog, key=k0)                                # analog: any pytree of matrices w[n_in, n_out]
        analog, state, stats = rule.update(grads, state, key=k1)         # grads: the same pytree of Outer(x, d)

    `analog` are the weights that products see: what the cells made of them. A rule is itself a pytree: its learning
    rates and devices can be swept with `vmap`; the state holds arrays only and can be saved at any time.
    """

    algorithm: AbstractAlgorithm
    cost: WriteCost = eqx.field(default_factory=WriteCost)

    def init(self, params: Any, *, key: PRNGKey) -> InMemoryState:
        """Fabricates arrays for every matrix of `params`, by name, and writes it.

        **Raises:** `ValueError` for a parameter that is no matrix.
        """
        named, structure = _named(params)
        if not named:
            raise ValueError("a rule trains at least one analog parameter, got none")
        for name, w in named.items():
            if not eqx.is_inexact_array(w) or w.ndim != 2:
                kind = f"{w.dtype}{w.shape}" if eqx.is_array(w) else shorten(w)
                raise ValueError(f"analog parameters are float matrices w[n_in, n_out], got {name} of {kind}")
        keys = _random.keys_for(key, list(named))
        arrays = {name: self.algorithm.init(w, key=keys[name]) for name, w in named.items()}
        return InMemoryState(arrays, structure)

    def weights(self, state: InMemoryState) -> Any:
        """The analog parameters as products see them."""
        return jtu.tree_unflatten(state.structure, [self.algorithm.weights(arrays) for arrays in state.arrays.values()])

    def update(self, grads_or_xd: Any, state: InMemoryState, *, key: PRNGKey) -> tuple[Any, InMemoryState, WriteStats]:
        """One batch.

        **Arguments:** `grads_or_xd`, in the structure of the parameters, with `Outer` (or a gradient matrix, where the
        algorithm takes it) in the place of each; `state`; `key`.

        **Returns:** the parameters, the state and what was written.

        **Raises:** `ValueError` for other parameters or shapes than those of the state.
        """
        gradients, _ = _named(grads_or_xd)
        if gradients.keys() != state.arrays.keys():
            raise ValueError(f"gradients are of {sorted(gradients)}, the state is of {sorted(state.arrays)}")
        keys = _keys(key, list(gradients))
        arrays, written = {}, {}
        for name, gradient in gradients.items():
            shape = eqx.filter_eval_shape(self.algorithm.weights, state.arrays[name]).shape
            check_gradient(name, gradient, shape)
            arrays[name], written[name] = self.algorithm.update(gradient, state.arrays[name], key=keys[name])
        state = InMemoryState(arrays, state.structure)
        return self.weights(state), state, self._stats(written)

    def _stats(self, written: dict[str, Written]) -> WriteStats:
        pulses = {f"{name}/{array}": n for name, part in written.items() for array, n in part.pulses.items()}
        total = sum((jnp.sum(n) for n in pulses.values()), start=jnp.zeros(()))
        # Parameters are different arrays, which work at the same time: the slowest one counts.
        busy = [part.slots * self.cost.t_pulse + part.reads * self.cost.t_mvm for part in written.values()]
        return WriteStats(
            pulses=pulses,
            samples=jnp.max(jnp.stack([part.samples for part in written.values()])),
            energy=total * self.cost.pulse_energy,
            time=jnp.max(jnp.stack(busy)),
        )


def factors(gradient: Gradient, algorithm: str) -> Outer:
    """The gradient as factors.

    **Raises:** `ValueError` for a matrix: pulse trains need x and d themselves.
    """
    if not isinstance(gradient, Outer):
        raise ValueError(f"{algorithm} updates by pulses on rows and columns: give Outer(x, d), got a gradient matrix")
    return gradient


def matrix(gradient: Gradient) -> Matrix:
    """The gradient as a matrix."""
    return gradient.matrix() if isinstance(gradient, Outer) else gradient


def n_samples(gradient: Gradient) -> Scalar:
    """The samples of a batch; a matrix counts as one."""
    return jnp.asarray(gradient.x.shape[0] if isinstance(gradient, Outer) else 1, float)


def _keys(key: PRNGKey, names: list[str]) -> dict[str, PRNGKey]:
    """As `_random.keys_for`, by hashing: Threefry takes as long as the whole update of a small array."""
    codes = np.asarray([zlib.crc32(name.encode()) for name in names], np.uint32)
    words = jr.key_data(_random.split(key, 1)[0])
    index = jnp.asarray(np.stack([codes, ~codes], axis=-1))
    return dict(zip(names, jr.wrap_key_data(_random.bits_at(words, index)), strict=True))


def _named(tree: Any) -> tuple[dict[str, Any], Any]:
    leaves, structure = jtu.tree_flatten_with_path(tree, is_leaf=lambda leaf: isinstance(leaf, Outer))
    return {jtu.keystr(path, simple=True, separator=".") or "w": leaf for path, leaf in leaves}, structure
