"""The files that install and describe the course agree with each other, and what they promise holds."""

import ast
import importlib.metadata
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib

import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = pathlib.Path(__file__).resolve().parent.parent
GROUPS = ["Run", "Notebooks", "Book", "Test"]
IMPORT_SECONDS = 0.5
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)")
HTML_LINK = re.compile(r"<(img|a)\b[^>]*?\b(?:src|href)=\"([^\"]+)\"")


def read(name):
    """The text of a file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def project():
    """The table [project] of pyproject.toml."""
    return tomllib.loads(read("pyproject.toml"))["project"]


def required(*extras):
    """{name: specifiers} of the run dependencies and of these extras."""
    lines = project()["dependencies"] + [line for extra in extras for line in project()["optional-dependencies"][extra]]
    return specifiers(lines)


def specifiers(lines):
    """{canonical name: its version range} of requirement lines."""
    requirements = map(Requirement, lines)
    return {canonicalize_name(requirement.name): requirement.specifier for requirement in requirements}


def pins():
    """{name: version} of constraints.txt."""
    lines = [line for line in read("constraints.txt").splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def environment():
    """The requirement lines of environment.yml, those for conda and those for pip together."""
    listed = yaml.safe_load(read("environment.yml"))["dependencies"]
    through_conda = [line for line in listed if isinstance(line, str)]
    through_pip = next(entry["pip"] for entry in listed if isinstance(entry, dict))
    lines = [re.sub(r"^(\w+)=(\d)", r"\1==\2", line) for line in through_conda]  # conda's = is pip's ==
    return lines + [line for line in through_pip if line != "-e ."]


def test_constraints_are_exact_pins_without_addresses():
    lines = read("constraints.txt").splitlines()
    wrong = [line for line in lines if not re.fullmatch(r"#.*|[A-Za-z0-9._-]+==\d[\w.+!]*", line)]
    assert not wrong
    assert not re.search(r"://|--\w|file:|@", read("constraints.txt").replace("pip install -e", ""))


def test_constraints_name_each_package_once():
    lines = [line for line in read("constraints.txt").splitlines() if "==" in line and not line.startswith("#")]
    assert len(lines) == len(pins())


def test_constraints_pin_every_dependency_within_its_range():
    for name, allowed in required("dev", "jax").items():
        assert name in pins(), f"{name} of pyproject.toml is not in constraints.txt: make pins"
        assert allowed.contains(pins()[name]), f"constraints.txt pins {name} outside pyproject.toml's {allowed}"


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
def test_pins_install_on_the_first_release_of_each_python(python):
    refused = []
    for installed in importlib.metadata.distributions():
        allowed = installed.metadata.get("Requires-Python", "")
        pinned = pins().get(canonicalize_name(installed.metadata["Name"])) == installed.version
        if pinned and not SpecifierSet(allowed).contains(python):
            refused.append(f"{installed.metadata['Name']}=={installed.version} needs Python {allowed}")
    assert refused == []


def test_environment_lists_what_pyproject_lists():
    listed = specifiers(environment())
    for tool in ("python", "pip"):
        listed.pop(tool)
    assert listed == required("dev")


def test_environment_ranges_agree_with_pins():
    for name, allowed in specifiers(environment()).items():
        if name not in ("python", "pip"):
            assert allowed.contains(pins()[name]), f"environment.yml wants {name}{allowed}, the pin is {pins()[name]}"


def test_environment_has_a_supported_python():
    (version,) = [spec.version for spec in specifiers(environment())["python"]]
    assert SpecifierSet(project()["requires-python"]).contains(version)


def test_environment_installs_the_course_itself():
    listed = yaml.safe_load(read("environment.yml"))["dependencies"]
    assert "-e ." in listed[-1]["pip"]


@pytest.mark.parametrize("name", ["pyproject.toml", "environment.yml"])
def test_dependencies_are_grouped_by_comments(name):
    assert [match for match in re.findall(r"^ +# (\w+)$", read(name), re.MULTILINE) if match in GROUPS] == GROUPS


def test_versions_agree():
    citation = yaml.safe_load(read("CITATION.cff"))
    newest = re.search(r"^## \[(.+?)\]", read("CHANGELOG.md"), re.MULTILINE)[1]
    assert project()["version"] == citation["version"] == newest


def test_citation_has_what_its_format_requires():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["title"] and citation["message"] and citation["type"] == "software"
    assert all(author.get("name") or author.get("family-names") for author in citation["authors"])


def test_licences_agree():
    named = yaml.safe_load(read("CITATION.cff"))["license"]
    assert project()["license"] == " AND ".join(named)
    for words in ("BSD 3-Clause License", "Creative Commons Attribution 4.0 International Public License"):
        assert words in read("LICENSE")


def test_embedded_data_have_their_licences():
    folders = [path for path in (ROOT / "data_fetch" / "embedded").iterdir() if path.is_dir()]
    folders = [path for path in folders if path.name != "__pycache__"]
    assert folders
    assert not [path.name for path in folders if not any(path.glob("LICENSE*"))]


def seconds(statement):
    """The shortest of five runs of a fresh interpreter: what else the machine does only ever adds to it."""
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], cwd=ROOT, check=True)
        taken.append(time.perf_counter() - start)
    return min(taken)


def test_import_takes_less_than_half_a_second():
    assert seconds("import course_utils") - seconds("pass") < IMPORT_SECONDS


def modules():
    """Every module of both packages, but those whose docstring says "Imports TensorFlow"."""
    found = []
    for path in sorted([*ROOT.glob("course_utils/**/*.py"), *ROOT.glob("data_fetch/**/*.py")]):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if "Imports TensorFlow" not in docstring and path.stem != "__main__":
            found.append(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    return found


def test_importing_a_module_imports_no_tensorflow():
    heavy = "{'tensorflow', 'keras', 'jax'}"
    code = f"import sys, {', '.join(modules())}; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def documents():
    """What readers see links in."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("notebooks/source/*.py"))]


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    folder = ROOT / "notebooks" if path.suffix == ".py" else ROOT  # a source's links are its notebook's
    text = path.read_text(encoding="utf-8")
    links = LINK.findall(text) + [(kind == "img", target) for kind, target in HTML_LINK.findall(text)]
    remote = re.compile(r"(https?|mailto|data|doi):", re.IGNORECASE)
    pictures = [target for picture, target in links if picture and target.startswith("http")]
    assert not pictures, "a badge, or a picture from elsewhere, shows nothing without the network"
    local = [target.split("#")[0] for _, target in links if not remote.match(target) and not target.startswith("#")]
    assert [target for target in local if not (folder / target).exists()] == []


def programs():
    """The README's Python programs."""
    return re.findall(r"^```python\n(.*?)^```", read("README.md"), re.MULTILINE | re.DOTALL)


def test_readme_programs_compile():
    assert programs()
    for program in programs():
        compile(program, "README.md", "exec")


def test_readme_program_deblurs_a_tiff(tmp_path):
    from course_utils.stack import Stack
    from data_fetch import read_stack, write_stack

    rng = np.random.default_rng(0)
    z, y, x = np.ogrid[-7:8, -10:11, -10:11]
    bead = rng.poisson(1000 * np.exp(-(z**2 + y**2 + x**2) / 4) + 100).astype(np.float32)
    cell = Stack(rng.poisson(20, (9, 26, 23)).astype(np.float32) + 100, (0.3, 0.1, 0.1))
    write_stack(tmp_path / "cell.tif", cell)
    write_stack(tmp_path / "psf.tif", Stack(bead, cell.voxel_size))
    subprocess.run([sys.executable, "-c", programs()[0]], cwd=tmp_path, check=True)
    deblurred = read_stack(tmp_path / "deblurred.ome.tif")
    assert deblurred.shape == cell.shape
    np.testing.assert_allclose(deblurred.voxel_size, cell.voxel_size, rtol=1e-6)


@pytest.fixture
def make(tmp_path):
    """Runs make in a copy of the files that make .venv; gives the finished process."""
    if not shutil.which("make"):
        pytest.skip("there is no make here")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)

    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHON", "PROFILE", "EXTRAS")  # of a make that runs these tests
    env = {name: value for name, value in os.environ.items() if name not in outer}

    def run(*arguments):
        return subprocess.run(["make", *arguments], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("target", ["lab", "course", "test", "check", "notebooks", "bench"])
def test_make_target_sets_up_first(make, target):
    done = make("-n", target)
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("pip install") < done.stdout.rindex(".venv/bin/python")


def test_make_hands_the_profile_on(make):
    assert "tools/book.py --profile report" in make("-n", "course", "PROFILE=report").stdout
    assert "--profile" not in make("-n", "course").stdout


def test_make_says_which_python_it_needs(make, tmp_path):
    done = make("lab", "PYTHON=no-such-python")
    assert done.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (tmp_path / ".venv" / ".installed").exists()


def test_make_leaves_no_stamp_of_a_failed_installation(make, tmp_path):
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\ncase $2 in pip) exit 1;; esac\n")  # an environment whose pip fails
    python.chmod(0o755)
    stamp = tmp_path / ".venv" / ".installed"
    stamp.touch()
    os.utime(stamp, (0, 0))
    assert make("lab").returncode != 0
    assert not stamp.exists()


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_ci_runs_make_test():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert read(".ci/run").rstrip().endswith("exec make test")
