"""The page itself: setup, findings, pictures, tables, comparison, methods, references, and how to repeat it."""

import dataclasses
import io
import re
import shlex
from collections.abc import Sequence

import matplotlib
from matplotlib.figure import Figure

from .._saved_run import SavedRun, reading
from .._text import table
from ..bibliography import bibtex, cited
from ..curves import differing
from . import _comparison as comparison
from ._markup import Citations, code, escape, fence, formula, slug
from ._methods import methods
from ._pictures import Picture, pictures
from ._results_table import RESULT_COLUMNS, result_rows
from ._setup import setup_rows


_PICTURE = re.compile(r"!\[([^\]\n]*)\]\(figures/([^)\n/]+\.png)\)(\n\n\*[^\n]*\*)?")
_FORMULA = re.compile(r"(?<![`\\\w])\$([^$`|\n]+)\$(?!\w)")
_REDRAWN = re.compile(r".*_over_time\.png|energy_breakdown\.png")
_LARGEST_PICTURE = 20_000_000  # bytes


@dataclasses.dataclass(frozen=True)
class Page:
    """`markdown` with its `images` by path, the `bibtex` of what it cites, `results` in the form of the field (the
    header first), and the `configs` of its runs by file name."""

    title: str
    markdown: str
    images: dict[str, bytes]
    bibtex: str
    results: list[list[str]]
    configs: dict[str, str]


def make_page(runs: Sequence[SavedRun]) -> Page:
    """One page about all of `runs`; the same runs make the same page."""
    cite, images = Citations(), dict[str, bytes]()
    title = f"{runs[0].label}: report" if len(runs) == 1 else f"{len(runs)} runs: {', '.join(r.label for r in runs)}"
    rows = []
    for run in runs:
        with reading(run):
            rows += result_rows(run)
    parts = [f"# {escape(title)}", "## Setup", *_setup(runs)]
    if len(runs) > 1:
        parts += _compared(runs, images)
    parts += ["## Results", _results(rows)]
    for run in runs:
        with reading(run):
            parts += _about(run, images, alone=len(runs) == 1)
    parts.append("## Methods")
    for run in runs:
        parts += [] if len(runs) == 1 else [f"### {escape(run.label)}"]
        with reading(run):
            parts.append(methods(run, cite))
    entries = cite.entries()
    lines = [f'{n}. <a id="ref-{n}"></a>{escape(entry.line())}' for n, entry in enumerate(entries, 1)]
    parts += ["## References", "\n".join(lines), *_reproduce(runs)]
    return Page(
        title=title, markdown="\n\n".join(parts) + "\n", images=images,
        bibtex=bibtex([part for run in runs for part in cited(run.config)]),
        results=[list(RESULT_COLUMNS), *rows], configs={f"{slug(run.label)}.yaml": run.yaml for run in runs},
    )  # fmt: skip


def _setup(runs: Sequence[SavedRun]) -> list[str]:
    header = ["", *(escape(run.label) for run in runs)]
    return [table(header, setup_rows(runs))]


def _results(rows: list[list[str]]) -> str:
    return (
        table(RESULT_COLUMNS, [[escape(cell) for cell in row] for row in rows])
        + "\n\nA dash stands for what the run does not know. Spreads are standard deviations over chips, or over seeds "
        "where the notes say so."
    )


def _compared(runs: Sequence[SavedRun], images: dict[str, bytes]) -> list[str]:
    parts, found = ["## Comparison"], comparison.config_rows(runs)
    if found:
        names = [escape(run.label) for run in runs]
        parts += ["### What differs in the configs", table(["key", *names], found)]
    else:
        parts.append("The configs are the same but for the name.")
    drawn = comparison.comparison_plot(runs)
    if drawn is None:
        return [*parts, "The runs have no scores over time in common, so there is no plot of all of them."]
    parts.append(_embed(Picture("comparison", drawn.figure, f"All runs: {drawn.caption}."), "", images))
    header, *rows = comparison.difference_rows(runs)
    parts += ["### Differences", table(header, rows)]
    many = " Several keys differ at once: no difference is that of one of them." if len(differing(runs)) > 1 else ""
    return [*parts, "Paired where the runs have one seed and as many chips, so that chips are common." + many]


def _about(run: SavedRun, images: dict[str, bytes], *, alone: bool) -> list[str]:
    parts = [f"## {'Details' if alone else f'Run {escape(run.label)}'}"]
    prefix = "" if alone else f"{slug(run.label)}_"
    opening = run.opening()
    parts += [_body(opening, run, prefix, images)] if opening else []
    drawn = [_embed(picture, prefix, images) for picture in pictures(run)]
    for title, text in run.sections().items():
        parts += [f"### {title}", _body(text, run, prefix, images)]
        parts, drawn = [*parts, *drawn], []  # behind the findings
    return [*parts, *drawn]


def _body(text: str, run: SavedRun, prefix: str, images: dict[str, bytes]) -> str:
    """A section of the run's own report, its pictures among the `images` of the page."""
    redrawn = run.study == "score_over_time"

    def replaced(match: re.Match[str]) -> str:
        caption, name, below = match.groups()
        path = run.folder / "figures" / name
        if redrawn and _REDRAWN.fullmatch(name):
            return ""
        if not path.is_file() or path.stat().st_size > _LARGEST_PICTURE:
            return f"*The picture {escape(name)} is not there: {caption}*"
        kept = f"figures/{prefix}{slug(name)}"
        images[kept] = path.read_bytes()
        return f"![{caption}]({kept}){below or ''}"

    plain = _FORMULA.sub(lambda found: formula(found[1]), _PICTURE.sub(replaced, text))
    deeper = re.sub(r"^(#{3,5}) ", r"#\1 ", plain, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", deeper).strip()


def _embed(picture: Picture, prefix: str, images: dict[str, bytes]) -> str:
    path = f"figures/{prefix}{slug(picture.name)}.svg"
    images[path] = _svg(picture.figure)
    caption = escape(picture.caption)
    return f"![{caption}]({path})\n\n*{caption}*"


def _svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "aimcjax"}):  # the same figure, the same file
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _reproduce(runs: Sequence[SavedRun]) -> list[str]:
    commands, parts = [], ["## How to repeat it"]
    for run in runs:
        name = slug(run.label)
        verb = {"sweep": "sweep", "train": "train"}.get(run.study, "run")
        commands.append(f"aimcjax {verb} configs/{name}.yaml --out runs/{name}")
    folders = " ".join(shlex.quote(f"runs/{slug(run.label)}") for run in runs)
    commands.append(f"aimcjax report {folders} --out report")
    parts += [
        "With the configs below in `configs/`, which stand beside the Markdown form of this page:",
        fence("\n".join(commands), "sh"),
    ]
    packages = list(dict.fromkeys(name for run in runs for name in run.versions.get("packages", {})))
    rows = [[code(name), *(escape(run.versions.get("packages", {}).get(name, "unknown")) for run in runs)]
            for name in packages]  # fmt: skip
    for key in ("python", "platform", "devices"):
        found = [run.versions.get(key, "unknown") for run in runs]
        rows.append([key, *(escape(", ".join(map(str, v)) if isinstance(v, list) else v) for v in found)])
    rows.append(["seed", *(escape(run.config.get("seed", "unknown")) for run in runs)])
    parts.append(table(["version of", *(escape(run.label) for run in runs)], rows))
    for run in runs:
        parts += [f"The config of {escape(run.label)}, `configs/{slug(run.label)}.yaml`:", fence(run.yaml, "yaml")]
    return parts
