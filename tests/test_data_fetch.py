"""The data: what is embedded, what is downloaded, and what happens when a download goes wrong."""

import hashlib
import io
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from faulty_server import serving

import data_fetch
from course_utils.stack import Stack
from data_fetch import cache, planes, registry
from data_fetch.__main__ import main
from data_fetch.registry import Dataset, File

QUICK = data_fetch.Timeouts(connect=2, read=0.3, pause=0.01, attempts=2, lock=20)
READ_ONLY = Path(__file__).parents[2] / "shared" / "data" / "read_only"
ROOT = Path(__file__).parents[1]
MAY_SHIP = READ_ONLY.parent / "may_ship"
needs_read_only = pytest.mark.skipif(not READ_ONLY.is_dir(), reason="the downloadable data are not beside the checkout")


def tiff_bytes(shape=(6, 40, 50), seed=0, **options):
    data = np.random.default_rng(seed).integers(0, 60000, shape).astype(np.uint16)
    file = io.BytesIO()
    tifffile.imwrite(file, data, photometric="minisblack", **options)
    return file.getvalue()


CONTENT = tiff_bytes()


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def server():
    with serving(CONTENT) as running:
        yield running


@pytest.fixture
def register(monkeypatch):
    """Make "remote-test" known, with one file at these addresses; returns its data set."""

    def add(*urls, content=CONTENT, **changes):
        file = File("file.tif", len(content), hashlib.sha256(content).hexdigest(), urls, voxel_size=(0.3, 0.1, 0.1))
        dataset = Dataset(
            "remote-test", "a test", "remote", (6, 40, 50), (0.3, 0.1, 0.1), "CC0", "nowhere", "nobody",
            (replace(file, **changes),),
        )  # fmt: skip
        monkeypatch.setitem(registry.DATASETS, "remote-test", dataset)
        return dataset

    return add


def fetch(**changes):
    return data_fetch.fetch("remote-test", progress=False, timeouts=replace(QUICK, **changes))


def resumed_at(server):
    """The byte from which the last request asked."""
    return int(server.asked[-1][1].removeprefix("bytes=").removesuffix("-"))


