"""The notebooks: generated as committed, run as promised; and the two tools that make them and the book."""

import ast
import json
import math
import pathlib
import re
import shutil
import sys

import nbformat
import pytest

import book
import notebooks

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "notebooks" / "source").glob("*.py"))
SAMPLE = '''\
# ---
# jupyter:
#   course:
#     profiles:
#       test: {n: 2}
#       report: {n: 30}
#     bands:
#       seconds: [0, 1]
# ---

# %% [markdown]
r"""
# Photons
Inline $\\alpha_i$, and

$$
\\hat{x} = \\operatorname*{arg\\,min}_x \\tfrac12 \\lVert A x - y \\rVert^2
$$
"""

# %% tags=["setup"]
import json
import pathlib
import sys
from types import SimpleNamespace as checks

import ipywidgets
from IPython.display import SVG, display

# %% tags=["parameters"]
n = 10


# %%
def photons(counts, gain, offset):
    """Photons from counts."""
    # <solution> take the "offset" out
    signal = counts - offset
    return signal / gain
    # </solution>


# %% tags=["check"]
print("good", photons(5, 2, 1)), "checks.photons(photons)"

# %% [markdown]
"""
<details><summary>Hint 1</summary>

Subtract *first*.

</details>

{{solution}}
"""

# %% alt="A square of nothing"
SVG('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>')

# %%
ipywidgets.interact(lambda i: i, i=(0, 3))
ipywidgets.IntSlider(description="a slider")

# %%
print("progress: 50%|#####     | 1/2 [00:00<00:00, 9.0it/s]\\rkept", file=sys.stderr)

# %%
pathlib.Path("results").mkdir(exist_ok=True)
figures = {"PSNR (dB)": n, "a | b": 1.25, "here": sys.executable}
pathlib.Path("results/00.json").write_text(json.dumps({"chapter": "00", "figures": figures}), encoding="utf-8")
'write_results("00", figures)'
'''
WORDS = "# Words\n\n**Photon**: taught in [the section].\n\n[the section]: 00_sample.ipynb#1--few-of-them\n"


@pytest.fixture
def folder(tmp_path):
    """A folder of notebooks with the sample as its only source."""
    write_sample(tmp_path / "notebooks")
    return tmp_path / "notebooks"


def write_sample(folder, old="", new="", name="00_sample.py"):
    """Writes the sample's source, with one piece of it replaced."""
    assert old in SAMPLE
    path = folder / "source" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SAMPLE.replace(old, new, 1) if old else SAMPLE, encoding="utf-8")
    return path


def sources(notebook):
    """The cells' texts."""
    return [cell.source for cell in notebook.cells]


# The course's own notebooks


def course(path):
    """Profiles and bands of a chapter."""
    return notebooks.read(path).metadata["course"]


def stem(path):
    """A chapter's name, for the names of tests."""
    return path.stem


def test_generated_notebooks_are_those_committed():
    assert notebooks.stale(ROOT / "notebooks") == {}


@pytest.mark.parametrize("path", SOURCES, ids=stem)
def test_solution_runs_and_its_figures_lie_in_their_bands(path, tmp_path):
    solved = ROOT / "notebooks" / "solutions" / f"{path.stem}.ipynb"
    notebook = book.run(solved, tmp_path, course(path)["profiles"]["test"])
    figures = book.read_figures(solved, tmp_path)
    assert outside(figures, course(path)["bands"]) == {}
    assert [text for text in stderr(notebook) if "Warning" in text] == []
    assert undescribed(notebook) == []


@pytest.mark.parametrize("path", SOURCES, ids=stem)
def test_untouched_notebook_stops_at_its_first_check(path, tmp_path):
    asked = ROOT / "notebooks" / f"{path.stem}.ipynb"
    with pytest.raises(book.BookError, match="(?i)your turn"):
        book.run(asked, tmp_path, course(path)["profiles"]["test"])
    stopped = nbformat.read(tmp_path / asked.name, as_version=4)
    failed = [cell for cell in stopped.cells if any(out.output_type == "error" for out in cell.get("outputs", []))]
    first = next(cell for cell in stopped.cells if notebooks.is_tagged(cell, "check"))
    assert [cell.id for cell in failed] == [first.id]


@pytest.mark.parametrize("path", SOURCES, ids=stem)
def test_answers_are_used_by_their_checks_alone(path):
    """So that nobody is stranded: without the checks, the student's notebook does all that the solution's does."""
    cells = [cell for cell in notebooks.read(path).cells if cell.cell_type == "code"]
    trees = [(notebooks.parse(cell, path), notebooks.is_tagged(cell, "check")) for cell in cells]
    answers = {node.name for tree, _ in trees for node in tree.body if isinstance(node, ast.FunctionDef)}
    checked = {name for tree, is_check in trees if is_check for name in names(tree, ast.Store)}
    used = {name for tree, is_check in trees if not is_check for name in names(tree, ast.Load)}
    assert answers
    assert used & (answers | checked) == set()


