"""One page about one or several finished runs.

- `make_page`: setup, findings, pictures, tables, comparison, methods, references and how to repeat it, as a `Page`;
  `write_page`, `check_page_target`: to a directory. `to_html`: Markdown to one self-contained file.
- `RESULT_COLUMNS`, `result_rows`: results in the form of the field's tables.
- `methods`: the methods paragraph of a run, its works numbered by `Citations`.
- `difference`, `Difference`: of two populations of chips, with its interval.
"""

from ._comparison import Difference as Difference, difference as difference
from ._document import Page as Page, make_page as make_page
from ._html import to_html as to_html
from ._markup import Citations as Citations
from ._methods import methods as methods
from ._results_table import RESULT_COLUMNS as RESULT_COLUMNS, result_rows as result_rows
from ._write import check_page_target as check_page_target, write_page as write_page
