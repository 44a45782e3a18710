"""Windows in Verilog-A: their parameters, and the statements that assign `window` from `y` and `i`."""

import functools

from ...devices import memristors as library
from ._module import Parameter, parameters


Part = tuple[list[Parameter], str]


@functools.singledispatch
def window(design: object) -> Part:
    """Parameters of the window `design`, prefixed with `window_`, and its statements."""
    known = ", ".join(sorted(cls.__name__ for cls in window.registry if cls is not object))
    raise ValueError(f"no Verilog-A for the window {type(design).__name__}; known: {known}")


@window.register
def _(design: library.Rectangular) -> Part:
    return [], "window = 1.0;"


@window.register
def _(design: library.Joglekar) -> Part:
    return _parameters(design, _P), "window = 1.0 - positive_power((2.0 * y - 1.0) * (2.0 * y - 1.0), window_p);"


@window.register
def _(design: library.Biolek) -> Part:
    return _parameters(design, _P + _WIDTH), _DISTANCE + "window = 1.0 - positive_power(far * far, window_p);"


@window.register
def _(design: library.Prodromakis) -> Part:
    text = "window = window_j * (1.0 - pow((y - 0.5) * (y - 0.5) + 0.75, window_p));"
    return _parameters(design, _P + _J), text


@window.register
def _(design: library.Zha) -> Part:
    text = "window = window_j * (1.0 - pow(0.25 * far * far + 0.75, window_p));"
    return _parameters(design, _P + _J + _WIDTH), _DISTANCE + text


@window.register
def _(design: library.TeamWindow) -> Part:
    rows = """
        a_off; (-inf:inf); where the window closes for positive currents, a fraction of the range
        a_on; (-inf:inf); where the window closes for negative currents, a fraction of the range
        w_c; (0:inf); how sharply the window closes, a fraction of the range
    """
    text = """
forward = smooth_step(i, window_width);
window = forward * exp(-exp((y - window_a_off) / window_w_c))
       + (1.0 - forward) * exp(-exp((window_a_on - y) / window_w_c));
"""
    return _parameters(design, rows + _WIDTH), text


def _parameters(design: object, rows: str) -> list[Parameter]:
    # Not textwrap: the rows are joined from parts of several indentations.
    return parameters(design, "\n".join(row.strip() for row in rows.splitlines() if row.strip()), prefix="window_")


_P = "p; (0:inf); exponent of the window\n"
_J = "j; (0:inf); scale of the window\n"
_WIDTH = "width; [0:inf); width of the step of the window in the current\n"
_DISTANCE = "far = y - smooth_step(-i, window_width);\n"
