'''Turns notebooks/source/*.py into the notebooks that students open, and into their solutions.

    python tools/notebooks.py            writes notebooks/NN_*.ipynb and notebooks/solutions/NN_*.ipynb
    python tools/notebooks.py --check    writes nothing; exits 1 and names the notebooks that differ from their source

A source is a jupytext percent file named NN_what.py. All of its parts, in their order:

    # ---
    # jupyter:
    #   course:
    #     profiles:                    # values injected below the `parameters` cell; `test` must be there
    #       test: {n_iter: 5}
    #       report: {n_iter: 200}
    #     bands:                       # of results/NN.json under the `test` profile: [low, high], ends included
    #       PSNR gain (dB): [2, 6]
    # ---

    # %% [markdown]
    r"""
    # Count photons
    What you will be able to do, what you need, minutes and memory.
    """

    # %% tags=["setup"]
    import numpy as np

    from course_utils import checks, compare

    # %% tags=["parameters"]
    n_iter = 20

    # %% [markdown]
    """
    ## Exercise 1
    A sentence, and a formula: $p = (c - o) / g$.
    """

    # %%
    def photons(counts, gain, offset):
        """Photons from counts."""
        # <solution> take the offset out, then divide by the gain
        return (counts - offset) / gain
        # </solution>

    # %% tags=["check"]
    checks.photons(photons)

    # %% [markdown]
    """
    <details><summary>Hint 1</summary>

    A camera adds its offset last.

    </details>

    {{solution}}
    """

    # %% alt="The blurred cell in xy, xz and yz, with a scale bar of 5 µm"
    plots.sections(cell)

    # %%
    compare.write_results("00", {"PSNR gain (dB)": gain})

What becomes of it:

- The lines from `# <solution> task` to `# </solution>` become `raise NotImplementedError("your turn: task")` in the
  student's notebook, at the same indentation; in the solution the markers vanish. They stand inside a function, so that
  the untouched notebook runs until its check. Exercise cells get the tag `exercise`.
- A Markdown line `{{solution}}` becomes a folded block with the last exercise's whole cell, solved; in the solution
  notebook, where that cell can be read, a sentence that points to it.
- `alt="…"` in a code cell's header is the alternative text of the cell's pictures in the book.
- The header's `course` goes into the notebook's metadata, where tools/book.py and the tests find it.

Refused, with file and line: markers that do not pair, or have no task; a header cell, set-up cell, or `parameters` cell
that is absent or out of order; a profile that sets a name which the `parameters` cell does not; a function or class
defined outside an exercise; an exercise that is not followed by a cell tagged `check` which calls `checks`; a notebook
without an exercise, or whose last code cell does not call write_results with the notebook's number.
'''

import argparse
import ast
import copy
import hashlib
import json
import pathlib
import re
import sys

import jupytext
import nbformat

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOLUTION = re.compile(
    r"^(?P<indent>[ \t]*)# <solution>(?P<task>[^\n]*)\n(?P<answer>.*?)^[ \t]*# </solution>[ \t]*(?:\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
FOLDED = "{{solution}}"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class SourceError(ValueError):
    """A notebook's source breaks a rule of the course."""


def read(path):
    """The notebook in a source file, each cell with the `line` it starts at in its metadata; refuses a bad one."""
    path = pathlib.Path(path)
    text = path.read_text(encoding="utf-8")
    check_markers(text, path)
    notebook = jupytext.reads(text, fmt="py:percent")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line.startswith("# %%")]
    if len(lines) != len(notebook.cells):
        raise SourceError(
            f"{path}: {len(notebook.cells)} cells, but {len(lines)} lines that start with '# %%'; begin the first cell "
            "with '# %%', and keep '# %%' out of texts"
        )
    for cell, line in zip(notebook.cells, lines, strict=True):
        cell.metadata["line"] = line
    validate(notebook, path)
    return notebook


def check_markers(text, path):
    """Refuses solution markers that do not pair within one cell, or that set no task."""
    opened = None
    for number, line in enumerate(text.splitlines(), 1):
        mark = line.strip()
        if mark.startswith("# %%") and opened:
            raise SourceError(f"{path}:{opened}: '# <solution>' without '# </solution>' in the same cell")
        if mark.startswith("# <solution>"):
            if opened:
                raise SourceError(f"{path}:{number}: '# <solution>' inside the one of line {opened}")
            if mark == "# <solution>":
                raise SourceError(f"{path}:{number}: say what the student is to do: '# <solution> divide by the gain'")
            opened = number
        elif mark.startswith("# </solution>"):
            if not opened:
                raise SourceError(f"{path}:{number}: '# </solution>' without '# <solution>'")
            opened = None
    if opened:
        raise SourceError(f"{path}:{opened}: '# <solution>' without '# </solution>'")