@pytest.mark.parametrize("path", SOURCES, ids=stem)
def test_explorers_show_the_same_after_all_cells_have_run(path):
    """What a slider's picture is drawn from is looked up when the slider moves, most often after the last cell."""
    trees = [notebooks.parse(cell, path) for cell in notebooks.read(path).cells if cell.cell_type == "code"]
    for k, tree in enumerate(trees):
        later = set().union(*map(names_left_behind, trees[k + 1 :]))
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("explore"):
                assert looked_up_late(call) & later == set(), f"set anew after the explorer: {ast.unparse(call)}"


@pytest.mark.parametrize("path", [*SOURCES, *sorted((ROOT / "notebooks").glob("*.md"))], ids=stem)
def test_links_to_a_section_find_its_heading(path):
    """The book checks all links when it is made, a quarter of an hour later."""
    for name, anchor in re.findall(r"\b(\w+)\.(?:ipynb|md)#([\w-]+)", path.read_text(encoding="utf-8")):
        goal = next(p for p in (ROOT / "notebooks/source" / f"{name}.py", ROOT / f"notebooks/{name}.md") if p.exists())
        titles = re.findall(r"^#+ +(.+)$", goal.read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w\s-]", "", title).strip().lower().replace(" ", "-") for title in titles}


def looked_up_late(call):
    """The names that the functions among a call's arguments look up each time that they run."""
    drawn = [node for node in ast.walk(call) if isinstance(node, ast.Lambda)]
    own = {argument.arg for node in drawn for argument in node.args.args}
    return set().union(*(names(node.body, ast.Load) - names(node.body, ast.Store) for node in drawn)) - own


def names_left_behind(tree):
    """The names that a cell sets, without those of its comprehensions, which nobody sees outside."""
    inner = [node.target for node in ast.walk(tree) if isinstance(node, ast.comprehension)]
    hidden = {id(name) for target in inner for name in ast.walk(target)}
    stored = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return {name.id for name in stored if id(name) not in hidden}


def names(tree, context):
    """The names that a cell's code reads (ast.Load) or sets (ast.Store)."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def outside(figures, bands):
    """{name: value} of the figures that are absent, no number, or outside their [low, high]."""
    values = {name: figures.get(name, math.nan) for name in bands}
    return {name: value for name, value in values.items() if not bands[name][0] <= value <= bands[name][1]}


def stderr(notebook):
    """What the cells wrote to stderr."""
    return [out.text for cell in notebook.cells for out in cell.get("outputs", []) if out.get("name") == "stderr"]


def undescribed(notebook):
    """The code of the cells with a picture that has no alternative text, neither its own nor the cell's."""
    return [
        cell.source
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        for kind in set(book.IMAGES) & set(output.get("data", {}))
        if not (cell.metadata.get("alt") or output.get("metadata", {}).get(kind, {}).get("alt"))
    ]


def test_pictures_without_alternative_text_are_found(sample_book):
    notebook = nbformat.read(sample_book / ".build" / "00_sample.ipynb", as_version=4)
    (picture,) = [cell for cell in notebook.cells if cell.metadata.get("alt")]
    assert undescribed(notebook) == []
    del picture.metadata["alt"]
    assert undescribed(notebook) == [picture.source]


def test_bands_refuse_absent_and_nan():
    bands = {"a": [0, 1], "b": [0, 1], "c": [0, 1], "d": [0, 1]}
    assert outside({"a": 0, "b": 1.5, "c": math.nan}, bands).keys() == {"b", "c", "d"}


# tools/notebooks.py


def test_student_gets_the_task_and_the_solution_the_answer(folder):
    notebook = notebooks.read(folder / "source" / "00_sample.py")
    asked = notebooks.student(notebook, "00_sample").cells[3].source
    solved = notebooks.solution(notebook, "00_sample").cells[3].source
    head = 'def photons(counts, gain, offset):\n    """Photons from counts."""\n'
    assert asked == head + '    raise NotImplementedError("your turn: take the \\"offset\\" out")'
    assert solved == head + "    signal = counts - offset\n    return signal / gain"


def test_student_notebook_compiles_and_holds_no_answer_outside_the_fold(folder):
    asked = notebooks.student(notebooks.read(folder / "source" / "00_sample.py"), "00_sample")
    code = [cell.source for cell in asked.cells if cell.cell_type == "code"]
    for source in code:
        compile(source, "cell", "exec")
    assert not any("signal" in source for source in code)


