import base64
import json
import re
from dataclasses import replace

import imagecodecs
import ipywidgets
import numpy as np
import pytest
import tifffile
from matplotlib.figure import Figure
from scipy import ndimage

import data_fetch
from course_utils import formation, optics, specimen, widgets, your_data
from course_utils.deconvolve import deconvolve
from course_utils.stack import Stack
from course_utils.your_data import Settings
from course_utils.your_data.source import psf_shape, recorded

VOXEL, OPTICS = (0.25, 0.09, 0.09), {"NA": 1.2, "wavelength": 0.52, "n_immersion": 1.33, "n_specimen": 1.33}
CAMERA = {"gain": 2.0, "offset": 100.0, "read_noise": 2.0}
KNOWN = Settings(**OPTICS, **CAMERA)


@pytest.fixture(scope="module")
def psf():
    return optics.gibson_lanni_psf(KNOWN.optics, (15, 17, 17), VOXEL)


@pytest.fixture(scope="module")
def stack(psf):
    """Filaments as a camera records them."""
    rng = np.random.default_rng(90)
    cell = specimen.filaments((20, 60, 64), VOXEL, n=12, photons=3e4, rng=rng)
    return formation.acquire(cell, psf, KNOWN.camera, background=8.0, rng=rng)


def verdict_of(what, found):
    """The finding of one row."""
    return next(finding for finding in found.findings if finding.what == what)


# settings


def test_settings_come_back_from_their_json_as_they_were(tmp_path):
    settings = replace(KNOWN, voxel_size=VOXEL, method="rl-tv", n_iter=12, weight=0.01, background=3.5, gain_from="ä")
    settings.write(tmp_path / "run.json", versions={"numpy": "2"})
    assert your_data.read_settings(tmp_path / "run.json") == settings
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["versions"] == {"numpy": "2"}


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": "other"}', '{"format": "deconvolution-course run, 1"}']
)
def test_a_file_that_holds_no_settings_is_refused(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(ValueError, match="holds no settings of a run"):
        your_data.read_settings(tmp_path / "run.json")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"microscope": "widefield"}, "microscope must be one of wide-field, confocal, light-sheet; got 'widefield'"),
        ({"method": "wiener"}, "method must be one of rl, "),
        ({"pinhole": 0.0}, "pinhole must be positive"),
        ({"sheet": -1.0}, "sheet must be positive"),
        ({"voxel_size": (200, 80, 80)}, "Are these nm"),
        ({"wavelength": 520}, "For 520 nm write wavelength=0.52"),
        ({"excitation": 488}, "For 520 nm write excitation=0.52"),
        ({"NA": 1.6, "wavelength": 0.52}, "NA must lie between"),
        ({"gain": 0.0}, "gain is the counts"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Settings(**given)


def test_what_was_given_is_not_overwritten_by_what_was_found():
    filled = Settings(NA=1.2).filled(NA=1.4, wavelength=0.6, gain=None)
    assert (filled.NA, filled.wavelength, filled.gain) == (1.2, 0.6, None)


# form


def test_an_answer_changes_the_settings_and_what_follows_from_them():
    form = your_data.Form(Settings())
    for name, text in {"voxel_size": "0.2, 0.08 0.08", "NA": "1.4", "wavelength": "0.52", "gain": "2.2"}.items():
        form.answer(name, text)
    assert (form.settings.voxel_size, form.settings.NA, form.settings.gain) == ((0.2, 0.08, 0.08), 1.4, 2.2)
    assert form.text("voxel_size") == "0.2, 0.08, 0.08"
    assert any("Yours is" in line and "across" in line for line in form.summary())
    assert any("Of NA 1.4, light fills 1.33" in line for line in form.summary())
    form.answer("NA", " ")
    assert form.settings.NA is None
    assert form.text("NA") == ""


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("NA", "1,4", "expected a number such as 1.4"),
        ("wavelength", "520", "For 520 nm write"),
        ("voxel_size", "0.2 0.1", "three positive lengths"),
        ("gain", "-1", "gain is the counts"),
    ],
)
def test_a_wrong_answer_changes_nothing_and_is_explained(name, text, message):
    form = your_data.Form(replace(KNOWN, voxel_size=VOXEL))
    form.answer(name, text)
    assert form.settings == replace(KNOWN, voxel_size=VOXEL)
    assert message in form.summary()[0]
    form.answer(name, form.text(name))
    assert not any("✗" in line for line in form.summary())


