"""The parts of a Verilog-A module, and how they are put together."""

import re
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jax.core import Tracer

from ._functions import FUNCTIONS, RESERVED


class Parameter(NamedTuple):
    """One parameter of the module: its `value` with `low` and `high`, each as text and as number; a round bracket
    excludes the end, as in Verilog-A."""

    name: str
    value: float | int
    low: tuple[str, float]
    high: tuple[str, float]
    brackets: str
    unit: str
    meaning: str

    def line(self) -> str:
        """The declaration, with its attributes on a line before it."""
        kind = "integer" if isinstance(self.value, int) else "real"
        units = "" if self.unit == "1" else f', units = "{self.unit}"'
        return (
            f'    (* desc = "{self.meaning}"{units} *)\n'
            f"    parameter {kind} {self.name} = {self.value!r} from {self._range()};"
        )

    def check(self) -> None:
        """Raises `ValueError` where the value is not within the range: a simulator would refuse the module."""
        (_, low), (_, high) = self.low, self.high
        above = self.value >= low if self.brackets[0] == "[" else self.value > low
        below = self.value <= high if self.brackets[1] == "]" else self.value < high
        if not (np.isfinite(self.value) and above and below):
            raise ValueError(f"{self.name} must lie within {self._range()} to be exported, got {self.value!r}")

    def _range(self) -> str:
        return f"{self.brackets[0]}{self.low[0]}:{self.high[0]}{self.brackets[1]}"


class Cell(NamedTuple):
    """What is particular to a model: comments, parameters, the state in SI and its range, statements, noise.

    The statements find the voltage `v` and the fraction `y` of the range of the state; they assign the current `i` and
    `rate`, the rate of that fraction in 1/s.
    """

    reference: str
    notes: Sequence[str]
    parameters: Sequence[Parameter]
    state: tuple[str, str, str]  # name, unit, meaning
    value: str  # the state at the fraction y, an expression
    start: str  # the fraction at the start, an expression of parameters
    statements: str
    drawn: str = ""  # statements that draw random numbers at events; not empty where there is noise


_ENDS = {"inf": ("inf", np.inf), "-inf": ("-inf", -np.inf), "0": ("0", 0.0), "1": ("1", 1.0)}


def parameters(model: Any, rows: str, *, prefix: str = "") -> list[Parameter]:
    """Parameters of `model` from lines of `name, range, meaning`: values and units are those of its fields.

    The ends of a range are `inf`, `-inf`, 0, 1, a field of `model`, `-` and a field, or `min(field, -field)`.
    """
    fields, made = type(model).__dataclass_fields__, []
    for row in textwrap.dedent(rows).strip().splitlines():
        name, bounds, meaning = (part.strip() for part in row.split(";"))
        low, high = bounds[1:-1].split(":")
        unit = fields[name].metadata["unit"]
        made.append(
            Parameter(
                prefix + name, number(model, name), _end(model, low), _end(model, high), bounds[0] + bounds[-1], unit,
                meaning,
            )
        )  # fmt: skip
    return made


def number(model: Any, name: str) -> float:
    """The field `name` of `model` as the shortest decimal that is the same number at its precision."""
    value = getattr(model, name)
    if isinstance(value, Tracer) or np.shape(value) != ():
        raise ValueError(
            f"verilog_a writes one cell with known parameters, got {name} of {type(model).__name__} of shape"
            f" {np.shape(value)}{' while tracing' if isinstance(value, Tracer) else ''}; pick one cell"
        )
    return float(str(np.asarray(value)[()]))


def assemble(cell: Cell, *, title: str, name: str, seed: int) -> str:
    """The text of the module `name`."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or name in RESERVED:
        raise ValueError(f"name must be an identifier of Verilog-A that is not reserved, such as my_cell, got {name!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise ValueError(f"seed must be a whole number from 0 to 2147483647, got {seed!r}")
    declared = [*cell.parameters]
    if cell.drawn:
        ends = ("0", 0.0), ("2147483647", 2147483647.0)
        declared.append(Parameter("seed", seed, *ends, "[]", "1", "seed of the noise; give each instance its own"))
    for parameter in declared:
        parameter.check()
    statements = textwrap.dedent(_STATEMENTS).format(
        state=cell.state[0], value=cell.value, start=cell.start, drawn=_block(cell.drawn),
        own=_block(cell.statements),
    )  # fmt: skip
    called = "\n\n".join(text for call, text in FUNCTIONS.items() if f"{call}(" in statements)
    return _MODULE.format(
        header="\n".join(_header(cell, title, name)), name=name, parameters="\n".join(p.line() for p in declared),
        variables=_variables(cell, statements), functions=f"\n{textwrap.indent(called, '    ')}\n" if called else "",
        statements=textwrap.indent(_without_blank(statements), "        "),
    )  # fmt: skip


def _end(model: Any, text: str) -> tuple[str, float]:
    if text in _ENDS:
        return _ENDS[text]
    names = re.findall(r"-?[a-z]\w*", text.removeprefix("min"))
    values = [-number(model, n[1:]) if n[0] == "-" else number(model, n) for n in names]
    return text, min(values)


def _header(cell: Cell, title: str, name: str) -> list[str]:
    noise = "drawn from the parameter seed" if cell.drawn else "none, so there is no seed"
    lines = [
        f"{name}: {title}, written by aimcjax.",
        f"Reference: {cell.reference}",
        f"Exported: the current, the rate of the state, its bounds. Randomness: {noise}.",
        "Units: SI throughout. A positive current flows from p to n through the cell.",
        f"State: {cell.state[2]} ({cell.state[0]} [{cell.state[1]}]). The voltage of the internal node `state` is its"
        " fraction of that range, so that tolerances of voltages suit it; operating points hold it at the start.",
        *cell.notes,
    ]
    return [f"// {part}" for line in lines for part in textwrap.wrap(line, 100, subsequent_indent="  ")]


def _variables(cell: Cell, statements: str) -> str:
    name, unit, meaning = cell.state
    shown = {name: (unit, meaning), "rate": ("1/s", "rate of the fraction of the range")}
    own = [n for n in dict.fromkeys(re.findall(r"(\w+) = ", statements)) if n not in shown and n != "random_state"]
    lines = [f'    (* desc = "{text}", units = "{of}" *)\n    real {n};' for n, (of, text) in shown.items()]
    return "\n".join([*lines, f"    real {', '.join(own)};", *(["    integer random_state;"] if cell.drawn else [])])


def _block(statements: str) -> str:
    return textwrap.dedent(statements).strip()


def _without_blank(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.strip())


_STATEMENTS = """
{drawn}
v = V(p, n);
y = min(max(V(state), 0.0), 1.0);
{state} = {value};
{own}
if ((V(state) <= 0.0 && rate < 0.0) || (V(state) >= 1.0 && rate > 0.0))
    rate = 0.0;
I(p, n) <+ i;
I(state) <+ ddt(V(state));
if (analysis("static"))
    I(state) <+ V(state) - {start};
else
    I(state) <+ -rate;
"""

_MODULE = """{header}

`include "constants.vams"
`include "disciplines.vams"

module {name}(p, n);
    inout p, n;
    electrical p, n;
    electrical state;

{parameters}

{variables}
{functions}
    analog begin
{statements}
    end
endmodule
"""
