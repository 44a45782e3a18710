"""A linear layer in its three lives: trainable, programmed on a chip, aged to a time."""

from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from .. import _random
from .._types import PRNGKey, Time, physical
from ..mapping import AbstractCompensation, MatrixSnapshot, Partition, TiledMatrix, program_matrix
from ..periphery import quantize_learned
from ..tiles import AbstractTileDesign, check_finite, digital_scale
from ._forms import AbstractForm, AbstractProduct, Input, Output, Rows
from ._ranges import AbstractRangeRule, LsqRange, note
from ._stack import MatrixStack, StackSnapshot, by_group, program_stack


if TYPE_CHECKING:
    Matrix = Snapshot = Any  # which of the two it is, the form of the layer knows
else:
    Matrix, Snapshot = TiledMatrix | MatrixStack, MatrixSnapshot | StackSnapshot


class AbstractAnalogLayer(eqx.Module):
    """A layer whose product is analog. `name` is its path in the model: what keys, reports and maps call it.

    `key` is the read key bound by `at` or `apply`; a `key` given in the call wins. Every vector of a `vmap` reads
    with its own noise, although the key is one.
    """

    name: eqx.AbstractVar[str]
    key: eqx.AbstractVar[PRNGKey | None]


class AnalogLinear(AbstractAnalogLayer):
    r"""`y = W x + b` with W on tiles, still trainable: every call programs afresh.

    Digitally around the tiles: inputs are divided by `input_range` (and saturate beyond it in the DAC), every output
    row of W is scaled to a largest magnitude of one, both are multiplied back, and the bias is added. Convolutions,
    contractions, look-ups and stacks of experts are linear too: their `form` makes matrices of the weight and vectors
    of the input.

    **Arguments:** `weight` and `bias` (or `None`) in the shape of the digital layer, `[n_out, n_in]` and `[n_out]`
    unless `form` says otherwise; `input_range`, the input that is full scale, one for each matrix of a stack of
    experts, and with another axis one for each tile along the inputs; `ranges`, how it acts and learns; `weight_range`
    `[*stack, n_out]`, the weight at which an output clips, learned (`None`: no limit; see `with_weight_ranges`);
    `seen`, where training finds the notes of `ranges`; `design`, the tile; `form`.

    **Reference:** scaling and ranges as in Rasch et al., Nat. Commun. 14:5282 (2023), Methods.
    """

    weight: Any  # an array, or what stands for one: `equinox.nn.Shared` and Flax NNX keep it elsewhere
    bias: Any
    design: AbstractTileDesign
    compensation: AbstractCompensation
    name: str = eqx.field(static=True)
    input_range: Any = physical(1.0)
    key: PRNGKey | None = None
    form: AbstractForm = eqx.field(static=True, default=Rows())
    ranges: AbstractRangeRule = eqx.field(default_factory=LsqRange)
    weight_range: Any = None
    seen: Any = None

    @property
    def matrices(self) -> Float[Array, "*stack n_out n_in"]:
        """What lies on tiles: one matrix, or a stack of equal ones."""
        return self.form.matrices(self.weight)

    def program(self, *, key: PRNGKey) -> "ProgrammedLinear":
        """One physical copy of the layer; `key` draws the chip.

        **Raises:** `ValueError` for NaN or infinite weights.
        """
        try:
            check_finite(self.matrices)
        except ValueError as error:
            raise ValueError(f"layer {self.name}: {error}") from None
        w, scale = self.on_tiles()
        program = program_matrix if w.ndim == 2 else program_stack
        return ProgrammedLinear(
            matrix=program(self.design, w, key=key, compensation=self.compensation), scale=scale, **_around(self)
        )

    def on_tiles(self) -> tuple[Float[Array, "*stack n_in n_out"], Float[Array, "*stack n_out"]]:
        """The matrices that tiles hold, within [-1, 1], and the digital scale of every output."""
        matrices, scale = self._scaled(self.matrices)
        return (matrices / scale[..., None]).mT, scale

    def _scaled(self, matrices: Array) -> tuple[Array, Float[Array, "*stack n_out"]]:
        """The matrices as they go to tiles, and the digital scale of every output."""
        if self.weight_range is None:
            scale = lambda matrix: digital_scale(self.design, matrix.T)
            return matrices, scale(matrices) if matrices.ndim == 2 else jax.vmap(scale)(matrices)
        bits = getattr(self.design, "weight_bits", None)
        largest = 1.0 if bits is None else (2.0**bits - 2.0) / 2.0
        share = (1.0 if bits is None else 2.0 * largest**1.5) / (matrices.shape[-1] * matrices.shape[-2]) ** 0.5
        limited = quantize_learned(matrices, self.weight_range[..., None], bits, share)
        return limited, lax.stop_gradient(self.weight_range)

    def __call__(self, x: Input, *args: Any, key: PRNGKey | None = None, **kwargs: Any) -> Output:
        """Programs a fresh chip, reads it at once: the forward pass of noise-aware training, one noise draw a call."""
        key_program, key_read = _random.split(_bound(self, key), 2)
        return self.program(key=key_program).at(0.0)(x, *args, key=key_read, **kwargs)

    def __matmul__(self, x: Float[Array, " n_in"]) -> Float[Array, " n_out"]:
        """`W @ x`, for a matrix in the place of an array."""
        return self(x)