def test_two_answers_in_one_cell_become_two_tasks(tmp_path):
    more = "    # </solution>\n\n\ndef twice(x):\n    # <solution> double it\n    return 2 * x\n    # </solution>\n"
    notebook = notebooks.read(write_sample(tmp_path, "    # </solution>\n", more))
    assert notebooks.student(notebook, "00_sample").cells[3].source.count("your turn: ") == 2


def test_folded_solution_is_the_exercise_solved(folder):
    notebook = notebooks.read(folder / "source" / "00_sample.py")
    asked = sources(notebooks.student(notebook, "00_sample"))[5]
    solved = notebooks.solution(notebook, "00_sample")
    assert f"<details><summary>Solution</summary>\n\n```python\n{solved.cells[3].source}\n```\n\n</details>" in asked
    assert "{{" not in asked + solved.cells[5].source
    assert "return signal" not in solved.cells[5].source


def test_generated_notebook_is_valid_and_without_outputs(folder):
    for text in notebooks.generated(folder).values():
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert notebook.metadata.kernelspec.name == "python3"
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


def test_generated_notebook_keeps_tags_profiles_and_bands(folder):
    notebook = notebooks.student(notebooks.read(folder / "source" / "00_sample.py"), "00_sample")
    assert notebook.metadata.course.profiles == {"test": {"n": 2}, "report": {"n": 30}}
    assert notebook.metadata.course.bands == {"seconds": [0, 1]}
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells[1:5]]
    assert tags == [["setup"], ["parameters"], ["exercise"], ["check"]]
    assert notebook.cells[6].metadata == {"alt": "A square of nothing"}


def test_generated_bytes_are_the_same_every_time(folder):
    assert notebooks.generated(folder) == notebooks.generated(folder)
    ids = re.findall(r'"id": "(\w+)"', "".join(notebooks.generated(folder).values()))
    assert len(set(ids)) == len(ids) / 2  # the two notebooks of a source share theirs


def test_writing_twice_changes_nothing_the_second_time(folder):
    assert len(notebooks.write(folder)) == 2
    assert notebooks.write(folder) == []
    assert notebooks.main(["--check", "--folder", str(folder)]) == 0


def test_written_notebook_has_the_same_line_ends_everywhere(folder):
    notebooks.write(folder)
    assert b"\r" not in (folder / "00_sample.ipynb").read_bytes()


def test_check_names_a_notebook_that_was_edited(folder, capsys):
    notebooks.write(folder)
    path = folder / "solutions" / "00_sample.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("Photons", "Electrons"), encoding="utf-8")
    assert notebooks.main(["--check", "--folder", str(folder)]) == 1
    assert f"{path} differs from its source" in capsys.readouterr().err


def test_check_names_a_notebook_without_source(folder, capsys):
    notebooks.write(folder)
    shutil.copy(folder / "00_sample.ipynb", folder / "01_gone.ipynb")
    assert notebooks.main(["--check", "--folder", str(folder)]) == 1
    assert "01_gone.ipynb has no source" in capsys.readouterr().err


