"""Sphinx configuration of the course's book: pages that read offline, with no script or font from elsewhere."""

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)
REWRITTEN = {  # what MathJax in JupyterLab reads and latex2mathml does not, in this order
    r"\operatorname*": r"\operatorname",
    r"\operatorname{arg\,min}": r"\argmin",
    r"\operatorname{arg\,max}": r"\argmax",
    r"\arg\min": r"\argmin",
    r"\arg\max": r"\argmax",
    "{aligned}": "{align*}",
    "{align}": "{align*}",  # numbered by Sphinx, and there line by line besides
    "{gathered}": "{matrix}",
    "{gather}": "{matrix}",
    "{gather*}": "{matrix}",
}

project = "3D deconvolution"
author = "the authors of the deconvolution course"
copyright = "2026, the authors of the deconvolution course. Text CC BY 4.0, code BSD 3-Clause"

extensions = ["myst_nb"]
nb_execution_mode = "off"  # tools/book.py has executed the notebooks already
nb_ipywidgets_js = {}  # widgets need a kernel; each has a static figure beside it
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_update_mathjax = False
myst_heading_anchors = 3
suppress_warnings = [
    "myst.header",  # a chapter may jump from a title to a third-level heading
    "mystnb.unknown_mime_type",  # output only a live kernel can show
]
if tags.has("partial"):  # noqa: F821 (Sphinx gives `tags` to this file)
    suppress_warnings.append("myst.xref_missing")

html_theme = "sphinx_book_theme"
html_title = "3D deconvolution"
html_static_path = ["static"]
html_css_files = ["course.css"]
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
}


def mathml(latex, node, display):
    """MathML of a formula, which browsers draw without any script; a warning where a command is not known."""
    for latex_command, known in REWRITTEN.items():
        latex = latex.replace(latex_command, known)
    try:
        made = convert(latex, display=display)
    except Exception as error:  # each malformed formula has its own class there, with no common one below Exception
        logger.warning("latex2mathml cannot read %r: %r", latex, error, location=node)
        return ""
    unknown = re.findall(r"<m[iot][^>]*>(\\\w+|&)<", made)  # a bare & is left of an environment it does not know
    if unknown:
        logger.warning("latex2mathml does not know %s in %r", ", ".join(unknown), latex, location=node)
    return made


def visit_inline(translator, node):
    """A formula within a line."""
    translator.body.append(f'<span class="math">{mathml(node.astext(), node, "inline")}</span>')
    raise nodes.SkipNode


def visit_block(translator, node):
    """A formula on a line of its own, with its number and a link where it has a label."""
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append(mathml(node.astext(), node, "block") + "</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Draws mathematics as MathML: MathJax would come over the network."""
    app.add_html_math_renderer("mathml", inline_renderers=(visit_inline, None), block_renderers=(visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
