import numpy as np
import pytest
from phantoms import asymmetric_psf, gaussian_psf

from course_utils import optics
from course_utils.stack import Stack

VOXEL = (0.2, 0.1, 0.1)
FWHM = 2 * np.sqrt(2 * np.log(2))


def _bead(centre=(14.3, 20.6, 19.8), sigma=(2.5, 1.5, 1.5), shape=(31, 41, 40), photons=5000.0, noise=3.0):
    """Counts of a bead on a background of 100, its centre between voxels."""
    z, y, x = (np.exp(-0.5 * ((np.arange(n) - c) / s) ** 2) for n, c, s in zip(shape, centre, sigma, strict=True))
    rng = np.random.default_rng(0)
    return Stack(100 + photons * z[:, None, None] * y[:, None] * x + noise * rng.standard_normal(shape), VOXEL)


def test_clean_psf_keeps_the_conventions():
    psf = optics.clean_psf(_bead())
    assert psf.data.min() >= 0
    assert psf.data.sum(dtype=float) == pytest.approx(1, abs=1e-6)
    assert np.unravel_index(psf.data.argmax(), psf.shape) == tuple(n // 2 for n in psf.shape)
    assert psf.voxel_size == VOXEL
    optics.check_psf(psf, VOXEL)


def test_clean_psf_centres_to_a_tenth_of_a_voxel():
    psf = optics.clean_psf(_bead()).data
    for axis, n in enumerate(psf.shape):
        line = psf.sum(axis=tuple(i for i in range(3) if i != axis), dtype=float)
        assert line @ np.arange(n) == pytest.approx(n // 2, abs=0.1)


def test_clean_psf_keeps_the_width_whatever_the_background():
    expected = np.array([2.5, 1.5, 1.5]) * FWHM * VOXEL
    assert optics.fwhm(optics.clean_psf(_bead())) == pytest.approx(expected, rel=0.05)
    raised = _bead()
    raised = raised.with_data(raised.data + 1000)
    assert optics.fwhm(optics.clean_psf(raised)) == pytest.approx(expected, rel=0.05)


def test_clean_psf_leaves_the_noise_of_empty_voxels_out():
    """Rectified noise of standard deviation 3 in 50 000 voxels would hold more light than this bead."""
    psf = optics.clean_psf(_bead(photons=300.0))
    assert optics.fwhm(psf)[0] == pytest.approx(2.5 * FWHM * VOXEL[0], rel=0.15)
    radius = np.linalg.norm((np.indices(psf.shape).T - np.array(psf.shape) // 2) / (2.5, 1.5, 1.5), axis=-1).T
    assert psf.data[radius > 5].sum() < 0.02


@pytest.mark.parametrize(
    ("stack", "message"),
    [
        (Stack(np.random.default_rng(0).normal(100, 3, (20, 20, 20)), VOXEL), "no bead stands out"),
        (_bead(centre=(14, 1, 20)), "touches the edge"),
    ],
)
def test_clean_psf_refuses_what_is_no_bead(stack, message):
    with pytest.raises(ValueError, match=message):
        optics.clean_psf(stack)


@pytest.mark.parametrize("voxel", [(0.157, 0.1015, 0.1015), (0.1, 0.2, 0.05), (0.33, 0.31, 0.3)])
@pytest.mark.parametrize("shape", [(15, 17, 16), (14, 15, 17)])
def test_resample_keeps_sum_and_centre(voxel, shape):
    psf = Stack(gaussian_psf(shape, (2.0, 1.6, 1.7)), (0.1, 0.1, 0.1))
    new = optics.resample(psf, voxel)
    assert new.voxel_size == voxel
    assert new.data.sum(dtype=float) == pytest.approx(psf.data.sum(dtype=float), rel=1e-6)
    assert new.data.min() >= 0
    for axis, (d_old, d_new) in enumerate(zip(psf.voxel_size, voxel, strict=True)):
        centres = []
        for stack, d in ((psf, d_old), (new, d_new)):
            line = stack.data.sum(axis=tuple(i for i in range(3) if i != axis), dtype=float)
            centres.append(d * (line @ (np.arange(line.size) - line.size // 2)) / line.sum())
        assert centres[1] == pytest.approx(centres[0], abs=0.002)  # µm


@pytest.mark.parametrize("ratio", [0.6, 1.015, 1.57, 3.0])
def test_resample_adds_the_variance_of_the_voxel_and_no_more(ratio):
    """A voxel's box has variance d²/12: going from one voxel to another changes the variance by the difference."""
    sigma, n = 3.0, 41
    psf = Stack(gaussian_psf((n, 5, 5), (sigma, 0.5, 0.5)), (0.1, 0.1, 0.1))
    new = optics.resample(psf, (0.1 * ratio, 0.1, 0.1))
    line = new.data.sum(axis=(1, 2), dtype=float)
    position = ratio * (np.arange(line.size) - line.size // 2)
    variance = line @ position**2 / line.sum() - (line @ position / line.sum()) ** 2
    assert variance == pytest.approx(sigma**2 + (ratio**2 - 1) / 12, rel=0.01)


def test_resample_to_the_same_voxel_changes_nothing():
    psf = Stack(asymmetric_psf((5, 6, 7), np.random.default_rng(1)), VOXEL)
    assert np.array_equal(optics.resample(psf, VOXEL).data, psf.data)


@pytest.mark.parametrize("voxel", [(0.1, 0.1), (0.1, 0.1, 0), (-0.1, 0.1, 0.1)])
def test_resample_refuses_a_voxel_that_is_none(voxel):
    with pytest.raises(ValueError, match="three positive lengths in µm"):
        optics.resample(Stack(np.ones((3, 3, 3)), VOXEL), voxel)


def test_fwhm_of_a_gaussian_is_its_own():
    psf = Stack(gaussian_psf((41, 31, 31), (4.0, 2.0, 3.0)), VOXEL)
    assert optics.fwhm(psf) == pytest.approx(np.array([4, 2, 3]) * FWHM * VOXEL, rel=0.01)


def test_fwhm_is_infinite_where_the_half_is_not_reached():
    assert optics.fwhm(Stack(np.ones((3, 3, 3)), VOXEL)) == (np.inf,) * 3


@pytest.mark.parametrize(
    ("psf", "message"),
    [
        (
            Stack(gaussian_psf((5, 5, 5), (1, 1, 1)), (0.1, 0.1, 0.1)),
            r"voxel \(0.1, 0.1, 0.1\) µm differs.*optics\.resample",
        ),
        (Stack(gaussian_psf((5, 5, 5), (1, 1, 1)) - 0.01, VOXEL), "negative values.*clean_psf"),
        (Stack(44 * gaussian_psf((5, 5, 5), (1, 1, 1)), VOXEL), "unit sum; it has 44"),
        (Stack(np.fft.ifftshift(gaussian_psf((8, 8, 8), (1, 1, 1))), VOXEL), "centre in the corner.*fftshift"),
    ],
)
def test_a_psf_that_cannot_serve_is_refused_with_what_to_do(psf, message):
    with pytest.raises(ValueError, match=message):
        optics.check_psf(psf, VOXEL)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"NA": 1.6, "wavelength": 0.5}, "between 0 and the index"),
        ({"NA": 1.4, "wavelength": 520}, "For 520 nm write wavelength=0.52"),
        ({"NA": -1, "wavelength": 0.5}, "NA must lie"),
    ],
)
def test_optics_refuse_bad_physics(arguments, message):
    with pytest.raises(ValueError, match=message):
        optics.Optics(**arguments)
