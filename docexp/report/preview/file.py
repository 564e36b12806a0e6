"""The file: style, script and pages in one."""

import html
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""What a browser may do with the file: show it, and fetch nothing from anywhere."""


def document(title: str, about: str, records: Sequence[dict[str, Any]]) -> str:
    """The HTML. Texts of pages are data of the script, which writes them as text only: none is ever markup."""
    style, script = (
        files("docexp.report.preview").joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js")
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{html.escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<aside>
<h1>{html.escape(title)}</h1>
<p class="about">{html.escape(about)}</p>
<nav><button id="before" title="previous page (←)">←</button><select id="pages" aria-label="page"></select
><button id="after" title="next page (→)">→</button></nav>
<div id="facts"></div>
<fieldset id="layers"><legend>shown</legend></fieldset>
<div id="details"></div>
</aside>
<main><div id="paper"></div></main>
<div id="hint" hidden></div>
<noscript>This preview is drawn by a script in the file, which the browser does not run.</noscript>
<script id="data" type="application/json">{as_data(records)}</script>
<script>
{script}</script>
</body>
</html>
"""


def as_data(value: Any) -> str:
    """Json that can stand in a ``script`` element: no ``<``, ``>`` or ``&`` that could end it, and no line ends."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
