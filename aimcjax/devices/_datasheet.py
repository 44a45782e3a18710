"""What was published about the technologies behind the presets, for tables: nothing here enters a computation."""

import dataclasses
import inspect
import re
import warnings
from collections.abc import Sequence
from typing import NamedTuple

from ..units import MOhm, day, fJ, format_quantity, kOhm, ns, pJ, uS, us, year


class Quoted(NamedTuple):
    """A number, a range `(low, high)` or a text, and its `source` (or "assumed")."""

    value: float | tuple[float, float] | str
    source: str


@dataclasses.dataclass(frozen=True)
class Datasheet:
    """One technology in numbers, `None` where nobody published any that we know of.

    **Arguments:** `technology`; `source` of the statistical model; `g_range` [S]; `times` [s] of validity, `(first,
    last)` after programming; `on_off`, ratio of the largest to the smallest conductance; `endurance` [cycles];
    `retention` [s] or text; `write_energy` [J]; `write_time` [s]; `write_voltage` [V]; `voltages` [V] of validity.
    """

    technology: str
    source: str
    g_range: Quoted | None = None
    times: Quoted | None = None
    on_off: Quoted | None = None
    endurance: Quoted | None = None
    retention: Quoted | None = None
    write_energy: Quoted | None = None
    write_time: Quoted | None = None
    write_voltage: Quoted | None = None
    voltages: Quoted | None = None

    def outside(self, *, g: Sequence[float] = (), t: Sequence[float] = (), v: Sequence[float] = ()) -> list[str]:
        """A line for each of conductances `g` [S], times `t` [s] and voltages `v` [V] that leaves the range in which
        the device was measured."""
        lines = []
        ranges = (("g", g, "S", self.g_range), ("t", t, "s", self.times), ("v", v, "V", self.voltages))
        for name, values, unit, quoted in ranges:
            if quoted is None or not isinstance(quoted.value, tuple):
                continue
            low, high = quoted.value
            slack = 1e-6 * (high - low)  # the same number in float32
            beyond = [value for value in values if not low - slack <= value <= high + slack]
            if beyond:
                given, first, last = (format_quantity(float(f"{x:.6g}"), unit) for x in (beyond[0], low, high))
                lines.append(
                    f"{name} = {given} is outside of {first} to {last}, the valid range of {self.technology} "
                    f"({quoted.source}): extrapolated"
                )
        return lines

    def warn_outside(self, *, g: Sequence[float] = (), t: Sequence[float] = (), v: Sequence[float] = ()) -> None:
        """Warns (`UserWarning`) of what `outside` finds: a computation goes on, but extrapolates."""
        for line in self.outside(g=g, t=t, v=v):
            warnings.warn(line, stacklevel=2)


