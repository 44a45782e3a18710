"""What a run leaves behind: numbers for machines, tables and pictures for people.

- `Results`: everything that a study found. `summary`, `write_netcdf`: its machine-readable forms.
- `write`: `report.md` with its figures. `accuracy_table`, `cost_lines`, `findings`: its parts.
- `device_table`, `datasheet_lines`, `plot_device`: memory cells side by side, and one in a picture.
- `plot_fit`, `fit_table`, `goodness_line`, `fit_markdown`: data against a fitted model.
- `tile_errors`: target and programmed weights of one tile.
"""

from ._devices import (
    DEVICE_COLUMNS as DEVICE_COLUMNS,
    datasheet_lines as datasheet_lines,
    device_table as device_table,
    plot_device as plot_device,
)
from ._figures import write_figures as write_figures
from ._fit import (
    fit_markdown as fit_markdown,
    fit_table as fit_table,
    goodness_line as goodness_line,
    plot_fit as plot_fit,
)
from ._markdown import (
    accuracy_table as accuracy_table,
    cost_lines as cost_lines,
    findings as findings,
    markdown as markdown,
    write as write,
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
