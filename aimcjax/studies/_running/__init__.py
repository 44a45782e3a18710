"""What all studies share: one directory per run, one process that writes it, and what the person who waits is told.

- `new_run(out, config_yaml, ...)`: the directory of a run, `OUT.partial` until it is whole; an interrupted run goes on
  in it; `reopen`, so does a finished one that is damaged. `check_target`: whether there can be one, before any work.
  `RunDirectoryError`: why not.
- `write_json`, `write_text`: a file that is whole or not there. `versions`: what a run was made with.
- `write_run(run, config, report)`: config, versions, numbers and report of a study; `spread`: a column of its table.
- `check_source`, `note_source`, `check_noted`: another run whose networks are used. `first_difference`: where two
  configs differ.
- `Progress`: bars and spinners, or nothing.
"""

from ._progress import Progress as Progress
from ._run_directory import (
    RunDirectoryError as RunDirectoryError,
    check_target as check_target,
    first_difference as first_difference,
    new_run as new_run,
    reopen as reopen,
    versions as versions,
    write_json as write_json,
    write_text as write_text,
)
from ._source import check_noted as check_noted, check_source as check_source, note_source as note_source
from ._writing import spread as spread, write_run as write_run
