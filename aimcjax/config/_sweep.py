"""What a sweep visits, and what it measures there."""

# Types made by calls (`quantity("s")`) are beyond static checkers.
# pyright: reportInvalidTypeForm=false, reportCallIssue=false, reportArgumentType=false

import re
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from .. import sweeps
from ..components import shorten, suggest
from ..units import UNITS, format_time, parse_quantity
from ._section import Count, Number, Section, quantity


_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}
_SPACED = {"linspace": np.linspace, "logspace": np.geomspace}
_RANGES = ("uniform", "loguniform")
_DESIGNS = ("crossed", "paired")
_AXIS: dict[str, Any] = {
    "anyOf": [
        {"type": "array", "minItems": 1},
        *(
            {"type": "object", "properties": {name: {"type": "array", "minItems": n, "maxItems": n}},
             "required": [name], "additionalProperties": False}
            for names, n in ((_SPACED, 3), (_RANGES, 2)) for name in names
        ),
    ]
}  # fmt: skip
_AXES = {"type": "object", "additionalProperties": _AXIS}
_DESIGN = {
    "anyOf": [
        {"enum": list(_DESIGNS)},
        *(
            {"type": "object", "properties": {name: {"type": "integer", "minimum": 1}}, "required": [name],
             "additionalProperties": False}
            for name in ("random", "sobol")
        ),
    ]
}  # fmt: skip
METRICS = ("accuracy", "loss", "perplexity", "bits_per_character", "mvm_error")


def _ascending(times: tuple[float, ...]) -> tuple[float, ...]:
    if list(times) != sorted(set(times)):
        raise ValueError(f"expected times in ascending order, got {', '.join(map(format_time, times))}")
    return times