def files_under(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# --- what is embedded -------------------------------------------------------------------------------------------------


def test_embedded_sets_hold_what_the_registry_says():
    for name in registry.embedded_names():
        loaded = data_fetch.load(name)
        stack = getattr(loaded, "stack", loaded)
        assert (stack.shape, stack.voxel_size) == (registry.find(name).shape, registry.find(name).voxel_size)


def test_embedded_sets_ship_with_licence_and_attribution_under_eight_megabytes():
    assert sum(path.stat().st_size for path in cache.EMBEDDED.rglob("*") if path.is_file()) < 8e6
    for name in registry.embedded_names():
        assert (cache.EMBEDDED / name / "LICENSE").stat().st_size > 500
        assert "**Source**" in (cache.EMBEDDED / name / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["lattice-cell", "widefield-bead"])
def test_bundled_psf_has_unit_sum_and_its_centre_in_the_middle(name):
    psf = data_fetch.load(name).psf
    assert psf.data.min() >= 0
    assert psf.data.sum(dtype=float) == pytest.approx(1, abs=1e-5)
    peak = np.unravel_index(psf.data.argmax(), psf.shape)
    assert np.abs(np.subtract(peak, [n // 2 for n in psf.shape])).max() <= 1


def test_lattice_cell_says_what_is_known_and_leaves_the_rest_none():
    cell = data_fetch.load("lattice-cell")
    assert cell.psf.voxel_size == (0.1, 0.1, 0.1)
    assert cell.camera.offset == 98
    assert cell.optics is None
    assert "sin 31.5°" in cell.facts["stage"]


def test_widefield_bead_says_that_its_voxel_is_assumed():
    assert "ASSUMED" in data_fetch.load("widefield-bead").facts["voxel"]
    other = data_fetch.load("widefield-bead", voxel_size=(0.5, 0.2, 0.2))
    assert other.stack.voxel_size == other.psf.voxel_size == (0.5, 0.2, 0.2)


@pytest.mark.skipif(not MAY_SHIP.is_dir(), reason="the embedded data's originals are not beside the checkout")
@pytest.mark.parametrize(
    ("embedded", "original", "crop"),
    [
        ("lattice-cell/stack", "lattice_lightsheet/im_deskewed_crop", np.s_[:]),
        ("lattice-cell/psf", "lattice_lightsheet/psf", np.s_[:, 31:111, 24:104]),
        ("widefield-bead/stack", "widefield_bead/data", np.s_[:]),
        ("widefield-bead/psf", "widefield_bead/kernel", np.s_[:]),
        ("nuclei/stack", "nuclei/nuclei", np.s_[:, 16:240, 16:240]),
    ],
)
def test_embedded_values_are_those_of_the_source(embedded, original, crop):
    ours = tifffile.imread(cache.EMBEDDED / f"{embedded}.ome.tif")
    theirs = tifffile.imread(MAY_SHIP / f"{original}.tif")[crop]
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_embedded_sets_need_no_network(cache_folder):
    assert data_fetch.fetch("nuclei") == cache.EMBEDDED / "nuclei" / "stack.ome.tif"
    assert data_fetch.fetch("lattice-cell") == cache.EMBEDDED / "lattice-cell"
    assert not cache_folder.exists()


def test_unknown_name_lists_the_known_and_guesses_the_one_meant():
    with pytest.raises(ValueError, match="no data set 'lattice_cel'. Did you mean 'lattice-cell'.*widefield-bead"):
        data_fetch.load("lattice_cel")


def test_import_is_fast_and_brings_no_heavy_package():
    code = "import data_fetch, sys; print({'tensorflow', 'requests', 'pooch', 'scipy', 'tifffile'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"


# --- downloads that succeed -------------------------------------------------------------------------------------------


def test_fetch_downloads_once_and_leaves_only_the_finished_file(server, register, cache_folder):
    register(server.url("good"))
    path = fetch()
    assert path == cache_folder / "data" / "remote-test" / "file.tif"
    assert path.read_bytes() == CONTENT
    assert fetch() == path
    assert server.count("good") == 1
    assert files_under(cache_folder / "data") == ["file.tif"]
    assert files_under(cache_folder / "unfinished") == []


def test_load_fetches_a_remote_set(server, register):
    register(server.url("good"))
    stack = data_fetch.load("remote-test")
    np.testing.assert_array_equal(stack.data, tifffile.imread(io.BytesIO(CONTENT)))
    assert stack.voxel_size == (0.3, 0.1, 0.1)


def test_licence_and_attribution_are_shown_before_the_download(server, register, caplog):
    register(server.url("missing"))
    with pytest.raises(data_fetch.FetchError):
        fetch()
    assert "Licence: CC0" in caplog.text
    assert "From: nobody, nowhere" in caplog.text


def test_progress_bar_names_the_file(server, register, capsys):
    register(server.url("good"))
    data_fetch.fetch("remote-test", timeouts=QUICK)
    assert "file.tif: 100%" in capsys.readouterr().err


def test_broken_off_download_is_resumed_where_it_stopped(server, register):
    register(server.url("truncates_once"))
    assert fetch().read_bytes() == CONTENT
    assert server.asked[0] == ("truncates_once", None)
    assert 0 < resumed_at(server) <= len(CONTENT) // 2


def test_download_is_resumed_by_a_later_call(server, register, cache_folder):
    register(server.url("truncates_once"))
    with pytest.raises(data_fetch.FetchError, match=f"ended after [1-9][0-9]* of {len(CONTENT)} bytes"):
        fetch(attempts=1)
    assert files_under(cache_folder / "data") == []
    assert fetch().read_bytes() == CONTENT
    assert 0 < resumed_at(server) <= len(CONTENT) // 2
    assert files_under(cache_folder / "unfinished") == []


@pytest.mark.parametrize("fault", ["changed_since", "wrong_range", "not_satisfiable"])
def test_resuming_starts_over_where_the_server_cannot_continue(server, register, fault):
    register(server.url(fault))
    assert fetch(attempts=3).read_bytes() == CONTENT


def test_server_that_recovers_is_tried_again(server, register):
    register(server.url("flaky"))
    assert fetch().read_bytes() == CONTENT
    assert server.count("flaky") == 2


def test_next_mirror_serves_where_the_first_fails(server, register):
    register(server.url("missing"), server.url("other_file"), server.url("good"))
    assert fetch().read_bytes() == CONTENT


# --- downloads that fail ----------------------------------------------------------------------------------------------

FAULTS = {
    "truncates": "the connection ended after .* of .* bytes .2 attempts",
    "always_truncates_resumable": "the connection ended after|another file",
    "stalls": "the server stalled for 0.3 s after",
    "silent": "the server sent nothing for 0.3 s",
    "says_longer": "the server offers .* bytes, expected .*: another file",
    "says_shorter": "the server offers .* bytes, expected .*: another file",
    "other_file": "does not match the known hash",
    "web_page": "sent a web page, not the file",
    "missing": "answered 404",
    "broken": "answered 500 .*2 attempts",
    "loop": "redirects in a loop",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_failed_download_says_why_and_leaves_nothing_in_data(server, register, cache_folder, fault):
    register(server.url(fault))
    with pytest.raises(data_fetch.FetchError, match=FAULTS[fault]) as caught:
        fetch()
    text = str(caught.value)
    assert server.url(fault) in text
    assert "try again later" in text
    assert str(cache_folder / "data" / "remote-test" / "file.tif") in text
    assert "lattice-cell" in text
    assert files_under(cache_folder / "data") == []
    if fault != "always_truncates_resumable":
        assert files_under(cache_folder / "unfinished") == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("says_longer", "the connection ended after"),
        ("says_shorter", "not an intact TIFF"),
        ("other_file", "not an intact TIFF"),
    ],
)
def test_without_a_checksum_the_tiff_itself_is_checked(server, register, cache_folder, fault, reason):
    register(server.url(fault), sha256=None, size_is_exact=False)
    with pytest.raises(data_fetch.FetchError, match=reason):
        fetch()
    assert files_under(cache_folder / "data") == []
    assert files_under(cache_folder / "checksums") == []


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        ({"planes": 88}, "it holds 6 planes, expected 88"),
        ({"planes": 6, "plane_shape": (9, 9)}, r"planes of \(40, 50\), expected \(9, 9\)"),
    ],
)
def test_another_number_or_shape_of_planes_is_refused(server, register, cache_folder, expected, reason):
    register(server.url("good"), sha256=None, size_is_exact=False, **expected)
    with pytest.raises(data_fetch.FetchError, match=reason):
        fetch()
    assert files_under(cache_folder / "data") == []


def test_size_that_is_only_recorded_warns_and_the_content_decides(server, register, caplog):
    register(server.url("good"), sha256=None, size=12345, size_is_exact=False, planes=6, plane_shape=(40, 50))
    assert fetch().read_bytes() == CONTENT
    assert f"has {len(CONTENT)} bytes, recorded were about 12345" in caplog.text


def test_without_a_checksum_the_first_download_is_held_against_later_ones(server, register, cache_folder):
    register(server.url("good"), sha256=None)
    fetch().unlink()
    server.content = tiff_bytes(seed=1)
    with pytest.raises(data_fetch.FetchError, match="SHA-256 is .*the first download's, kept in .*checksums"):
        fetch()
    assert files_under(cache_folder / "data") == []
    server.content = CONTENT
    assert fetch().read_bytes() == CONTENT


def test_error_names_every_mirror_and_its_reason(server, register):
    register(server.url("missing"), server.url("broken"), "http://127.0.0.1:9/file.tif")
    with pytest.raises(data_fetch.FetchError) as caught:
        fetch()
    lines = str(caught.value).splitlines()
    for url, reason in [("missing", "404"), ("broken", "500"), ("127.0.0.1:9/", "no connection")]:
        place = next(i for i, line in enumerate(lines) if url in line)
        assert reason in lines[place + 1]


def test_without_network_the_error_says_what_to_do_and_embedded_sets_load(register):
    register("http://127.0.0.1:9/file.tif")
    with pytest.raises(data_fetch.FetchError, match="no connection(.|\n)*try again later; or download it by hand"):
        fetch()
    assert isinstance(data_fetch.load("nuclei"), Stack)


def test_connection_that_is_never_made_is_not_waited_for_twice(register, monkeypatch):
    import requests

    asked = []

    def never(url, **options):
        asked.append((url, options["timeout"]))
        raise requests.ConnectTimeout

    monkeypatch.setattr(requests, "get", never)
    register("https://nowhere.invalid/file.tif")
    with pytest.raises(data_fetch.FetchError, match="no connection within 2 s"):
        fetch()
    assert asked == [("https://nowhere.invalid/file.tif", (2, 0.3))]


# --- the cache --------------------------------------------------------------------------------------------------------


def test_file_put_there_by_hand_is_taken(server, register, cache_folder):
    target = cache.target(*(lambda d: (d, d.files[0]))(register(server.url("good"))))
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    assert fetch() == target
    assert server.asked == []


def test_wrong_file_put_there_by_hand_is_refused_and_not_overwritten(server, register):
    dataset = register(server.url("good"))
    fetch()
    target = cache.target(dataset, dataset.files[0])
    target.write_bytes(b"something else")
    with pytest.raises(data_fetch.FetchError, match="is not the file of 'remote-test': its SHA-256.*Delete it"):
        fetch()
    assert target.read_bytes() == b"something else"


def test_eight_processes_at_once_download_once(server, register, cache_folder):
    register(server.url("slow"))
    code = (
        "import sys, logging\nfrom data_fetch import registry, fetch\n"
        "from data_fetch.registry import Dataset, File\n"
        f"d = {registry.find('remote-test')!r}\n"
        "registry.DATASETS[d.name] = d\nprint(fetch(d.name, progress=False))"
    )
    run = [sys.executable, "-c", code]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
    processes = [subprocess.Popen(run, **options) for _ in range(8)]
    results = [(*process.communicate(timeout=60), process.returncode) for process in processes]
    target = str(cache_folder / "data" / "remote-test" / "file.tif")
    assert [(out.strip(), status) for out, _, status in results] == [(target, 0)] * 8
    assert server.count("slow") == 1


def test_threads_that_wait_say_so(server, register, caplog):
    register(server.url("slow"))
    threads = [threading.Thread(target=fetch, kwargs={"read": 20}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.count("slow") == 1
    assert "Another process is downloading file.tif; waiting" in caplog.text


def test_waiting_too_long_is_an_error_that_names_the_lock(server, register):
    dataset = register(server.url("good"))
    with (
        data_fetch.download._alone(dataset, dataset.files[0], QUICK),
        pytest.raises(data_fetch.FetchError, match=r"for more than 0.1 s.*delete .*\.lock"),
    ):
        fetch(lock=0.1)


@pytest.fixture
def no_writing(monkeypatch):
    """Fail whatever writes, as a read-only file system does, also for the administrator."""

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    for name in ("mkdir", "write_text", "write_bytes", "unlink"):
        monkeypatch.setattr(Path, name, refuse)
    monkeypatch.setattr(os, "replace", refuse)


@pytest.mark.parametrize("by_hand", [False, True])
def test_read_only_cache_that_holds_the_file_serves_it(server, register, by_hand, request):
    dataset = register(server.url("good"))
    path = fetch()
    if by_hand:
        cache.sidecar(dataset, dataset.files[0]).unlink()
    request.getfixturevalue("no_writing")
    assert fetch() == path
    assert server.count("good") == 1


def test_cache_that_cannot_be_written_says_which_variable_to_set(server, register, no_writing):
    register(server.url("good"))
    with pytest.raises(
        data_fetch.FetchError, match=f"cannot be written.*Set the environment variable {cache.VARIABLE}"
    ):
        fetch()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_shared_cache_stays_open_to_all_who_share_it(server, register, cache_folder):
    cache_folder.mkdir()
    cache_folder.chmod(0o775)
    before = os.umask(0o077)
    try:
        register(server.url("good"))
        fetch()
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in cache_folder.rglob("*") if path.is_dir()} == {0o775}
    assert {path.stat().st_mode & 0o777 for path in cache_folder.rglob("*") if path.suffix != ".lock"} <= {0o775, 0o664}


def test_full_disk_is_told_before_the_download(server, register):
    register(server.url("good"), size=10**18, size_is_exact=False)
    with pytest.raises(data_fetch.FetchError, match="the disk is full"):
        fetch()
    assert server.asked == []


# --- the table and the command line -----------------------------------------------------------------------------------


def test_datasets_list_every_set_with_all_columns():
    table = data_fetch.datasets()
    assert len(table) == len(list(table)) == len(registry.DATASETS)
    for shown in (repr(table), table._repr_html_()):
        for name in table:
            assert name in shown
            assert table[name].licence in shown
        assert "637.4 MB" in shown
        assert "? × 0.0397 × 0.0397" in shown
        assert "44 × 1904 × 1900" in shown
        assert "cellimagelibrary.org/images/36797" in shown


def test_datasets_tell_what_is_here(server, register):
    register(server.url("good"))
    rows = {row[0]: row[-1] for row in data_fetch.datasets().rows()}
    assert rows["nuclei"] == "yes"
    assert rows["remote-test"].startswith("no")
    fetch()
    assert {row[0]: row[-1] for row in data_fetch.datasets().rows()}["remote-test"] == "yes"


def test_command_line_lists_fetches_and_verifies(server, register, capsys):
    dataset = register(server.url("good"))
    assert main(["--list"]) == 0
    assert "lattice-cell" in capsys.readouterr().out
    assert main(["remote-test"]) == 0
    assert capsys.readouterr().out.strip() == str(cache.target(dataset, dataset.files[0]))
    assert main(["--verify"]) == 0
    shown = capsys.readouterr().out
    assert "ok       nuclei/stack.ome.tif" in shown
    assert "ok       remote-test/file.tif" in shown
    assert "absent   cil-36797/36797.tif" in shown


def test_command_line_verify_finds_a_changed_file(server, register, capsys):
    register(server.url("good"))
    path = fetch()
    path.write_bytes(CONTENT[:-1] + b"?")
    assert main(["--verify", "remote-test"]) == 1
    assert "DIFFERS  remote-test/file.tif: its SHA-256 is" in capsys.readouterr().out


def test_command_line_reports_failures_on_stderr(server, register, capsys):
    register(server.url("missing"))
    assert main(["remote-test"]) == 1
    assert "answered 404" in capsys.readouterr().err
    assert main(["no-such-set"]) == 1
    assert "there is no data set 'no-such-set'" in capsys.readouterr().err


# --- wide-field and SIM -----------------------------------------------------------------------------------------------


def two_channels(n, rng, brightness=1.0, shape=(96, 90)):
    """n planes of filaments through focus, blurred like a wide-field image and like SIM, both with noise."""
    from scipy import ndimage

    objects = (rng.random((n, *shape)) > 0.99) * 400.0 * np.linspace(0.3, 1, n)[:, None, None]
    widefield = ndimage.gaussian_filter(objects, (0, 3, 3)) * brightness
    sim = ndimage.gaussian_filter(objects, (0, 1.3, 1.3))
    return (rng.poisson(widefield + 20), rng.poisson(sim + 5))


@pytest.mark.parametrize("n", [5, 8])
@pytest.mark.parametrize("sim_first", [False, True])
@pytest.mark.parametrize("order", ["blocks", "interleaved"])
@pytest.mark.parametrize("brightness", [0.3, 10.0])
def test_split_finds_the_order_and_the_blurred_channel(n, sim_first, order, brightness):
    widefield, sim = two_channels(n, np.random.default_rng(n), brightness)
    pair = (sim, widefield) if sim_first else (widefield, sim)
    stored = np.concatenate(pair) if order == "blocks" else np.stack(pair, axis=1).reshape(2 * n, *sim.shape[1:])
    found_widefield, found_sim, found_order = planes.split_widefield_sim(stored)
    assert found_order == order
    np.testing.assert_array_equal(found_widefield, widefield)
    np.testing.assert_array_equal(found_sim, sim)


def test_split_refuses_planes_that_are_all_alike():
    widefield, _ = two_channels(12, np.random.default_rng(0))
    with pytest.raises(ValueError, match="cannot tell which planes are wide-field"):
        planes.split_widefield_sim(widefield)
    with pytest.raises(ValueError, match="even number of planes"):
        planes.split_widefield_sim(widefield[:5])


@pytest.mark.parametrize("axes", ["ZYX in blocks", "ZYX in turns", "CZYX", "ZCYX"])
def test_microtubules_are_split_whatever_the_header_says(server, monkeypatch, axes):
    widefield, sim = two_channels(6, np.random.default_rng(3))
    stored = np.stack([sim, widefield], axis=0 if axes in ("CZYX", "ZYX in blocks") else 1).astype(np.uint16)
    if axes.startswith("ZYX"):
        stored = stored.reshape(12, *sim.shape[1:])
    file = io.BytesIO()
    tifffile.imwrite(file, stored, ome=True, photometric="minisblack", metadata={"axes": axes.split()[0]})
    server.content = file.getvalue()
    known = registry.find("cil-36797")
    small = replace(known.files[0], urls=(server.url("good"),), size=9, planes=12, plane_shape=sim.shape[1:])
    monkeypatch.setitem(registry.DATASETS, known.name, replace(known, files=(small,)))
    cell = data_fetch.load("cil-36797", voxel_size=(0.11, 0.0397, 0.0397))
    np.testing.assert_array_equal(cell.stack.data, widefield)
    np.testing.assert_array_equal(cell.reference.data, sim)
    said = {"ZYX in blocks": "one channel after the other", "ZYX in turns": "in turns"}.get(axes, "the file's header")
    assert said in cell.facts["planes"]


def test_microtubules_without_a_z_step_ask_for_it_before_the_download(cache_folder):
    with pytest.raises(ValueError, match=r"z step of 'cil-36797' is not recorded.*voxel_size=\(dz, 0.0397, 0.0397\)"):
        data_fetch.load("cil-36797")
    assert not cache_folder.exists()


# --- the downloadable data themselves ---------------------------------------------------------------------------------

FOLDERS = {"confocal-beads": "confocal_beads_and_lines", "confocal-lines": "confocal_beads_and_lines"}
FOLDERS["measured-widefield-psf"] = "measured_widefield_psf"


@needs_read_only
@pytest.mark.parametrize("name", FOLDERS)
def test_downloadable_set_loads_with_what_the_registry_says(name):
    dataset = registry.find(name)
    target = cache.target(dataset, dataset.files[0])
    target.parent.mkdir(parents=True)
    target.write_bytes((READ_ONLY / FOLDERS[name] / target.name).read_bytes())
    loaded = data_fetch.load(name)
    stack = getattr(loaded, "stack", loaded)
    assert stack.shape == dataset.shape
    assert stack.voxel_size == pytest.approx(dataset.voxel_size, rel=2e-3)


@needs_read_only
def test_measured_widefield_psf_comes_with_its_optics():
    dataset = registry.find("measured-widefield-psf")
    target = cache.target(dataset, dataset.files[0])
    target.parent.mkdir(parents=True)
    target.write_bytes((READ_ONLY / "measured_widefield_psf" / target.name).read_bytes())
    loaded = data_fetch.load(dataset.name)
    assert (loaded.optics.NA, loaded.optics.wavelength, loaded.optics.n_immersion) == (0.85, 0.52, 1.0)
    assert loaded.psf.data.sum(dtype=float) == pytest.approx(1, abs=1e-5)


def test_pair_loads_as_stack_and_reference(monkeypatch):
    raw, sharp = tiff_bytes(seed=1), tiff_bytes(seed=2)
    dataset = registry.find("tubulin-10551")
    files = tuple(replace(file, plane_shape=(40, 50)) for file in dataset.files)
    dataset = replace(dataset, files=files)
    monkeypatch.setitem(registry.DATASETS, dataset.name, dataset)
    for file, content in zip(files, (raw, sharp), strict=True):
        cache.target(dataset, file).parent.mkdir(parents=True, exist_ok=True)
        cache.target(dataset, file).write_bytes(content)
    pair = data_fetch.load("tubulin-10551")
    np.testing.assert_array_equal(pair.stack.data, tifffile.imread(io.BytesIO(raw)))
    np.testing.assert_array_equal(pair.reference.data, tifffile.imread(io.BytesIO(sharp)))
    assert pair.stack.voxel_size == (0.2, 0.071, 0.071)