def test_an_answer_that_waited_for_another_one_is_taken_with_it():
    form = your_data.Form(replace(KNOWN, n_immersion=1.33))
    form.answer("NA", "1.4")
    assert form.settings.NA == 1.2
    form.answer("n_immersion", "1.515")
    assert (form.settings.NA, form.problems) == (1.4, {})


def test_the_newest_answer_is_tried_first():
    form = your_data.Form(replace(KNOWN, n_immersion=1.33))
    for name, text in (("n_immersion", "abc"), ("NA", "1.45"), ("n_immersion", "1.515")):
        form.answer(name, text)
    assert (form.settings.NA, form.problems) == (1.45, {})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_iter": 0}, "n_iter must be a whole number of at least 1"),
        ({"n_iter": 2.5}, "n_iter must be a whole number of at least 1"),
        ({"background": "none"}, "background must be a number"),
        ({"background": -2.0}, "background must be a number, not negative"),
        ({"weight": "x"}, "weight must be a number"),
        ({"offset": float("nan")}, "offset"),
        ({"planes": 5}, r"planes must be \(first, stop\)"),
    ],
)
def test_settings_refuse_what_cannot_be_right(wrong, message):
    with pytest.raises(ValueError, match=message):
        Settings(**wrong)


@pytest.mark.parametrize(("number", "unit", "found"), [("410", "nm", 0.41), ("0.41", "um", 0.41), ("4100", "Å", 0.41)])
def test_wavelengths_are_read_in_their_unit(tmp_path, number, unit, found):
    text = XML.replace('EmissionWavelength="525"', f'EmissionWavelength="{number}" EmissionWavelengthUnit="{unit}"')
    counts = np.ones((5, 6, 7), np.uint16)
    tifffile.imwrite(tmp_path / "a.ome.tif", counts, description=text.encode(), metadata=None, photometric="minisblack")
    assert your_data.find(Settings(path=str(tmp_path / "a.ome.tif"))).settings.wavelength == found


def test_the_widget_shows_the_form_and_hands_answers_on():
    state = your_data.Form(replace(KNOWN, voxel_size=VOXEL))
    fields, said = widgets.form(state).children
    by_label = {field.description: field for field in fields.children}
    assert by_label["NA"].value == "1.2"
    assert isinstance(by_label["microscope"], ipywidgets.Dropdown)
    before = said.value
    by_label["NA"].value = "0.8"
    by_label["microscope"].value = "confocal"
    assert (state.settings.NA, state.settings.microscope) == (0.8, "confocal")
    assert said.value != before
    by_label["NA"].value = "<2>"
    assert "&lt;2&gt;" in said.value


def test_a_microscope_that_was_taken_for_granted_can_be_confirmed():
    """A menu that showed the default as if it were known would never tell of a choice of the same."""
    state = your_data.Form(Settings().filled())
    menu = {field.description: field for field in widgets.form(state).children[0].children}["microscope"]
    assert menu.value == "not known"
    assert ("microscope", "not known, taken as wide-field", "") in state.report().rows
    menu.value = "wide-field"
    assert (state.settings.microscope, "microscope" in state.settings.assumed) == ("wide-field", False)
    menu.value = "not known"
    assert (state.settings.microscope, "microscope" in state.settings.assumed) == ("wide-field", True)


def test_an_explorer_says_what_was_chosen():
    box = widgets.explore(lambda near_z: Figure(figsize=(1, 1)), near_z=[3, 5])
    assert widgets.chosen(box) == {"near_z": 3}
    box.children[0].index = 1
    assert widgets.chosen(box) == {"near_z": 5}


# source

XML = """<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Instrument ID="I:0">
<Objective ID="O:0" LensNA="1.2" Immersion="Water"/></Instrument><Image ID="Image:0"><ObjectiveSettings ID="O:0"/>
<Pixels ID="P:0" DimensionOrder="XYZCT" Type="uint16" SizeX="7" SizeY="6" SizeZ="5" SizeC="1" SizeT="1"
PhysicalSizeX="0.1" PhysicalSizeY="0.1" PhysicalSizeZ="0.3"><Channel ID="C:0" EmissionWavelength="525"
ExcitationWavelength="488" AcquisitionMode="SpinningDiskConfocal"/><TiffData/></Pixels></Image></OME>"""


