"""Settings that are being edited, right or wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from app.settings.model import SECTIONS, Settings, section_type, settings_of
from app.settings.store import fault_text

if TYPE_CHECKING:
    from app.settings.section import Section


class Key(NamedTuple):
    """One setting."""

    section: str
    field: str


class Draft:
    """What the operator changed, and nothing else.

    What is not changed here follows the settings in use, wherever those are changed.

    Parameters
    ----------
    base : Settings
        Those in use.
    """

    def __init__(self, base: Settings) -> None:
        self._base = base
        self._changes: dict[Key, object] = {}

    @property
    def changes(self) -> dict[Key, object]:
        """What differs from the settings in use."""
        return dict(self._changes)

    def value(self, key: Key) -> object:
        """What a setting would become."""
        if key in self._changes:
            return self._changes[key]
        kept: object = getattr(self._base.section(key.section), key.field)
        return kept

    def set(self, key: Key, value: object) -> None:
        """Change a setting, to a wrong value too."""
        if getattr(self._base.section(key.section), key.field) == value:
            self._changes.pop(key, None)
        else:
            self._changes[key] = value

    def undo(self, key: Key) -> None:
        """Take a change back."""
        self._changes.pop(key, None)

    def reset(self, section: str) -> None:
        """Change a section to the defaults."""
        defaults = Settings().section(section)
        for field, value in defaults.values().items():
            self.set(Key(section, field), value)

    def take(self, settings: Settings) -> None:
        """Change everything to other settings, imported ones say."""
        for section in SECTIONS:
            for field, value in settings.section(section).values().items():
                self.set(Key(section, field), value)

    def rebase(self, base: Settings) -> None:
        """Start from other settings in use; what was changed here stays changed."""
        self._base = base
        for key, value in self.changes.items():
            self.set(key, value)

    def faults(self) -> dict[Key, str]:
        """What is wrong with it, by setting; empty if nothing is."""
        found: dict[Key, str] = {}
        for section in {key.section for key in self._changes}:
            try:
                self._made(section)
            except ValidationError as error:
                for details in error.errors(include_url=False):
                    field = str(details["loc"][0]) if details["loc"] else ""
                    found.setdefault(Key(section, field), fault_text(details))
        return found

    def result(self) -> Settings:
        """The settings as changed.

        Raises
        ------
        ValidationError
            If `faults` has any.
        """
        return settings_of({name: self._made(name) for name in SECTIONS})

    def _made(self, section: str) -> Section:
        values = {
            **self._base.section(section).values(),
            **{
                key.field: value
                for key, value in self._changes.items()
                if key.section == section
            },
        }
        return section_type(section)(**values)
