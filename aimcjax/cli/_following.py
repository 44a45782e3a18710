"""A run that a person follows: bars on standard error, and a tracker if one is asked for."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import reports, studies


@contextlib.contextmanager
def following(track: str | None, target: Path, config: Any, *, quiet: bool) -> Iterator[studies.Progress]:
    """What to tell of the run in `target`. A tracker writes beside it, to `NAME_OF_TRACKER/NAME`, and has the numbers
    of the summary at the end too.

    **Raises:** `ValueError` for a tracker that is unknown or not installed.
    """
    if track is None:
        yield studies.Progress(quiet=quiet)
        return
    tracker = reports.open_tracker(track, target.parent / track / target.name, config.model_dump(mode="json"))
    try:
        yield studies.Progress(quiet=quiet, tracker=tracker)
        if (target / "summary.json").is_file():
            reports.track_summary(tracker, json.loads((target / "summary.json").read_text(encoding="utf-8")))
    finally:
        tracker.close()
