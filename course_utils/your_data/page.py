"""The report of a run as one HTML file that needs no other: parameters, pictures, and the methods paragraph."""

import base64
import io
import json
from dataclasses import asdict
from html import escape
from pathlib import Path

STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "img{max-width:100%}table{border-collapse:collapse}td{padding:.2rem .8rem .2rem 0;vertical-align:top}"
    "figure{margin:1.5rem 0}figcaption{color:#555}pre{background:#f4f4f4;padding:1rem;overflow-x:auto}"
    "blockquote{border-left:4px solid #999;margin-left:0;padding-left:1rem}"
)


def write_page(path, *, title, settings, paragraph, figures, tables=None, versions=None, about=None):
    """Write the report page; its pictures are inside, so that it can be sent or kept as one file.

    figures  {"caption": matplotlib Figure}, in this order. tables: {"heading": Report}.
    versions {"package": version}; about: {"what": "text"} of the run, such as its date.
    The Settings stand at the end as JSON, as in `Settings.write`.
    """
    parts = [
        f"<h1>{escape(title)}</h1>",
        _rows(about or {}),
        "<h2>Methods</h2>",
        f"<blockquote>{escape(paragraph)}</blockquote>",
    ]
    parts += [_figure(caption, figure) for caption, figure in figures.items()]
    for heading, report in (tables or {}).items():
        parts += [f"<h2>{escape(heading)}</h2>", report._repr_html_()]
    parts += ["<h2>Versions</h2>", _rows(versions or {}), "<h2>All parameters</h2>"]
    parts.append(f"<pre>{escape(json.dumps(asdict(settings), indent=1, ensure_ascii=False))}</pre>")
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    page = f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body></html>\n"
    Path(path).write_text(page, encoding="utf-8")


def _figure(caption, figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    image = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<figure><img alt="{escape(caption, quote=True)}" src="data:image/png;base64,{image}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _rows(values):
    cells = (f"<tr><td>{escape(str(k))}</td><td>{escape(str(v))}</td></tr>" for k, v in values.items())
    return f"<table>{''.join(cells)}</table>"
