"""Every widget of every chapter, in JupyterLab in a real Chromium: a control is moved, and its picture must change."""

import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat
import pytest

import notebooks

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
TOKEN = "course"
SETTINGS = {  # all cells at once in the page, not only those in sight; no banner that asks for news
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
EXPLORER = re.compile(r"^\s*(?:\w+ = )?(?:widgets\.)?explore\(", re.MULTILINE)
ERROR = "[data-mime-type='application/vnd.jupyter.error']"
FINISHED = f"""() => document.querySelector("{ERROR}")
    || [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].every(p => /\\[\\d+\\]/.test(p.textContent))"""


def with_widgets():
    """The solutions in which a cell makes a widget."""
    paths = sorted((ROOT / "notebooks" / "solutions").glob("[0-9]*.ipynb"))
    return [path for path in paths if explorers(nbformat.read(path, 4).cells)]


def explorers(cells):
    """How many widgets these cells make."""
    return sum(len(EXPLORER.findall(cell.source)) for cell in cells if cell.cell_type == "code")


def shortened(path):
    """The code cells up to the last widget, with the small parameters that tests use."""
    notebook = nbformat.read(path, 4)
    profile = notebooks.read(ROOT / "notebooks" / "source" / f"{path.stem}.py").metadata["course"]["profiles"]["test"]
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    cells = cells[: 1 + max(i for i, cell in enumerate(cells) if explorers([cell]))]
    given = next(i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", ()))
    small = nbformat.v4.new_code_cell("\n".join(f"{name} = {value!r}" for name, value in profile.items()))
    notebook.cells = [*cells[: given + 1], small, *cells[given + 1 :]]
    return notebook


@pytest.fixture(scope="module")
def chromium():
    reason = "playwright is not installed: pip install playwright"
    sync_api = pytest.importorskip("playwright.sync_api", reason=reason)
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: on Debian and Ubuntu, apt install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(chromium, tmp_path_factory):
    """A JupyterLab of its own: its folder and its address."""
    folder, settings = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("settings")
    for name, values in SETTINGS.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "ServerApp.root_dir": folder, "ServerApp.port": port, "ServerApp.port_retries": 0,
        "IdentityProvider.token": TOKEN, "LabApp.user_settings_dir": settings,
        "LabApp.workspaces_dir": tmp_path_factory.mktemp("workspaces"),
    }  # fmt: skip
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--{name}={value}" for name, value in options.items()]
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for_server(f"http://127.0.0.1:{port}/api", server, folder / "server.log")
        yield folder, f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def wait_for_server(address, server, log):
    """Until the server answers; its own words where it does not."""
    for _ in range(240):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if server.poll() is not None:
                break
            time.sleep(0.25)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")


@pytest.fixture
def page(chromium, lab):
    """A page of the browser; what it ran is shut down afterwards."""
    page = chromium.new_page(
        viewport={"width": 1400, "height": 1400}, extra_http_headers={"Authorization": f"token {TOKEN}"}
    )
    yield page
    for session in page.request.get(f"{lab[1]}/api/sessions").json():
        page.request.delete(f"{lab[1]}/api/sessions/{session['id']}")
    page.close()


def test_there_are_widgets_to_look_at():
    assert len(with_widgets()) >= 3


@pytest.mark.parametrize("path", with_widgets(), ids=lambda path: path.stem)
def test_moving_the_first_control_of_each_widget_changes_its_picture(path, lab, page):
    folder, address = lab
    notebook = shortened(path)
    nbformat.write(notebook, folder / path.name)
    run_all(page, f"{address}/lab/tree/{path.name}?token={TOKEN}&reset")
    boxes = page.locator(".widget-vbox:has(> .widget-image)")
    assert boxes.count() == explorers(notebook.cells)
    for box in boxes.all():
        assert_moving_changes_the_picture(page, box)


def test_a_wrong_answer_in_the_form_is_explained_and_a_right_one_changes_what_follows(lab, page):
    folder, address = lab
    code = (
        "from course_utils import widgets, your_data\n"
        "settings = your_data.Settings(voxel_size=(0.2, 0.08, 0.08), NA=1.2, wavelength=0.52)\n"
        "widgets.form(your_data.Form(settings))"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)], metadata=notebooks.METADATA)
    nbformat.write(notebook, folder / "form.ipynb")
    run_all(page, f"{address}/lab/tree/form.ipynb?token={TOKEN}&reset")
    NA, said = page.get_by_label("NA", exact=True), page.locator(".widget-html").last
    for text, expected in (("1.6", "NA must lie between"), ("0.8", "Yours is")):
        before = said.inner_text()
        NA.fill(text)
        NA.press("Enter")
        page.wait_for_function("([node, text]) => node.innerText != text", arg=[said.element_handle(), before])
        assert expected in said.inner_text()
        assert ("✗" in said.inner_text()) == (text == "1.6")


def run_all(page, address):
    """Open a notebook and run its cells; fails with the error where one raises."""
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=120_000)
    page.get_by_text("| Idle").first.wait_for(timeout=120_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function(FINISHED, timeout=540_000)
    assert page.locator(ERROR).all_text_contents() == []


def assert_moving_changes_the_picture(page, box):
    """By the keyboard, one step on, or back from the last."""
    picture, handle = box.locator("> .widget-image"), box.locator(".noUi-handle").first
    picture.scroll_into_view_if_needed()
    before = settled(page, picture)
    at, last = (float(handle.get_attribute(f"aria-value{name}")) for name in ("now", "max"))
    handle.focus()
    page.keyboard.press("ArrowRight" if at < last else "ArrowLeft")
    for _ in range(240):
        if picture.screenshot() != before:
            return
        page.wait_for_timeout(250)
    pytest.fail("the control was moved, and the picture stayed as it was.")


def settled(page, picture):
    """What is seen of a picture as soon as two looks at it are the same: loaded, and scrolled to."""
    last, now = None, picture.screenshot()
    while now != last:
        page.wait_for_timeout(250)
        last, now = now, picture.screenshot()
    return now