def _memory(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = re.fullmatch(r"\s*(\d+\.?\d*)\s*(\w+)\s*", value) if isinstance(value, str) else None
    if match is None or match[2] not in _BYTES or float(match[1]) <= 0:
        raise ValueError(f"expected an amount of memory, for example '2 GiB', got {shorten(value)}")
    return int(float(match[1]) * _BYTES[match[2]])


def _axes(tree: Any) -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise ValueError(f"expected paths and their values, got {shorten(tree)}")
    for path, values in tree.items():
        try:
            found, _ = coordinate(list(read_axis(values).values))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        if len(set(found)) < len(found):
            raise ValueError(f"{path}: every value stands there once, got {shorten(values)}")
        if str(path).split(".")[0] in ("sweep", "name", "mesh"):
            raise ValueError(f"{path} is no parameter of a network or a chip, so it cannot be swept")
    return {str(path): values for path, values in tree.items()}


def read_axis(tree: Any) -> sweeps.Axis:
    """An axis as written: a list of values, or `{linspace: [low, high, n]}`, `logspace` alike, `{uniform: [low, high]}`
    or `loguniform` for samples; ends may have units."""
    if isinstance(tree, list):
        if not tree:
            raise ValueError("expected at least one value, got []")
        return sweeps.Axis(values=tuple(tree))
    known = (*_SPACED, *_RANGES)
    if not isinstance(tree, dict) or len(tree) != 1:
        raise ValueError(f"expected a list, or one of {', '.join(known)} with its ends, got {shorten(tree)}")
    ((kind, numbers),) = tree.items()
    if kind not in known:
        raise ValueError(f"got {shorten(kind)}; {suggest(str(kind), known, always_list=True)}")
    wanted = 3 if kind in _SPACED else 2
    if not isinstance(numbers, list) or len(numbers) != wanted:
        shape = "[low, high, number of values]" if wanted == 3 else "[low, high]"
        raise ValueError(f"{kind} takes {shape}, got {shorten(numbers)}")
    (low, high), unit = common_unit(numbers[:2])
    if low >= high or ("log" in kind and low <= 0):
        raise ValueError(f"{kind} goes up{' from above zero' * ('log' in kind)}, got {shorten(numbers)}")
    if kind in _RANGES:
        return sweeps.Axis(low=low, high=high, log="log" in kind, unit=unit)
    n = numbers[2]
    if isinstance(n, bool) or not isinstance(n, int) or n < 2:
        raise ValueError(f"{kind} has at least two values, got {shorten(n)}")
    return sweeps.Axis(values=tuple(with_unit(float(v), unit) for v in _SPACED[kind](low, high, n)))


def common_unit(values: list[Any]) -> tuple[list[float], str]:
    """Quantities in SI, and the unit that they have in common.

    **Raises:** `ValueError` if they have none.
    """
    for unit in ("1", *UNITS):
        try:
            return [parse_quantity(value, unit) for value in values], unit
        except ValueError:
            continue
    raise ValueError(f"expected numbers, or quantities of one kind such as '25 uS', got {shorten(values)}")


def with_unit(value: float, unit: str) -> Any:
    """A value as a config writes it."""
    return float(f"{value:.12g}") if unit == "1" else f"{value:.12g} {unit}"


def _design(value: Any) -> Any:
    if value in _DESIGNS:
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((kind, n),) = value.items()
        if kind in ("random", "sobol") and isinstance(n, int) and not isinstance(n, bool) and n > 0:
            return value
    raise ValueError(f"expected crossed, paired, {{random: n}} or {{sobol: n}}, got {shorten(value)}")


def _metric(name: str) -> str:
    if name not in METRICS and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", name):
        told = suggest(name, METRICS, always_list=True)
        raise ValueError(f"got {shorten(name)}; {told}, or your own function of logits and labels as 'module:function'")
    return name


class UntilConfig(Section):
    """`aimcjax.sweeps.Until`: chips enough when the interval of the metric is as narrow, in the metric's own unit."""

    ci95: Number = Field(gt=0)
    metric: str | None = None


class SensitivityConfig(Section):
    """`aimcjax.sweeps.sensitivity` of the loss: on how many chips and samples, and when (default: the last time)."""

    n_chips: Count = Field(4, ge=2)
    samples: Count = Field(128, gt=0)
    time: quantity("s") | None = None


class SweepConfig(Section):
    """How many chips, and when to read them.

    For `aimcjax sweep` also `axes`, values by path of the config (`tile.device.nu_mean: {linspace: [0.03, 0.09, 7]}`),
    in a `design`; the `networks` that go to chips; `metrics`; `chunk`, chips that are computed and written together;
    `memory` on each device; `until`, when to stop early; `sensitivity`, `null` for none.
    """

    n_chips: Count = Field(25, ge=2)
    times: Annotated[tuple[quantity("s"), ...], AfterValidator(_ascending)] = Field(
        ("20 s", "1 h", "1 day", "1 week", "30 days", "1 year"), min_length=1
    )
    axes: Annotated[dict[str, Any], BeforeValidator(_axes), WithJsonSchema(_AXES)] = {}
    design: Annotated[Any, BeforeValidator(_design), WithJsonSchema(_DESIGN)] = "crossed"
    networks: tuple[Literal["direct", "hwa", "hwa_lora"], ...] = Field(("hwa",), min_length=1)
    metrics: tuple[Annotated[str, AfterValidator(_metric)], ...] = ()
    chunk: Count | None = Field(None, gt=0)
    memory: Annotated[
        int | None, BeforeValidator(lambda value: None if value is None else _memory(value)),
        PlainSerializer(lambda value: value, return_type=int | None),
        WithJsonSchema({"type": ["integer", "string", "null"]}),
    ] = None  # fmt: skip
    until: UntilConfig | None = None
    sensitivity: SensitivityConfig | None = SensitivityConfig()

    def points(self, seed: int) -> sweeps.Points:
        """The values that are visited, `{path: value as a config writes it}`; `networks` are an axis if there are
        several.

        **Raises:** `ValueError` if axes and design do not go together.
        """
        axes = {path: read_axis(tree) for path, tree in self.axes.items()}
        if len(self.networks) > 1:
            axes["network"] = sweeps.Axis(values=self.networks)
        if isinstance(self.design, dict):
            ((kind, n),) = self.design.items()
            points = sweeps.sampled(axes, n, sobol=kind == "sobol", seed=seed) if axes else [{}]
            ranges = {path: axis.unit for path, axis in axes.items() if axis.is_range}
            return [
                {path: with_unit(value, ranges[path]) if path in ranges else value for path, value in point.items()}
                for point in points
            ]
        for path, axis in axes.items():
            if axis.is_range:
                raise ValueError(f"sweep.axes.{path} is a range; it takes design: {{random: n}} or {{sobol: n}}")
        values = {path: axis.values for path, axis in axes.items()}
        return sweeps.paired(values) if self.design == "paired" and values else sweeps.crossed(values)


def coordinate(values: list[Any]) -> tuple[list[Any], str]:
    """`values` of an axis as a coordinate, in SI where they are quantities, and their unit; else a word for each."""
    try:
        found, unit = common_unit(values)
    except ValueError:
        return [_word(value) for value in values], ""
    return found, unit


def _word(value: Any) -> str:
    if isinstance(value, dict) and "type" in value:
        others = ", ".join(f"{key}={item}" for key, item in value.items() if key != "type")
        return f"{value['type']}({others})" if others else str(value["type"])
    return str(value)