def test_the_file_fills_in_what_it_records(tmp_path):
    counts = np.random.default_rng(0).integers(90, 200, (5, 6, 7)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.ome.tif", counts, description=XML, metadata=None, photometric="minisblack")
    source = your_data.find(Settings(path=str(tmp_path / "a.ome.tif"), NA=1.1))
    found = source.settings
    assert (found.NA, found.wavelength, found.excitation, found.n_immersion) == (1.1, 0.525, 0.488, 1.33)
    assert (found.microscope, found.voxel_size) == ("confocal", (0.3, 0.1, 0.1))
    assert np.array_equal(source.stack.data, counts)


def test_what_is_given_stands_against_the_file_and_is_told(tmp_path):
    counts = np.random.default_rng(0).integers(90, 200, (5, 6, 7)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.ome.tif", counts, description=XML, metadata=None, photometric="minisblack")
    given = {"microscope": "wide-field", "n_immersion": 1.515}
    asked = your_data.given_settings(given, path=str(tmp_path / "a.ome.tif"))
    source = your_data.find(asked, given=given)
    assert (source.settings.microscope, source.settings.n_immersion, source.settings.NA) == ("wide-field", 1.515, 1.2)
    assert "the file says confocal, you said wide-field" in source.facts["microscope"]
    assert source.settings.assumed == ("n_specimen", "depth", "pinhole", "offset", "read_noise")
    form = your_data.Form(your_data.find(asked).settings)
    form.answer("microscope", "wide-field")
    assert your_data.find(form.settings, fill=False).settings == form.settings


def test_a_name_that_cannot_be_given_is_refused_with_those_that_can():
    with pytest.raises(
        ValueError, match="'na' is nothing that can be given; these are: .*voxel_size, .*NA, wavelength"
    ):
        your_data.given_settings({"na": 1.4}, path="a.tif")


@pytest.mark.parametrize("name", ["voxel_size", "psf_voxel_size"])
def test_a_voxel_that_is_not_known_is_asked_for_where_it_is_given(tmp_path, stack, name):
    tifffile.imwrite(tmp_path / "bare.tif", np.zeros((3, 4, 5), np.uint16), photometric="minisblack")
    data_fetch.write_stack(tmp_path / "cell.tif", stack)
    paths = {"path": "bare.tif"} if name == "voxel_size" else {"path": "cell.tif", "psf_path": "bare.tif"}
    with pytest.raises(ValueError, match=rf'GIVEN = {{"{name}": \(dz, dy, dx\)}}'):
        your_data.find(Settings(**{key: str(tmp_path / file) for key, file in paths.items()}))


def test_a_file_that_records_nothing_fills_in_nothing(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 4, 5), np.uint16), photometric="minisblack")
    assert recorded(tmp_path / "a.tif") == {}
    data_fetch.write_stack(tmp_path / "b.tif", Stack(np.ones((3, 4, 5)), VOXEL))
    assert set(recorded(tmp_path / "b.tif").values()) == {None}


def test_the_gain_of_a_sample_is_taken_only_where_it_was_recorded():
    assert your_data.find(Settings(sample="capstone")).settings.gain == 1.8
    cell = your_data.find(Settings(sample="lattice-cell"))
    assert (cell.settings.gain, cell.settings.offset, cell.settings.microscope) == (None, 98.0, "light-sheet")
    assert (cell.psf_from, your_data.find(Settings(sample="capstone")).psf_from) == ("measured", "computed")
    bead = your_data.find(Settings(sample="widefield-bead"))
    settled = your_data.settle(bead.stack, replace(bead.settings, n_iter=1))
    told = your_data.paragraph(bead.stack, bead.psf, settled, psf_from=bead.psf_from, stopping="by test")
    assert "belongs to the data set widefield-bead" in told and "measured" not in told


def test_a_measured_psf_from_a_file_comes_onto_the_grid_of_the_stack(tmp_path, stack, psf):
    data_fetch.write_stack(tmp_path / "bead.tif", psf.with_data(1e4 * np.pad(psf.data, 8)[2:-2] + 50))
    data_fetch.write_stack(tmp_path / "cell.tif", Stack(stack.data, (0.2, 0.1, 0.1)))
    settings = Settings(path=str(tmp_path / "cell.tif"), psf_path=str(tmp_path / "bead.tif"))
    made = your_data.make_psf(your_data.find(settings))
    assert made.voxel_size == (0.2, 0.1, 0.1)
    assert made.data.sum(dtype=float) == pytest.approx(1, abs=1e-5)


