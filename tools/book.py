"""Executes the solution notebooks and makes a book of them: an HTML site that reads offline.

    python tools/book.py                      every chapter, with its own default parameters
    python tools/book.py --profile report     with the values that each notebook's header gives under profiles: report
    python tools/book.py --only 00            the chapters whose names start so, as a book of their own

Pages in Markdown that lie in the folder of the notebooks, such as the glossary, go into the book as they are.
The book replaces the folder `site/` only when all of it is there. Its hidden folder `.build` keeps the executed
notebooks, and the figures that they wrote to `results/NN.json`.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass

import nbformat
import papermill
import psutil
from nbclient.output_widget import OutputWidget
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDGET = "application/vnd.jupyter.widget-view+json"
IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
PROGRESS = re.compile(r"\d+%\||(it|s)/(s|it|\w+)\]|\?(it|s)/s")
PICTURE = ROOT / "tools" / "book" / "cell.png"
INDEX = """# 3D deconvolution

From the blur of a microscope to networks that undo it: a course in Jupyter notebooks. These pages show every notebook
as it ran, with the exercises solved; to turn the knobs yourself, open the notebooks in JupyterLab with `make lab`.

![A cell as a lattice light-sheet microscope saw it, and the same cell deblurred: fog becomes vesicles]({picture})

*A cell with a vesicular stain in xy, yz and xz: as measured, and deblurred with the PSF measured on the same
microscope. Data: Talley Lambert, MIT licence.*

{chapters}

{looked_up}The [results](results.md) are those of one run of all the notebooks{profile}; the same page says how long
each took.

```{{toctree}}
:hidden:

{entries}
results
```
"""
RESULTS = """# Results

What the chapters found, as they wrote it down when this book was made.

{figures}

## Run time and memory

Measured on {machine}. The peak is that of the notebook's kernel, looked at ten times a second.

{costs}
"""


class BookError(RuntimeError):
    """The book cannot be made; the message says which notebook, and why."""


@dataclass(frozen=True)
class Chapter:
    """One executed notebook, what it wrote down, and what it cost."""

    name: str
    title: str
    figures: dict
    seconds: float
    peak_bytes: int


def build(source, site, profile=None, only=""):
    """Makes the book of the notebooks in `source`; an existing site stays untouched unless all succeeds."""
    paths = chosen(source, profile, only)
    site.parent.mkdir(parents=True, exist_ok=True)
    # beside the site, so that moving the finished one there is a mere change of name
    with tempfile.TemporaryDirectory(prefix=f".{site.name}-", dir=site.parent) as folder:
        made = pathlib.Path(folder) / "site"
        pages = made / ".build"
        pages.mkdir(parents=True)
        chapters = [execute(path, pages, profile) for path in paths]
        write_pages(chapters, copy_pages(source.parent, pages), pages, profile)
        make_html(pages, made, partial=bool(only))
        replace(site, made)
    return chapters


def chosen(source, profile, only):
    """The notebooks to execute; refuses a folder, a prefix or a profile that gives none."""
    found = sorted(source.glob("[0-9][0-9]_*.ipynb"))
    paths = [path for path in found if path.name.startswith(only)]
    if not paths:
        names = ", ".join(path.stem for path in found) or "none; run make notebooks first"
        raise BookError(f"no notebook starts with {only!r} in {source}: there are {names}")
    profiles = set().union(*(course(path).get("profiles", {}) for path in paths))
    if profile and profile not in profiles:
        raise BookError(f"no notebook has a profile {profile!r}; there are {', '.join(sorted(profiles)) or 'none'}")
    return paths


def course(path):
    """What the notebook's source says under `course`: profiles and bands."""
    return nbformat.read(path, as_version=4).metadata.get("course", {})


def execute(path, folder, profile=None):
    """Runs one notebook in the folder, under a profile's parameters where it has them; leaves its page there."""
    print(f"{path.stem} …", end=" ", flush=True)
    start = time.perf_counter()
    with peak_memory() as peak:
        notebook = run(path, folder, course(path).get("profiles", {}).get(profile))
    seconds = time.perf_counter() - start
    print(f"{seconds:.0f} s, {peak[0] / 1e6:.0f} MB", flush=True)
    make_page(notebook)
    nbformat.write(notebook, folder / path.name)
    return Chapter(path.stem, title(notebook, path), read_figures(path, folder), seconds, peak[0])


