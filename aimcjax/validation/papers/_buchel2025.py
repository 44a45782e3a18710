"""Stacked arrays of Büchel et al. 2025, by the public simulator that they come with."""

import functools

from ... import chips
from ...chips import timing
from ...units import nJ, ns, pJ
from .._check import Absolute, Check, Origin, Paper, Relative


PAPER = Paper(
    "buchel2025", "Büchel et al., Nat. Comput. Sci. 5:13 (2025), defaults of its 3D-CiM-LLM simulator",
    "https://doi.org/10.1038/s43588-024-00753-x",
)  # fmt: skip


def _latency() -> float:
    decoder = timing.Decoder(n_layers=1, dim=512, ff=2048, vocab=1024)
    return timing.schedule(timing.decoder_graph(decoder)).latency_s / ns


@functools.cache
def _peak() -> chips.Peak:
    return chips.peak(chips.load("aimc3d_2025"))


def _product() -> list[float]:
    parts = sum(float(_peak().parts_J[part]) for part in ("core", "dac", "adc", "digital"))
    return [float(_peak().mvm_s) / ns, parts / chips.load("aimc3d_2025").count_tiles() / nJ]


def _operation() -> float:
    return _product()[1] * nJ / (2 * 512**2) / pJ


_FITTED = "rate and figure of merit of the converters were chosen for a product; what is checked is the arithmetic"


CHECKS = (
    Check(PAPER, "latency", "latency of one decoder layer with head for one token, 512 wide, 2048 hidden, 1024 words",
          _latency, 883.0, Absolute(1e-6), "a sum of whole nanoseconds, counted by hand from the defaults",
          Origin.PEER, "ns"),
    Check(PAPER, "product", "time (ns) and energy (nJ) of a product on a tier of 512x512", _product, (100.0, 10.0),
          Relative(5e-3), "what the digits of the chosen constants leave", Origin.PEER, fitted=_FITTED, seconds=2.0),
    Check(PAPER, "operation", "energy of an operation", _operation, 0.0191, Relative(5e-3), "three digits", Origin.PEER,
          "pJ", fitted=_FITTED, seconds=1.5),
)  # fmt: skip
