"""What a request and a write take of the tiles of a layer, for the log."""

from collections.abc import Mapping

import jax
import numpy as np

from ...tiles import ProgrammingReport
from .._place import Placement
from .._price import converted, priced


Facts = dict[str, dict[str, float]]


def request_facts(placement: Placement) -> Facts:
    """By layer: `adc_calls`, conversions of a request on all of its tiles; `adc_latency` [s], of the conversions of one
    vector on one tile; `peak_current` [A], of one tile with all inputs at full scale, in the mean over its tiles."""
    counts, core = jax.tree.map(np.asarray, placement.counts), placement.chip.core
    found = jax.tree.map(np.asarray, converted(placement.counts, placement.chip, False))
    phases, mvm = float(core.phases), np.asarray(priced(placement.counts, placement.chip).stages.mvm)
    calls = counts.vectors * counts.met * counts.codes * phases
    latency = np.maximum(mvm - phases * counts.reads * found.t_read, 0.0)
    current = found.v_max * (counts.g + float(core.mean_g) * counts.g_range)
    parts = {layer.name: layer.part.n_tiles for layer in placement.layers}
    return {
        name: {
            "adc_calls": float(calls[i]),
            "adc_latency": float(latency[i]),
            "peak_current": float(current[i]) / parts[name],
        }
        for i, name in enumerate(counts.names)
    }


def write_facts(reports: Mapping[str, ProgrammingReport]) -> Facts:
    """By layer, from `nn.programming_reports`: `program_pulses` and `verify_count` of all of its cells, and
    `program_latency` [s] of one tile, in the mean."""
    return {
        name: {
            "program_pulses": float(np.sum(report.pulses)),
            "verify_count": float(np.sum(report.reads)),
            "program_latency": float(np.mean(report.time)),
        }
        for name, report in reports.items()
    }