def validate(notebook, path):
    """Refuses a notebook that breaks a rule of the course; the rules stand at the top of this file."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    check_order(notebook.cells, code, path)
    check_metadata(notebook, parameter_names(code[1], path), path)
    check_exercises(notebook.cells, path)
    number = path.stem[:2]
    if not re.search(rf"\bwrite_results\(\s*[\"']{re.escape(number)}[\"']", code[-1].source):
        raise SourceError(f'{where(code[-1], path)}: the last code cell must call write_results("{number}", {{…}})')


def check_order(cells, code, path):
    """Header, set-up, parameters: in this order, and before any other code."""
    if not cells or cells[0].cell_type != "markdown" or not cells[0].source.startswith("# "):
        raise SourceError(f"{path}: the first cell must be Markdown that starts with the title, '# …'")
    for position, tag in enumerate(["setup", "parameters"]):
        if len(code) <= position or not is_tagged(code[position], tag):
            place = where(code[position], path) if len(code) > position else path
            raise SourceError(f'{place}: code cell {position + 1} must be the one with tags=["{tag}"]')
        if sum(is_tagged(cell, tag) for cell in code) > 1:
            raise SourceError(f"{path}: more than one cell is tagged {tag!r}")


def check_metadata(notebook, names, path):
    """The header's `course` has a `test` profile that sets known parameters, and a [low, high] for each band."""
    course = notebook.metadata.get("course") or {}
    profiles, bands = course.get("profiles") or {}, course.get("bands") or {}
    if "test" not in profiles or not bands:
        raise SourceError(
            f"{path}: the header needs 'jupyter: course:' with 'profiles: test: {{…}}' and 'bands: {{…}}'"
        )
    for profile, values in profiles.items():
        unknown = sorted(set(values or {}) - names)
        if unknown:
            raise SourceError(
                f"{path}: profile {profile!r} sets {', '.join(unknown)}, which the parameters cell does not; "
                f"it sets {', '.join(sorted(names)) or 'nothing'}"
            )
    for name, band in bands.items():
        if not is_band(band):
            raise SourceError(f"{path}: band {name!r} is {band!r}, expected [low, high] with low <= high")


def is_band(band):
    """Whether this is a pair of numbers in order (YAML reads 1e-3 as text: it is written 1.0e-3)."""
    return (
        isinstance(band, list)
        and len(band) == 2
        and all(isinstance(end, int | float) and not isinstance(end, bool) for end in band)
        and band[0] <= band[1]
    )


def check_exercises(cells, path):
    """Functions stand in exercises only, solutions in functions only, and a check follows each exercise."""
    exercises = 0
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        if cell.cell_type == "markdown" and FOLDED in cell.source and not exercises:
            raise SourceError(f"{where(cell, path)}: {FOLDED} before any exercise")
        if cell.cell_type != "code":
            continue
        tree = parse(cell, path)
        if not is_exercise(cell):
            check_no_functions(tree, cell, path)
            continue
        exercises += 1
        check_inside_functions(tree, cell, path)
        if following is None or not is_tagged(following, "check") or "checks." not in following.source:
            raise SourceError(
                f'{where(cell, path)}: the cell after an exercise must have tags=["check"] and call checks.…(answer)'
            )
    if not exercises:
        raise SourceError(f"{path}: no exercise; put an answer between '# <solution> task' and '# </solution>'")