def test_computed_psfs_have_unit_sum_and_sections_that_the_microscope_makes(stack):
    widths = {}
    for microscope in ("wide-field", "light-sheet", "confocal"):
        settings = replace(KNOWN, microscope=microscope, sheet=0.6, excitation=0.488, pinhole=0.3)
        made = your_data.make_psf(your_data.Source(stack, None, settings, {}))
        optics.check_psf(made, VOXEL)
        assert made.shape == psf_shape(stack, settings)
        assert all(n % 2 for n in made.shape)
        widths[microscope] = optics.fwhm(made)
    assert widths["confocal"][2] < 0.9 * widths["wide-field"][2]
    assert widths["light-sheet"][0] < 0.8 * widths["wide-field"][0]
    assert widths["light-sheet"][2] == pytest.approx(widths["wide-field"][2], rel=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(NA=1.2), "no PSF: neither a measured one"),
        (replace(KNOWN, microscope="light-sheet"), "sheet is not known"),
        (replace(KNOWN, microscope="confocal"), "excitation is not known"),
    ],
)
def test_a_psf_that_cannot_be_made_says_what_it_needs(stack, settings, message):
    with pytest.raises(ValueError, match=message):
        your_data.make_psf(your_data.Source(stack, None, settings, {}))


# suitability


def test_a_raw_stack_passes(stack, psf):
    found = your_data.examine(stack, KNOWN, psf)
    assert [(f.what, f.meaning) for f in found.findings if f.verdict != "OK"] == []
    assert (found.verdict, str(found)) == ("OK", "OK")
    found.refuse()


def jpeg(data):
    """Compressed as 8-bit planes of quality 70."""
    eight = np.uint8(np.clip(np.rint(data - 95), 0, 255))
    return np.stack([imagecodecs.jpeg_decode(imagecodecs.jpeg_encode(plane, level=70)) for plane in eight])


SPOILED = {
    "saturated": (lambda d: np.minimum(d, np.rint(np.percentile(d, 99))), "saturation", "ring"),
    "8 bits stretched": (lambda d: 257 * np.clip(d - 95, 0, 255), "levels", "8 bits, stretched"),
    "gamma": (lambda d: np.rint(4095 * (d / d.max()) ** 0.6), "levels", "contrast was stretched"),
    "times 1.37": (lambda d: np.rint(1.37 * d), "levels", "contrast was stretched"),
    "clipped at zero": (lambda d: np.maximum(d - np.rint(np.median(d)), 0), "floor", "noise was cut off below"),
    "subtracted": (lambda d: d - np.rint(np.median(d)), "dark level", "photons are never negative"),
    "offset taken off": (lambda d: d - 90, "dark level", "below the camera's offset"),
    "projection": (lambda d: d.max(axis=0)[None], "planes", "take the z series"),
    "smoothed": (lambda d: ndimage.gaussian_filter(d, 1), "noise", "denoised, smoothed or deconvolved"),
    "median": (lambda d: ndimage.median_filter(d, 3), "noise", "denoised, smoothed or deconvolved"),
    "JPEG": (jpeg, "8 × 8 blocks", "compressed with loss"),
}


@pytest.mark.parametrize("spoil", SPOILED)
def test_a_spoiled_stack_is_refused_with_the_reason(stack, spoil):
    change, what, meaning = SPOILED[spoil]
    found = your_data.examine(stack.with_data(change(stack.data)), KNOWN)
    assert what in found.of("refused")
    assert meaning in verdict_of(what, found).meaning
    with pytest.raises(ValueError, match=f"not fit for deconvolution.*{re.escape(meaning)}"):
        found.refuse()


@pytest.mark.parametrize("settings", [KNOWN, Settings()], ids=["camera known", "camera unknown"])
def test_a_deconvolved_stack_is_refused(stack, psf, settings):
    sharp = deconvolve(stack, psf, n_iter=20, progress=False)
    assert "noise" in your_data.examine(sharp, settings).of("refused")


def test_pixels_left_out_are_refused_by_the_optics_or_by_the_psf(stack, psf):
    coarse = Stack(stack.data[:, ::2, ::2], (0.25, 0.18, 0.18))
    assert your_data.examine(coarse, KNOWN).of("refused") == ["sampling"]
    by_psf = verdict_of("sampling", your_data.examine(coarse, Settings(), psf))
    assert by_psf.verdict == "refused"
    steps = re.findall(r"[\d.]+", verdict_of("sampling", your_data.examine(coarse, KNOWN)).found)
    assert np.allclose([float(n) for n in re.findall(r"[\d.]+", by_psf.found)], [float(n) for n in steps], rtol=0.15)


@pytest.mark.parametrize(("across", "verdict"), [(0.10, "OK"), (0.12, "careful"), (0.16, "careful"), (0.17, "refused")])
def test_sampling_is_judged_in_steps_of_nyquist(stack, across, verdict):
    """Nyquist's step is 0.1083 µm; 1.5 of it 0.1625."""
    found = your_data.examine(Stack(stack.data, (0.25, across, across)), KNOWN)
    assert verdict_of("sampling", found).verdict == verdict


