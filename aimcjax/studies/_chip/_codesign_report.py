"""The report of a study of designs: fronts on chips that were held out, and paired differences."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ... import reports, sweeps
from ...chips import codesign as design
from ...config import CodesignConfig
from ...units import day


REFRESHED = "learned, refreshed"  # the family of designs whose chips are written again
_REFRESHED_NOTE = (
    "Chips that are written again are met at a random time between two refreshes, and their energy has its share of "
    "writing (assumed: 100 pJ a cell, 100 inferences a second), but wear does not count; all others are read at the "
    "last of `sweep.times`."
)
CHOOSING, MEASURING = slice(0, None, 2), slice(1, None, 2)  # which of the chips say what to compare, and the outcome


class Entry(NamedTuple):
    """A design on held-out chips: its `family` and `label`, names of the layers, and the `solution` that it is."""

    family: str
    label: str
    choice: design.Choice
    scored: design.Scored
    names: tuple[str, ...]
    solution: design.Solution | None = None

    @property
    def refresh_period(self) -> float:
        """After which chips are written again [s]."""
        return float(self.choice.refresh_period) if self.family == REFRESHED else np.inf

    @property
    def bits(self) -> Float[np.ndarray, " layers"]:
        """Of every layer."""
        return np.asarray(self.choice.bits, np.float64)


class Match(NamedTuple):
    """A uniform setting and the cheapest learned one that is better than it in the mean over the same chips, or else
    not measurably worse, at less energy, `None` if there is none: paired `difference` of their scores on other chips,
    larger is better, and energies saved, in all and of conversions, as parts."""

    uniform: Entry
    learned: Entry | None
    difference: sweeps.Summary | None = None
    saved: float = 0.0
    saved_adc: float = 0.0


def report(
    config: CodesignConfig, entries: list[Entry], tried: list[str], baseline: float, wall_s: float
) -> reports.StudyReport:
    """The report of all `entries`, the uniform ones first."""
    metric, matches = config.data.metric, [_match(config, each, entries) for each in entries if _is_uniform(each)]
    best = best_uniform(config, entries)
    return reports.StudyReport(
        name=config.name,
        title="bits of every layer by gradient, from loss and cost of the same design",
        opening=f"{config.data.metric.name} of the digital network: {metric.format(baseline)} {metric.unit}. Designs "
        f"are scored on {config.sweep.n_chips} chips that no optimisation has met, the same ones for all designs. "
        f"Learned bits are those of {len(entries[0].names)} layers: {', '.join(entries[0].names)}.",
        findings=[*_findings(config, matches, best), _front(config, entries), *tried],
        header=_header(config),
        rows=[_row(config, each) for each in entries],
        pictures=_pictures(config, entries),
        notes=_notes(config),
        arrays=_arrays(entries),
        coords={
            "family": ("design", [e.family for e in entries]), "label": ("design", [e.label for e in entries]),
            "layer": list(entries[0].names),
        },
        summary={
            "baseline": baseline,
            "metric": metric.key,
            "best_uniform": best.label,
            "dominates_best_uniform": _dominates(_of(matches, best)),
            "matches": [_numbers_of_match(each) for each in matches],
            "designs": [_numbers(config, each) for each in entries],
            "wall_s": wall_s,
        },
        wall_s=wall_s,
    )  # fmt: skip


def best_uniform(config: CodesignConfig, entries: list[Entry]) -> Entry:
    """The cheapest uniform setting that is not measurably worse than the most precise one: the 95 % interval of the
    paired difference reaches zero."""
    uniform = [each for each in entries if _is_uniform(each)]
    finest = max(uniform, key=lambda each: float(each.label))
    as_good = [each for each in uniform if each is finest or _difference(config, each, finest, CHOOSING).high >= 0]
    return min(as_good, key=lambda each: each.scored.energy_J)


def _is_uniform(entry: Entry) -> bool:
    return entry.family == "uniform"


def _difference(config: CodesignConfig, one: Entry, other: Entry, part: slice) -> sweeps.Summary:
    sign = 1.0 if config.data.metric.higher_is_better else -1.0
    return sweeps.summarize(sign * (one.scored.scores - other.scored.scores)[part])


def _match(config: CodesignConfig, uniform: Entry, entries: list[Entry]) -> Match:
    learned = [each for each in entries if each.family == "learned" and each.scored.energy_J < uniform.scored.energy_J]
    as_good = [each for each in learned if _difference(config, each, uniform, CHOOSING).mean >= 0]
    as_good = as_good or [each for each in learned if _difference(config, each, uniform, CHOOSING).high >= 0]
    if not as_good:
        return Match(uniform, None)
    found = min(as_good, key=lambda each: each.scored.energy_J)
    saved = lambda a, b: 1.0 - a / b
    return Match(
        uniform, found, _difference(config, found, uniform, MEASURING),
        saved(found.scored.energy_J, uniform.scored.energy_J),
        saved(found.scored.conversions_J, uniform.scored.conversions_J),
    )  # fmt: skip


def _of(matches: list[Match], uniform: Entry) -> Match:
    return next(each for each in matches if each.uniform is uniform)


def _dominates(match: Match) -> bool:
    """As of `on_front`: less energy, and on the chips that did not choose it a mean score that is not lower."""
    return match.difference is not None and match.difference.mean >= 0


def _findings(config: CodesignConfig, matches: list[Match], best: Entry) -> list[str]:
    metric, found = config.data.metric, _of(matches, best)
    head = (
        f"Best uniform setting: {best.label} bits, the fewest that are not measurably worse than "
        f"{max(config.codesign.uniform)} (95 % interval of the paired difference)."
    )
    if found.learned is None:
        return [head, "No learned design is as good as it at less energy.", *_others(config, matches, best)]
    assert found.difference is not None
    return [
        head,
        f"Learned bits {'dominate' if _dominates(found) else 'do not dominate'} it: {found.learned.label} takes "
        f"{100 * found.saved:.1f} % less energy in all and "
        f"{100 * found.saved_adc:.0f} % less in conversions, {_worth(found.difference)}: paired difference "
        f"{_interval(metric, found.difference)} {metric.unit}, positive is better.",
        *_others(config, matches, best),
    ]


def _others(config: CodesignConfig, matches: list[Match], best: Entry) -> list[str]:
    metric, lines = config.data.metric, []
    for each in matches:
        if each.uniform is best:
            continue
        if each.learned is None or each.difference is None:
            lines.append(f"{each.uniform.label} bits everywhere: no learned design is as good at less energy.")
            continue
        lines.append(
            f"{each.uniform.label} bits everywhere: {each.learned.label} takes {100 * each.saved:.1f} % less energy "
            f"({100 * each.saved_adc:.0f} % in conversions), {_worth(each.difference)}: "
            f"{_interval(metric, each.difference)}."
        )
    return lines


def _worth(difference: sweeps.Summary) -> str:
    if difference.low > 0:
        return "and is measurably better"
    if difference.high < 0:
        return "but is measurably worse"
    return "and is better in the mean, not measurably" if difference.mean >= 0 else "and is worse, not measurably"


def _front(config: CodesignConfig, entries: list[Entry]) -> str:
    sign = 1.0 if config.data.metric.higher_is_better else -1.0
    scores = np.asarray([sign * np.mean(e.scored.scores) for e in entries])
    inside = design.on_front(np.asarray([e.scored.energy_J for e in entries]), scores)
    on_it = [f"{e.family} {e.label}" for e, on in zip(entries, inside, strict=True) if on]
    of = f"of all {len(entries)} designs"
    return f"On the front of energy and mean {config.data.metric.name}, {of}: {', '.join(on_it)}."


def _interval(metric: Any, found: sweeps.Summary) -> str:
    values = [f"{metric.scale * value:+.{metric.decimals + 1}f}" for value in (found.mean, found.low, found.high)]
    return f"{values[0]} [{values[1]}, {values[2]}]"


def _header(config: CodesignConfig) -> list[str]:
    metric = config.data.metric
    return [
        "design", "bits by layer", "read voltage (V)", f"{metric.name} ({metric.unit}), 95 %", "energy (nJ)",
        "conversions (nJ)", "area (mm2)", "latency (ns)", "relaxed bits", "objective, relaxed → rounded",
        *(["written again after (days)"] if config.codesign.with_refresh else []),
    ]  # fmt: skip


def _row(config: CodesignConfig, entry: Entry) -> list[str]:
    metric, solution, found = config.data.metric, entry.solution, sweeps.summarize(entry.scored.scores)
    half = metric.format(found.high - found.mean)
    relaxed, objectives = "", ""
    if solution is not None:
        relaxed = " ".join(f"{bits:.1f}" for bits in np.asarray(solution.relaxed.bits))
        objectives = f"{float(solution.before.objective):.4f} → {float(solution.after.objective):.4f}"
    return [
        f"{entry.family} {entry.label}", " ".join(f"{bits:g}" for bits in entry.bits),
        f"{float(entry.choice.v_max):.3f}", f"{metric.format(found.mean)} ± {half}",
        f"{1e9 * entry.scored.energy_J:.3f}", f"{1e9 * entry.scored.conversions_J:.3f}",
        f"{1e6 * entry.scored.area_m2:.3f}", f"{1e9 * entry.scored.latency_s:.1f}", relaxed, objectives,
        *([f"{entry.refresh_period / day:.3g}".replace("inf", "never")] if config.codesign.with_refresh else []),
    ]  # fmt: skip


def _pictures(config: CodesignConfig, entries: list[Entry]) -> dict[str, Any]:
    metric, families = config.data.metric, list(dict.fromkeys(e.family for e in entries))
    scores, energies = {}, {}
    for family in families:
        inside = sorted((e for e in entries if e.family == family), key=lambda e: e.scored.energy_J)
        scores[family] = metric.scale * np.stack([e.scored.scores for e in inside], axis=1)
        energies[family] = 1e9 * np.asarray([e.scored.energy_J for e in inside])
    shown = np.concatenate([np.mean(scores[family], axis=0) for family in families if family != "uniform"])
    margin = 0.5 * max(np.ptp(shown), 0.1 * abs(shown[0]) / 10)
    front = reports.Panel(
        "", next(iter(energies.values())), scores, "energy of an inference (nJ)", f"{metric.name} ({metric.unit})",
        at=energies, intervals=True, ylim=(float(np.min(shown) - margin), float(np.max(shown) + margin)),
    )  # fmt: skip
    learned = {e.label: e.bits[None] for e in entries if e.family == "learned"}
    names = entries[0].names
    bits = reports.Panel("", np.arange(len(names)), learned, "layer", "bits of ADCs", ticks=names)
    caption = (
        f"Means and 95 % intervals over {config.sweep.n_chips} held-out chips, the same ones for all designs; shown is "
        "what is near the learned ones."
    )
    return {"front.png": ([front], caption), "bits.png": ([bits], "Learned bits by layer, for weights of energy.")}


def _notes(config: CodesignConfig) -> list[str]:
    section = config.codesign
    d = section.descent
    return [
        "The objective is cross-entropy in nats plus the weight times energy relative to the design as given: weights "
        f"are how much loss all of its energy is worth{_other_weights(section)}.",
        f"Descent: {d.steps} steps of {d.batch_size} training samples on {d.n_chips} fresh chips, the steps of ADCs as "
        f"uniform noise of variance Δ²/12, bits within {section.bits[0]:g} ... {section.bits[1]:g}. Rounding: from the "
        "nearest whole bits, each layer tries its other neighbour and keeps it where the exact objective falls, on "
        f"at most {d.round_samples} training samples and {d.round_chips} chips. All scores are of real quantisers.",
        "Which designs are compared is chosen on every other one of the held-out chips; paired differences are of the "
        "remaining ones, so that the choice does not flatter them.",
        "Energy, latency and area are exact costs of one inference on the chip of the config, whose numbers say which "
        "of them are assumed; conductances are those of one programmed chip.",
        *([_REFRESHED_NOTE] if section.with_refresh else []),
    ]


def _other_weights(section: Any) -> str:
    """What else than energy the objective counts."""
    others = {"area": section.weight_area, "latency": section.weight_latency}
    return "".join(f"; {name} counts with a weight of {weight:g}" for name, weight in others.items() if weight)


def _arrays(entries: list[Entry]) -> dict[str, Any]:
    each = lambda of: np.asarray([of(e) for e in entries])
    return {
        "score": (("design", "chip"), np.stack([e.scored.scores for e in entries]), {"units": "1"}),
        "bits": (("design", "layer"), each(lambda e: e.bits), {"units": "1"}),
        "v_max": (("design",), each(lambda e: float(e.choice.v_max)), {"units": "V"}),
        "refresh_period": (("design",), each(lambda e: e.refresh_period), {"units": "s"}),
        "energy": (("design",), each(lambda e: e.scored.energy_J), {"units": "J"}),
        "conversion_energy": (("design",), each(lambda e: e.scored.conversions_J), {"units": "J"}),
        "latency": (("design",), each(lambda e: e.scored.latency_s), {"units": "s"}),
        "area": (("design",), each(lambda e: e.scored.area_m2), {"units": "m2"}),
    }


def _numbers(config: CodesignConfig, entry: Entry) -> dict[str, Any]:
    found, solution = sweeps.summarize(entry.scored.scores), entry.solution
    numbers = {
        "family": entry.family, "label": entry.label, "bits": dict(zip(entry.names, entry.bits.tolist(), strict=True)),
        "v_max": float(entry.choice.v_max), config.data.metric.key: found._asdict(),
        "energy_J": entry.scored.energy_J, "conversions_J": entry.scored.conversions_J,
        "latency_s": entry.scored.latency_s, "area_m2": entry.scored.area_m2, "refresh_period_s": entry.refresh_period,
    }  # fmt: skip
    if solution is None:
        return numbers
    relaxed = {name: float(bits) for name, bits in zip(entry.names, np.asarray(solution.relaxed.bits), strict=True)}
    return {
        **numbers, "relaxed_bits": relaxed, "objective_relaxed": float(solution.before.objective),
        "objective_rounded": float(solution.after.objective),
    }  # fmt: skip


def _numbers_of_match(match: Match) -> dict[str, Any]:
    return {
        "uniform": match.uniform.label,
        "learned": None if match.learned is None else match.learned.label,
        "paired_difference": None if match.difference is None else match.difference._asdict(),
        "energy_saved": match.saved,
        "conversion_energy_saved": match.saved_adc,
    }
