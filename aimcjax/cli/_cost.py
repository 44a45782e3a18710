"""`aimcjax cost CONFIG`: what a model costs on its chip, alone and under load, without training it."""

from pathlib import Path
from typing import Annotated, Any

import jax.random as jr
import typer
from rich.console import Console
from rich.table import Table

from .. import chips, reports, studies
from ..components import read_quantity
from ..config import load_placed
from . import _options as options, _output as output
from ._errors import one_line


def cost(
    config: options.ConfigFile,
    overrides: options.Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Chart to write; default `NAME_cost.png`.")] = None,
    overwrite: options.Overwrite = False,
    batch: Annotated[int, typer.Option(help="Sequences at once.")] = 1,
    seq_len: Annotated[int | None, typer.Option(help="Tokens of a sequence; default, as in the data.")] = None,
    smooth: Annotated[
        bool, typer.Option("--smooth", help="The differentiable forms instead of the exact ones.")
    ] = False,
    requests: Annotated[int | None, typer.Option(help="Serve so many requests, each one batch.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Clients that send one request after the other.")] = None,
    rate: Annotated[float | None, typer.Option(help="Requests per second, at random (Poisson).")] = None,
    limit: Annotated[str | None, typer.Option(help="Temperature that no tile may pass, such as '353 K'.")] = None,
    trace: Annotated[Path | None, typer.Option(help="Schedule to write, for chrome://tracing and Perfetto.")] = None,
    show: options.Print = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Say what an inference of the model of a config costs on its chip, without training it.

    Weights and inputs are not known: conductances and voltages are assumed (`aimcjax run` measures them).

    Examples:

    - `aimcjax cost configs/quickstart.yaml`

    - `aimcjax cost configs/llama_7b_plan.yaml chip.design=aimc3d_2025 --batch 4`

    - `aimcjax cost configs/mlp_digits.yaml chip.design=hermes_2023 --requests 200 --concurrency 4 --trace mlp.json`

    - `aimcjax cost configs/mlp_digits.yaml --requests 200 --rate 1e6 --overwrite`

    - `aimcjax cost configs/mlp_digits.yaml --batch 64 --limit "330 K" --overwrite`
    """
    with one_line():
        resolved = load_placed(config, overrides or [])
        if show:
            output.print_config(resolved)
            return
        target = out or Path(f"{resolved.name}_cost.png")
        options.check_file(target, "--out", ".png", overwrite=overwrite)
        if trace is not None:
            options.check_file(trace, "--trace", ".json", overwrite=overwrite)
        _check_load(requests, concurrency, rate)
        _, placement = studies.place_shapes(resolved)
        found = chips.cost(placement, batch=batch, seq_len=seq_len, mode="smooth" if smooth else "exact")
        lines = [*reports.headline_lines(found), reports.heat_line(placement, found)]
        lines += _served(placement, requests, concurrency, rate, resolved.seed, batch, seq_len)
        caps = None if limit is None else chips.heat.caps_of(placement, found, read_quantity(limit, "K"))
        lines += _scheduled(placement, caps, trace, batch, seq_len)
        reports.plot_cost(found, target, title=f"{resolved.name} on {placement.chip.name}")
        lines += reports.converter_lines(placement)
    if as_json:
        output.print_json(_tree(resolved.name, placement, found, lines, target))
    elif not quiet:
        _show(resolved.name, placement, found, [*lines, f"chart: {target}"])


def _served(
    placement: chips.Placement, n: int | None, clients: int | None, rate: float | None, seed: int, batch: int,
    seq_len: int | None,
) -> list[str]:  # fmt: skip
    if n is None:
        return []
    arrivals = None if rate is None else chips.timing.poisson_arrivals(n, rate, key=jr.key(seed))
    load = {"n": n, "clients": clients, "arrivals_s": arrivals}
    stream = chips.timing.placement_requests(placement, **load, batch=batch, seq_len=seq_len)
    return reports.stream_lines(stream, "at random" if rate is not None else f"from {clients} clients")


def _scheduled(placement: chips.Placement, caps: Any, trace: Path | None, batch: int, seq_len: int | None) -> list[str]:
    if caps is None and trace is None:
        return []
    _check_schedule(placement, batch, seq_len)
    schedule = chips.timing.placement_schedule(placement, batch=batch, seq_len=seq_len, caps=caps)
    lines = [] if caps is None else [reports.limit_line(schedule, caps)]
    if trace is not None:
        chips.timing.write_chrome_trace(schedule, trace)
        lines.append(f"trace: {trace}")
    return lines


def _tree(name: str, placement: chips.Placement, found: chips.Cost, lines: list[str], target: Path) -> dict[str, Any]:
    sizes = {key: getattr(found, key) for key in ("batch", "n_tokens", "n_macs", "n_tiles", "n_cells", "mode")}
    return {
        "config": name, "chip": placement.chip.name, "energy_J": found.energy_J, "latency_s": found.latency_s,
        "area_m2": found.area_m2, "components_J": found.components_J, **sizes, "lines": lines,
        "notes": list(found.notes), "chart": str(target),
    }  # fmt: skip


def _check_load(requests: int | None, concurrency: int | None, rate: float | None) -> None:
    if requests is None:
        if concurrency is not None or rate is not None:
            raise ValueError("--concurrency and --rate say how requests come; say how many with --requests")
        return
    if not 2 <= requests <= 1_000_000:
        raise ValueError(f"--requests is a whole number from 2 to 1,000,000, got {requests}")
    if (concurrency is None) == (rate is None):
        raise ValueError("--requests come either from clients (--concurrency) or at random (--rate); give one of them")
    if concurrency is not None and not 1 <= concurrency <= requests:
        raise ValueError(f"--concurrency is a whole number from 1 to the {requests} requests, got {concurrency}")
    if rate is not None and not 0 < rate < float("inf"):
        raise ValueError(f"--rate is a positive number of requests per second, got {rate}")


def _check_schedule(placement: chips.Placement, batch: int, seq_len: int | None) -> None:
    n, most = chips.timing.count_operations(placement, batch=batch, seq_len=seq_len), 1_000_000
    if n > most:
        raise ValueError(
            f"the schedule of --trace or --limit would hold {n:,} operations, and holds at most {most:,}; give fewer "
            "tokens (--seq-len)"
        )


def _show(name: str, placement: chips.Placement, found: chips.Cost, lines: list[str]) -> None:
    console, table = Console(), Table(title=f"{name} on {placement.chip.name}")
    for column in ("component", "energy", "share", "fJ per MAC"):
        table.add_column(column, justify="left" if column == "component" else "right")
    for row in reports.cost_rows(found):
        table.add_row(*row)
    console.print(table)
    for line in (*lines[:-1], *(f"assumed: {note}" for note in found.notes), lines[-1]):
        console.print(line, highlight=False, soft_wrap=True)
