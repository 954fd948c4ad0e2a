import importlib.metadata

import pytest

from course_utils import doctor


@pytest.fixture(scope="module")
def report():
    return doctor.examine()


def test_report_names_packages_processors_memory_and_speed(report):
    found = {what: value for what, value, _ in report.rows}
    assert found["numpy"] == importlib.metadata.version("numpy")
    assert "cores" in found["processors"]
    assert "GB free" in found["memory"]
    assert float(found["speed"].split()[0]) > 0


def test_report_is_a_table_in_a_notebook_and_lines_elsewhere(report):
    assert report._repr_html_().count("<tr>") == len(report.rows)
    assert len(str(report).splitlines()) == len(report.rows)


def test_a_missing_package_is_named_with_what_to_do(monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("no-such-package",))
    assert doctor._package("no-such-package") == (
        "no-such-package",
        "not installed",
        "install it: pip install no-such-package",
    )
