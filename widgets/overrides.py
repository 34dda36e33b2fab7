"""`override` for Pythons before 3.12: the type checker checks it, nothing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method):  # noqa: ANN001, ANN201  typed by the import above
        """Mark a method that replaces one of its base class."""
        return method


__all__ = ["override"]
