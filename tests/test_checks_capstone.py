import numpy as np
import pytest

import data_fetch
from course_utils import checks, compare, formation, operators, richardson_lucy
from course_utils import optics as psfs
from course_utils.backend import get
from course_utils.checks import capstone
from course_utils.stack import Stack
from data_fetch import cache
from data_fetch import capstone as hidden

SHAPE, VOXEL = (12, 30, 31), (0.2, 0.08, 0.1)


def phantom(seed):
    """A soft random body, and what a rough estimate of it might be."""
    rng = np.random.default_rng(seed)
    frequencies = np.sqrt(sum(f**2 for f in np.meshgrid(*map(np.fft.fftfreq, SHAPE), indexing="ij")))
    body = np.fft.ifftn(np.fft.fftn(rng.standard_normal(SHAPE)) / (0.02 + frequencies**2)).real
    truth = np.maximum(100 * body / body.std(), 0)
    return Stack(truth, VOXEL), truth + 15 * rng.standard_normal(SHAPE), rng


@pytest.fixture
def folder(tmp_path):
    """A hidden volume of the tests' own, whose truth is phantom(0)."""
    truth, _, rng = phantom(0)
    ruler = capstone.draw(truth, rng, each=1000)
    noise = 150 * np.random.default_rng(9).standard_normal(SHAPE)
    raw = capstone.measure(truth.data + noise, ruler)
    capstone.save(ruler._replace(baselines={"raw": raw, "perfect": (99.0, 0.1, 0.2)}), tmp_path / "ruler.npz")
    return tmp_path


def test_whole_ruler_measures_what_the_metrics_do():
    """With every coefficient on it, the ruler's PSNR is that after match_affine."""
    truth, x, rng = phantom(1)
    ruler = capstone.draw(truth, rng, each=10**6)
    assert capstone.measure(3 * x - 7, ruler)[0] == pytest.approx(
        compare.psnr(compare.match_affine(x, truth), truth), 1e-4
    )
    assert ruler.weight.sum() == pytest.approx(truth.data.size - 1)
    curves = compare.fsc(x, truth, taper=0, half_angle=45)
    assert capstone.measure(x, ruler)[1:] == pytest.approx(
        [c.resolution(0.5) for c in (curves.lateral, curves.axial)], 0.1
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_few_coefficients_measure_nearly_the_same(seed):
    truth, x, rng = phantom(seed)
    ruler = capstone.draw(truth, rng, each=40)
    assert 2 * len(ruler.index) < 0.5 * truth.data.size  # of a volume as small as this one; of the capstone's far fewer
    assert ruler.weight.sum() == pytest.approx(truth.data.size - 1)
    assert capstone.measure(x, ruler)[0] == pytest.approx(compare.psnr(compare.match_affine(x, truth), truth), abs=0.4)


def test_no_picture_of_the_truth_can_be_made_of_the_ruler():
    """What is on it holds a small part of the spectrum; the best that it tells of the rest is nothing."""
    ruler = capstone.load()
    assert 2 * len(ruler.index) < 0.08 * np.prod(ruler.shape)
    assert set(ruler._fields) == {"shape", "voxel_size", "data_range", "index", "value", "weight", "baselines"}


def test_score_tells_what_an_estimate_beats(folder, capsys):
    _, x, _ = phantom(0)
    result = checks.score(Stack(x, VOXEL), folder)
    assert capsys.readouterr().out == "✓ better than raw\n"
    assert list(result.rows) == ["raw", "perfect", "yours"]
    assert result["perfect"]["PSNR, matched (dB)"] == 99 > result["yours"]["PSNR, matched (dB)"] > 20
    assert "Leads below 0.2 dB mean nothing" in result.note


def test_score_does_not_depend_on_gain_and_offset(folder):
    _, x, _ = phantom(0)
    assert checks.score(x, folder).rows["yours"] == pytest.approx(checks.score(2.5 * x + 100, folder).rows["yours"])


@pytest.mark.parametrize("shift", [(0, 0, 1), (-1, 1, 1)])
def test_score_recognises_a_shift(folder, shift):
    truth, _, _ = phantom(0)
    back = r"\({}, {}, {}\)".format(*shift)
    with pytest.raises(checks.NotYet, match=f"shifted, by about {back} voxels"):
        checks.score(np.roll(truth.data, shift, axis=(0, 1, 2)), folder)


@pytest.mark.parametrize(
    ("estimate", "message"),
    [
        (np.ones((3, 4, 5)), r"must have the stack's shape, \(12, 30, 31\); it has \(3, 4, 5\)"),
        (np.ones(SHAPE), "the same everywhere"),
        (np.full(SHAPE, np.nan), "NaN"),
        (np.random.default_rng(8).random(SHAPE), "and the raw stack itself has"),
    ],
)
def test_score_says_what_is_wrong(folder, estimate, message):
    with pytest.raises(checks.NotYet, match=message):
        checks.score(estimate, folder)


def test_capstone_comes_with_its_optics_and_neither_psf_nor_truth():
    task = data_fetch.load("capstone")
    assert task.stack.shape == capstone.load().shape and task.stack.voxel_size == capstone.load().voxel_size
    assert task.psf is task.truth is task.reference is None
    assert task.optics.NA == 1.2 and task.camera.gain == 1.8


def test_deconvolution_of_the_capstone_beats_its_raw_stack():
    """Few iterations, a small PSF: enough to see that stack, optics and ruler belong together."""
    task = data_fetch.load("capstone")
    y = np.maximum(task.camera.photons(task.stack).data, 0)
    psf = psfs.gibson_lanni_psf(task.optics, (23, 33, 33), task.stack.voxel_size)
    H = formation.forward(psf, y.shape, xp=get("numpy"))
    *_, x = richardson_lucy.biggs_andrews(y, H, n_iter=8, background=hidden.BACKGROUND)
    seen = np.asarray(operators.crop(y.shape, H.shape_in, xp=H.xp)(x))
    rows = checks.score(task.stack.with_data(seen)).rows
    assert rows["yours"][0] > rows["raw"][0] + 1
    assert rows["raw"] == pytest.approx(capstone.measure(task.stack.data, capstone.load()), rel=1e-6)
    assert list(rows) == ["raw", "Richardson–Lucy", "Richardson–Lucy with total variation", "yours"]


def test_another_hidden_volume_is_written_and_is_its_seed_s_own(tmp_path, monkeypatch):
    monkeypatch.setattr(hidden, "_baselines", lambda stack, psf: {"raw": stack})
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        hidden.write(tmp_path / name, seed, shape=(8, 24, 24))
    values = [capstone.load(tmp_path / name).value for name in ("one", "same", "other")]
    assert np.array_equal(values[0], values[1])
    assert values[0].shape != values[2].shape or not np.allclose(values[0], values[2])
    stack = data_fetch.read_stack(tmp_path / "one" / "stack.ome.tif")
    assert stack.shape == (8, 24, 24)
    rows = capstone.load(tmp_path / "one").baselines
    assert rows["raw"] == pytest.approx(capstone.measure(stack.data, capstone.load(tmp_path / "one")))


def test_ruler_ships_with_the_package():
    assert (cache.EMBEDDED / "capstone" / "ruler.npz").stat().st_size < 200_000
