"""Studies over many chips.

- `score_over_time`: chips x times x drift compensation in one program.
- `summarize`: mean, standard deviation and 95 % interval over chips.
"""

from ._monte_carlo import score_over_time as score_over_time
from ._summary import Summary as Summary, summarize as summarize
