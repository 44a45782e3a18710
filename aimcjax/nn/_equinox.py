"""The layers of Equinox that have analog versions."""

import equinox as eqx
import numpy as np

from ..mapping import AbstractCompensation
from ..tiles import AbstractTileDesign
from ._convert import make_analog, to_analog
from ._convolution import Convolution, Pads
from ._forms import Experts, Lookup, Rows, Slot, with_parts
from ._linear import AnalogLinear


_MODES = {"REFLECT": "reflect", "REPLICATE": "edge", "CIRCULAR": "wrap"}


@to_analog.register
def _(layer: eqx.nn.Linear, design: AbstractTileDesign, compensation: AbstractCompensation, name: str) -> AnalogLinear:
    if "scalar" in (layer.in_features, layer.out_features):
        raise ValueError(f'layer {name}: a Linear of "scalar" size has no vector to put on rows; use size 1')
    return make_analog(layer.weight, layer.bias, Rows(with_parts(layer, None, None)), design, compensation, name)


@to_analog.register
def _(layer: eqx.nn.Conv, design: AbstractTileDesign, compensation: AbstractCompensation, name: str) -> AnalogLinear:
    return make_analog(layer.weight, layer.bias, convolution_form(layer), design, compensation, name)


def convolution_form(layer: eqx.nn.Conv) -> Convolution:
    """What a convolution does around its matrices."""
    zeros = layer.padding_mode == "ZEROS"
    return Convolution(
        kernel=layer.kernel_size,
        strides=layer.stride,
        dilation=layer.dilation,
        spread=(1,) * layer.num_spatial_dims,
        groups=layer.groups,
        order=tuple(range(layer.num_spatial_dims + 2)),
        padding=layer.padding if zeros else "VALID",
        edges=None if zeros else layer.padding,
        mode=_MODES.get(layer.padding_mode, "wrap"),
        blank=with_parts(layer, None, None),
    )


@to_analog.register
def _(
    layer: eqx.nn.ConvTranspose, design: AbstractTileDesign, compensation: AbstractCompensation, name: str
) -> AnalogLinear:
    pads, edges = _transposed_pads(layer), None
    if layer.padding_mode == "CIRCULAR":
        steps = zip(pads, layer.stride, strict=True)
        edges, pads = zip(*(((a // s, b // s), (a % s, b % s)) for (a, b), s in steps), strict=True)
    form = Convolution(
        kernel=layer.kernel_size,
        strides=(1,) * layer.num_spatial_dims,
        dilation=layer.dilation,
        spread=layer.stride,
        groups=layer.groups,
        order=tuple(range(layer.num_spatial_dims + 2)),
        padding=pads,
        edges=edges,
        blank=with_parts(layer, None, None),
    )
    return make_analog(layer.weight, layer.bias, form, design, compensation, name)


def _transposed_pads(layer: eqx.nn.ConvTranspose) -> Pads:
    """Padding of the spread input that transposes the layer's own.

    **Reference:** Dumoulin & Visin, arXiv:1603.07285 (2016), relationship 14.
    """
    parts = (layer.kernel_size, layer.stride, layer.output_padding, layer.dilation)
    k, s, extra, d = (np.asarray(part) for part in parts)
    if layer.padding == "VALID":
        before = after = np.zeros_like(k)
    elif isinstance(layer.padding, str):
        total = d * (k - 1) - s + extra + 1
        extra, total = np.maximum(-total, 0), np.maximum(total, 0)
        before = (total + (layer.padding == "SAME_LOWER")) // 2
        after = total - before
    else:
        before, after = np.asarray(layer.padding).T
    low, high = d * (k - 1) - before, d * (k - 1) - after + extra
    return tuple((int(a), int(b)) for a, b in zip(low, high, strict=True))


@to_analog.register
def _(
    layer: eqx.nn.Embedding, design: AbstractTileDesign, compensation: AbstractCompensation, name: str
) -> AnalogLinear:
    blank = eqx.tree_at(lambda layer: layer.weight, layer, None)
    form = Lookup(n_rows=layer.num_embeddings, blank=blank)
    return make_analog(layer.weight, None, form, design, compensation, name)


def _cell(
    layer: eqx.nn.LSTMCell | eqx.nn.GRUCell,
    design: AbstractTileDesign,
    compensation: AbstractCompensation,
    name: str,
) -> eqx.nn.LSTMCell | eqx.nn.GRUCell:
    # The cell multiplies `self.weight_ih @ x`: a matrix on tiles can stand where the array stood.
    parts = lambda cell: (cell.weight_ih, cell.weight_hh)
    names = (f"{name}/weight_ih".lstrip("/"), f"{name}/weight_hh".lstrip("/"))
    made = [make_analog(w, None, Slot(), design, compensation, n) for w, n in zip(parts(layer), names, strict=True)]
    return eqx.tree_at(parts, layer, made)


to_analog.register(eqx.nn.LSTMCell, _cell)
to_analog.register(eqx.nn.GRUCell, _cell)


def expert_stack(
    layer: eqx.Module, design: AbstractTileDesign, compensation: AbstractCompensation, name: str
) -> AnalogLinear:
    """The analog version of a stack of experts (`layer`, at `name`): an Equinox module with
    `weight[n_experts, n_out, n_in]`, `bias[n_experts, n_out]` or `None`, called as
    `stack(x[rows, n_in], expert[rows]) -> y[rows, n_out]`. Register yours with
    `to_analog.register(MyStack, expert_stack)`."""
    weight, bias = layer.weight, layer.bias  # pyright: ignore[reportAttributeAccessIssue]
    if weight.ndim != 3:
        raise ValueError(f"layer {name}: a stack of experts is weight[n_experts, n_out, n_in], got {weight.shape}")
    return make_analog(weight, bias, Experts(blank=with_parts(layer, None, None)), design, compensation, name)