def test_what_is_only_a_warning_does_not_refuse(stack, psf):
    filled = stack.data.copy()
    filled[:, :, 50:] = 98
    few = stack.with_data(np.random.default_rng(1).poisson(np.maximum(stack.data - 105, 0) / 50).astype(float))
    cases = {
        "fill": your_data.examine(stack.with_data(filled), KNOWN, psf),
        "floor": your_data.examine(few, replace(KNOWN, gain=1.0, offset=0.0, read_noise=0.0), psf),
        "levels": your_data.examine(stack.with_data(16 * stack.data), Settings(**OPTICS), psf),
        "photons": your_data.examine(stack, Settings(**OPTICS), psf),
        "planes": your_data.examine(stack.with_data(stack.data[:8]), KNOWN),
        "sampling": your_data.examine(stack, Settings(**CAMERA)),
        "PSF": your_data.examine(stack.with_data(stack.data[:14]), Settings(**CAMERA), psf),
    }
    for what, found in cases.items():
        assert what in found.of("careful"), what
        assert found.verdict == "careful", (what, found)


def test_a_dark_plane_at_an_end_is_told_and_left_out(stack):
    data = stack.data.copy()
    data[0] = np.rint(110 + 0.1 * (data[0] - 110))
    found = your_data.examine(stack.with_data(data), KNOWN)
    assert "planes' light" in found.of("careful")
    assert "planes=(1, 20)" in verdict_of("planes' light", found).meaning
    assert your_data.even_planes(stack.with_data(data)) == (1, 20)
    assert your_data.even_planes(stack.with_data(data[::-1])) == (0, 19)
    assert your_data.even_planes(stack) == (0, 20)
    data[0], data[9] = stack.data[0], np.rint(110 + 0.3 * (data[9] - 110))
    found = your_data.examine(stack.with_data(data), KNOWN)
    assert "flickers" in verdict_of("planes' light", found).meaning


def test_planes_that_are_left_out_are_left_out_of_a_repetition_too(tmp_path, stack, psf):
    data_fetch.write_stack(tmp_path / "cell.ome.tif", stack)
    source = your_data.find(replace(KNOWN, path=str(tmp_path / "cell.ome.tif"), planes=(2, 17.0)))
    assert np.array_equal(source.stack.data, stack.data[2:17])
    source.settings.write(tmp_path / "run.json")
    assert your_data.read_settings(tmp_path / "run.json").planes == (2, 17)
    told = your_data.paragraph(source.stack, psf, settled_run(planes=(2, 17)), psf_from="measured", stopping="by test")
    assert "planes 3 to 17 of the file, the first being 1" in told
    with pytest.raises(ValueError, match="planes must be"):
        Settings(planes=(3, 2))


def test_verdicts_are_a_report_of_stacks(stack):
    table = your_data.verdicts({"raw": your_data.examine(stack, KNOWN), "flat": your_data.examine(stack, Settings())})
    assert table.rows[0][0] == "raw"
    assert "PSF" in table.rows[1][1] and "chapter 1" in table.rows[1][2]


def test_hot_voxels_are_a_warning_and_a_plateau_a_refusal(stack):
    rng = np.random.default_rng(3)
    for n, verdict in ((6, "careful"), (60, "refused")):
        data = stack.data.copy()
        data.ravel()[rng.choice(data.size, n, replace=False)] = 4095
        assert verdict_of("saturation", your_data.examine(stack.with_data(data), KNOWN)).verdict == verdict


def test_findings_are_rows_of_a_report(stack):
    found = your_data.examine(stack, Settings())
    assert "<td" in found._repr_html_()
    assert str(found.report()) == repr(found)
    assert "sampling" in str(found)


@pytest.fixture(scope="module")
def membrane():
    """A flat cell under a confocal microscope, its membrane two planes from the first, and its PSF."""
    settings = Settings(
        NA=1.4, wavelength=0.52, microscope="confocal", excitation=0.488, n_specimen=1.515, gain=1.0, offset=50.0
    )
    light = np.full((14, 48, 48), 0.05)
    light[2] = 100 + 50 * np.sin(np.arange(48) / 3)
    blank = your_data.Source(Stack(light, (0.3, 0.08, 0.08)), None, settings, {})
    confocal = your_data.make_psf(blank)
    taken = formation.acquire(
        blank.stack.with_data(30 * light), confocal, settings.camera, rng=np.random.default_rng(8)
    )
    return taken, confocal, settings