class ProgrammedLinear(AbstractAnalogLayer):
    """An `AnalogLinear` on one chip: `matrix` (or stack of them) programmed, everything digital as before."""

    matrix: Matrix
    scale: Float[Array, "*stack n_out"]
    bias: Any
    input_range: Any
    name: str = eqx.field(static=True)
    key: PRNGKey | None = None
    form: AbstractForm = eqx.field(static=True, default=Rows())
    ranges: AbstractRangeRule = eqx.field(default_factory=LsqRange)
    seen: Any = None

    def at(self, t: Time) -> "AgedLinear":
        """The layer `t` seconds after programming."""
        return AgedLinear(matrix=self.matrix.at(t), scale=self.scale, **_around(self))

    def __call__(self, x: Input, *args: Any, key: PRNGKey | None = None, **kwargs: Any) -> Output:
        """Reads the layer as it is right after programming; use `at` for any other time."""
        return self.at(0.0)(x, *args, key=key, **kwargs)

    def __matmul__(self, x: Float[Array, " n_in"]) -> Float[Array, " n_out"]:
        """`W @ x`, for a matrix in the place of an array."""
        return self(x)


class AgedLinear(AbstractAnalogLayer):
    """A `ProgrammedLinear` at one time, for many reads."""

    matrix: Snapshot
    scale: Float[Array, "*stack n_out"]
    bias: Any
    input_range: Any
    name: str = eqx.field(static=True)
    key: PRNGKey | None = None
    form: AbstractForm = eqx.field(static=True, default=Rows())
    ranges: AbstractRangeRule = eqx.field(default_factory=LsqRange)
    seen: Any = None

    def __call__(self, x: Input, *args: Any, key: PRNGKey | None = None, **kwargs: Any) -> Output:
        """The layer, read with fresh noise: `W x + b` for one vector, unless `form` takes other inputs."""
        key_read = _random.key_per_vector(_bound(self, key), jnp.asarray(x).astype(float))  # of an index too
        return self.form(_TileProduct(self, key_read), self.bias, x, *args, **kwargs)

    def __matmul__(self, x: Float[Array, " n_in"]) -> Float[Array, " n_out"]:
        """`W @ x`, for a matrix in the place of an array."""
        return self(x)


