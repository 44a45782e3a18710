"""SI units: multipliers for code (`25 * uS`) and one parser for text (`"25 uS"`)."""

import difflib
import math
import re
import unicodedata
from decimal import Context, Decimal, DecimalException
from typing import Any


fS, pS, nS, uS, mS, S = 1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 1.0
uV, mV, V = 1e-6, 1e-3, 1.0
pA, nA, uA, mA, A = 1e-12, 1e-9, 1e-6, 1e-3, 1.0
mOhm, Ohm, kOhm, MOhm = 1e-3, 1.0, 1e3, 1e6
ps, ns, us, ms, s = 1e-12, 1e-9, 1e-6, 1e-3, 1.0
minute, hour, day, week, year = 60.0, 3600.0, 86400.0, 604800.0, 31557600.0  # Julian year
aJ, fJ, pJ, nJ, uJ, mJ, J = 1e-18, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 1.0
meV, eV = 1.602176634e-22, 1.602176634e-19  # exact in the SI of 2019
nW, uW, mW, W = 1e-9, 1e-6, 1e-3, 1.0
nm, um, mm, m = 1e-9, 1e-6, 1e-3, 1.0
nm2, um2, mm2, m2 = 1e-18, 1e-12, 1e-6, 1.0
Hz, kHz, MHz, GHz = 1.0, 1e3, 1e6, 1e9
mK, K = 1e-3, 1.0

k_B = 1.380649e-23  # Boltzmann constant [J / K], exact in the SI of 2019

# SI unit -> {spelling: multiplier}; "1" is dimensionless.
UNITS: dict[str, dict[str, float]] = {
    "S": {"fS": fS, "pS": pS, "nS": nS, "uS": uS, "µS": uS, "mS": mS, "S": S},
    "V": {"uV": uV, "mV": mV, "V": V},
    "A": {"pA": pA, "nA": nA, "uA": uA, "µA": uA, "mA": mA, "A": A},
    "Ohm": {"mOhm": mOhm, "Ohm": Ohm, "kOhm": kOhm, "MOhm": MOhm, "Ω": Ohm, "kΩ": kOhm},
    "s": {
        "ps": ps, "ns": ns, "us": us, "µs": us, "ms": ms, "s": s, "min": minute, "h": hour,
        "hour": hour, "hours": hour, "day": day, "days": day, "d": day, "week": week,
        "weeks": week, "year": year, "years": year, "y": year,
    },
    "J": {"aJ": aJ, "fJ": fJ, "pJ": pJ, "nJ": nJ, "uJ": uJ, "mJ": mJ, "J": J, "meV": meV, "eV": eV},
    "W": {"nW": nW, "uW": uW, "mW": mW, "W": W},
    "m": {"nm": nm, "um": um, "µm": um, "mm": mm, "m": m},
    "m2": {"nm2": nm2, "um2": um2, "µm2": um2, "mm2": mm2, "m2": m2},
    "Hz": {"Hz": Hz, "kHz": kHz, "MHz": MHz, "GHz": GHz},
    "K": {"mK": mK, "K": K},
    "1": {"": 1.0, "%": 0.01},
}  # fmt: skip

_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")


def parse_quantity(text: object, unit: str) -> float:
    """Reads a quantity into SI.

    A unit that is not in `UNITS` is a compound such as `"m/s"`, and is spelled just so, without prefixes.

    **Arguments:** `text`, a string such as `"25 uS"`, or a bare number where `unit` is `"1"`
    (dimensionless) or the number is zero; `unit`, the SI unit expected.

    **Returns:** the value in `unit`, finite.

    **Raises:** `ValueError` naming what was expected and what was given.
    """
    spellings = _spellings(unit)
    example = f"for example '{_EXAMPLES.get(unit, f'2 {unit}')}'"
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        raise ValueError(f"expected {_describe(unit)}, {example}, got {text!r}")
    if isinstance(text, (int, float)):
        if unit == "1" or text == 0:
            return _finite(text, 1.0)
        raise ValueError(f"a number needs its unit here: expected {_describe(unit)}, {example}, got {text!r}")
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"expected {_describe(unit)}, {example}, got {text!r}")
    number, spelling = match.groups()
    factor = {_plain(name): factor for name, factor in spellings.items()}.get(_plain(spelling))
    if factor is not None:
        return _finite(number, factor)
    close = difflib.get_close_matches(spelling, spellings, n=1, cutoff=0.5)
    hint = f"; did you mean '{number} {close[0]}'?" if close else ""
    raise ValueError(f"expected {_describe(unit)}, {example}, got {text!r}{hint}")


def format_quantity(value: Any, unit: str) -> str:
    """Writes a value in SI with its `unit` and the prefix that makes it readable:
    `format_quantity(2.5e-5, "S") == "25 uS"`.

    `parse_quantity` reads it back to the same float32 (or float64, if `value` is one).
    """
    exact = Decimal(str(value))
    if unit == "s" and exact >= 60:
        readable = format_time(float(value))
        return readable if parse_quantity(readable, "s") == float(value) else f"{exact.normalize():f} s"
    if unit not in UNITS:
        return f"{value!s} {unit}"
    fitting = [(name, Decimal(str(factor))) for name, factor in UNITS[unit].items() if name.isascii()]
    plain = ("" if unit == "1" else unit, Decimal(1))
    name, factor = max((pair for pair in fitting if abs(exact) >= pair[1]), key=lambda pair: pair[1], default=plain)
    number = _shortest(value, exact / factor, factor) if name.endswith("eV") else exact / factor
    return f"{number.normalize():f} {name}".strip()


def format_time(t: float) -> str:
    """Writes seconds as people say them: `format_time(86400.0) == "1 day"`."""
    for name, span in (("year", year), ("week", week), ("day", day), ("h", hour), ("min", minute)):
        count = t / span
        if count >= 1 and abs(count - round(count)) < 1e-6 and not (name == "week" and count > 3):
            plural = "s" if name in ("year", "week", "day") and round(count) > 1 else ""
            return f"{round(count)} {name}{plural}"
    return f"{t:g} s"


def _spellings(unit: str) -> dict[str, float]:
    return UNITS.get(unit, {unit: 1.0})


def _plain(spelling: str) -> str:
    return unicodedata.normalize("NFKC", spelling)  # the micro sign and the Greek letter look the same


def _finite(number: Any, factor: float) -> float:
    try:
        value = float(Decimal(number) * Decimal(str(factor)))  # 6.51 fJ is 6.51e-15 to the last digit
    except (DecimalException, OverflowError):
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {str(number)[:40]}")
    return value


def _shortest(value: Any, number: Decimal, factor: Decimal) -> Decimal:
    # Not a power of ten: 1.1 eV in float32 would be written with the 27 digits of a division.
    for digits in range(1, 20):
        rounded = Context(prec=digits).plus(number)
        if type(value)(float(rounded * factor)) == value:
            return rounded
    return number


def _describe(unit: str) -> str:
    return "a plain number" if unit == "1" else f"a quantity in {unit}"


_EXAMPLES = {
    "S": "25 uS", "V": "0.2 V", "A": "50 uA", "Ohm": "0.35 Ohm", "s": "1 h", "J": "1.7 pJ",
    "W": "10 mW", "m": "14 nm", "m2": "1200 um2", "Hz": "1 GHz", "K": "358.15 K", "1": "0.04",
}  # fmt: skip
