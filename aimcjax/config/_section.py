"""What all sections of a config are made of."""

# Types made by calls (`quantity("s")`) are beyond static checkers.
# pyright: reportInvalidTypeForm=false

import re
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from ..components import LARGEST_SIZE, quantity_schema, read_quantity, role_name, shorten
from ..units import format_quantity
from ._components import build, describe


# Stricter than pydantic, which takes true and "3" for numbers, but for 1e-3, which YAML calls text (it has no point).
Count = Annotated[int, Field(strict=True, le=LARGEST_SIZE)]
Number = Annotated[
    float, BeforeValidator(lambda value: read_quantity(value, "1")), WithJsonSchema(quantity_schema("1"))
]


DEFINED, CHIP = "x-defined", "chip"  # the family of all that chips are made of


def quantity(unit: str, **limits: Any) -> Any:
    """The type of a float in SI that is written with its unit; see `read_quantity`."""
    return Annotated[
        float,
        BeforeValidator(lambda value: read_quantity(value, unit, **limits)),
        PlainSerializer(lambda value: format_quantity(value, unit), return_type=str),
        WithJsonSchema(quantity_schema(unit)),
    ]


def schema_of(role: type, family: str = "component") -> Any:
    """What the JSON Schema says of an object of a role; its definition is among those of `json_schema`."""
    return WithJsonSchema(defined(role_name(role, family)))


def defined(name: str) -> dict[str, Any]:
    """A reference to a definition that is none of pydantic's, which would look for it."""
    return {DEFINED: name}


def component(role: type) -> Any:
    """The type of an object written as `{type: name, ...}`."""
    return Annotated[
        role,
        BeforeValidator(lambda tree: build(tree, role)),
        PlainSerializer(lambda value: describe(value), return_type=dict),
        schema_of(role),
    ]


def file_name(name: str) -> str:
    """`name`, if files can be called so anywhere."""
    if not re.fullmatch(r"\w[\w .+-]{0,99}", name):
        raise ValueError(f"expected up to 100 letters, digits, '_', '-', '.', '+' or spaces, got {shorten(name)}")
    return name


class Section(BaseModel):
    """One part of a config: frozen, and refusing keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, validate_default=True)


class NamedConfig(Section):
    """What every run has."""

    name: Annotated[str, AfterValidator(file_name)] = "run"
    seed: int = Field(0, strict=True, ge=0, lt=2**32)

    def to_yaml(self) -> str:
        """The resolved config: every default written out; reading it back gives the same run."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)