class _TileProduct(AbstractProduct):
    """Products on the tiles of an aged layer, every vector with its own read noise."""

    def __init__(self, layer: AgedLinear, key: PRNGKey) -> None:
        self._layer, self._key = layer, key

    def one(self, x: Float[Array, " n_in"]) -> Float[Array, " n_out"]:
        layer = self._layer
        return self._read(layer.matrix, layer.scale, layer.input_range, layer.seen, x, self._key)

    def many(self, xs: Float[Array, "*stack vectors n_in"]) -> Float[Array, "*stack vectors n_out"]:
        layer, n_vectors = self._layer, xs.shape[-2]
        reads = jax.vmap(self._read, in_axes=(None, None, None, None, 0, 0))
        if xs.ndim == 2:
            keys = _random.split(self._key, n_vectors)
            return reads(layer.matrix, layer.scale, layer.input_range, layer.seen, xs, keys)
        keys = _random.split(self._key, len(xs) * n_vectors).reshape(len(xs), n_vectors)
        # One range serves all matrices of a stack of groups
        each = lambda e, scale, xs, keys: reads(layer.matrix.member(e), scale, layer.input_range, layer.seen, xs, keys)
        return jax.vmap(each)(jnp.arange(len(xs)), layer.scale, xs, keys)

    def chosen(self, xs: Float[Array, "rows n_in"], which: Int[Array, " rows"]) -> Float[Array, "rows n_out"]:
        layer = self._layer
        reads = jax.vmap(self._read, in_axes=(None, None, None, None, 0, 0))

        def block(e: Int[Array, ""], xs: Array, keys: Array) -> Array:
            return reads(layer.matrix.member(e), layer.scale[e], layer.input_range[e], None, xs, keys)

        if layer.seen is not None:  # here, for blocks are filled up with rows that are nobody's
            rows = jax.vmap(lambda x, ranges: self._notes(layer.matrix.partition, x, ranges))
            noted = rows(xs, layer.input_range[which])
            xs = note(xs, layer.seen, jnp.zeros_like(layer.seen).at[which].add(noted))
        return by_group(block, which, len(layer.scale), xs, _random.split(self._key, len(xs)))

    def _notes(self, part: Partition, x: Float[Array, " n_in"], input_range: Array) -> Float[Array, "tiles notes"]:
        """What the rule notes of the parts of a vector."""
        xs, ranges = part.split_vector(x.astype(input_range.dtype)), jnp.broadcast_to(input_range, part.grid_rows)
        notes = jax.vmap(self._layer.ranges.notes)
        return notes(*lax.stop_gradient((xs, ranges)), part.split_vector(jnp.ones(part.n_in, xs.dtype)) > 0)

    def _read(
        self, matrix: MatrixSnapshot, scale: Array, input_range: Array, seen: Array | None, x: Array, key: PRNGKey
    ) -> Array:
        """One product: steps, noise and sums in the precision of the range, the product in that of `x`."""
        part, rule = matrix.partition, self._layer.ranges
        if x.shape != (part.n_in,):
            raise ValueError(
                f"layer {self._layer.name} multiplies one vector of {part.n_in}, got an input of shape {x.shape}; "
                "batches and positions are `vmap`"
            )
        with jax.named_scope(f"aimc.{self._layer.name}"):
            xs = part.split_vector(x.astype(jnp.result_type(input_range)))
            ranges = jnp.broadcast_to(input_range, part.grid_rows)
            u, unit = jax.vmap(rule.scale)(xs, ranges)
            if seen is not None:
                u = note(u, seen, self._notes(part, x, input_range))
            return (matrix.read(u, unit, key=key, dtype=x.dtype) * scale).astype(x.dtype)


def _around(layer: AnalogLinear | ProgrammedLinear) -> dict[str, Any]:
    """What a layer keeps from one life to the next: all that is not on tiles."""
    return {name: getattr(layer, name) for name in ("bias", "input_range", "name", "key", "form", "ranges", "seen")}


def matrices_shape(layer: Any) -> tuple[int, ...]:
    """`[*stack, n_out, n_in]` of an analog `layer`, in any of its lives."""
    if isinstance(layer, AnalogLinear):
        return jax.eval_shape(layer.form.matrices, layer.weight).shape
    return (*layer.scale.shape, layer.matrix.partition.n_in)


def partition_of(layer: AnalogLinear) -> Partition:
    """How the matrix of `layer`, or each of a stack, lies on tiles."""
    *_, n_out, n_in = matrices_shape(layer)
    return Partition(n_in, n_out, layer.design.rows, layer.design.cols)


def _bound(layer: AbstractAnalogLayer, key: PRNGKey | None) -> PRNGKey:
    key = layer.key if key is None else key
    if key is None:
        raise ValueError(
            f"analog layer {layer.name!r} has no read key: call the model through "
            "`aimcjax.nn.apply(model, xs, key=...)`, "
            "bind one with `aimcjax.nn.at(model, t=..., key=...)`, or pass `key=` to the layer"
        )
    return key


def is_analog(node: Any) -> bool:
    """Whether `node` is an analog layer, in any of its three lives."""
    return isinstance(node, AbstractAnalogLayer)
