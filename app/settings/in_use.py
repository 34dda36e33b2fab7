"""The settings in use: those of the file, under those of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import SettingsError
from app.settings.draft import Draft, Key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.settings.model import Settings
    from app.settings.store import SettingsStore


class SettingsInUse:
    """What holds now, and what of it is kept.

    What the command line gives wins over the file and is not written there, until the
    operator sets the same setting to something else.

    Parameters
    ----------
    store : SettingsStore
        Read here.
    given : mapping of Key to object, optional
        What the command line names.

    Raises
    ------
    SettingsError
        If the command line gives a wrong value.
    """

    def __init__(
        self, store: SettingsStore, given: Mapping[Key, object] | None = None
    ) -> None:
        self._store = store
        self._kept, self.problem = store.load()
        self._saved = self._kept
        self._given = dict(given or {})
        self._now = self._under_given()

    problem: SettingsError | None
    """Why the file's settings are not in use; None if they are."""

    @property
    def now(self) -> Settings:
        """What holds now."""
        return self._now

    @property
    def given(self) -> frozenset[Key]:
        """What still is as the command line says."""
        return frozenset(self._given)

    @property
    def is_kept(self) -> bool:
        """Whether settings outlive the console."""
        return self._store.can_save

    def put(self, settings: Settings) -> None:
        """Use other settings from now on; `save` writes them."""
        kept = Draft(settings)
        for key, value in list(self._given.items()):
            if getattr(settings.section(key.section), key.field) == value:
                stored = getattr(self._kept.section(key.section), key.field)
                kept.set(key, stored)
            else:
                del self._given[key]
        self._kept, self._now = kept.result(), settings

    def save(self) -> None:
        """Write what is not written yet; nothing where nothing may be.

        May run in a thread of its own, one at a time: a disk takes its time.

        Raises
        ------
        SettingsError
            If it cannot be written.
        """
        kept = self._kept
        if kept != self._saved and self._store.can_save:
            self._store.save(kept)
            self._saved = kept

    def _under_given(self) -> Settings:
        draft = Draft(self._kept)
        for key, value in self._given.items():
            draft.set(key, value)
        for key, text in draft.faults().items():
            raise SettingsError(
                f"{key.section} {key.field} is {draft.value(key)}: {text}"
            )
        return draft.result()