def check_no_functions(tree, cell, path):
    """A notebook defines no function but an exercise's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            line = cell.metadata["line"] + node.lineno
            raise SourceError(f"{path}:{line}: {node.name} is defined outside an exercise; put it into course_utils")


def check_inside_functions(tree, cell, path):
    """A solution at the cell's top level would stop the student's notebook before its check."""
    spans = [(node.lineno, node.end_lineno) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for match in SOLUTION.finditer(cell.source):
        # the statements between the markers, not the markers: a comment after the last one is no part of the function
        line = cell.source.count("\n", 0, match.start()) + 2
        if not any(first < line <= last for first, last in spans):
            raise SourceError(f"{path}:{cell.metadata['line'] + line - 1}: a solution must stand inside a function")


def parse(cell, path):
    """The syntax tree of a code cell; magics (%, !) count as empty statements."""
    source = re.sub(r"^([ \t]*)[%!].*$", r"\1pass", cell.source, flags=re.MULTILINE)
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise SourceError(f"{path}:{cell.metadata['line'] + (error.lineno or 0)}: {error.msg}") from error


def parameter_names(cell, path):
    """The names that the parameters cell assigns."""
    targets = []
    for node in parse(cell, path).body:
        targets += node.targets if isinstance(node, ast.Assign) else []
        targets += [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def is_tagged(cell, tag):
    """Whether the cell carries this tag."""
    return tag in cell.metadata.get("tags", [])


def is_exercise(cell):
    """Whether a student is to write something into this cell."""
    return cell.cell_type == "code" and SOLUTION.search(cell.source) is not None


def where(cell, path):
    """File and line of a cell, as compilers and editors write it."""
    return f"{path}:{cell.metadata['line']}"


def ask(source):
    """The exercise as the student gets it: each answer is an error that says whose turn it is."""

    def raise_task(match):
        message = json.dumps(f"your turn: {match['task'].strip()}", ensure_ascii=False)
        return f"{match['indent']}raise NotImplementedError({message})\n"

    return SOLUTION.sub(raise_task, source).rstrip("\n")


def solve(source):
    """The exercise with its answers, without the markers."""
    return SOLUTION.sub(lambda match: match["answer"], source).rstrip("\n")


def fold(source):
    """A solved exercise in a block that opens with a click."""
    return f"<details><summary>Solution</summary>\n\n```python\n{source}\n```\n\n</details>"


def student(notebook, name):
    """The notebook that a student opens: tasks for answers, solutions folded."""
    return generate(notebook, name, ask, fold)


def solution(notebook, name):
    """The notebook with its answers filled in."""
    return generate(notebook, name, solve, lambda source: "*The solution is the exercise's cell above.*")


def generate(notebook, name, answer, unfold):
    """A notebook without outputs, whose bytes depend on nothing but its source; `answer` and `unfold` part the two."""
    metadata = {**METADATA, "course": {**notebook.metadata["course"], "source": f"source/{name}.py"}}
    made = nbformat.v4.new_notebook(metadata=copy.deepcopy(metadata))
    last = ""
    for index, cell in enumerate(notebook.cells):
        source, kept = cell.source, {key: cell.metadata[key] for key in ("tags", "alt") if key in cell.metadata}
        if is_exercise(cell):
            last, source = solve(source), answer(source)
            kept["tags"] = [*kept.get("tags", []), "exercise"]
        if cell.cell_type == "markdown":
            source = source.replace(FOLDED, unfold(last))
        new = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        made.cells.append(new(source, metadata=kept, id=cell_id(name, index)))
    made.nbformat_minor = 5
    return made


def cell_id(name, index):
    """Eight digits that stay the same from run to run: jupytext and nbformat would draw them at random."""
    return hashlib.sha256(f"{name}:{index}".encode()).hexdigest()[:8]


def generated(folder):
    """{path: text} of every notebook that the sources in folder/source make."""
    made = {}
    for path in sorted((folder / "source").glob("*.py")):
        if not re.match(r"\d\d_\w+$", path.stem):
            raise SourceError(f"{path}: a source is named by two digits and a word, like 00_start_here.py")
        notebook = read(path)
        for place, make in [(folder, student), (folder / "solutions", solution)]:
            made[place / f"{path.stem}.ipynb"] = nbformat.writes(make(notebook, path.stem)) + "\n"
    return made


def orphans(folder, made):
    """Numbered notebooks that no source makes any more."""
    there = [*folder.glob("[0-9][0-9]_*.ipynb"), *folder.glob("solutions/*.ipynb")]
    return sorted(set(there) - set(made))


def stale(folder):
    """The notebooks that are absent, differ from what their source makes, or have no source, each with the reason."""
    made = generated(folder)
    differing = {path: "differs from its source" for path, text in made.items() if not same(path, text)}
    return differing | {path: "has no source: delete it" for path in orphans(folder, made)}


def same(path, text):
    """Whether the file holds exactly this text."""
    return path.exists() and path.read_bytes() == text.encode("utf-8")


def write(folder):
    """Writes what changed; returns the paths written."""
    changed = {path: text for path, text in generated(folder).items() if not same(path, text)}
    for path, text in changed.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))
    return list(changed)


def main(arguments=None):
    """The command line: exit code 1, and a line for each problem, where something is wrong."""
    parser = argparse.ArgumentParser(description="Generate the notebooks from notebooks/source/*.py.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a notebook is out of date")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "notebooks", help="what holds source/")
    options = parser.parse_args(arguments)
    try:
        for path in [] if options.check else write(options.folder):
            print(f"wrote {path}")
        problems = stale(options.folder)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    for path, reason in problems.items():
        print(f"{path} {reason}", file=sys.stderr)
    if problems and options.check:
        print("run: make notebooks (or: python tools/notebooks.py)", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
