"""`aimcjax fit DATA.csv --model NAME --out preset.yaml`."""

from pathlib import Path
from typing import Annotated, Any

import jax.random as jr
import typer
from rich.console import Console
from rich.table import Table

from .. import fitting, reports
from . import _options as options, _output as output
from ._errors import one_line


def fit(
    data: Annotated[Path, typer.Argument(help="Measured data, with units in the header.", metavar="DATA.csv")],
    model: Annotated[str, typer.Option(help=f"One of {', '.join(fitting.MODELS)}.", metavar="NAME")],
    out: Annotated[Path, typer.Option(help="The preset file; `.png` and `.md` go beside it.")],
    overwrite: options.Overwrite = False,
    fix: Annotated[
        list[str] | None, typer.Option(help="A parameter that is known, such as `t_0='20 s'`.", metavar="NAME=VALUE")
    ] = None,
    noise: Annotated[float | None, typer.Option(help="Standard deviation of a sample, in SI, if known.")] = None,
    posterior: Annotated[bool, typer.Option("--posterior", help="Sample the posterior too (needs numpyro).")] = False,
    seed: Annotated[int, typer.Option(help="Of the search for a start, and of the posterior.")] = 0,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Fit a device model to measured data and write it as a preset.

    Formats, by their columns: IV sweep `t [s], v [V], i [A]`; pulse train `pulse [1], w [1]` or `pulse [1], g [S]`, the
    direction (+1, -1) of the pulse before each reading; drift trace `t [s], g [S]`, with `cell [1]` for several cells.

    Examples:

    - `aimcjax fit experiments/data/iv.csv --model vteam --out vteam.yaml`

    - `aimcjax fit experiments/data/drift.csv --model pcm_drift --fix t_0="20 s" --out pcm.yaml`
    """
    with one_line():
        fitting.check_target(out, overwrite=overwrite)
        fixed = dict(_setting(text) for text in fix or [])
        fitting.find_model(model)
        if posterior:
            fitting.check_posterior()
        result = fitting.fit(model, fitting.read_csv(data), fixed=fixed, noise=noise, key=jr.key(seed))
        chain = fitting.posterior(result, key=jr.key(seed)) if posterior else None

        def beside(path: Path) -> None:
            figure = path.with_suffix(".png")
            reports.plot_fit(result, figure)
            page = reports.fit_markdown(result, figure.name, chain)
            path.with_suffix(".md").write_text(page, encoding="utf-8")

        fitting.write_preset(result, out, chain=chain, overwrite=overwrite, beside=beside)
    if as_json:
        output.print_json(_tree(result, out))
    elif not quiet:
        _show(result, out)


def _tree(result: fitting.FitResult, out: Path) -> dict[str, Any]:
    found = zip(result.names, result.values, result.standard_errors, result.intervals, strict=True)
    parameters = {
        name: {"value": value, "standard_error": error, "ci95": interval} for name, value, error, interval in found
    }
    quality = {key: getattr(result, key) for key in ("rmse", "r2", "reduced_chi2", "n", "converged")}
    return {"preset": str(out), "model": result.model, "parameters": parameters, **quality}


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise ValueError(f"--fix takes NAME=VALUE, for example --fix t_0='20 s', got {text!r}")
    return name.strip(), value.strip()


def _show(result: fitting.FitResult, out: Path) -> None:
    console = Console()
    header, rows = reports.fit_table(result)
    table = Table(title=f"{result.model}, fitted to {result.data.name}")
    for name in header:
        table.add_column(name)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(reports.goodness_line(result), highlight=False, soft_wrap=True)
    console.print(f"preset: {out}", highlight=False, soft_wrap=True)
