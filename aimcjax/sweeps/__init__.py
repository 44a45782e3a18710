"""Studies over many chips.

- `accuracy_over_time`: chips x times x drift compensation in one program.
- `summarize`: mean, standard deviation and 95 % interval over chips.
"""

from ._monte_carlo import accuracy_over_time as accuracy_over_time
from ._summary import Summary as Summary, summarize as summarize
