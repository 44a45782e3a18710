"""`aimcjax schema [STUDY]`: JSON Schema of the configs."""

from pathlib import Path
from typing import Annotated

import typer

from ..components import json_text
from ..config import json_schema
from . import _options as options, _output as output
from ._errors import one_line


def schema(
    study: Annotated[
        str | None, typer.Argument(help="One kind of config, such as `service`; default, all.", metavar="[STUDY]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; default, standard output.")] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """JSON Schema of the configs, with which editors complete keys, and mark those that are not there.

    With the YAML extension of an editor, begin a config with `# yaml-language-server: $schema=aimcjax.schema.json`.

    Examples:

    - `aimcjax schema --out aimcjax.schema.json`

    - `aimcjax schema service`
    """
    with one_line():
        if out is not None:
            options.check_file(out, "--out", overwrite=overwrite)
        tree = json_schema(study)
        if out is None:
            output.print_json(tree)
            return
        out.write_text(json_text(tree), encoding="utf-8")