START, END, EXERCISE = (1 + SAMPLE[: SAMPLE.index(mark)].count("\n") for mark in ("# <sol", "# </sol", "# %%\ndef"))
ANSWER = "    signal = counts - offset\n    return signal / gain\n"
BROKEN = {
    "end missing": ("    # </solution>\n", "", rf"00_sample\.py:{START}: '# <solution>' without '# </solution>'"),
    "start missing": (
        '    # <solution> take the "offset" out\n',
        "",
        rf"00_sample\.py:{END - 1}: '# </solution>' without '# <solution>'",
    ),
    "nested": (
        "    signal =",
        "    # <solution> again\n    signal =",
        rf"00_sample\.py:{START + 1}: .* inside the one of line {START}",
    ),
    "no task": (' take the "offset" out', "", rf"00_sample\.py:{START}: say what the student is to do"),
    "answer outside a function": (
        '    # <solution> take the "offset" out\n' + ANSWER + "    # </solution>\n",
        "    return 1\n\n\n# <solution> a number\nx = 1\n# </solution>\n",
        rf"00_sample\.py:{START + 3}: a solution must stand inside a function",
    ),
    "no title": ("# Photons\n", "", r"first cell must be Markdown that starts with the title"),
    "no set-up": ('# %% tags=["setup"]', "# %%", r'00_sample\.py:\d+: code cell 1 must .* tags=\["setup"\]'),
    "no parameters": ('# %% tags=["parameters"]', "# %%", r'code cell 2 must be the one with tags=\["parameters"\]'),
    "two set-ups": ("# %%\nipywidgets", '# %% tags=["setup"]\nipywidgets', "more than one cell is tagged 'setup'"),
    "no test profile": ("test: {n: 2}", "tests: {n: 2}", "the header needs .* with 'profiles: test"),
    "unknown parameter": ("test: {n: 2}", "test: {m: 2}", "profile 'test' sets m, which .* it sets n$"),
    "no bands": ("seconds: [0, 1]", "{}", "and 'bands: "),
    "band reversed": ("[0, 1]", "[1, 0]", r"band 'seconds' is \[1, 0\], expected \[low, high\]"),
    "band as text": ("[0, 1]", "[0, 1e-3]", r"expected \[low, high\]"),
    "function outside": (
        "# %%\nipyw",
        "# %%\ndef slide():\n    pass\n\n\nipyw",
        "slide is defined outside",
    ),
    "class outside": ("# %%\nipywidgets", "# %%\nclass Slide:\n    pass\n\n\nipywidgets", "Slide is defined outside"),
    "no check": (
        '# %% tags=["check"]',
        "# %%",
        rf'00_sample\.py:{EXERCISE}: the cell after an exercise must have tags=\["check"\]',
    ),
    "empty check": ("checks.photons(photons)", "none", "and call checks"),
    "solution before": ("# Photons\n", "# Photons\n{{solution}}\n", "{{solution}} before any exercise"),
    "no exercise": (
        SAMPLE[SAMPLE.index("\n# %%\ndef photons") : SAMPLE.index('# %% tags=["check"]')],
        "",
        "before any exercise",
    ),
    "other number": ('write_results("00"', 'write_results("01"', 'last code cell must call write_results."00"'),
    "not Python": ("n = 10", "n = = 10", rf"00_sample\.py:{EXERCISE - 3}: invalid syntax"),
    "text before cells": ("# %% [markdown]\nr", "text = 1\n\n# %% [markdown]\nr", "begin the first cell with '# %%'"),
}