def test_planes_are_not_cut_where_the_psf_itself_falls_so_fast(membrane):
    stack, confocal, settings = membrane
    sums = confocal.data.sum(axis=(1, 2))
    assert np.min((sums[:-1] / sums[1:])[sums[1:] > 0.2 * sums.max()]) < 0.5
    assert your_data.even_planes(stack)[0] > 0
    assert your_data.even_planes(stack, confocal) == (0, 14)
    assert verdict_of("planes' light", your_data.examine(stack, settings, confocal)).verdict == "OK"
    dark = stack.data.copy()
    empty = confocal.with_data(np.pad(confocal.data, ((2, 2), (0, 0), (0, 0))))
    assert your_data.even_planes(stack, empty) == (0, 14)  # a PSF with empty planes
    dark[1] = np.rint(50 + 0.1 * (dark[2] - 50))
    assert your_data.even_planes(stack.with_data(dark[1:]), confocal)[0] == 1


def test_a_run_without_a_dark_plane_is_repeated_with_computed_optics(tmp_path, stack):
    data = stack.data.copy()
    data[0] = np.rint(110 + 0.1 * (data[0] - 110))
    data_fetch.write_stack(tmp_path / "cell.ome.tif", stack.with_data(data))
    source = your_data.find(replace(KNOWN, path=str(tmp_path / "cell.ome.tif"), n_iter=2, method="rl-tv"))
    planes = your_data.even_planes(source.stack, your_data.make_psf(source))
    source = your_data.find(replace(source.settings, planes=planes), fill=False)
    settled = your_data.settle(source.stack, source.settings)
    y, background = your_data.measured(source.stack, settled)
    settled = replace(settled, weight=your_data.weight_of("rl-tv", y, background))
    result = your_data.run(source.stack, your_data.make_psf(source), settled)
    settled.write(tmp_path / "run.json", input=your_data.fingerprint(source.stack))
    assert planes == (1, 20)
    assert np.array_equal(your_data.repeat(tmp_path / "run.json").data, result.data)


def test_planes_beyond_the_stack_are_refused(tmp_path, stack):
    data_fetch.write_stack(tmp_path / "cell.tif", stack)
    with pytest.raises(ValueError, match=r"end beyond the stack, which has 20"):
        your_data.find(replace(KNOWN, path=str(tmp_path / "cell.tif"), planes=(0, 21)))


def test_a_forgotten_offset_and_a_gain_upside_down_are_asked_for(stack):
    for wrong in (replace(KNOWN, offset=0.0), replace(KNOWN, gain=8.0)):
        row = verdict_of("noise", your_data.examine(stack, wrong))
        assert (row.verdict, row.meaning[:44]) == ("careful", "white, yet too weak: is the offset missing, ")


def test_a_hot_pixel_is_a_warning_and_does_not_hide_saturation(stack):
    data = stack.data.copy()
    data[:, 30, 30] = 4095
    row = verdict_of("saturation", your_data.examine(stack.with_data(data), KNOWN))
    assert (row.verdict, "Remove Outliers" in row.meaning) == ("careful", True)
    cut = np.minimum(stack.data, np.percentile(stack.data, 99))
    cut[:, 30, 30] = 4095
    assert verdict_of("saturation", your_data.examine(stack.with_data(np.rint(cut)), KNOWN)).verdict == "refused"
    assert not your_data.damage.hot_pixels(np.ones((3, 8, 8))).any()


def test_the_psf_may_be_longer_than_the_stack_if_it_was_computed_for_it(stack):
    computed = your_data.make_psf(your_data.Source(stack, None, KNOWN, {}))
    assert computed.shape[0] > stack.shape[0]
    assert verdict_of("PSF", your_data.examine(stack, KNOWN, computed)).verdict == "OK"
    few = stack.with_data(stack.data[:7])
    computed = your_data.make_psf(your_data.Source(few, None, KNOWN, {}))
    assert verdict_of("PSF", your_data.examine(few, KNOWN, computed)).verdict == "careful"


# photons


@pytest.mark.parametrize("offset", [100.0, 0.0])
def test_the_gain_is_found_beside_a_fill(stack, offset):
    data = stack.data.copy()
    data[:, :, :9] = 0
    data[:, :7] = 0
    whole = your_data.settle(stack, Settings(offset=offset)).gain
    assert your_data.settle(stack.with_data(data), Settings(offset=offset)).gain == pytest.approx(whole, rel=0.25)


