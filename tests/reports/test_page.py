"""One page about runs: self-contained, complete, never inventing; compared by statistics that scipy agrees with."""

import csv
import html.parser
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from saved_runs import main_job, study, sweep
from scipy import stats

from aimcjax.reports import bibliography, page, read_runs
from aimcjax.reports.page import _markup


class _Checked(html.parser.HTMLParser):
    """Notes what an HTML page needs from elsewhere, tables without headers, and tags that are not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.outside, self.headers, self.open = [], [], []
        self.ids, self.links, self.tags, self.cells = set(), set(), set(), []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            value = found.get(name, "#")
            if not value.startswith(("#", "data:image/png;base64,", "data:image/svg+xml;base64,")):
                self.outside.append((tag, value))
        if found.get("href", "").startswith("#"):
            self.links.add(found["href"][1:])
        self.ids |= {found["id"]} if "id" in found else set()
        if tag == "table":
            self.headers.append(0)
        if tag == "th":
            self.headers[-1] += 1
        if tag not in ("meta", "img", "br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def runs(folder: Path):
    made = [main_job(folder / "main"), main_job(folder / "six", name="six", bits=6, lift=-0.02)]
    return read_runs([*made, sweep(folder / "sweep"), study(folder / "study")])


@pytest.fixture(scope="module")
def pages(runs):
    groups = {"main": runs[:1], "two": runs[:2], "sweep": runs[2:3], "study": runs[3:]}
    return {name: page.make_page(group) for name, group in groups.items()}


@pytest.mark.parametrize("name", ["main", "two", "sweep", "study"])
def test_html_needs_nothing_from_elsewhere(name: str, pages) -> None:
    made = pages[name]
    text = page.to_html(made.markdown, made.title, made.images)
    found = _Checked(text)
    assert (found.outside, found.open) == ([], [])
    assert found.headers
    assert min(found.headers) > 0
    assert found.links == found.ids  # every citation has its reference, and the other way round
    assert found.links
    assert found.tags.isdisjoint({"script", "link", "iframe", "object", "style"} - {"style"})
    assert "url(" not in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert text.count("<img") == len(made.images)


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        ("x^2", "`x^2`"),
        (r"i_{max} = 10\,i_0", "`i_max = 10 i_0`"),
        (r"\sigma = 0.04\,i_0", "`σ = 0.04 i_0`"),
        (r"0.0175\sqrt{x}", "`0.0175√x`"),
        (r"\sqrt{\ln(1 + t)}", "`√(ln(1 + t))`"),
        (r"g_{\mathrm{max}}^{-0.5}", "`g_max^{-0.5}`"),
        (r"\frac{a}{b}", r"`\frac{a}{b}`"),
    ],
)
def test_short_formulas_are_readable(tex: str, expected: str) -> None:
    assert _markup.formula(tex) == expected


def test_text_of_a_run_stands_for_itself(pages) -> None:
    made = pages["main"]
    text = page.to_html(made.markdown, made.title, made.images)
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<code>x^2</code>" in text
    assert "no heading" not in made.markdown.split("## How to repeat it")[0]


def test_pictures_that_are_not_there_are_said_and_paths_do_not_leave_the_run(folder: Path) -> None:
    made = main_job(folder / "paths", name="paths")
    report = "# t\n\n## Findings\n\n![gone](figures/gone.png)\n\n*gone*\n\n![out](figures/../../secret.png) ![x](http://a/b.png)\n"
    (made / "report.md").write_text(report)
    found = page.make_page(read_runs([made]))
    assert "The picture gone.png is not there: gone" in found.markdown
    text = page.to_html(found.markdown, found.title, found.images)
    assert _Checked(text).outside == []


def test_columns_are_those_of_the_field_and_nothing_is_invented(runs) -> None:
    header, rows = list(page.RESULT_COLUMNS), [row for run in runs for row in page.result_rows(run)]
    assert header[:6] == ["work", "device", "chip and tile configuration", "tile size", "ADC bits", "batch"]
    assert header[-3:] == ["writes per epoch", "projected lifetime", "notes"]
    assert len(header) == 19
    by_work = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    hwa, direct = by_work["main, HWA"], by_work["main, direct mapping"]
    day = next(name for name in header if "24 h" in name)
    assert (hwa["device"], hwa["tile size"], hwa["ADC bits"], hwa["batch"]) == ("pcm_joshi2020", "64 x 32", "8", "1")
    assert hwa["baseline accuracy"] == "98.0 %"
    chips = 0.01 * np.random.default_rng(0).standard_normal(6)
    assert hwa[day] == f"{100 * (0.96 + chips.mean()):.1f} ± {100 * chips.std(ddof=1):.1f} %"
    assert (hwa["energy/MAC"], hwa["total energy"]) == ("45 fJ", "45 pJ")
    assert [hwa[part] for part in ("core", "DAC", "ADC", "interconnect", "digital")] == [f"{k} fJ" for k in range(1, 6)]
    assert "attention 6 fJ" in hwa["notes"]
    assert "14 nm, 800 mV, 300 K" in hwa["notes"]
    assert (direct["energy/MAC"], direct["writes per epoch"]) == ("–", "–")
    assert "energy: counted on the chip of HWA" in direct["notes"]
    sgd = by_work["insitu, SGD, RRAM"]
    assert (sgd["writes per epoch"], sgd["projected lifetime"]) == ("1e+03 pulses", "217 epochs")
    assert (sgd["baseline accuracy"], sgd["device"]) == ("97.0 %", "reram_sb_gong2018")
    point = next(row for work, row in by_work.items() if "nu_mean = 0.06" in work)
    assert "4 chips, fewer than 5" in point["notes"]
    for row in by_work.values():
        assert all(row[name] for name in header)
        assert "–" not in row.values() or "not measured" in row["notes"] or ":" in row["notes"]


def test_without_a_day_among_the_times_there_is_no_number_for_it(folder: Path) -> None:
    import xarray as xr

    made = main_job(folder / "no_day", name="no_day")
    data = xr.load_dataset(made / "results.nc")
    data = data.isel(time=[0, 2])
    (made / "results.nc").unlink()
    data.to_netcdf(made / "results.nc", engine="netcdf4")
    (row, _) = page.result_rows(read_runs([made])[0])
    assert row[8] == "–"
    assert "24 h is none of the times" in row[-1]


def test_methods_name_and_cite_every_model_of_the_config(runs) -> None:
    for run in runs:
        cite = page.Citations()
        text = page.methods(run, cite)
        cited = [entry.key for entry in cite.entries()]
        wanted = [entry.key for entry in bibliography.bibliography(bibliography.cited(run.config))]
        assert set(cited) == set(wanted)
        assert len(cited) == len(set(cited))
        assert f"seed {run.config['seed']}" in text
    text = page.methods(runs[0], page.Citations())
    for words in ("A perceptron", "64 by 32 cells", "`pcm_joshi2020`", "`hermes_2023`", "6 chips were drawn",
                  "for 1 epoch in batches of 64", "per column"):  # fmt: skip
        assert words in text


def test_differences_are_paired_where_chips_are_common(runs, pages) -> None:
    one, other = (run.data.accuracy.sel(road="hwa", compensation="compensated").values[:, 1] for run in runs[:2])
    rng = np.random.default_rng(1)
    other = other + 0.003 * rng.standard_normal(6)
    found = page.difference(one, other, paired=True)
    interval = stats.ttest_rel(other, one).confidence_interval(0.95)
    np.testing.assert_allclose((found.low, found.high), (interval.low, interval.high), rtol=1e-9)
    loose = page.difference(one, other, paired=False)
    welch = stats.ttest_ind(other, one, equal_var=False).confidence_interval(0.95)
    np.testing.assert_allclose((loose.low, loose.high), (welch.low, welch.high), rtol=1e-12)
    assert found.high - found.low < loose.high - loose.low
    with pytest.raises(ValueError, match="two chips"):
        page.difference(one[:1], other[:1], paired=True)
    text = pages["two"].markdown
    assert "| `tile.adc.bits` | `8` | `6` |" in text
    assert "| 1 day | six |" in text
    assert "-2.0" in text
    assert "6, paired" in text
    assert "`name`" not in text


def test_runs_with_other_seeds_or_chips_are_not_paired(folder: Path, runs) -> None:
    fewer = main_job(folder / "fewer", name="fewer", n_chips=4)
    text = page.make_page(read_runs([runs[0].folder, fewer])).markdown
    assert "4, not paired" in text


def test_pictures_are_those_that_the_field_asks_for(pages) -> None:
    names = {path.removeprefix("figures/").removesuffix(".svg") for path in pages["main"].images}
    assert names == {"score_over_time", "ablation", "energy_breakdown", "conductance_change"}
    swept = {path.removeprefix("figures/") for path in pages["sweep"].images}
    assert {"sensitivity_tile.device.nu_mean.svg", "sensitivity_tile.device.g_max.svg"} <= swept
    assert "figures/accuracy.png" in pages["study"].images
    assert "figures/comparison.svg" in pages["two"].images


def test_the_same_runs_make_the_same_page(runs, pages) -> None:
    assert page.make_page(runs[:1]) == pages["main"]


def test_directory_is_complete_and_repeats_the_run(folder: Path, runs, pages) -> None:
    out = folder / "reports" / "two"
    page.write_page(pages["two"], out)
    assert {path.name for path in out.iterdir()} == {
        "report.html", "report.md", "figures", "configs", "references.bib", "results_table.csv"
    }  # fmt: skip
    assert (out / "configs" / "main.yaml").read_text() == runs[0].yaml
    assert "aimcjax run configs/main.yaml --out runs/main" in (out / "report.md").read_text()
    text = (out / "results_table.csv").read_text(encoding="utf-8")
    assert list(csv.reader(text.splitlines())) == pages["two"].results
    for name in ("report.md", "figures/comparison.svg"):
        assert (out / name).stat().st_size > 1000
    with pytest.raises(ValueError, match="exists already"):
        page.write_page(pages["main"], out)
    page.write_page(pages["main"], out, overwrite=True)
    assert "six" not in (out / "report.md").read_text()
    assert [path.name for path in out.parent.iterdir()] == ["two"]
    with pytest.raises(ValueError, match="is not a report"):
        page.write_page(pages["main"], runs[0].folder, overwrite=True)
    assert (runs[0].folder / "results.nc").is_file()


def _copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def test_runs_that_cannot_be_read_are_refused_in_one_line(folder: Path, runs, tmp_path: Path) -> None:
    good = runs[0].folder
    broken = {
        "no such": (tmp_path / "none", "there is no run"),
        "a file": (good / "config.yaml", "is a file"),
        "no run": (tmp_path, "is not a run"),
    }
    for name, file, content, words in (
        ("unfinished", "summary.json", None, "is not finished"),
        ("JSON", "summary.json", b"{", "summary.json is damaged"),
        ("list", "summary.json", b"[1]", "is damaged: expected a JSON object"),
        ("bytes", "versions.json", b"\xff\xfe", "versions.json is damaged"),
        ("netCDF", "results.nc", b"nothing", "results.nc is damaged"),
        ("no results", "results.nc", None, "results.nc is not there"),
        ("YAML", "config.yaml", b"a: [", "not readable YAML"),
        ("no mapping", "config.yaml", b"- a", "must hold a mapping"),
        ("report", "report.md", b"\xff", "report.md is damaged"),
    ):
        made = _copy(good, tmp_path / name)
        (made / file).unlink()
        if content is not None:
            (made / file).write_bytes(content)
        broken[name] = (made, words)
    cut = _copy(runs[2].folder, tmp_path / "zarr")
    (cut / "results.zarr" / "zarr.json").write_text("{")
    bad = _copy(runs[2].folder, tmp_path / "chunk")
    (bad / "results.zarr" / "accuracy" / "c" / "1" / "2" / "0").write_bytes(b"\xff damaged")
    gone = _copy(runs[2].folder, tmp_path / "chunk that is gone")
    (gone / "results.zarr" / "accuracy" / "c" / "1" / "2" / "0").unlink()
    again = r"results.zarr is damaged; run the same command again: only what is damaged is computed again$"
    broken |= {"zarr": (cut, again), "chunk": (bad, again), "no chunk": (gone, again)}
    for path, words in broken.values():
        with pytest.raises(ValueError, match=words) as caught:
            read_runs([path])
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="twice"):
        read_runs([good, good])


def test_content_of_another_form_is_refused_in_one_line(folder: Path) -> None:
    made = main_job(folder / "odd", name="odd")
    summary = json.loads((made / "summary.json").read_text())
    (made / "summary.json").write_text(json.dumps({**summary, "energy_per_mac_J": {"total": "much"}}))
    with pytest.raises(ValueError, match="damaged, or was written by another version"):
        page.make_page(read_runs([made]))
