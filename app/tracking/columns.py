"""Tables whose columns have names and whose rows are taken and joined in one go.

One array behind all columns makes taking rows one call of numpy instead of one a
column; at twenty objects a call costs more than what it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp] | NDArray[np.bool_]

_Table = TypeVar("_Table", bound="Columns")


class Column:
    """One column of `Columns`: a view to read and to write through."""

    __slots__ = ("_index",)

    def __init__(self, index: int) -> None:
        self._index = index

    def __get__(self, table: Columns, kind: type[Columns]) -> Floats:
        column: Floats = table.values[self._index]
        return column

    def __set__(self, table: Columns, values: ArrayLike) -> None:
        table.values[self._index] = values


class Columns:
    """A table of float64; a subclass names its columns.

    Parameters
    ----------
    values : ndarray of float64, shape (columns, N)
        Kept, and modified.
    """

    __slots__ = ("values",)

    def __init__(self, values: Floats) -> None:
        self.values = values

    def __len__(self) -> int:
        return int(self.values.shape[1])

    def take(self: _Table, rows: Rows) -> _Table:
        """Copy the given rows."""
        return type(self)(self.values[:, rows])

    def joined(self: _Table, other: _Table) -> _Table:
        """Put the rows of another behind these."""
        return type(self)(np.concatenate([self.values, other.values], axis=1))