class SilentOutput(OutputWidget):
    """An Output widget whose state stays here: the book drops it anyway.

    nbclient would send it back to the kernel on the socket on which it waits for the cell's reply, and now and then
    miss that reply, and wait for ever (nbclient's issue 312).
    """

    def send(self, data=None, metadata=None, buffers=None):
        """Sends nothing."""


class Engine(NBClientEngine):
    """Executes as papermill does, with silent Output widgets."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **_):
        """Runs all cells; called by papermill.execute_notebook, which also passes what is not used here."""
        quiet = ["--IPKernelApp.log_level=ERROR"]  # each kernel would warn that its local port is not encrypted
        client = PapermillNotebookClient(nb_man, kernel_name=kernel_name, extra_arguments=quiet)
        client.widget_registry = {"@jupyter-widgets/output": {"OutputModel": SilentOutput}}
        return client.execute()


papermill_engines.register("course", Engine)


def run(path, folder, parameters=None):
    """The executed notebook, also left in the folder; where a cell fails, an error with the cell and its message."""
    # the kernel of this interpreter's environment goes before one that the user once registered for all of them
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    try:
        return papermill.execute_notebook(
            str(path),
            str(folder / path.name),
            parameters=dict(parameters or {}),
            cwd=str(folder),
            kernel_name="python3",
            engine_name="course",
            progress_bar=False,
        )
    except PapermillExecutionError as error:
        lines = "\n".join(f"    {line}" for line in error.source.splitlines()[:12])
        raise BookError(
            f"{path}: cell [{error.exec_count}] failed with {error.ename}: {error.evalue}\n{lines}"
        ) from error


@contextlib.contextmanager
def peak_memory(interval=0.1):
    """Watches this process's children: the peak of their resident bytes is in the list's only element."""
    peak, done = [0], threading.Event()

    def watch():
        while not done.wait(interval):
            peak[0] = max(peak[0], children_bytes())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def children_bytes():
    """Resident bytes of all processes below this one, those that end meanwhile left out."""
    total = 0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            total += child.memory_info().rss
    return total


def read_figures(path, folder):
    """The figures that a notebook wrote to results/NN.json."""
    written = folder / "results" / f"{path.stem[:2]}.json"
    try:
        return json.loads(written.read_text(encoding="utf-8"))["figures"]
    except (OSError, ValueError, KeyError) as error:
        raise BookError(f"{path}: no figures in results/{written.name}: its last cell must write them") from error


def title(notebook, path):
    """The notebook's first heading."""
    titles = (heading(cell.source) for cell in notebook.cells if cell.cell_type == "markdown")
    found = next(filter(None, titles), None)
    if not found:
        raise BookError(f"{path}: no title; its first cell must start with '# …'")
    return found


def heading(text):
    """The title that a Markdown text begins with, or None."""
    match = re.match(r"# +(.+)", text)
    return match[1].strip() if match else None


def copy_pages(folder, pages):
    """Copies the Markdown pages of a folder into the book; {name: title} of them."""
    titles = {}
    for path in sorted(folder.glob("*.md")):
        titles[path.stem] = heading(path.read_text(encoding="utf-8"))
        if not titles[path.stem]:
            raise BookError(f"{path}: no title; its first line must be '# …'")
        shutil.copy(path, pages)
    return titles


def make_page(notebook):
    """Takes out what only lives with a kernel: widgets, progress bars, the editor's metadata."""
    for key in set(notebook.metadata) - {"kernelspec", "language_info"}:
        del notebook.metadata[key]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [kept for kept in map(still, cell.outputs) if kept is not None]
            describe(cell)


def still(output):
    """The output as a page can show it, or None: a picture stays, the widget's view and progress bars go."""
    if output.output_type == "stream" and output.name == "stderr":
        lines = re.split(r"[\r\n]+", output.text)
        output.text = "\n".join(line for line in lines if not PROGRESS.search(line)).strip("\n")
        return output if output.text.strip() else None
    data = output.get("data", {})
    if WIDGET in data:
        del data[WIDGET]
        return output if any(kind in data for kind in IMAGES) else None
    return output


