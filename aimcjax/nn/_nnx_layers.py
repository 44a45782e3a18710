"""The layers of Flax NNX that have analog versions; cells and attention are made of these."""

from collections.abc import Sequence
from typing import Any

from flax import nnx
from jax import lax, numpy as jnp

from ..mapping import AbstractCompensation
from ..tiles import AbstractTileDesign
from ._contraction import Dense, Einsum
from ._convert import is_lookup, is_opaque, make_analog, to_analog
from ._convolution import Convolution, Pads
from ._forms import AbstractForm, Lookup
from ._loops import is_recurrent
from ._nnx import NnxAnalog, nnx_analog


@is_lookup.register
def _(layer: nnx.Embed) -> bool:
    return True


@is_recurrent.register
def _(layer: nnx.RNNCellBase) -> bool:
    return True


@is_opaque.register(nnx.WeightNorm)
@is_opaque.register(nnx.SpectralNorm)
def _(layer: nnx.Module) -> bool:
    return True


def _one_part(
    layer: Any,
    form: AbstractForm,
    design: AbstractTileDesign,
    compensation: AbstractCompensation,
    name: str,
    weight: str = "kernel",
    inner: str = "",
) -> NnxAnalog:
    bias = getattr(layer, "bias", None)
    value = None if bias is None else bias.get_value()
    part = make_analog(getattr(layer, weight).get_value(), value, form, design, compensation, name)
    return nnx_analog(layer, {"": part}, {"": {"weight": weight, "bias": "bias"}}, inner)


def _own_operation(layer: Any, name: str, **defaults: Any) -> None:
    """Raises `ValueError` if the layer multiplies with a function of the user's."""
    for attribute, default in defaults.items():
        if getattr(layer, attribute, None) not in (default, None):
            raise ValueError(f"layer {name} multiplies with its own `{attribute}`: keep it digital, `Rule(..., None)`")


@to_analog.register
def _(layer: nnx.Linear, design: AbstractTileDesign, compensation: AbstractCompensation, name: str) -> NnxAnalog:
    _own_operation(layer, name, dot_general=lax.dot_general)
    return _one_part(layer, Dense((layer.in_features, layer.out_features)), design, compensation, name)


@to_analog.register
def _(layer: nnx.LoRALinear, design: AbstractTileDesign, compensation: AbstractCompensation, name: str) -> NnxAnalog:
    _own_operation(layer, name, dot_general=lax.dot_general)
    form = Dense((layer.in_features, layer.out_features))
    return _one_part(layer, form, design, compensation, name, inner="lora")


@to_analog.register
def _(layer: nnx.LinearGeneral, design: AbstractTileDesign, compensation: AbstractCompensation, name: str) -> NnxAnalog:
    _own_operation(layer, name, dot_general=lax.dot_general, dot_general_cls=None)
    shape = (*layer.batch_axis.values(), *layer.in_features, *layer.out_features)
    form = Dense(shape, tuple(layer.axis), tuple(layer.batch_axis))
    return _one_part(layer, form, design, compensation, name)


@to_analog.register
def _(layer: nnx.Einsum, design: AbstractTileDesign, compensation: AbstractCompensation, name: str) -> NnxAnalog:
    _own_operation(layer, name, einsum_op=jnp.einsum)
    form = Einsum(tuple(layer.kernel_shape), layer.einsum_str)
    try:
        form.roles()
    except ValueError as error:
        raise ValueError(f"layer {name} is no product with matrices, {error}: `Rule(..., None)`") from None
    return _one_part(layer, form, design, compensation, name)


@to_analog.register
def _(layer: nnx.Embed, design: AbstractTileDesign, compensation: AbstractCompensation, name: str) -> NnxAnalog:
    return _one_part(layer, Lookup(layer.num_embeddings), design, compensation, name, "embedding")