def test_the_gain_and_the_background_are_found_where_they_are_not_known(stack):
    settled = your_data.settle(stack, Settings(offset=100.0))
    assert settled.gain == pytest.approx(2.0, rel=0.25)  # read noise counts as photons' noise
    assert settled.background == pytest.approx(8, abs=2.5)
    assert settled.gain_from and settled.background_from
    y, background = your_data.measured(stack, settled)
    assert np.allclose(y.data * settled.gain + 100, np.maximum(stack.data, 100), atol=1e-2)
    assert background == settled.background


def test_a_gain_and_a_background_that_are_known_are_kept(stack):
    settled = your_data.settle(stack, replace(KNOWN, background=7.0))
    assert settled == replace(KNOWN, background=7.0)
    y, background = your_data.measured(stack, settled)
    assert background == pytest.approx(8.0)  # (2 / 2)² of read noise
    assert y.data.mean(dtype=float) == pytest.approx((stack.data.mean(dtype=float) - 100) / 2 + 1, rel=1e-3)


def test_a_fill_is_no_dark_level(stack):
    filled = stack.data.copy()
    filled[:, :30] = 98
    mask = your_data.fill(stack.with_data(filled))
    assert mask[:, :30].all()
    assert mask.mean() == pytest.approx(0.5, abs=0.01)
    assert your_data.dark_level(stack.with_data(filled)) == pytest.approx(your_data.dark_level(stack), abs=3)
    assert not your_data.fill(stack).any()


# preview


def test_the_busiest_place_holds_the_brightest_thing_and_places_lie_apart():
    data = np.ones((16, 40, 50))
    data[5:8, 28:32, 38:44] = 100
    places = your_data.busiest(Stack(data, VOXEL), (8, 16, 16))
    assert len(places) == 5
    assert all(
        p.start <= low and high <= p.stop for p, low, high in zip(places[0], (5, 28, 38), (8, 32, 44), strict=True)
    )
    assert len({tuple(p.start for p in place) for place in places}) == 5
    assert all(p.stop <= n and p.start >= 0 for place in places for p, n in zip(place, data.shape, strict=True))
    assert your_data.busiest(Stack(data, VOXEL), (99, 99, 99)) == [(slice(0, 16), slice(0, 40), slice(0, 50))]


def test_a_margin_is_the_reach_of_the_psf_and_stays_inside():
    window = your_data.with_margin((slice(2, 6), slice(10, 20), slice(30, 40)), (5, 7, 9), (7, 40, 41))
    assert window == (slice(0, 7), slice(7, 23), slice(26, 41))


def test_the_preview_shows_what_the_whole_would(stack, psf):
    settled = your_data.settle(stack, KNOWN)
    y, background = your_data.measured(stack, settled)
    place = (slice(4, 16), slice(16, 40), slice(20, 44))
    trial = your_data.try_methods(y, background, psf, place, methods=("rl",), most=12, rng=np.random.default_rng(4))[
        "rl"
    ]
    assert len(trial.scores) == 12
    assert trial.n_iter == 1 + np.argmin(trial.scores)
    whole = your_data.run(stack, psf, replace(settled, n_iter=trial.n_iter)).data[place]
    assert np.linalg.norm(trial.estimate.data - whole) < 0.06 * np.linalg.norm(whole)
    assert trial.whiteness.variance == pytest.approx(1, abs=0.4)


def test_the_cost_grows_with_the_stack(stack, psf):
    place = (slice(0, 10), slice(0, 20), slice(0, 20))
    trial = your_data.Trial([1.0], 10, None, 0.1, None)
    memory, seconds = your_data.cost(stack, psf, replace(KNOWN, n_iter=10), trial, place)
    assert seconds > 10 * 0.1
    more = your_data.cost(stack.with_data(np.tile(stack.data, (1, 3, 1))), psf, replace(KNOWN, n_iter=20), trial, place)
    assert more[0] > 1.8 * memory
    assert more[1] > 3.6 * seconds


# run


def test_a_run_is_repeated_from_its_json(tmp_path, stack):
    data_fetch.write_stack(tmp_path / "cell.ome.tif", stack)
    source = your_data.find(replace(KNOWN, path=str(tmp_path / "cell.ome.tif"), n_iter=4))
    settled = your_data.settle(source.stack, source.settings)
    result = your_data.run(source.stack, your_data.make_psf(source), settled)
    settled.write(tmp_path / "run.json", input=your_data.fingerprint(source.stack))
    assert np.array_equal(your_data.repeat(tmp_path / "run.json").data, result.data)
    assert your_data.fingerprint(stack) == json.loads((tmp_path / "run.json").read_text())["input"]
    assert your_data.fingerprint(stack.with_data(stack.data + 1)) != your_data.fingerprint(stack)


