"""What a crossbar asks of the cells and the inputs of its tile."""

import functools as ft

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..devices import AbstractDevice, AbstractWrapper, current
from ..periphery import AbstractDac, BitSerialDac
from ._crossbar import AbstractCrossbar
from ._nonlinear_crossbar import NonlinearCrossbar
from ._wire_resistance import WireResistance


@ft.singledispatch
def check_crossbar(crossbar: AbstractCrossbar, device: AbstractDevice, dac: AbstractDac) -> None:
    """Raises `ValueError` if the crossbar would read cells of `device` or inputs of `dac` as what they are not."""
    del dac
    if not is_linear(device):
        raise ValueError(
            f"{type(crossbar).__name__} takes cells as linear, got a device with a current-voltage law; "
            "use `NonlinearCrossbar(device)` or the device without its law"
        )


@check_crossbar.register
def _(crossbar: NonlinearCrossbar, device: AbstractDevice, dac: AbstractDac) -> None:
    pass


@check_crossbar.register
def _(crossbar: WireResistance, device: AbstractDevice, dac: AbstractDac) -> None:
    check_crossbar.dispatch(AbstractCrossbar)(crossbar, device, dac)
    if crossbar.source == "gate" and not (isinstance(dac, BitSerialDac) and dac.slice_bits == 1):
        raise ValueError(f"gates are on or off, got inputs of {type(dac).__name__}; use `BitSerialDac(slice_bits=1)`")


def is_linear(device: AbstractDevice) -> bool:
    """Whether the current of a cell is `g v`."""
    law = current.dispatch(type(device))
    if law is current.dispatch(AbstractDevice):
        return True
    return law is current.dispatch(AbstractWrapper) and is_linear(device.device)  # pyright: ignore[reportAttributeAccessIssue]


def expected_inputs(
    crossbar: AbstractCrossbar, dac: AbstractDac, x: Float[Array, " rows"]
) -> tuple[Float[Array, "reads rows"], Float[Array, " reads"]]:
    """Volts of the reads that `x` is made of, and their weights: one read, unless only the slices of the DAC can be."""
    if isinstance(crossbar, WireResistance) and crossbar.source == "gate" and isinstance(dac, BitSerialDac):
        v, weights = dac.slices(x)
        return v, weights
    return dac.v_max * x[None], jnp.ones((1,), x.dtype)
