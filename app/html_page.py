"""Parts of self-contained HTML pages: what reports, benches and sessions share."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Okabe and Ito's colours, which colour-blind people tell apart; lighter on dark.
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --faint: #d4d9df;
  --c1: #0072b2; --c2: #d55e00; --c3: #009e73; --c4: #a8517f; --c5: #a57c00;
  --c6: #5b6570; --before: #a9b4c0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e7ec; --paper: #15191e;
  --faint: #3a424c; --c1: #56b4e9; --c2: #ff8b4a; --c3: #2fc79b; --c4: #e59ac4;
  --c5: #f0c94a; --c6: #aeb8c2; --before: #5b6673; } }
@media print { :root { --ink: #000; --paper: #fff; --faint: #ccc; --c1: #0072b2;
  --c2: #d55e00; --c3: #009e73; --c4: #a8517f; --c5: #a57c00; --c6: #5b6570;
  --before: #a9b4c0; }
  details::details-content { content-visibility: visible; }
  figure, tr { break-inside: avoid; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 780px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.6em; margin-bottom: 0.2em; }
h2 { font-size: 1.15em; margin-top: 2.2em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.15em 1.2em; }
dt { opacity: 0.7; } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3em 0.5em; border-bottom: 1px solid var(--faint);
  text-align: right; }
th:first-child, td:first-child { text-align: left; }
td[colspan] { text-align: left; font-size: 0.92em; }
figure { margin: 1em 0; } figcaption { font-size: 0.92em;
  color: color-mix(in srgb, var(--ink) 80%, var(--paper)); }
svg { width: 100%; height: auto; } svg text { font-size: 12.5px; fill: var(--ink);
  stroke: var(--paper); stroke-width: 3px; paint-order: stroke; }
.key { display: inline-block; width: 0.9em; height: 0.9em; border-radius: 2px;
  vertical-align: -0.1em; margin: 0 0.3em 0 0.8em; }
.key:first-child { margin-left: 0; }
.first { fill: var(--c1); stroke: var(--c1); background: var(--c1); }
.second { fill: var(--c2); stroke: var(--c2); background: var(--c2); }
.third { fill: var(--c3); stroke: var(--c3); background: var(--c3);
  stroke-dasharray: 7 3; }
.fourth { fill: var(--c4); stroke: var(--c4); stroke-dasharray: 2 3; }
.fifth { fill: var(--c5); stroke: var(--c5); stroke-dasharray: 10 3 2 3; }
.sixth { fill: var(--c6); stroke: var(--c6); stroke-dasharray: 4 4; }
.before { fill: var(--before); background: var(--before); }
rect[class] { stroke: none; } .line { fill: none; stroke-width: 2.2; }
.grid { stroke: var(--faint); } .stem { stroke: var(--c1); stroke-width: 2; }
.limit { stroke: var(--c2); stroke-width: 1.5; stroke-dasharray: 5 4; }
.hollow { fill: none; stroke: var(--ink); }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Put parts of HTML together: a page that loads nothing and runs no script."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values, empty values left out."""
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in pairs
        if value
    )
    return f"<dl>{rows}</dl>"


def figure(chart: str, caption: str) -> str:
    """A chart over its caption, both HTML."""
    return f"<figure>{chart}<figcaption>{caption}</figcaption></figure>"


def table(heads: Sequence[str], rows: Iterable[str]) -> str:
    """A table of rows that `row` made."""
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def row(cells: Iterable[str]) -> str:
    """A row of a table, of plain text."""
    return "<tr>" + "".join(f"<td>{escape(one)}</td>" for one in cells) + "</tr>"


def key(*names: tuple[str, str]) -> str:
    """What the colours of a chart mean: class and word of each."""
    return "".join(
        f'<span class="key {style}"></span>{escape(word)}' for style, word in names
    )
