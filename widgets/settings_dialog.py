"""The settings: pages on the left, a form on the right, the feed goes on behind it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.settings.draft import Draft
from app.settings.model import SECTIONS, effects
from app.settings.section import Effect
from widgets.icons import icon
from widgets.settings_pages import PAGES
from widgets.theme import FIELD_PX, GAP_PX, ICON_PX, MARGIN_PX, Colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.settings.draft import Key
    from app.settings.model import Settings
    from widgets.settings_page import SettingsPage
    from widgets.settings_pages import PageSpec

_SIZE_PX = (820, 640)
_LIST_PX = 190
_FILTER = "Settings (*.json)"
_CHANGED = "•"
_Button = QDialogButtonBox.StandardButton


class SettingsDialog(QDialog):
    """Edits a draft of the settings; nothing is changed before it is applied.

    Parameters
    ----------
    settings : Settings
        Those in use.
    given : frozenset of Key
        What the command line names.
    notice : str
        Something to know about all of them; empty for nothing.
    pages : sequence of PageSpec, optional
    parent : QWidget, optional
    """

    applied = Signal(object)  # Settings to use from now on
    import_chosen = Signal(str)  # path of a file to take settings from
    export_chosen = Signal(str, object)  # path of a file to write, Settings
    engines_requested = Signal()  # the window that builds and tries engines

    def __init__(
        self,
        settings: Settings,
        given: frozenset[Key] = frozenset(),
        notice: str = "",
        pages: Sequence[PageSpec] = PAGES,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self._settings = settings
        self._given = given
        self._draft = Draft(settings)
        self._specs = tuple(pages)
        self._pages: dict[int, SettingsPage] = {}
        self._areas = tuple(QScrollArea() for _ in pages)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._make_next_page)
        self.search = QLineEdit()
        self.list = QListWidget()
        self._stack = QStackedWidget()
        self._nothing = QLabel("No setting tells of these words.")
        self._notice = QLabel(notice)
        self._note = QLabel()
        self._reset = QPushButton("&Reset page")
        self._more = QPushButton("&More")
        self.buttons = QDialogButtonBox(_Button.Ok | _Button.Apply | _Button.Cancel)
        self._lay_out()
        self._make()
        self._connect()
        self.resize(*_SIZE_PX)
        self.list.setCurrentRow(0)
        self.list.setFocus()
        self._show()

    @property
    def pages(self) -> tuple[SettingsPage, ...]:
        """One for each section; those that are not made yet are made now."""
        return tuple(map(self._page, range(len(self._specs))))

    @property
    def note_text(self) -> str:
        """What applying would do."""
        return self._note.text()

    @property
    def notice_text(self) -> str:
        """What there is to know about all settings; empty for nothing."""
        return self._notice.text()

    @property
    def draft(self) -> Draft:
        """What is being edited."""
        return self._draft

    def show_settings(self, settings: Settings, given: frozenset[Key]) -> None:
        """Show what is in use now; what is changed here stays changed."""
        self._settings, self._given = settings, given
        self._draft.rebase(settings)
        self._show()

    def take(self, settings: Settings) -> None:
        """Change everything to imported settings, to be looked at and applied."""
        self._draft.take(settings)
        self._show()
        if not self._draft.changes:
            self.show_done("Imported: the file holds the settings that are in use.")

    def show_problem(self, text: str) -> None:
        """Tell what went wrong with a file."""
        self._show_note(text, "fault")

    def show_done(self, text: str) -> None:
        """Tell what became of a file."""
        self._show_note(text, "muted")

    def open_page(self, section: str) -> None:
        """Go to the page of a section."""
        self.search.clear()
        self.list.setCurrentRow([spec.section for spec in self._specs].index(section))

    # --- making

    def _make(self) -> None:
        for spec, area in zip(self._specs, self._areas, strict=True):
            self.list.addItem(QListWidgetItem(icon(spec.icon), spec.title))
            area.setWidgetResizable(True)
            area.setFrameShape(QFrame.Shape.NoFrame)
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self._stack.addWidget(area)
        self._nothing.setProperty("role", "muted")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack.addWidget(self._nothing)
        self.list.setIconSize(QSize(ICON_PX, ICON_PX))
        self.list.setFixedWidth(_LIST_PX)
        self.list.setAccessibleName("Pages")
        self.search.setPlaceholderText("Find a setting")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Find a setting")
        self.search.setFixedSize(_LIST_PX, FIELD_PX)
        self.search.setToolTip("Show only settings with these words (Ctrl+F)")
        self._reset.setToolTip("Change this page to the defaults")
        for label in (self._notice, self._note):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._notice.setProperty("role", "fault")
        self._notice.setVisible(bool(self._notice.text()))
        menu = QMenu(self)
        menu.addAction("&Import…", self._ask_import)
        menu.addAction("&Export…", self._ask_export)
        menu.addSeparator()
        menu.addAction("Reset &all pages", self._on_reset_all)
        self._more.setMenu(menu)
        for button in (self._reset, self._more):
            button.setAutoDefault(False)

    def _lay_out(self) -> None:
        # From the dialog inwards: what is put into a layout that is nowhere yet is
        # styled once more when that finds its place.
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addWidget(self._notice)
        middle = QHBoxLayout()
        column.addLayout(middle, 1)
        middle.setSpacing(MARGIN_PX)
        left = QVBoxLayout()
        middle.addLayout(left)
        left.setSpacing(GAP_PX)
        left.addWidget(self.search)
        left.addWidget(self.list, 1)
        middle.addWidget(self._stack, 1)
        column.addWidget(self._note)
        below = QHBoxLayout()
        column.addLayout(below)
        below.setSpacing(GAP_PX)
        below.addWidget(self._reset)
        below.addWidget(self._more)
        below.addStretch()
        below.addWidget(self.buttons)

    def _connect(self) -> None:
        self.list.currentRowChanged.connect(self._on_page_chosen)
        self.search.textChanged.connect(self._on_search_changed)
        self._reset.clicked.connect(self._on_reset_page)
        self.buttons.accepted.connect(self._on_accepted)
        self.buttons.rejected.connect(self.reject)
        self.buttons.button(_Button.Apply).clicked.connect(self._apply)
        for keys, slot in (
            (QKeySequence.StandardKey.Find, self.search.setFocus),
            ("Ctrl+PgDown", self._on_next_page),
            ("Ctrl+PgUp", self._on_page_before),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(slot)

    # --- showing

    def _page(self, at: int) -> SettingsPage:
        """A page, made when it is first asked for."""
        page = self._pages.get(at)
        if page is None:
            spec = self._specs[at]
            page = self._pages[at] = spec.make(spec.section)
            page.value_changed.connect(self._on_value_changed)
            page.undo_requested.connect(self._on_undo_requested)
            page.engines_requested.connect(self.engines_requested)
            self._areas[at].setWidget(page)
            page.show_draft(self._draft, self._draft.faults(), self._given)
            # Made later, it would come after the buttons for the Tab key.
            buttons = (self._reset, self._more, *self.buttons.buttons())
            for before, button in pairwise((self._last_focus(page), *buttons)):
                self.setTabOrder(before, button)
        return page

    @staticmethod
    def _last_focus(page: SettingsPage) -> QWidget:
        """The last field of a page."""
        fields = page.findChildren(QWidget)
        able = [x for x in fields if x.focusPolicy() & Qt.FocusPolicy.TabFocus]
        return able[-1] if able else page

    def _make_next_page(self) -> None:
        """All pages at once would hold the window for a quarter of a second."""
        missing = [at for at in range(len(self._specs)) if at not in self._pages]
        if missing:
            self._page(missing[0])
            self._later.start()

    def _show(self) -> None:
        faults = self._draft.faults()
        for page in self._pages.values():
            page.show_draft(self._draft, faults, self._given)
        for at, spec in enumerate(self._specs):
            is_changed = any(key.section == spec.section for key in self._draft.changes)
            is_wrong = any(key.section == spec.section for key in faults)
            item = self.list.item(at)
            item.setText(f"{spec.title} {_CHANGED}" if is_changed else spec.title)
            item.setIcon(icon("error", Colour.ERROR) if is_wrong else icon(spec.icon))
        is_right = not faults
        self.buttons.button(_Button.Ok).setEnabled(is_right)
        self.buttons.button(_Button.Apply).setEnabled(
            is_right and bool(self._draft.changes)
        )
        self._show_note(self._summary(faults), "muted" if is_right else "fault")

    def _summary(self, faults: dict[Key, str]) -> str:
        if faults:
            titles = {spec.section: spec.title for spec in self._specs}
            pages = sorted({titles.get(key.section, key.section) for key in faults})
            return f"Something is wrong on: {', '.join(pages)}."
        if not self._draft.changes:
            return ""
        by_effect = effects(self._settings, self._draft.result())
        sentences = {
            Effect.AT_ONCE: "Heeded at once",
            Effect.RESTARTS_FEED: "Restarts the feed",
            Effect.AT_START: "Heeded at the next start",
        }
        return "  ".join(
            f"{sentence}: {', '.join(by_effect[effect])}."
            for effect, sentence in sentences.items()
            if effect in by_effect
        )

    def _show_note(self, text: str, role: str) -> None:
        self._note.setText(text)
        self._note.setProperty("role", role)
        self._note.style().unpolish(self._note)
        self._note.style().polish(self._note)

    # --- what the operator did

    def _on_page_chosen(self, at: int) -> None:
        self._page(at)
        self._stack.setCurrentIndex(at)
        self._later.start()

    def _on_value_changed(self, key: Key, value: object) -> None:
        self._draft.set(key, value)
        self._show()

    def _on_undo_requested(self, key: Key) -> None:
        self._draft.undo(key)
        self._show()

    def _on_search_changed(self, words: str) -> None:
        found = [page.filter(words.strip()) for page in self.pages]
        for at, is_found in enumerate(found):
            self.list.item(at).setHidden(not is_found)
        if not found[self.list.currentRow()] and any(found):
            self.list.setCurrentRow(found.index(True))
        if any(found):
            self._stack.setCurrentIndex(self.list.currentRow())
        else:
            self._stack.setCurrentWidget(self._nothing)
        self._show()

    def _on_reset_page(self) -> None:
        self._draft.reset(self._specs[self.list.currentRow()].section)
        self._show()

    def _on_reset_all(self) -> None:
        for section in SECTIONS:
            self._draft.reset(section)
        self._show()

    def _on_next_page(self) -> None:
        self._go(1)

    def _on_page_before(self) -> None:
        self._go(-1)

    def _go(self, step: int) -> None:
        shown = [at for at in range(self.list.count()) if not self.list.isRowHidden(at)]
        if self.list.currentRow() in shown:
            at = shown.index(self.list.currentRow()) + step
            self.list.setCurrentRow(shown[at % len(shown)])

    def _on_accepted(self) -> None:
        self._apply()
        self.accept()

    def _apply(self) -> None:
        if self._draft.changes:
            self.applied.emit(self._draft.result())

    def _ask_import(self) -> None:
        dialog = self._file_dialog("Import settings")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.import_chosen)
        dialog.open()

    def _ask_export(self) -> None:
        dialog = self._file_dialog("Export settings")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.selectFile("peregrine-settings.json")
        dialog.fileSelected.connect(self._on_export_chosen)
        dialog.open()

    def _on_export_chosen(self, path: str) -> None:
        if self._draft.faults():
            self.show_problem("Not exported: something is wrong on a page.")
        else:
            self.export_chosen.emit(path, self._draft.result())

    def _file_dialog(self, title: str) -> QFileDialog:
        dialog = QFileDialog(self, title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setNameFilter(_FILTER)
        return dialog
