"""What fabrication leaves to chance in a converter, drawn once a chip."""

import abc
import dataclasses
import functools as ft
from typing import Any, TypeVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey
from ._adc import AbstractAdc
from ._checks import check_count, check_deviations, check_part


Converter = TypeVar("Converter")


class AbstractFabricated(eqx.Module):
    """A converter whose parts differ from one to the next.

    `mismatch` are the arrays that one chip got, with one leading entry a converter; `None` is the converter as
    designed. A design holds deviations, a programmed tile holds mismatch.
    """

    mismatch: eqx.AbstractVar[Any]

    def __check_init__(self) -> None:
        check_deviations(self)

    @abc.abstractmethod
    def draw(self, n: int, *, key: PRNGKey) -> Any:
        """Mismatch of `n` converters."""


class AbstractWrapped(eqx.Module):
    """A converter that changes one thing about another, `adc`."""

    adc: eqx.AbstractVar[Any]

    def __check_init__(self) -> None:
        check_part("adc", self.adc, AbstractAdc, "an ADC")


class AbstractWrappedFabricated(AbstractWrapped, AbstractFabricated):
    """A converter around another with a mismatch of its own."""


@ft.singledispatch
def fabricate(converter: Any, n: int, *, key: PRNGKey) -> Any:
    """Draws what is particular to each of `n` converters (one a column or row); `None` where they are all alike, or
    have their mismatch already.

    The result holds arrays and no design, so `vmap` over tiles leaves physical constants alone;
    `install(converter, fabricate(converter, n, key=key))` is the converter of that chip. Its values are constants
    of the chip: the same in every conversion.
    """
    del converter, n, key


@fabricate.register
def _(converter: AbstractFabricated, n: int, *, key: PRNGKey) -> Any:
    return _draw(converter, n, key)


@fabricate.register
def _(converter: AbstractWrapped, n: int, *, key: PRNGKey) -> Any:
    return fabricate(converter.adc, n, key=key)


@fabricate.register
def _(converter: AbstractWrappedFabricated, n: int, *, key: PRNGKey) -> Any:
    own = _draw(converter, n, _random.key_for(key, type(converter).__name__))
    # A key of its own: the converter inside may be of the same class
    return own, fabricate(converter.adc, n, key=_random.key_for(key, "adc"))


@ft.singledispatch
def install(converter: Converter, mismatch: Any) -> Converter:
    """`converter` with the `mismatch` of one chip, from `fabricate`; `None` leaves it as it is."""
    del mismatch
    return converter


@install.register
def _(converter: AbstractFabricated, mismatch: Any) -> Any:
    return _with_mismatch(converter, mismatch)


@install.register
def _(converter: AbstractWrapped, mismatch: Any) -> Any:
    return dataclasses.replace(converter, adc=install(converter.adc, mismatch))


@install.register
def _(converter: AbstractWrappedFabricated, mismatch: Any) -> Any:
    own, inner = (None, None) if mismatch is None else mismatch
    return dataclasses.replace(_with_mismatch(converter, own), adc=install(converter.adc, inner))


def mismatch_of(converter: AbstractFabricated, i: Float[Array, " cols"]) -> Float[Array, "#cols"]:
    """The mismatch of each line of currents `i`, where it is one number a converter; zeros as designed."""
    if converter.mismatch is None:
        return jnp.zeros_like(i)
    check_count(converter.mismatch, i.shape[0])
    return converter.mismatch


def _draw(converter: AbstractFabricated, n: int, key: PRNGKey) -> Any:
    return converter.draw(n, key=key) if converter.mismatch is None else None


def _with_mismatch(converter: Any, mismatch: Any) -> Any:
    return converter if mismatch is None else dataclasses.replace(converter, mismatch=mismatch)
