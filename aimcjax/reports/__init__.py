"""What a run leaves behind: numbers for machines, tables and pictures for people.

- `Results`: everything that a study found. `summary`, `write_netcdf`: its machine-readable forms.
- `write`: `report.md` with its figures. `accuracy_table`, `cost_lines`, `findings`: its parts.
- `tile_errors`: target and programmed weights of one tile.
- `plot_hysteresis`, `plot_lobe_area`, `plot_ideality`: fingerprints of a memristor.
"""

from ._figures import write_figures as write_figures
from ._markdown import (
    accuracy_table as accuracy_table,
    cost_lines as cost_lines,
    findings as findings,
    markdown as markdown,
    write as write,
)
from ._memristors import (
    plot_hysteresis as plot_hysteresis,
    plot_ideality as plot_ideality,
    plot_lobe_area as plot_lobe_area,
)
from ._results import (
    COMPENSATIONS as COMPENSATIONS,
    ROADS as ROADS,
    Results as Results,
    TileErrors as TileErrors,
    summary as summary,
    write_netcdf as write_netcdf,
)
from ._tile_errors import tile_errors as tile_errors
