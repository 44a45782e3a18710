"""What all sections of a config are made of."""

# Types made by calls (`quantity("s")`) are beyond static checkers.
# pyright: reportInvalidTypeForm=false

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from ..components import LARGEST_SIZE, read_quantity
from ..units import format_quantity
from ._components import build, describe


# Stricter than pydantic, which takes true and "3" for numbers, but for 1e-3, which YAML calls text (it has no point).
Count = Annotated[int, Field(strict=True, le=LARGEST_SIZE)]
Number = Annotated[float, BeforeValidator(lambda value: read_quantity(value, "1"))]


def quantity(unit: str, **limits: Any) -> Any:
    """The type of a float in SI that is written with its unit; see `read_quantity`."""
    return Annotated[
        float,
        BeforeValidator(lambda value: read_quantity(value, unit, **limits)),
        PlainSerializer(lambda value: format_quantity(value, unit), return_type=str),
    ]


def component(role: type) -> Any:
    """The type of an object written as `{type: name, ...}`."""
    return Annotated[
        role,
        BeforeValidator(lambda tree: build(tree, role)),
        PlainSerializer(lambda value: describe(value), return_type=dict),
    ]


class Section(BaseModel):
    """One part of a config: frozen, and refusing keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, validate_default=True)