@to_analog.register
def _(layer: nnx.LoRA, design: AbstractTileDesign, compensation: AbstractCompensation, name: str) -> NnxAnalog:
    names = ("lora_a", "lora_b")
    sizes = (layer.in_features, layer.lora_a.shape[-1], layer.out_features)
    parts = {
        part: make_analog(
            getattr(layer, part).get_value(), None, Dense(shape), design, compensation, f"{name}/{part}".lstrip("/")
        )
        for part, shape in zip(names, (sizes[:2], sizes[1:]), strict=True)
    }
    return nnx_analog(layer, parts, {part: {"weight": part} for part in names}, "base_module")


@to_analog.register
def _(layer: nnx.Conv, design: AbstractTileDesign, compensation: AbstractCompensation, name: str) -> NnxAnalog:
    _own_operation(layer, name, conv_general_dilated=lax.conv_general_dilated)
    _no_mask(layer, name)
    n = len(layer.kernel_size)
    dilation = _each(layer.kernel_dilation, n)
    reach = [d * (k - 1) for k, d in zip(layer.kernel_size, dilation, strict=True)]
    padding, edges, mode = layer.padding, None, "wrap"
    if padding in ("CIRCULAR", "REFLECT"):
        mode = "wrap" if padding == "CIRCULAR" else "reflect"
        padding, edges = "VALID", tuple((r // 2, (r + 1) // 2) for r in reach)
    elif padding == "CAUSAL":
        padding = tuple((r, 0) for r in reach)
    form = Convolution(
        kernel=layer.kernel_size,
        strides=_each(layer.strides, n),
        dilation=dilation,
        spread=_each(layer.input_dilation, n),
        groups=layer.feature_group_count,
        order=(n + 1, n, *range(n)),
        padding=_pads(padding, n),
        edges=edges,
        mode=mode,
        channels_last=True,
    )
    return _one_part(layer, form, design, compensation, name)


@to_analog.register
def _(layer: nnx.ConvTranspose, design: AbstractTileDesign, compensation: AbstractCompensation, name: str) -> NnxAnalog:
    _no_mask(layer, name)
    n = len(layer.kernel_size)
    strides, dilation = _each(layer.strides, n), _each(layer.kernel_dilation, n)
    padding = "VALID" if layer.padding == "CIRCULAR" else _pads(layer.padding, n)
    if isinstance(padding, str):
        sizes = zip(layer.kernel_size, dilation, strides, strict=True)
        padding = tuple(_transposed(d * (k - 1) + 1, s, padding) for k, d, s in sizes)
    form = Convolution(
        kernel=layer.kernel_size,
        strides=(1,) * n,
        dilation=dilation,
        spread=strides,
        groups=1,
        order=(n, n + 1, *range(n)) if layer.transpose_kernel else (n + 1, n, *range(n)),
        padding=padding,
        channels_last=True,
        flip=layer.transpose_kernel,
        folded=strides if layer.padding == "CIRCULAR" else (),
    )
    return _one_part(layer, form, design, compensation, name)


def _transposed(reach: int, stride: int, padding: str) -> tuple[int, int]:
    """Padding of the spread input that makes the output as long as the input times the stride (`"SAME"`), or as long
    as any output reaches (`"VALID"`)."""
    if padding == "SAME":
        total = reach + stride - 2
        before = reach - 1 if stride > reach - 1 else -(-total // 2)
    elif padding == "VALID":
        total, before = reach + stride - 2 + max(reach - stride, 0), reach - 1
    else:
        raise ValueError(f"a transposed convolution has padding SAME, VALID, CIRCULAR or numbers, got {padding!r}")
    return before, total - before


def _no_mask(layer: Any, name: str) -> None:
    if layer.mask is not None:
        raise ValueError(f"layer {name} has a mask on its kernel: multiply it into the weights, or `Rule(..., None)`")


def _each(value: int | Sequence[int] | None, n: int) -> tuple[int, ...]:
    if value is None or isinstance(value, int):
        return (1 if value is None else value,) * n
    return tuple(value)


def _pads(padding: Any, n: int) -> str | Pads:
    if isinstance(padding, str):
        return padding
    each = (padding,) * n if isinstance(padding, int) else tuple(padding)
    return tuple((p, p) if isinstance(p, int) else (int(p[0]), int(p[1])) for p in each)
