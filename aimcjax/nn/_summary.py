"""The table of a model: what lies on tiles, what stays digital, and why."""

import dataclasses
import functools as ft
import math
from collections.abc import Iterator, Sequence
from typing import Any

import equinox as eqx
import jax.tree_util as jtu
import numpy as np

from ._activity import Activity, count_activity
from ._adapter_layers import AbstractAdapter, is_adapter
from ._convert import is_convertible, is_lookup, is_opaque, path_name, refusal
from ._frameworks import load_frameworks
from ._linear import AgedLinear, AnalogLinear, ProgrammedLinear, is_analog, matrices_shape, partition_of
from ._tied import expand_tied


@dataclasses.dataclass(frozen=True)
class LayerRow:
    """One layer with weights: `name`; `kind`, its class or form; `shape` of the matrices `[*stack, n_out, n_in]` or of
    digital parameters; number of `tiles` and the share of their cells in use, `utilisation`, for analog layers;
    `analog`; `why`; `convertible`, whether a rule makes (or made) it analog."""

    name: str
    kind: str
    shape: tuple[int, ...]
    tiles: int
    utilisation: float
    analog: bool
    why: str
    convertible: bool = True


@dataclasses.dataclass(frozen=True)
class Summary:
    """`layers` of a model in the order of its fields, and its `activity` on one sample, if there was one; `str` gives
    the table."""

    layers: tuple[LayerRow, ...]
    activity: Activity | None = None

    @property
    def not_convertible(self) -> tuple[LayerRow, ...]:
        """Digital layers that no rule could convert: there is no analog version of them."""
        return tuple(row for row in self.layers if not row.convertible)

    @property
    def analog_share(self) -> float:
        """Share of the multiply-accumulates that tiles do; NaN without a sample or without products."""
        if self.activity is None or self.activity.n_macs == 0:
            return math.nan
        return self.activity.analog_macs / self.activity.n_macs

    def __str__(self) -> str:
        rows = [("layer", "kind", "shape", "tiles", "used", "where", "why")]
        for row in self.layers:
            tiles, used = (str(row.tiles), f"{row.utilisation:.1%}") if row.analog else ("", "")
            shape = "x".join(map(str, row.shape))
            rows.append((row.name, row.kind, shape, tiles, used, "analog" if row.analog else "digital", row.why))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *_shares(self.activity)])

    __repr__ = __str__  # a notebook shows the table


def summary(model: Any, x: Any = None) -> Summary:
    """What became, or may become, of each layer of a model.

    **Arguments:** `model`, digital or analog, in any life; `x`, one sample without a batch axis (a tuple is several
    arguments), to count the products of one inference.

    **Returns:** a table to `print`, with its rows as `layers`: every parameter of the model is in one of them. With `x`
    also the share of multiply-accumulates on tiles, and the products that stay digital, those between activations
    marked. Layers that hold the very same array are noted: each has tiles of its own, and Equinox trains them apart,
    unless they are in an `equinox.nn.Shared`.
    """
    load_frameworks()
    model = expand_tied(model, every=True)
    rows, owners = [], {}
    for name, node in holders(model):
        row = _analog_row(name, node) if is_analog(node) else _digital_row(name, node)
        weight = getattr(node, "weight", None)
        first = name if weight is None or np.ndim(weight) < 2 else owners.setdefault(id(weight), name)
        rows.append(row if first == name else dataclasses.replace(row, why=f"{row.why}; same array as {first}"))
    return Summary(tuple(rows), None if x is None else count_activity(model, x))


@dataclasses.dataclass(frozen=True)
class Loose:
    """Parameters that a module holds itself: `owner`, and its own arrays by name."""

    owner: Any
    arrays: dict[str, Any]

    @property
    def weight(self) -> Any:
        """The largest of the arrays."""
        return max(self.arrays.values(), key=np.size)


