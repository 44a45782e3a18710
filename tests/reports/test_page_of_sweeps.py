"""Pages about sweeps: chips counted once, and compared with other runs by what both have."""

import re
from pathlib import Path

import numpy as np
from saved_runs import main_job, sweep

from aimcjax.reports import page, read_runs


def test_all_parts_of_a_page_say_how_many_chips_there_were(tmp_path: Path) -> None:
    """Three of the four that the store has room for, and of the six that the config allows."""
    (run,) = read_runs([sweep(tmp_path / "until", used=3)])
    made = page.make_page([run])
    assert "| chips | 3 |" in made.markdown
    assert "3 chips were drawn" in made.markdown
    assert all("3 chips, fewer than 5" in row[-1] for row in made.results[1:])
    assert not re.search(r"\b[46] chips\b", made.markdown)


def test_a_main_job_beside_a_sweep_is_compared_by_what_the_sweep_has(tmp_path: Path) -> None:
    """Direct networks, drift compensated, in both: not the mean over the roads and compensations of one of them."""
    swept = sweep(tmp_path / "beside", networks=["direct"])
    runs = read_runs([main_job(tmp_path / "main"), swept])
    rows = page.make_page(runs).markdown.splitlines()
    assert runs[0].data is not None
    main = runs[0].data.accuracy.sel(road="direct", compensation="compensated").isel(time=1)
    found = 100 * float(np.mean(0.94 - 0.01 * np.arange(4) - 0.02) - main.mean())
    (row,) = [row for row in rows if row.startswith("| 1 day | nu")]
    assert f" {found:+.1f} " in row
    assert any("direct, compensated" in row for row in rows if "All runs" in row)
