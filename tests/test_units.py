"""Quantities: every spelling means what it says, text and numbers go back and forth, nonsense is refused."""

import numpy as np
import pytest
import tolerances
from hypothesis import given, settings, strategies as st
from scipy import constants

from aimcjax import units
from aimcjax.units import UNITS, format_quantity, format_time, parse_quantity


PREFIXES = {
    "a": 1e-18, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "": 1.0,
    "k": 1e3, "M": 1e6, "G": 1e9,
}  # fmt: skip
TIMES = {
    "min": 60, "h": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400, "week": 604800,
    "weeks": 604800, "y": 31557600, "year": 31557600, "years": 31557600,
}  # fmt: skip
SPELLINGS = [(unit, spelling) for unit, table in UNITS.items() for spelling in table]
MAGNITUDES = st.floats(1e-30, 1e30, allow_nan=False, allow_infinity=False)


def _meaning(unit: str, spelling: str) -> float:
    """The multiplier, from the prefixes of SI and not from the table under test."""
    if unit == "1":
        return {"": 1.0, "%": 0.01}[spelling]
    if unit == "s" and spelling in TIMES:
        return float(TIMES[spelling])
    if spelling.endswith("eV"):
        return PREFIXES[spelling.removesuffix("eV")] * constants.electron_volt
    base = spelling.replace("Ω", "Ohm").removesuffix(unit)
    assert spelling.replace("Ω", "Ohm").endswith(unit)
    return PREFIXES[base] ** (2 if unit == "m2" else 1)


@pytest.mark.parametrize(("unit", "spelling"), SPELLINGS)
def test_every_spelling_means_what_si_says(unit: str, spelling: str) -> None:
    expected = 2.5 * _meaning(unit, spelling)
    for text in (f"2.5 {spelling}", f"2.5{spelling}", f"  +2.5   {spelling} ", f"25e-1 {spelling}"):
        assert parse_quantity(text, unit) == pytest.approx(expected, rel=tolerances.FLOAT64, abs=0)
    assert parse_quantity(f"-2.5 {spelling}", unit) == pytest.approx(-expected, rel=tolerances.FLOAT64, abs=0)
    if spelling.isidentifier() and spelling not in TIMES and spelling.isascii():  # and so do the multipliers for code
        assert getattr(units, spelling) == pytest.approx(_meaning(unit, spelling), rel=tolerances.FLOAT64, abs=0)


def test_look_alikes_of_micro_and_ohm_are_read() -> None:
    assert parse_quantity("25 \u03bcS", "S") == parse_quantity("25 \u00b5S", "S") == parse_quantity("25 uS", "S")
    assert parse_quantity("5 \u2126", "Ohm") == parse_quantity("5 \u03a9", "Ohm") == 5.0


def test_constants() -> None:
    assert units.k_B == constants.k
    assert units.eV == constants.electron_volt


def test_parses_to_the_last_digit() -> None:
    assert parse_quantity("6.51 fJ", "J") == 6.51e-15
    assert parse_quantity("25 uS", "S") == 25e-6
    assert parse_quantity(0, "S") == 0.0
    assert parse_quantity(8, "1") == 8.0
    assert parse_quantity("3e-3", "1") == 3e-3


@pytest.mark.parametrize("unit", sorted(UNITS))
@settings(max_examples=40, deadline=None, derandomize=True)
@given(value=MAGNITUDES, negative=st.booleans())
def test_text_goes_back_to_the_same_number(unit: str, value: float, negative: bool) -> None:
    value = -value if negative else value
    assert parse_quantity(format_quantity(value, unit), unit) == value
    single = np.float32(value)
    assert np.float32(parse_quantity(format_quantity(single, unit), unit)) == single


@pytest.mark.parametrize("t", [0.0, 59.9, 61.0, 90.0, 123456.7, 31557600.5, 86400.0001, 1e9, 2e-7])
def test_times_go_back_to_the_same_number(t: float) -> None:
    assert parse_quantity(format_quantity(t, "s"), "s") == t


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (25e-6, "S", "25 uS"),
        (0.2, "V", "200 mV"),
        (5e-5, "A", "50 uA"),
        (0.07, "Ohm", "70 mOhm"),
        (1.2e9, "Hz", "1.2 GHz"),
        (1.2e-9, "m2", "1200 um2"),
        (0.0, "S", "0 S"),
        (0.25, "1", "25 %"),
        (8.0, "1", "8"),
        (3600.0, "s", "1 h"),
        (1e-7, "s", "100 ns"),
        (358.15, "K", "358.15 K"),
        (1.1 * units.eV, "J", "1.1 eV"),
        (np.float32(1.1 * units.eV), "J", "1.1 eV"),
        (25 * units.meV, "J", "25 meV"),
    ],
)
def test_writes_what_people_write(value: float, unit: str, text: str) -> None:
    assert format_quantity(value, unit) == text


@pytest.mark.parametrize(
    ("t", "text"),
    [
        (20.0, "20 s"),
        (60.0, "1 min"),
        (3600.0, "1 h"),
        (7200.0, "2 h"),
        (86400.0, "1 day"),
        (172800.0, "2 days"),
        (604800.0, "1 week"),
        (2592000.0, "30 days"),
        (31557600.0, "1 year"),
        (315576000.0, "10 years"),
        (5400.0, "90 min"),
        (1e-6, "1e-06 s"),
    ],
)
def test_times_as_people_say_them(t: float, text: str) -> None:
    assert format_time(t) == text


@pytest.mark.parametrize(
    ("given", "unit", "fragments"),
    [
        ("25 uV", "S", ["a quantity in S", "'25 uS'", "'25 uV'"]),
        ("25 us", "S", ["did you mean '25 uS'?"]),
        ("25", "S", ["a quantity in S", "'25'"]),
        (25, "S", ["a number needs its unit", "25"]),
        (2.5e-5, "S", ["a number needs its unit"]),
        (True, "1", ["a plain number", "True"]),
        (False, "S", ["False"]),
        (None, "S", ["None"]),
        (["25 uS"], "S", ["['25 uS']"]),
        ("", "S", ["''"]),
        ("uS", "S", ["'uS'"]),
        ("25 uS please", "S", ["'25 uS please'"]),
        ("--3 V", "V", ["'--3 V'"]),
        ("3 %", "V", ["'3 %'"]),
        ("nan S", "S", ["'nan S'"]),
        (float("nan"), "1", ["finite"]),
        (float("inf"), "1", ["finite"]),
        ("1e400 S", "S", ["finite"]),
        ("1e99999999999999999999 S", "S", ["finite"]),
        (10**400, "1", ["finite"]),
    ],
)
def test_refuses_with_what_was_expected_and_given(given: object, unit: str, fragments: list[str]) -> None:
    with pytest.raises(ValueError, match=r"^expected|^a number needs") as error:
        parse_quantity(given, unit)
    assert "\n" not in str(error.value)
    for fragment in fragments:
        assert fragment in str(error.value)