def test_a_run_is_repeated_beside_its_json_but_not_with_another_file(tmp_path, stack):
    for folder in ("then", "now"):
        (tmp_path / folder).mkdir()
    data_fetch.write_stack(tmp_path / "then" / "cell.tif", stack)
    source = your_data.find(replace(KNOWN, path=str(tmp_path / "then" / "cell.tif"), n_iter=1))
    settled = your_data.settle(source.stack, source.settings)
    settled.write(tmp_path / "now" / "run.json", input=your_data.fingerprint(source.stack))
    (tmp_path / "then" / "cell.tif").rename(tmp_path / "now" / "cell.tif")
    assert your_data.repeat(tmp_path / "now" / "run.json").shape == stack.shape
    data_fetch.write_stack(tmp_path / "now" / "cell.tif", stack.with_data(stack.data + 1))
    with pytest.raises(ValueError, match="the file is not the one of the run"):
        your_data.repeat(tmp_path / "now" / "run.json")


# methods and page


def test_what_was_assumed_is_told_as_not_known(stack, psf):
    assumed = settled_run(microscope="confocal", excitation=0.488).filled(given=("microscope",))
    text = your_data.paragraph(stack, psf, assumed, psf_from="computed", stopping="by test")
    told = ["specimen index {}1.33", "depth {}0 µm", "pinhole {}1 Airy units"]
    assert your_data.missing(text) == [words.format("not known, taken as ") for words in told]
    form = your_data.Form(Settings().filled())
    assert ("offset (counts)", "not known, taken as 0.0", "") in form.report().rows
    assert any("Not known, and taken as" in line and "offset" in line for line in form.summary())
    assert form.text("offset") == ""
    form.answer("offset", "0")
    assert (form.text("offset"), "offset" in form.settings.assumed) == ("0", False)
    form.answer("offset", "")
    assert "offset" in form.settings.assumed


def settled_run(**more):
    """Settings of a run, all known."""
    given = {"method": "rl", "n_iter": 17, "weight": 0.012, "background": 5.5, "microscope": "wide-field"}
    return replace(KNOWN, **{**given, **more})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, ["17 iterations by test", "NA 1.2", "0.52 µm", "Gibson and Lanni", "gain 2 counts", "5.5 photons"]),
        ({"method": "rl-tv"}, ["weight 0.012", "10.1002/jemt.20294"]),
        ({"method": "rl-fast"}, ["10.1364/JOSAA.8.000893", "line search"]),
        ({"microscope": "light-sheet", "sheet": 0.7}, ["light sheet of 0.7 µm"]),
        ({"microscope": "confocal", "excitation": 0.488}, ["excitation at 0.488 µm", "through a pinhole of 1 Airy"]),
    ],
)
def test_the_paragraph_tells_what_was_done(stack, psf, more, words):
    text = your_data.paragraph(stack, psf, settled_run(**more), psf_from="computed", stopping="by test")
    for word in [*words, "20 × 60 × 64 voxels", "10.1051/0004-6361:20052717", *your_data.versions().values()]:
        assert word in text, word
    assert your_data.missing(text) == []


def test_what_is_not_known_stands_in_the_paragraph(stack, psf):
    unknown = settled_run(
        NA=None, gain_from="estimated from the stack's own noise", background_from="found in the dark"
    )
    text = your_data.paragraph(stack, psf, unknown, psf_from="measured", stopping="by test")
    assert your_data.missing(text) == ["NA not known", "gain of the camera not known"]
    assert "measured on a bead" in text
    assert "Gibson" not in text
    assert "found in the dark" in text


def test_the_page_holds_all_and_needs_no_other_file(tmp_path, stack):
    figure = Figure(figsize=(2, 1))
    your_data.write_page(
        tmp_path / "a.html", title="<cell> & co", settings=settled_run(), paragraph="We did < 3.",
        figures={'before "and" after': figure}, tables={"fit?": your_data.examine(stack, KNOWN).report()},
        versions={"numpy": "2.0"}, about={"input": "0123abcd"},
    )  # fmt: skip
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<h1>&lt;cell&gt; &amp; co</h1>" in page
    assert "We did &lt; 3." in page and "saturation" in page and "2.0" in page and "0123abcd" in page
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    images = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert [base64.b64decode(image)[:4] for image in images] == [b"\x89PNG"]
    settings = json.loads(
        re.search(r"<pre>(.*)</pre>", page, re.DOTALL)[1].replace("&quot;", '"').replace("&#x27;", "'")
    )
    assert Settings(**settings) == settled_run()
