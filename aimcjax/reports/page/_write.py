"""A page as a directory: written whole or not at all."""

import csv
import shutil
import tempfile
from pathlib import Path

from ._document import Page
from ._html import to_html


_MARKS = ("report.html", "report.md", "references.bib", "results_table.csv")  # only such a directory is ever replaced


def check_page_target(out: Path, *, overwrite: bool) -> None:
    """Before any work: whether a page can be written to `out`, in place of another if `overwrite`.

    **Raises:** `ValueError` of one line.
    """
    try:
        there, parent = out.exists(), next(folder for folder in out.resolve().parents if folder.exists())
    except (OSError, RuntimeError) as error:
        raise ValueError(f"cannot write a report to {out}: {error}; choose another --out") from None
    if there and not overwrite:
        raise ValueError(f"{out} exists already; choose another --out, or replace it with --overwrite")
    missing = [name for name in _MARKS if not (out / name).is_file()]
    if there and missing:
        raise ValueError(f"{out} is not a report (it has no {missing[0]}), so --overwrite will not replace it")
    if not parent.is_dir():
        raise ValueError(f"cannot write to {parent}, which is no directory; choose another --out")


def write_page(page: Page, out: Path, *, overwrite: bool = False) -> None:
    """Writes `report.html`, all in one; `report.md` with `figures/` and `configs/`; `references.bib`;
    `results_table.csv`, of the `page` into the folder `out`, in place of another page if `overwrite`.

    **Raises:** `ValueError` of one line where `out` cannot be written.
    """
    check_page_target(out, overwrite=overwrite)
    target = out.resolve()
    staging = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name[:100]}.", suffix=".partial", dir=target.parent))
        staging.chmod(0o755)
        _fill(staging, page)
        old = staging.with_suffix(".old")
        if target.exists():
            target.rename(old)
        staging.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise ValueError(f"cannot write a report to {out}: {error.strerror or error}; choose another --out") from None
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


def _fill(folder: Path, page: Page) -> None:
    for path, data in page.images.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)
    (folder / "configs").mkdir()
    for name, text in page.configs.items():
        (folder / "configs" / name).write_text(text, encoding="utf-8")
    (folder / "report.md").write_text(page.markdown, encoding="utf-8")
    (folder / "report.html").write_text(to_html(page.markdown, page.title, page.images), encoding="utf-8")
    (folder / "references.bib").write_text(page.bibtex, encoding="utf-8")
    with (folder / "results_table.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(page.results)
