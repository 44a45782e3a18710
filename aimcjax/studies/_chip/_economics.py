"""What a chip pays: yield, price of a die, cost of tokens, break-even with a GPU, and which input matters."""

import dataclasses
import math
import time
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ... import reports
from ..._types import Scalar
from ...chips import economics as money
from ...config import EconomicsConfig
from .._running import Progress, new_run, write_run


_COST = "USD per million tokens"
_EVEN = "tokens a day"


def economics(
    config: EconomicsConfig, out: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> reports.StudyReport:
    """Runs the study of `config` and writes its directory; arguments and errors as of `score_over_time`."""
    started, tell = time.monotonic(), progress or Progress(quiet=True)
    with new_run(out, config.to_yaml(), overwrite=overwrite, tell=tell.note) as run:
        with tell.working(f"{config.n_dies} dies"):
            yields = _yields(config)
        with tell.working("costs and their inputs"):
            prices = _prices(config)
            found = {
                "cost": money.tornado(lambda inputs: _cost(inputs, config), config.inputs(), span=config.span),
                "break_even": money.tornado(lambda inputs: _even(inputs).tokens_per_day, config.inputs(),
                                            span=config.span),
            }  # fmt: skip
            found = {name: _without_die_price(tornado) for name, tornado in found.items()}
        report = _report(config, yields, prices, found, time.monotonic() - started)
        write_run(run, config, report)
    return report


def _machine(inputs: dict[str, Any]) -> money.AimcMachine:
    """The machine with dies of the price that follows from the process."""
    price = money.die_price(inputs["wafer"], inputs["die"], inputs["defects"])
    return dataclasses.replace(inputs["machine"], die_price=price)


def _cost(inputs: dict[str, Any], config: EconomicsConfig) -> Scalar:
    return money.cost_per_million(_machine(inputs), inputs["economics"], tokens_per_day=config.tokens_per_day)


def _even(inputs: dict[str, Any]) -> money.BreakEven:
    return money.break_even(_machine(inputs), inputs["gpu"], inputs["economics"])


def _yields(config: EconomicsConfig) -> dict[str, dict[str, float]]:
    """With and without spare arrays: the yield in closed form, of dies that are drawn, and the price of a die."""
    die, found = config.die, {}
    bare = dataclasses.replace(die, needed=die.tiles * die.tiers)
    for name, one in {f"{die.spares} spare arrays": die, "all arrays needed": bare}.items():
        exact = eqx.filter_jit(money.chip_yield)(one, config.defects)
        key = jr.key(config.seed)  # the same dies
        drawn = eqx.filter_jit(money.simulate_yield)(one, config.defects, n_dies=config.n_dies, key=key)
        found[name] = {
            "closed_form": float(exact),
            "drawn": float(drawn.mean),
            "standard_error": float(drawn.std_error),
            "die_price_USD": float(config.wafer.die_price(one.footprint, exact)),
            "escapes": float(config.wafer.escapes(exact)),
        }
    return found


def _prices(config: EconomicsConfig) -> dict[str, Any]:
    inputs = config.inputs()
    chip, gpu, economics = eqx.filter_jit(_machine)(inputs), config.gpu, config.economics
    even = money.break_even(chip, gpu, economics)
    machines = {
        name: {
            "capital_USD": float(machine.capital),
            "tokens_per_s": float(machine.tokens_per_s),
            "energy_per_token_J": float(machine.energy_per_token),
            "standby_power_W": float(machine.standby_power),
            "fixed_USD_per_day": float(money.fixed_cost(machine, economics)),
            "energy_USD_per_million": 1e6 * float(money.token_cost(machine, economics)),
            "capacity_tokens_per_day": float(money.capacity(machine, economics)),
            "USD_per_million": float(money.cost_per_million(machine, economics, tokens_per_day=config.tokens_per_day)),
        }
        for name, machine in (("chip", chip), ("GPU", gpu))
    }
    most = max(found["capacity_tokens_per_day"] for found in machines.values())
    demand = np.geomspace(3e-3 * most, 10 * most, 121).astype(np.float32)
    cost = lambda machine: jax.vmap(lambda x: money.cost_per_million(machine, economics, tokens_per_day=x))
    curves = {name: np.asarray(cost(each)(jnp.asarray(demand))) for name, each in (("chip", chip), ("GPU", gpu))}
    return {
        "machines": machines, "demand": demand, "curves": curves,
        "break_even": float(even.tokens_per_day), "reason": even.reason,
    }  # fmt: skip


def _without_die_price(found: money.Tornado) -> money.Tornado:
    """It is no input here, and changes nothing."""
    return found._replace(bars=[bar for bar in found.bars if bar.name != "machine.die_price"])


def _report(
    config: EconomicsConfig, yields: dict[str, dict[str, float]], prices: dict[str, Any],
    found: dict[str, money.Tornado], wall_s: float,
) -> reports.StudyReport:  # fmt: skip
    machines = prices["machines"]
    return reports.StudyReport(
        name=config.name,
        title="what a chip yields, costs and pays",
        opening="A machine of analog chips against a GPU, both bought, powered and replaced. Every number is as good "
        "as its inputs: the last table has all of them with their sources.",
        findings=_findings(config, yields, prices, found),
        header=["", "machine of chips", "GPU"],
        rows=_rows(machines),
        pictures=_pictures(prices, found, config.span),
        tables={
            "Yield": _yield_rows(yields),
            "Which input matters for the cost of a token": reports.tornado_table(found["cost"]),
            "Which input matters for the break-even": reports.tornado_table(found["break_even"]),
            "Inputs": [row for row in reports.input_table(config.inputs(), config.sources)
                       if row[0] != "machine.die_price"],
        },
        notes=_NOTES,
        arrays={
            "cost": (("machine", "demand"), np.stack(list(prices["curves"].values())), {"units": _COST}),
            "closed_form_yield": (("design",), [row["closed_form"] for row in yields.values()], {"units": "1"}),
            "drawn_yield": (("design",), [row["drawn"] for row in yields.values()], {"units": "1"}),
            "swing": (("input",), [bar.swing for bar in found["cost"].bars], {"units": _COST}),
            "elasticity": (("input",), [bar.elasticity for bar in found["cost"].bars], {"units": "1"}),
        },
        coords={"machine": list(prices["curves"]), "demand": prices["demand"], "design": list(yields),
                "input": [bar.name for bar in found["cost"].bars]},
        summary={"yield": yields, "machines": machines, "break_even_tokens_per_day": prices["break_even"],
                 "break_even": prices["reason"], "wall_s": wall_s},
        wall_s=wall_s,
    )  # fmt: skip


_NOTES = [
    "Yield: compound Poisson defects, Stapper, IBM J. Res. Dev. 20:228 (1976), with spares by the law of k of n; dies "
    "of a wafer: Ferris-Prabhu (1989). Drawn dies share only the defect model with the closed form.",
    "Cost of tokens: capital over the lifetime, maintenance, standby and energy; no interest, no inflation. The GPU "
    "reads every weight once a step, without gaps or KV cache, which favours it.",
    "Prices of dies follow from wafer, yield and test; those of design are of the user.",
]


def _findings(
    config: EconomicsConfig, yields: dict[str, dict[str, float]], prices: dict[str, Any],
    found: dict[str, money.Tornado],
) -> list[str]:  # fmt: skip
    own, bare = yields.values()
    chip, gpu = (machine["USD_per_million"] for machine in prices["machines"].values())
    return [
        f"{100 * own['closed_form']:.1f} % of the dies are good ({100 * own['drawn']:.1f} ± "
        f"{100 * own['standard_error']:.1f} % of {config.n_dies:,} drawn), without spare arrays "
        f"{100 * bare['closed_form']:.1f} %; a die of {1e6 * float(config.die.footprint):.0f} mm2 costs "
        f"{own['die_price_USD']:.2f} USD instead of {bare['die_price_USD']:.2f}.",
        f"A million tokens cost {chip:.3g} USD on the chips and {gpu:.3g} USD on the GPU.",
        f"The chips pay {prices['reason']}.",
        _most(found["cost"], config.span),
    ]


def _most(cost: money.Tornado, span: float) -> str:
    """Which inputs matter most for the cost of the chips."""
    first, second = cost.bars[:2]
    if not math.isfinite(cost.result):
        return (
            "No die is good, so tokens have no price: give the die spares or less area, or the process fewer defects."
        )
    return (
        f"The cost of the chips depends most on {first.name} ({first.at_low:.3g} to {first.at_high:.3g} {_COST}) and "
        f"{second.name} ({second.at_low:.3g} to {second.at_high:.3g}), each varied by {100 * span:.0f} %."
    )


def _rows(machines: dict[str, dict[str, float]]) -> list[list[str]]:
    words = {
        "capital_USD": "capital (USD)",
        "tokens_per_s": "tokens per second",
        "energy_per_token_J": "energy of a token (J)",
        "standby_power_W": "standby power (W)",
        "fixed_USD_per_day": "fixed cost (USD per day)",
        "energy_USD_per_million": "energy (USD per million tokens)",
        "capacity_tokens_per_day": "capacity (tokens per day)",
        "USD_per_million": "cost (USD per million tokens)",
    }
    text = lambda value: f"{value:,.0f}" if 1000 <= value < 1e6 else f"{value:.4g}"
    return [[label, *(text(machine[name]) for machine in machines.values())] for name, label in words.items()]


def _yield_rows(yields: dict[str, dict[str, float]]) -> list[list[str]]:
    head = ["die", "closed form (%)", "drawn (%)", "price that passes its test (USD)", "bad among those (%)"]
    row = lambda name, found: [
        name,
        f"{100 * found['closed_form']:.2f}",
        f"{100 * found['drawn']:.2f} ± {100 * found['standard_error']:.2f}",
        f"{found['die_price_USD']:.2f}",
        f"{100 * found['escapes']:.2f}",
    ]
    return [head, *(row(name, found) for name, found in yields.items())]


def _pictures(prices: dict[str, Any], found: dict[str, money.Tornado], span: float) -> dict[str, Any]:
    curves = {name: values[None] for name, values in prices["curves"].items()}
    even, demand = prices["break_even"], prices["demand"]
    mark = (even, f"break-even, {even:.3g} tokens a day") if demand[0] <= even <= demand[-1] else None
    panel = reports.Panel("", demand, curves, "demand (tokens a day)", _COST, log="xy", mark=mark)
    pictures: dict[str, Any] = {"cost.png": ([panel], "Cost of a token by demand: one machine at least, then more.")}
    for name, label, unit in (("cost", "cost on the chips", _COST), ("break_even", "break-even", _EVEN)):
        if math.isfinite(found[name].result) and any(bar.swing > 0 for bar in found[name].bars):
            axes = reports.plot_tornado(found[name], label=label, unit=unit)
            caption = f"What the {label} becomes with one input {100 * span:.0f} % lower or higher."
            pictures[f"tornado_{name}.png"] = (axes.figure, caption)
    return pictures
