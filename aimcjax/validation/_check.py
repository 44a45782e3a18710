"""What was published, how it is computed here, and how far the two may be apart."""

import abc
import dataclasses
import enum
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Real


class Origin(enum.StrEnum):
    """Where what a check compares with comes from: a published number, or a range that is nobody's but ours."""

    PRINTED = "printed in the source"
    FORMULA = "computed from the source's formula"
    PEER = "agrees with another simulator only"
    STATED = "range stated beforehand"


@dataclasses.dataclass(frozen=True)
class Paper:
    """A source: `key` (first author and year, the name of its file), `citation`, and `url`, where it can be read."""

    key: str
    citation: str
    url: str


class AbstractTolerance(abc.ABC):
    """How far a computed number may be from the published one."""

    @abc.abstractmethod
    def holds(self, ours: Real[np.ndarray, " n"], published: Real[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Which of our numbers `[n]` agree with the published ones `[n]`; what is not a number never does."""


@dataclasses.dataclass(frozen=True)
class Absolute(AbstractTolerance):
    r"""$|y - y_\text{published}| \le$ `bound`, in the unit of the check; one bound, or one for each number."""

    bound: float | tuple[float, ...]

    def holds(self, ours: Real[np.ndarray, " n"], published: Real[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        return np.abs(ours - published) <= np.asarray(self.bound)

    def __str__(self) -> str:
        bounds = self.bound if isinstance(self.bound, tuple) else (self.bound,)
        return "± " + ", ".join(f"{bound:.4g}" for bound in bounds)


@dataclasses.dataclass(frozen=True)
class Relative(AbstractTolerance):
    r"""$|y / y_\text{published} - 1| \le$ `bound`."""

    bound: float

    def holds(self, ours: Real[np.ndarray, " n"], published: Real[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        return np.abs(ours - published) <= self.bound * np.abs(published)

    def __str__(self) -> str:
        return f"± {100 * self.bound:.3g} %"


@dataclasses.dataclass(frozen=True)
class AtMost(AbstractTolerance):
    """The published number is an upper bound."""

    def holds(self, ours: Real[np.ndarray, " n"], published: Real[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        return ours <= published

    def __str__(self) -> str:
        return "at most"


@dataclasses.dataclass(frozen=True)
class AtLeast(AbstractTolerance):
    """The published number is a lower bound."""

    def holds(self, ours: Real[np.ndarray, " n"], published: Real[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        return ours >= published

    def __str__(self) -> str:
        return "at least"


@dataclasses.dataclass(frozen=True)
class Range(AbstractTolerance):
    """`low <= y <= high`, stated before it was computed; what was published, if it is a number, is shown beside it."""

    low: float
    high: float = float("inf")

    def holds(self, ours: Real[np.ndarray, " n"], published: Real[np.ndarray, " m"]) -> Bool[np.ndarray, " n"]:
        return (self.low <= ours) & (ours <= self.high)

    def __str__(self) -> str:
        return f"{self.low:.4g} or more" if self.high == float("inf") else f"{self.low:.4g} to {self.high:.4g}"


@dataclasses.dataclass(frozen=True)
class Check:
    """One published quantity and its computation.

    **Arguments:** `paper`; `name`, for its `id`; `quantity`, in words, with where it is taken; `compute`, which gives
    as many numbers as are `published`, in `unit`; `published`, `()` where the source gives a range, or no number and
    the range is ours, and `tolerance` is a `Range`; `tolerance`, and `reason`, why this and no other; `origin` of
    what is compared with; `unit`, `"1"` if there is none; `to_be_verified`, what about them is from memory;
    `known_discrepancy`, why they are not met; `fitted`, which constant was chosen so that they are met; `slow`, whether
    it takes minutes; `seconds`, about how long.

    **Raises:** `ValueError` where nothing is published and the tolerance is no `Range`, or where a number is published
    and the origin is a range of ours.
    """

    paper: Paper
    name: str
    quantity: str
    compute: Callable[[], float | Sequence[float]]
    published: float | tuple[float, ...]
    tolerance: AbstractTolerance
    reason: str
    origin: Origin
    unit: str = "1"
    _: dataclasses.KW_ONLY
    to_be_verified: str | None = None
    known_discrepancy: str | None = None
    fitted: str | None = None
    slow: bool = False
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if not self.values and not isinstance(self.tolerance, Range):
            raise ValueError(f"{self.id} has no published numbers and tolerance {self.tolerance}; give it a Range")
        if self.values and self.origin is Origin.STATED:
            raise ValueError(f"{self.id} has published numbers and origin {Origin.STATED}; say where they are from")

    @property
    def id(self) -> str:
        return f"{self.paper.key}.{self.name}"

    @property
    def values(self) -> tuple[float, ...]:
        """The published numbers as a tuple."""
        return self.published if isinstance(self.published, tuple) else (self.published,)
