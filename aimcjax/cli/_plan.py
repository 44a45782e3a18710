"""`aimcjax plan CONFIG [key.path=value ...]`."""

import os
import subprocess
import sys

import jax
import typer
from rich.console import Console
from rich.table import Table

from .. import studies, training
from ..config import load_config
from . import _options as options, _output as output
from ._errors import one_line


_FORCED = "--xla_force_host_platform_device_count="


def plan(
    config: options.ConfigFile,
    overrides: options.Overrides = None,
    show: options.Print = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Say how many bytes training takes of each device of the mesh, without allocating them.

    The step is compiled for shapes only: on this machine's accelerators if it has as many as the mesh, otherwise for as
    many CPU devices, whose compiler may keep more than that of an accelerator.

    Examples:

    - `aimcjax plan configs/llama_7b_plan.yaml`

    - `aimcjax plan configs/llama_7b_plan.yaml mesh="{data: 8}" digital_training.batch_size=16`
    """
    with one_line():
        resolved = load_config(config, overrides or [])
        if show:
            output.print_config(resolved)
            return
        wanted = resolved.mesh.n_devices
        forced = f"{_FORCED}{wanted}"
        if wanted > jax.device_count() and forced not in os.environ.get("XLA_FLAGS", ""):
            raise typer.Exit(
                _again_with(forced, [str(config), *(overrides or []), *["--json"] * as_json, *["--quiet"] * quiet])
            )
        plans = studies.plan(resolved)
    if as_json:
        output.print_json({section: plan._asdict() for section, plan in plans.items()})
    elif not quiet:
        _show(resolved.name, plans)


def _again_with(forced: str, arguments: list[str]) -> int:
    """The same command with more CPU devices, whose number cannot change in a process."""
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {forced}".strip(),
        "TF_CPP_MIN_LOG_LEVEL": "3",  # XLA calls compilations slow after two minutes
    }
    environment.pop("JAX_NUM_CPU_DEVICES", None)  # of two numbers JAX would take neither
    command = [sys.executable, "-c", "from aimcjax.cli import main; main()", "plan", *arguments]
    return subprocess.run(command, env=environment, check=False).returncode


def _show(name: str, plans: dict[str, training.Plan]) -> None:
    first = next(iter(plans.values()))
    mesh = ", ".join(f"{axis}: {size}" for axis, size in first.mesh.items())
    scale, unit = (2**30, "GiB") if first.total >= 2**30 else (2**20, "MiB")
    table = Table(title=f"{name} on {first.platform} {{{mesh}}}: {unit} of each device")
    table.add_column("")
    for section in plans:
        table.add_column(section, justify="right")
    for row in ("parameters", "gradients", "optimiser", "temporaries", "total"):
        table.add_row(row, *(f"{getattr(plan, row) / scale:,.3f}" for plan in plans.values()))
    table.add_row("parameters in all", *(f"{plan.n_parameters:,}" for plan in plans.values()))
    table.add_row("compiled in", *(f"{plan.compile_s:,.0f} s" for plan in plans.values()))
    console = Console()
    console.print(table)
    console.print("Temporaries, as the compiler laid them out, hold the gradients too.", highlight=False)
