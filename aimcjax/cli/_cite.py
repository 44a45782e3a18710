"""`aimcjax cite RUN [RUN ...]`: BibTeX of every model that runs used."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import reports
from ..reports import bibliography
from . import _options as options
from ._errors import one_line


def cite(
    runs: options.Runs,
    out: Annotated[Path | None, typer.Option(help="A .bib file to write; default, standard output.")] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """BibTeX of every published model that runs rest on, and of aimcjax.

    Devices, converters, crossbars, encodings, trainings, networks, data and chips, each with the works that it is from.
    What is assumed, or comes from nowhere in print, has no entry.

    Examples:

    - `aimcjax cite runs/quickstart`

    - `aimcjax cite runs/quickstart runs/rram --out references.bib`
    """
    with one_line():
        if out is not None:
            options.check_file(out, "--out", ".bib", overwrite=overwrite)
        parts = [part for run in reports.read_runs(runs) for part in bibliography.cited(run.config)]
        text = bibliography.bibtex(parts)
        if out is None:
            sys.stdout.write(text)
            return
        out.write_text(text, encoding="utf-8")
        sys.stdout.write(f"references: {out}\n")