@pytest.mark.parametrize(("old", "new", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_source_that_breaks_a_rule_is_refused(tmp_path, old, new, message):
    path = write_sample(tmp_path, old, new)
    with pytest.raises(notebooks.SourceError, match=message):
        notebooks.read(path)


def test_source_with_a_bad_name_is_refused(folder):
    (folder / "source" / "00_sample.py").rename(folder / "source" / "sample.py")
    with pytest.raises(notebooks.SourceError, match="named by two digits and a word"):
        notebooks.generated(folder)


def test_refused_source_writes_nothing(folder, capsys):
    write_sample(folder, "n = 10", "n = = 10", name="01_bad.py")
    assert notebooks.main(["--folder", str(folder)]) == 1
    assert "01_bad.py:31: invalid syntax" in capsys.readouterr().err
    assert not list(folder.glob("**/*.ipynb"))


# tools/book.py


@pytest.fixture(scope="module")
def sample_book(tmp_path_factory):
    """The book made of the sample, and a page beside it, under its report profile: its folder."""
    base = tmp_path_factory.mktemp("book")
    write_sample(base / "notebooks", "Inline", "## 1 · Few of them\nInline")
    (base / "notebooks" / "words.md").write_text(WORDS, encoding="utf-8")
    notebooks.write(base / "notebooks")
    book.build(base / "notebooks" / "solutions", base / "site", profile="report")
    return base / "site"


def page(site, name):
    """The text of a page of the book."""
    return (site / name).read_text(encoding="utf-8")


def test_book_has_its_pages_linked(sample_book):
    index = page(sample_book, "index.html")
    assert 'href="00_sample.html"' in index and 'href="results.html"' in index
    assert ".build" in [path.name for path in sample_book.iterdir()]


def test_book_has_the_pages_beside_the_notebooks_in_its_index_and_navigation(sample_book):
    assert '<a class="reference internal" href="words.html">' in page(sample_book, "index.html")
    assert len(re.findall(r'href="words\.html"', page(sample_book, "00_sample.html"))) >= 1
    assert re.search(
        r'href="00_sample\.html#[^"]+"[^>]*><span[^>]*>the section</span>', page(sample_book, "words.html")
    )


def test_book_refuses_a_page_without_a_title(tmp_path):
    (tmp_path / "words.md").write_text("Photon: see there.", encoding="utf-8")
    with pytest.raises(book.BookError, match=r"words\.md: no title; its first line must be '# …'"):
        book.copy_pages(tmp_path, tmp_path / "pages")


def test_book_runs_with_the_profile_and_this_interpreter(sample_book):
    figures = json.loads(page(sample_book, ".build/results/00.json"))["figures"]
    assert figures["PSNR (dB)"] == 30
    assert pathlib.Path(figures["here"]).samefile(sys.executable)


def test_book_tabulates_figures_with_units_times_and_memory(sample_book):
    rows = re.findall(r"<tr.*?</tr>", page(sample_book, "results.html"), re.DOTALL)
    cells = [[re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.S)] for row in rows]
    assert ["Photons", "PSNR", "30", "dB"] in cells
    assert ["Photons", "a | b", "1.25", ""] in cells
    (cost,) = [row for row in cells if len(row) == 3]
    assert float(cost[1]) > 0 and 20 < float(cost[2]) < 2000


def test_book_draws_mathematics_without_scripts(sample_book):
    text = page(sample_book, "00_sample.html")
    assert text.count("<math ") == 2
    assert "MathJax" not in text and r"\hat" not in text


def test_book_loads_nothing_over_the_network(sample_book):
    pattern = re.compile(r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=[\"'](?:https?:)?//[^\"']*")
    style = re.compile(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^\"')]*")
    for path in sample_book.glob("*.html"):
        assert pattern.findall(path.read_text(encoding="utf-8")) == []
    for path in sample_book.glob("_static/**/*.css"):
        assert style.findall(path.read_text(encoding="utf-8")) == []


def test_book_drops_widgets_and_progress_bars(sample_book):
    text = page(sample_book, "00_sample.html")
    assert "IntSlider(value" not in text and "interactive(" not in text and "widget-view" not in text
    outputs = re.findall(r"cell_output.*?</pre>", text, re.DOTALL)
    assert not any("9.0it/s" in output for output in outputs)
    assert any("kept" in output for output in outputs)


def test_book_gives_pictures_their_alternative_text(sample_book):
    assert 'alt="A square of nothing"' in page(sample_book, "00_sample.html")


def made(folder, sample, site):
    """The exit code of tools/book.py for the notebooks of a folder, generated anew from the sample."""
    write_sample(folder, *sample)
    notebooks.write(folder)
    return book.main(["--source", str(folder / "solutions"), "--site", str(site)])


@pytest.fixture
def old_site(tmp_path):
    """A book made earlier."""
    (tmp_path / "site" / ".build").mkdir(parents=True)
    (tmp_path / "site" / "index.html").write_text("the old one", encoding="utf-8")
    return tmp_path / "site"


FAILING = {
    "a cell fails": (
        ("ipywidgets.IntSlider", "1 / 0\nipywidgets.IntSlider"),
        r"00_sample\.ipynb: cell \[\d\] failed with ZeroDivisionError: division by zero",
    ),
    "no figures": (("results/00.json", "results/other.json"), r"no figures in results/00\.json"),
    "unknown mathematics": ((r"\\alpha"[1:], r"\\nonsense"[1:]), r"latex2mathml does not know \\nonsense"),
    "dead link": (("Subtract *first*", "[next](09_absent.ipynb)"), r"09_absent\.ipynb"),
    "dead anchor": (("Subtract *first*", "[below](00_sample.ipynb#4--absent)"), r"local id not found.*4--absent"),
}


@pytest.mark.parametrize(("sample", "message"), FAILING.values(), ids=FAILING.keys())
def test_failing_book_says_why_and_leaves_the_old_one(folder, old_site, capsys, sample, message):
    assert made(folder, sample, old_site) == 1
    assert re.search(message, capsys.readouterr().err)
    assert page(old_site, "index.html") == "the old one"
    assert sorted(path.name for path in old_site.parent.iterdir()) == ["notebooks", "site"]


def test_book_replaces_the_old_one(tmp_path, old_site):
    new = tmp_path / "temporary" / "site"
    new.mkdir(parents=True)
    (new / "index.html").write_text("the new one", encoding="utf-8")
    book.replace(old_site, new)
    assert page(old_site, "index.html") == "the new one"


def test_book_does_not_replace_a_folder_of_something_else(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.tex").touch()
    with pytest.raises(book.BookError, match="is no book of this tool"):
        book.replace(tmp_path / "site", tmp_path)


def test_book_says_which_chapters_there_are(folder, tmp_path):
    notebooks.write(folder)
    with pytest.raises(book.BookError, match=r"no notebook starts with '07' .*: there are 00_sample"):
        book.build(folder / "solutions", tmp_path / "site", only="07")
    with pytest.raises(book.BookError, match=r"no notebook has a profile 'big'; there are report, test"):
        book.build(folder / "solutions", tmp_path / "site", profile="big")