_REVIEWS = "range of the class in reviews"
_NEUROSIM = "default of NeuroSim 2.1"
_ASSUMED = "assumed"
_PCM = Datasheet(
    technology="phase-change memory, doped GST",
    source="Joshi et al., Nat. Commun. 11:2473 (2020)",
    g_range=Quoted((0.0, 25 * uS), "Joshi 2020"),
    times=Quoted((20.0, year), "Joshi 2020: first read; a year is an extrapolation"),
    on_off=Quoted((1e2, 1e3), _REVIEWS),
    endurance=Quoted((1e6, 1e9), _REVIEWS),
    retention=Quoted("years, with drift of the amorphous phase", _REVIEWS),
    write_energy=Quoted((0.1 * pJ, 100 * pJ), _REVIEWS),
    write_time=Quoted("below 1 ns to 100 ns", _REVIEWS),
)
_HERMES = dataclasses.replace(
    _PCM,
    technology="phase-change memory, 14 nm, one device a cell",
    source="Le Gallo et al., Nat. Electron. 6:680 (2023); Vasilopoulos et al., IEEE TED (2023)",
    g_range=Quoted((0.0, 10.35 * uS), "fit in AIHWKit"),
    times=Quoted((200.0, year), "fit in AIHWKit: first read; a year is an extrapolation"),
)
_RRAM = Datasheet(
    technology="oxide RRAM, 130 nm (NeuRRAM)",
    source="Wan et al., Nature 608:504 (2022)",
    g_range=Quoted((1 * uS, 40 * uS), "Wan 2022; lower end assumed"),
    times=Quoted((1.0, 2 * day), "Wan 2022, Extended Data Fig. 3"),
    on_off=Quoted((10.0, 1e5), _REVIEWS),
    endurance=Quoted((1e3, 1e9), "reviews, mostly 1e4 to 1e7"),
    retention=Quoted("hours to more than 10 years", _REVIEWS),
    write_energy=Quoted((0.1 * pJ, 100 * pJ), _REVIEWS),
    write_time=Quoted((1 * ns, 1 * us), "reviews: ns to us"),
    write_voltage=Quoted((0.3, 3.0), _REVIEWS),
)
_FALCONE = dataclasses.replace(
    _RRAM,
    technology="CMO/HfOx RRAM, verified to 0.2 %",
    source="Falcone et al., arXiv:2502.04524 (2025)",
    g_range=Quoted((9 * uS, 88.2 * uS), "fit in AIHWKit"),
    times=Quoted((1.0, year), "assumed: the fit is in ln t"),
)
_MILO = dataclasses.replace(
    _RRAM,
    technology="HfO2 RRAM, verified (IGVVA-100)",
    source="Milo et al., IRPS (2021)",
    g_range=Quoted((50 * uS, 225 * uS), "fit in CrossSim"),
    times=None,
    voltages=Quoted((-0.5, 0.5), "range of the I-V fit in CrossSim"),
)
_SHEETS: dict[str, Datasheet] = {
    "ideal": Datasheet("none: an ideal conductance", _ASSUMED, g_range=Quoted((0.0, 25 * uS), _ASSUMED)),
    "pcm_joshi2020": _PCM,
    "pcm_hermes_1": _HERMES,
    "pcm_hermes_2": dataclasses.replace(
        _HERMES,
        technology="phase-change memory, 14 nm, two devices a cell",
        g_range=Quoted((0.0, 20.7 * uS), "fit in AIHWKit"),
        times=Quoted((300.0, year), "fit in AIHWKit: first read; a year is an extrapolation"),
    ),
    "rram_wan2022": _RRAM,
    "rram_milo2021": _MILO,
    "rram_falcone_0p2": _FALCONE,
    "rram_falcone_2": dataclasses.replace(_FALCONE, technology="CMO/HfOx RRAM, verified to 2 %"),
    "sonos": Datasheet(
        technology="SONOS charge trap, 40 nm",
        source="Agrawal et al., IEDM 21.7 (2022)",
        g_range=Quoted((1 / (6e6 * MOhm), 1 / (35 * kOhm)), "Xiao et al., IEEE TCAS-I 69:1480 (2022)"),
        times=Quoted((0.0, 5 * day), "Agrawal 2022"),
        on_off=Quoted(1.7e8, "Xiao 2022: 35 kOhm and 6 TOhm; CrossSim says about 1e7"),
    ),
    "mram": Datasheet(
        technology="STT/SOT magnetic tunnel junction, two states",
        source=_ASSUMED,
        g_range=Quoted((80 * uS, 200 * uS), _ASSUMED),
        on_off=Quoted((2.0, 3.0), _REVIEWS),
        endurance=Quoted(1e12, "reviews: more than"),
        retention=Quoted("years", _REVIEWS),
        write_time=Quoted((1 * ns, 10 * ns), "reviews: ns; upper end assumed"),
    ),
    "fefet": Datasheet(
        technology="ferroelectric transistor",
        source=_NEUROSIM,
        g_range=Quoted((1 / (24e3 * kOhm), 1 / (240 * kOhm)), _NEUROSIM),
        on_off=Quoted(100.0, _NEUROSIM),
        endurance=Quoted((1e6, 1e9), _REVIEWS),
        retention=Quoted("years", _REVIEWS),
        write_energy=Quoted((1 * fJ, 1 * pJ), "reviews: fJ to pJ"),
        write_time=Quoted(50 * ns, _NEUROSIM),
        write_voltage=Quoted(4.0, _NEUROSIM),
    ),
    "cbram": Datasheet(
        technology="conductive-bridge memory",
        source=_ASSUMED,
        g_range=Quoted((1 * uS, 100 * uS), _ASSUMED),
        on_off=Quoted("high", _REVIEWS),
        endurance=Quoted((1e5, 1e8), _REVIEWS),
        retention=Quoted("depends on the structure", _REVIEWS),
        write_energy=Quoted("low", _REVIEWS),
        write_time=Quoted((10 * ns, 100 * ns), "reviews: tens of ns"),
        write_voltage=Quoted("low", _REVIEWS),
    ),
    "ecram": Datasheet(
        technology="electrochemical transistor",
        source=_ASSUMED,
        g_range=Quoted((1e-2 * uS, 1 * uS), _ASSUMED),
        endurance=Quoted(1e12, "reviews: up to"),
    ),
    "mos2": Datasheet("2D-material (MoS2) floating gate", _ASSUMED, g_range=Quoted((1e-2 * uS, 10 * uS), _ASSUMED)),
    "bulk_rram": Datasheet(
        technology="filament-free bulk RRAM, 40 nm, 8 layers, 64 levels",
        source="Kuzum group (UCSD), IEDM (2025), as reported in the press",
        g_range=Quoted((0.05 * uS, 1 * uS), "MOhm range: Kuzum 2025; the two ends assumed"),
        retention=Quoted("years at room temperature, unknown when hot", "IEEE Spectrum, 9 Feb 2026"),
    ),
}


def reference_of(part: type) -> str | None:
    """The **Reference** that the docstring of the class of a `part` cites, on one line."""
    found = re.search(r"\*\*Reference:\*\*(.*?)(?:\n\s*\n|\*\*|\Z)", inspect.getdoc(part) or "", re.DOTALL)
    return " ".join(found.group(1).split()) if found else None


def sheet_of_class(part: type) -> Datasheet:
    """What the docstring of a model says: for models that stand for no single technology."""
    first, *_ = (inspect.getdoc(part) or part.__name__).split("\n\n")
    return Datasheet(" ".join(first.split()).rstrip(",.:"), reference_of(part) or "see the class")


def known_datasheet(name: str) -> Datasheet | None:
    """The sheet of a technology by the name of its preset, if it has one."""
    return _SHEETS.get(name)