def describe(cell):
    """Hands the pictures' alternative text on to the book: the output's own, else the cell's."""
    texts = [output.get("metadata", {}).get(kind, {}).get("alt") for output in cell.outputs for kind in IMAGES]
    text = next(filter(None, texts), cell.metadata.get("alt"))
    if text:
        cell.metadata["mystnb"] = {"image": {"alt": text}}


def write_pages(chapters, beside, pages, profile):
    """The index, and the table of all results; `beside` are the pages that are no chapters, {name: title}."""
    rows = [(number(chapter), link(chapter)) for chapter in chapters]
    shutil.copy(PICTURE, pages)
    index = INDEX.format(
        picture=PICTURE.name,
        chapters=table(("", "Chapter"), rows),
        looked_up=looked_up(beside),
        entries="\n".join([*(chapter.name for chapter in chapters), *beside]),
        profile=f', under the profile "{profile}"' if profile else "",
    )
    (pages / "index.md").write_text(index, encoding="utf-8")
    figures = [(link(chapter), *row) for chapter in chapters for row in figure_rows(chapter.figures)]
    costs = [(link(chapter), f"{chapter.seconds:.0f}", f"{chapter.peak_bytes / 1e6:.0f}") for chapter in chapters]
    results = RESULTS.format(
        figures=table(("Chapter", "Figure", "Value", "Unit"), figures),
        costs=table(("Chapter", "Run time (s)", "Peak memory (MB)"), costs),
        machine=machine(),
    )
    (pages / "results.md").write_text(results, encoding="utf-8")


def looked_up(beside):
    """A line with links to the pages beside the chapters; none where there are none."""
    links = ", ".join(f"[{title}]({name}.md)" for name, title in beside.items())
    return f"To look things up: {links}.\n\n" if links else ""


def number(chapter):
    """The chapter's two digits."""
    return chapter.name[:2]


def link(chapter):
    """A link to the chapter's page."""
    return f"[{chapter.title}]({chapter.name}.ipynb)"


def figure_rows(figures):
    """(name, value, unit) of each figure: the unit stands in brackets at the name's end, "PSNR (dB)"."""
    rows = []
    for name, value in figures.items():
        match = re.fullmatch(r"(.+?) \(([^()]+)\)", name)
        label, unit = match.groups() if match else (name, "")
        rows.append((label, f"{value:.4g}" if isinstance(value, int | float) else str(value), unit))
    return rows


def table(head, rows):
    """A Markdown table; a bar within a cell is written as one, not as a border."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def machine():
    """The computer in words, so that the times mean something."""
    memory = psutil.virtual_memory().total / 1e9
    return f"{os.cpu_count()} CPU cores with {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}"


def make_html(pages, html, *, partial=False):
    """Runs Sphinx; its warnings are errors, but for links to the chapters that a partial book leaves out."""
    with tempfile.TemporaryDirectory() as doctrees:
        options = ["-q", "-W", "--keep-going", "-c", ROOT / "tools" / "book", "-d", doctrees]
        options += ["-t", "partial"] if partial else []
        command = [sys.executable, "-m", "sphinx", "-b", "html", *options, pages, html]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise BookError(f"Sphinx could not make the book:\n{done.stderr.strip() or done.stdout.strip()}")


def replace(site, made):
    """Puts the new site where the old one was; refuses to replace a folder that is not a site."""
    if site.exists() and any(site.iterdir()) and not (site / ".build").exists():
        raise BookError(f"{site} is no book of this tool (no .build in it): move it away, or give another --site")
    if site.exists():
        site.rename(made.with_name("old"))  # goes with the temporary folder
    made.rename(site)


def main(arguments=None):
    """The command line: exit code 1, and the reason, where no book could be made."""
    parser = argparse.ArgumentParser(description="Execute the solution notebooks and make an HTML book of them.")
    parser.add_argument("--source", type=pathlib.Path, default=ROOT / "notebooks" / "solutions", help="the notebooks")
    parser.add_argument(
        "--site", type=pathlib.Path, default=ROOT / "site", help="the folder to write, site/ by default"
    )
    parser.add_argument("--profile", help="the parameters to run with: a name under profiles in the notebooks' headers")
    parser.add_argument("--only", default="", help="only the chapters whose names start so, for example 00")
    options = parser.parse_args(arguments)
    site = options.site.resolve()
    try:
        build(options.source, site, options.profile or None, options.only)
    except BookError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print(f"the book is {site / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
