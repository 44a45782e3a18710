"""Real data: what comes with the installation, and files in the folder that `AIMCJAX_DATA` names.

- `Dataset`: samples with class labels. `digits()` is always there; `idx_images(folder)` reads images in the format of
  MNIST, `sst2()` sentences with their sentiment.
- `random_tokens(vocab_size, length)`: of any size, without meaning.
- `Text`: a long text as symbols. `python_docs()` is always there; `tinyshakespeare()` and `wikitext2()` are files.
- `data_file`, `read_idx`: files in that folder.
"""

from ._digits import digits as digits
from ._folder import data_file as data_file
from ._idx import idx_images as idx_images, read_idx as read_idx
from ._random_tokens import random_tokens as random_tokens
from ._sst2 import sst2 as sst2
from ._text import Text as Text, python_docs as python_docs, text as text, tinyshakespeare as tinyshakespeare
from ._types import Dataset as Dataset
from ._wikitext import wikitext2 as wikitext2
