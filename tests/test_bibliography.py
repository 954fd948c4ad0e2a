"""The two pages beside the chapters: every paper cited is in the bibliography, every link of both leads somewhere."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
PAGES = [NOTEBOOKS / "glossary.md", NOTEBOOKS / "bibliography.md"]
NOTEBOOK_SOURCES = sorted((NOTEBOOKS / "source").glob("*.py"))
MODULES = sorted([*ROOT.glob("course_utils/**/*.py"), *ROOT.glob("data_fetch/**/*.py")])
DOI = re.compile(r"doi:(10\.\d{4,9}/[^\s\]\"';,]+)|arXiv:(\d{4}\.\d{4,5})", re.IGNORECASE)
CITED = re.compile(r"([0-9]+ \([12]\d{3}\) \d+)[,.]\s+\[?doi:(10\.\d{4,9}/[^\s\]\"';,]+)")  # volume (year) page, doi
LINK_TO_DOI = re.compile(r"\[doi:([^\]]+)\]\(https://doi\.org/([^\s]+)\)")
DEFINITION = re.compile(r"^\[([^\]]+)\]: (\S+)$", re.MULTILINE)


def read(path):
    """A file's text, the line breaks within docstrings taken out."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"\n +", " ", text) if path.suffix == ".py" else text


def tidy(doi):
    """A DOI without the stop or the bracket that follows it in a text; DOIs know no capitals."""
    doi = doi.rstrip(".")
    return (doi[:-1] if doi.count(")") > doi.count("(") else doi).lower()


def dois(text):
    """The DOIs that a text cites; a number of arXiv counts as its DOI."""
    return {tidy(doi or f"10.48550/arXiv.{arxiv}") for doi, arxiv in DOI.findall(text)}


def places(text):
    """{doi: volume, year and page} of the articles that a text cites so."""
    return {tidy(doi): place for place, doi in CITED.findall(text)}


def anchors(name):
    """The anchors that the book gives the headings of a chapter."""
    source = read(NOTEBOOKS / "source" / f"{pathlib.Path(name).stem}.py")
    headings = re.findall(r"^#{1,3} (.+)$", source, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


BIBLIOGRAPHY = read(NOTEBOOKS / "bibliography.md")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("J. Opt. Soc. Am. A 8 (1991) 1601, doi:10.1364/JOSAA.8.001601.", {"10.1364/josaa.8.001601"}),
        (
            "[doi:10.1016/0167-2789(92)90242-F](https://doi.org/10.1016/0167-2789(92)90242-F)",
            {"10.1016/0167-2789(92)90242-f"},
        ),
        ("(Snyder 1993, doi:10.1364/JOSAA.10.001014)", {"10.1364/josaa.10.001014"}),
        ("[arXiv:1412.6980](https://arxiv.org/abs/1412.6980)", {"10.48550/arxiv.1412.6980"}),
    ],
)
def test_dois_are_found_as_texts_write_them(text, found):
    assert dois(text) == found


@pytest.mark.parametrize("path", [*NOTEBOOK_SOURCES, *MODULES], ids=lambda path: str(path.relative_to(ROOT)))
def test_bibliography_has_every_doi_cited(path):
    assert dois(read(path)) - dois(BIBLIOGRAPHY) == set()


def test_bibliography_has_no_doi_that_nobody_cites():
    cited = set().union(*(dois(read(path)) for path in [*NOTEBOOK_SOURCES, *MODULES]))
    assert dois(BIBLIOGRAPHY) - cited == set()


@pytest.mark.parametrize("path", [*NOTEBOOK_SOURCES, *MODULES], ids=lambda path: str(path.relative_to(ROOT)))
def test_volume_year_and_page_are_those_of_the_bibliography(path):
    known = places(BIBLIOGRAPHY)
    assert {doi: place for doi, place in places(read(path)).items() if known.get(doi) != place} == {}


@pytest.mark.parametrize("path", [*NOTEBOOK_SOURCES, NOTEBOOKS / "bibliography.md"], ids=lambda path: path.stem)
def test_links_go_to_the_doi_that_they_show(path):
    assert [pair for pair in LINK_TO_DOI.findall(read(path)) if pair[0] != pair[1].rstrip(":,.")] == []


def test_bibliography_is_in_the_order_of_the_authors():
    entries = re.findall(r"^- (.+?)(?: \*et al\.\*|,| and )", BIBLIOGRAPHY.split("Without a DOI")[0], re.MULTILINE)
    names = [re.sub(r"^([A-Z][.a-z-]* |[A-Z]\.-[A-Z]\. |van )+", "", entry) for entry in entries]
    assert len(names) > 40
    assert names == sorted(names)


def test_bibliography_names_the_chapters_that_cite():
    entries = [line for line in BIBLIOGRAPHY.splitlines() if line.startswith("- ") and dois(line)]
    for path in NOTEBOOK_SOURCES:
        cited = dois(read(path))
        missing = [line for line in entries if dois(line) & cited and f"[{int(path.stem[:2])}]" not in line]
        wrong = [line for line in entries if not dois(line) & cited and f"[{int(path.stem[:2])}]" in line]
        assert (missing, wrong) == ([], []), path.stem


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_pages_link_to_chapters_and_sections_that_exist(path):
    targets = dict(DEFINITION.findall(read(path)))
    for label, target in targets.items():
        name, _, anchor = target.partition("#")
        assert (NOTEBOOKS / name).exists(), label
        assert not anchor or anchor in anchors(name), f"{label}: {name} has no heading for {anchor}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_pages_define_the_links_that_they_use(path):
    text = read(path)
    used = set(re.findall(r"\[(\d+(?:\.\d+)?)\](?![(:])", text))
    assert used == {label for label, _ in DEFINITION.findall(text)}


def test_glossary_names_link_to_the_section_of_their_label():
    for label, target in DEFINITION.findall(read(NOTEBOOKS / "glossary.md")):
        chapter, section = label.split(".")
        assert target.startswith(f"{int(chapter):02}_") and f"#{section}--" in target, label


def test_glossary_explains_each_term_once_in_the_order_of_the_alphabet():
    for part in read(NOTEBOOKS / "glossary.md").split("## Terms")[1].split("\n### ")[1:]:
        terms = [term.lower() for term in re.findall(r"^- \*\*(.+?)\*\*", part, re.MULTILINE)]
        assert len(terms) > 10
        assert terms == sorted(set(terms))
