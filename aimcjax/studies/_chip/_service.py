"""One chip in service under several policies: accuracy, energy and availability side by side."""

import time
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr

from ... import chips, nn, reports, training
from ..._random import keys_for
from ...chips import service as serving
from ...config import ServiceConfig, policy_yaml, shapes
from ...datasets import Dataset
from ...units import day, format_quantity, format_time
from .._networks import Kept, _roads as roads, check_memory
from .._running import Progress, new_run, write_run


def service(
    config: ServiceConfig, out: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> reports.StudyReport:
    """Runs the study of `config` and writes its directory, with `telemetry_POLICY.jsonl` and
    `runtime_policy_POLICY.yaml` of each policy; arguments and errors as of `score_over_time`."""
    started, tell = time.monotonic(), progress or Progress(quiet=True)
    data = config.data.load()
    config.training.schedule().check(len(data.y_train))
    if config.canaries > len(data.y_train):
        raise ValueError(f"canaries={config.canaries} is more than the {len(data.y_train)} training samples")
    with new_run(out, config.to_yaml(), overwrite=overwrite, tell=tell.note) as run:
        keys = keys_for(jr.key(config.seed), ("model", "training", "service", "portrait"))
        check_memory(shapes(config.model, data, keys["model"]))
        blank = config.model.build(data, keys["model"])
        untrained = roads.converted(config, blank)
        chips.check_capacity(untrained, config.chip.max_tiles)
        roads.placed(config, untrained)  # before minutes of training, not after

        def digital(step: Any, saves: training.Saves) -> Any:
            return training.fit(
                blank, data.x_train, data.y_train, forward=training.digital_forward,
                schedule=config.training.schedule(), key=keys["training"], progress=step, saves=saves,
            )[0]  # fmt: skip

        model = Kept(run, tell).network("baseline", blank, digital, "digital training", config.training.epochs)
        analog = roads.map_directly(config, model, data)
        portrait = eqx.filter_jit(nn.program)(analog, key=keys["portrait"])
        placement, cost = roads.chip_cost(config, analog, portrait, data)
        energy = float(cost.energy_J)
        with tell.working(f"{config.traffic.steps} steps under {len(config.policies)} policies"):
            found, baseline = _serve(config, analog, data, energy, keys["service"])
        written = nn.programming_reports(analog, key=keys["portrait"])
        facts = {"per_request": serving.request_facts(placement), "per_write": serving.write_facts(written)}
        _write_policies(run, config, serving.telemetry(found, **facts))
        report = _report(config, found, baseline, energy, time.monotonic() - started)
        write_run(run, config, report)
    return report


def _serve(config: ServiceConfig, analog: Any, data: Dataset, energy: float, key: Any) -> tuple[Any, float]:
    """What happened, of which `chips.service.serve` tells, and the accuracy of the digital network."""
    x, y, score = jnp.asarray(data.x_test), jnp.asarray(data.y_test), config.data.metric.function
    found = serving.serve(
        analog,
        list(config.policies.values()),
        config.traffic.build(energy),
        config.heat.network,
        canaries=jnp.asarray(data.x_train[: config.canaries]),
        xs=x,
        labels=y,
        score=score,
        ageing=config.heat.ageing,
        leakage=config.heat.leakage,
        spare_tiles=config.spare_tiles,
        key=key,
    )
    return found, float(score(eqx.filter_jit(nn.apply)(nn.to_digital(analog), x, key=key), y))


def _write_policies(run: Path, config: ServiceConfig, records: list[dict[str, Any]]) -> None:
    for name, policy in config.policies.items():
        (run / f"runtime_policy_{name}.yaml").write_text(policy_yaml(policy), encoding="utf-8")
        own = [record for record in records if record["policy"] == name]
        serving.write_telemetry(own, run / f"telemetry_{name}.jsonl")


def _report(config: ServiceConfig, found: Any, baseline: float, energy: float, wall_s: float) -> reports.StudyReport:
    totals, traffic = reports.service_totals(found), config.traffic
    (header, *rows), actions = reports.service_table(totals), reports.action_table(found)
    days = traffic.steps * traffic.step / day
    caption = (
        f"{days:.0f} days of service, step by step of {format_time(traffic.step)}: accuracy of the answers on the test "
        "data, energy of a day, and availability since the start."
    )
    arrays = {str(name): (tuple(map(str, v.dims)), v.values, {}) for name, v in found.data_vars.items()}
    return reports.StudyReport(
        name=config.name,
        title="a chip in service under several policies",
        opening=f"One chip serves for {days:.0f} days. Every policy sees the same chip, requests and read noise, so "
        "differences are those of the policies.",
        findings=_findings(config, found, totals, baseline, energy),
        header=header,
        rows=rows,
        pictures={"service.png": (reports.plot_service(found, baseline=baseline), caption)},
        tables={"Actions": actions},
        notes=[
            "Temperatures are those that the power of a step settles at; cells age by Arrhenius' law at the mean "
            "temperature of their layer. Whether drift of a device follows it is assumed.",
            "Triggers, energies and times of the policies are in `runtime_policy_POLICY.yaml`; what happened, event by "
            "event, in `telemetry_POLICY.jsonl`.",
            *reports.references(config.tile),
        ],
        arrays=arrays,
        coords={str(name): (v.dims, v.values) for name, v in found.coords.items()},
        summary={"digital_accuracy": baseline, "model_energy_J": energy, "policies": totals,
                 "actions": reports.action_counts(found), "days": days, "wall_s": wall_s},
        wall_s=wall_s,
    )  # fmt: skip


def _findings(
    config: ServiceConfig, found: Any, totals: dict[str, dict[str, float]], baseline: float, energy: float
) -> list[str]:
    lines = [f"The digital network scores {100 * baseline:.1f} %."]
    for name, total in totals.items():
        last = float(found.accuracy.sel(policy=name)[-1])
        lines.append(
            f"{name}: {100 * total['accuracy_mean']:.1f} % on average, {100 * total['accuracy_worst']:.1f} % at worst, "
            f"{100 * last:.1f} % at the end; {total['downtime_s']:.3g} s out of service."
        )
    coldest = float(found.peak_temperature_K.min()) - 273.15
    oldest = float(found.age_s.max()) / (float(found.time_s[-1]))
    lines.append(
        f"The hottest tile is at {coldest:.1f} to {max(t['hottest_K'] for t in totals.values()) - 273.15:.1f} °C; the "
        f"oldest cells are as old as {oldest:.3g} times the calendar at the temperature of the device's parameters."
    )
    asked = config.traffic.energy
    if asked is not None:
        lines.append(
            f"A request takes {format_quantity(asked, 'J')} by the config; the cost model says "
            f"{format_quantity(float(f'{energy:.3g}'), 'J')} for the network alone."
        )
    return lines
