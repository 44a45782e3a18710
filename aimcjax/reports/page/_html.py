"""From the Markdown of a page to one HTML file that needs nothing else."""

import base64
import html
import importlib.resources
import re
from collections.abc import Mapping
from typing import Any

from markdown_it import MarkdownIt


_STYLE = importlib.resources.files(__package__ or "aimcjax.reports.page") / "style.css"
_TYPES = {"png": "image/png", "svg": "image/svg+xml"}
_WIDE = 9  # columns, from which on a table is set small
_LONG = 25  # lines, from which on code is folded
_OPEN, _CLOSE = "\ue000", "\ue001"  # for private use: no text has them
_ANCHOR = re.compile(r'<a id="([\w-]+)"></a>')


def to_html(markdown: str, title: str, images: Mapping[str, bytes]) -> str:
    """One page under the `title`: style and `images` (by the paths that `markdown` has for them) inside, no scripts, no
    raw HTML from the text, links only to places in it. Pictures that are not in `images` become their captions."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.validateLink = lambda url: url.startswith("#") or url in images
    tokens = parser.parse(_ANCHOR.sub(f"{_OPEN}\\1{_CLOSE}", markdown))
    _mark_tables(tokens)
    parser.add_render_rule("fence", _fence)
    parser.add_render_rule("image", _image)
    body = parser.renderer.render(tokens, parser.options, {"images": images})
    body = re.sub(rf"{_OPEN}([\w-]+){_CLOSE}", r'<span id="\1"></span>', body)
    body = body.replace("<table", '<div class="table"><table').replace("</table>", "</table></div>")
    style = _STYLE.read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}</main>\n"
        "</body>\n</html>\n"
    )


def _mark_tables(tokens: list[Any]) -> None:
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            end = next(k for k in range(index, len(tokens)) if tokens[k].type == "tr_close")
            if sum(other.type == "th_open" for other in tokens[index:end]) >= _WIDE:
                token.attrSet("class", "wide")


def _image(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    token, images = tokens[index], env["images"]
    alt = html.escape(self.renderInlineAsText(token.children or [], options, env))
    path = str(token.attrs["src"])
    if path not in images:
        return alt
    data = base64.b64encode(images[path]).decode()
    return f'<img alt="{alt}" src="data:{_TYPES[path.rsplit(".", 1)[-1]]};base64,{data}">'


def _fence(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    content, language = tokens[index].content, html.escape(tokens[index].info.strip())
    block = f"<pre><code>{html.escape(content)}</code></pre>\n"
    if content.count("\n") < _LONG:
        return block
    return f"<details><summary>{language}, {content.count(chr(10))} lines</summary>\n{block}</details>\n"