@ft.singledispatch
def holders(model: Any) -> Iterator[tuple[str, Any]]:
    """Everything with parameters, by path: analog layers, convertible and opaque layers, and `Loose` arrays. Frameworks
    register here."""
    foreign = lambda node: holders.dispatch(type(node)) is not holders.dispatch(object)
    whole = lambda node: foreign(node) or is_analog(node) or is_convertible(node) or is_opaque(node)
    loose: dict[tuple[Any, ...], dict[str, Any]] = {}
    found: list[tuple[tuple[Any, ...], Any]] = []
    for path, node in jtu.tree_flatten_with_path(model, is_leaf=whole)[0]:
        if whole(node):
            found.append((path, node))
        elif eqx.is_inexact_array(node):
            if path[:-1] not in loose:
                found.append((path[:-1], None))
            loose.setdefault(path[:-1], {})[path_name(path[-1:])] = node
    for path, node in found:
        if foreign(node):
            yield from ((f"{path_name(path)}/{rest}".strip("/"), part) for rest, part in holders(node))
        else:
            yield path_name(path), Loose(_follow(model, path), loose[path]) if node is None else node


@holders.register
def _(model: AbstractAdapter) -> Iterator[tuple[str, Any]]:
    yield from holders(model.base)
    names = [field.name for field in dataclasses.fields(model) if field.name != "base"]
    arrays = {name: getattr(model, name) for name in names if eqx.is_array(getattr(model, name))}
    yield "adapter", Loose(model, arrays)


def _follow(model: Any, path: Sequence[Any]) -> Any:
    for key in path:
        if isinstance(key, jtu.GetAttrKey):
            model = getattr(model, key.name)
        else:
            model = model[key.key if isinstance(key, jtu.DictKey) else getattr(key, "idx", getattr(key, "key", None))]
    return model


_NO_RULE = "kept digital: no rule for it, or `None`"
_LOOKUP = "a look-up: stays digital unless a rule says `lookups=True`"


def _analog_row(name: str, layer: Any) -> LayerRow:
    shape = matrices_shape(layer)
    design = layer.design if isinstance(layer, AnalogLinear) else layer.matrix.design
    part = partition_of(layer) if isinstance(layer, AnalogLinear) else layer.matrix.partition
    tiles = math.prod(shape[:-2]) * part.n_tiles
    life = {AnalogLinear: "", ProgrammedLinear: ", programmed", AgedLinear: ", programmed and aged"}[type(layer)]
    why = f"{type(design).__name__} {design.rows}x{design.cols}{life}"
    used = math.prod(shape) / (tiles * design.rows * design.cols)
    return LayerRow(layer.name or name, type(layer.form).__name__, shape, tiles, used, True, why)


def _digital_row(name: str, node: Any) -> LayerRow:
    owner = node.owner if isinstance(node, Loose) else node
    arrays = [leaf for leaf in jtu.tree_leaves(getattr(node, "arrays", node)) if eqx.is_inexact_array(leaf)]
    largest = max(arrays, key=np.size) if arrays else np.zeros(0)
    if is_adapter(owner):
        why = "an adapter: digital, beside its layer"
    elif is_opaque(owner):
        why = "makes the weights of its layer anew at every call"
    elif is_convertible(owner):
        why = _LOOKUP if is_lookup(owner) else _NO_RULE
    elif all(array.ndim < 2 for array in arrays):
        why = "no matrix: acts element by element"
    else:
        why = refusal(owner) or "the digital rest of an analog layer"
        if isinstance(node, Loose):
            name = f"{name}/{','.join(node.arrays)}".strip("/")
    convertible = why in (_NO_RULE, _LOOKUP)
    return LayerRow(name, type(owner).__name__, tuple(largest.shape), 0, 0.0, False, why, convertible)


def _shares(activity: Activity | None) -> list[str]:
    if activity is None:
        return []
    total = max(activity.n_macs, 1)
    weights = activity.digital_macs - activity.activation_macs
    lines = [
        "",
        f"{activity.n_macs:,} multiply-accumulates: {activity.analog_macs / total:.1%} analog, "
        f"{weights / total:.1%} with digital weights, "
        f"{activity.activation_macs / total:.1%} of activations by activations",
    ]
    for product in activity.products:
        kind = "activations by activations" if product.of_activations else "digital weights"
        lines.append(f"  {product.macs:,}  {kind}: {product.shapes}  {product.where}")
    return lines
