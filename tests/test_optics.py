import itertools

import numpy as np
import pytest
from phantoms import asymmetric_psf, gaussian_psf

from course_utils import optics
from course_utils.optics import Optics, pupil
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


def test_shift_psf_moves_a_gaussian_by_fractions_of_a_voxel():
    psf = Stack(gaussian_psf((15, 16, 17), (1.5, 1.5, 1.5)), VOXEL)
    moved = optics.shift_psf(psf, (0.4, -1.3, 2.0)).data
    expected = [n // 2 + s for n, s in zip(moved.shape, (0.4, -1.3, 2.0), strict=True)]
    grid = np.meshgrid(*(np.arange(n) - c for n, c in zip(moved.shape, expected, strict=True)), indexing="ij")
    gaussian = np.exp(-sum(g**2 for g in grid) / (2 * 1.5**2))
    assert moved == pytest.approx(gaussian / gaussian.sum(), abs=1e-3 * float(moved.max()))
    assert moved.min() >= 0 and moved.sum(dtype=float) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("shape", [(5, 8, 30), (6, 7, 7)])
def test_cut_psf_keeps_the_centre_and_the_unit_sum(shape):
    rng = np.random.default_rng(4)
    psf = Stack(rng.random((9, 10, 11)), VOXEL)
    cut = optics.cut_psf(psf, shape)
    assert all(n % 2 and n <= m for n, m in zip(cut.shape[:2], shape[:2], strict=True)) and cut.voxel_size == VOXEL
    assert cut.data.sum(dtype=float) == pytest.approx(1, rel=1e-6)
    middle, centre = (tuple(n // 2 for n in stack.shape) for stack in (psf, cut))
    window = tuple(slice(m - c, m - c + n) for m, c, n in zip(middle, centre, cut.shape, strict=True))
    assert cut.data / cut.data[centre] == pytest.approx(psf.data[window] / psf.data[middle], rel=1e-5)


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
        ({"NA": 1.515, "wavelength": 0.5}, "between 0 and the index"),
        ({"NA": 0.5, "wavelength": 0.5, "n_specimen": 0.9}, "refractive index lies between"),
        ({"NA": 0.5, "wavelength": 0.5, "depth": -1}, "depth is in µm"),
    ],
)
def test_optics_refuse_bad_physics(arguments, message):
    with pytest.raises(ValueError, match=message):
        Optics(**arguments)


# (λ, NA, n), first zero across, FWHM across, Gibson–Lanni's first minimum and FWHM along z, Nyquist (across, along z):
# from integrals computed apart from this course, and confirmed with psfmodels to 0.2 %.
TABLE = [
    ((0.52, 1.4, 1.515), 0.2265, 0.1911, 0.5811, 0.5121, (0.0929, 0.2778)),
    ((0.52, 1.2, 1.33), 0.2643, 0.2230, 0.7116, 0.6282, (0.1083, 0.3437)),
    ((0.52, 0.8, 1.0), 0.3964, 0.3345, 1.3171, 1.1658, (0.1625, 0.6500)),
]
OIL = Optics(1.4, 0.52, 1.515, 1.515)
DEEP = Optics(1.2, 0.52, 1.515, 1.33, depth=5.0)


def _aberration_free_by_matrix(optics_, shape, voxel_size, **more):
    """The pupil PSF by its other way, that of pupils which are not round."""
    return optics.pupil_psf(optics_, shape, voxel_size, zernike={(2, 2): 1e-12}, **more)


def _vectorial(*arguments):
    return optics.pupil_psf(*arguments, vectorial=True)


MODELS = [optics.gibson_lanni_psf, optics.pupil_psf, _aberration_free_by_matrix, _vectorial]


def _matched(wavelength, NA, n):
    return Optics(NA, wavelength, n_immersion=n, n_specimen=n)


def _first_minimum(line):
    """Index of the first minimum of a line that begins at its maximum, by a parabola through three points."""
    i = next(i for i in range(1, len(line) - 1) if line[i - 1] > line[i] <= line[i + 1])
    before, least, after = line[i - 1 : i + 2]
    return i + 0.5 * (before - after) / (before - 2 * least + after)


@pytest.mark.parametrize("line", TABLE, ids=lambda line: f"NA {line[0][1]}")
@pytest.mark.parametrize("model", MODELS[:3], ids=lambda model: model.__name__)
def test_scalar_psf_has_the_widths_and_zeros_of_the_table(model, line):
    parameters, zero, width, minimum, depth_of_focus, _ = line
    d = 0.004
    across = model(_matched(*parameters), (1, 1, 251), (d, d, d))
    along = model(_matched(*parameters), (901, 1, 1), (d, d, d))
    assert optics.fwhm(across)[2] == pytest.approx(width, rel=0.005)
    assert optics.fwhm(along)[0] == pytest.approx(depth_of_focus, rel=0.005)
    assert d * _first_minimum(across.data[0, 0, 125:].astype(float)) == pytest.approx(zero, rel=0.01)
    assert d * _first_minimum(along.data[450:, 0, 0].astype(float)) == pytest.approx(minimum, rel=0.01)


@pytest.mark.parametrize("line", TABLE, ids=lambda line: f"NA {line[0][1]}")
def test_nyquist_is_that_of_the_table(line):
    axial, lateral = optics.nyquist(_matched(*line[0]))
    assert (lateral, axial) == pytest.approx(line[-1], rel=1e-3)
    assert optics.cutoff(_matched(*line[0])) == pytest.approx((1 / (2 * axial), 1 / (2 * lateral)))


def test_focal_plane_is_the_airy_pattern():
    """Zeros at 0.60983, 1.11657, 1.61916 λ/NA; 83.778 and 90.993 % of the light inside the first two."""
    NA, wavelength, d = 0.3, 0.5, 0.02
    plane = optics.gibson_lanni_psf(_matched(wavelength, NA, 1.0), (1, 301, 301), (d, d, d)).data[0].astype(float)
    line = plane[150, 150:]
    lows = [i for i in range(1, 149) if line[i - 1] > line[i] <= line[i + 1]][:3]
    zeros = [(i - 1 + _first_minimum(line[i - 1 :])) * d * NA / wavelength for i in lows]
    assert zeros == pytest.approx([0.60983, 1.11657, 1.61916], rel=0.005)
    r = d * np.hypot(*np.indices(plane.shape) - 150) * NA / wavelength
    inside = [plane[r < zero].sum() for zero in (0.60983, 1.11657)]
    assert inside[0] / inside[1] == pytest.approx(0.83778 / 0.90993, rel=0.002)


@pytest.mark.parametrize("model", [optics.gaussian_psf, *MODELS], ids=lambda model: model.__name__)
@pytest.mark.parametrize("shape", [(9, 17, 15), (8, 16, 18), (9, 16, 15), (1, 5, 4), (4, 1, 1)])
def test_models_keep_the_conventions(model, shape):
    psf = model(OIL, shape, (0.15, 0.1, 0.08))
    assert (psf.shape, psf.voxel_size, psf.data.dtype) == (shape, (0.15, 0.1, 0.08), np.float32)
    assert psf.data.min() >= 0
    assert psf.data.sum(dtype=float) == pytest.approx(1, abs=1e-5)
    assert np.unravel_index(psf.data.argmax(), shape) == tuple(n // 2 for n in shape)
    for axis in range(3):  # without mismatch a PSF is its own mirror image about the centre
        odd = np.take(psf.data, np.arange(1 - shape[axis] % 2, shape[axis]), axis)
        assert np.allclose(odd, np.flip(odd, axis), rtol=1e-4, atol=1e-6 * psf.data.max())


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_larger_voxel_holds_the_sum_of_small_ones(model):
    """The PSF is integrated over the voxel: nine by three thinner ones have the same light."""
    small = model(DEEP, (27, 45, 45), (0.1, 0.03, 0.03)).data.reshape(9, 3, 15, 3, 15, 3).sum(axis=(1, 3, 5))
    large = model(DEEP, (9, 15, 15), (0.3, 0.09, 0.09)).data
    assert np.abs(large - small / small.sum()).max() < 0.01 * large.max()


@pytest.mark.parametrize("optics_", [OIL, DEEP, Optics(1.33, 0.61, 1.5, 1.33, 10.0)], ids=["oil", "deep", "grazing"])
def test_bessel_series_and_quadrature_give_one_psf(optics_):
    grid = (21, 33, 33), (0.2, 0.1, 0.1)
    a, b = optics.gibson_lanni_psf(optics_, *grid).data, optics.pupil_psf(optics_, *grid).data
    assert np.abs(a - b).max() < 1e-5 * b.max()


@pytest.mark.parametrize("vectorial", [False, True])
@pytest.mark.parametrize("optics_", [OIL, DEEP], ids=["oil", "deep"])
def test_round_and_square_grids_of_rays_give_one_psf(optics_, vectorial):
    grid = (15, 25, 25), (0.3, 0.1, 0.1)
    a = optics.pupil_psf(optics_, *grid, vectorial=vectorial).data
    b = _aberration_free_by_matrix(optics_, *grid, vectorial=vectorial).data
    assert np.abs(a - b).max() < 0.005 * a.max()


# Intensity over the brightest of these, at z − offset = −0.6, −0.3, 0, 0.3, 0.6 and x = 0, 0.1, 0.2, 0.4 µm, λ .52, at
# points, not voxels: psfmodels 0.3.3, scalar_psf and vectorial_psf with sf=1, zv = z + depth − depth (n_i/n_s − 1).
STORED = {
    ("oil", False): [
        [0.0193, 0.0321, 0.0448, 0.0289],
        [0.3770, 0.2017, 0.0741, 0.0117],
        [1.0000, 0.4658, 0.0121, 0.0005],
        [0.3770, 0.2017, 0.0741, 0.0117],
        [0.0193, 0.0321, 0.0448, 0.0289],
    ],
    ("oil", True): [
        [0.0172, 0.0315, 0.0446, 0.0345],
        [0.3689, 0.2289, 0.0983, 0.0214],
        [1.0000, 0.5332, 0.0616, 0.0072],
        [0.3689, 0.2289, 0.0983, 0.0214],
        [0.0172, 0.0315, 0.0446, 0.0345],
    ],
    ("deep", False): [
        [0.1341, 0.1070, 0.0605, 0.0252],
        [0.2103, 0.1760, 0.0980, 0.0232],
        [0.4265, 0.3195, 0.1307, 0.0154],
        [0.8493, 0.5417, 0.1113, 0.0174],
        [1.0000, 0.5775, 0.0721, 0.0354],
    ],
    ("deep", True): [
        [0.1320, 0.1070, 0.0630, 0.0273],
        [0.2029, 0.1722, 0.1021, 0.0287],
        [0.4124, 0.3197, 0.1477, 0.0235],
        [0.8385, 0.5671, 0.1572, 0.0219],
        [1.0000, 0.6309, 0.1396, 0.0396],
    ],
}


@pytest.mark.parametrize(("case", "vectorial"), STORED)
def test_psf_has_the_stored_values_of_another_package(case, vectorial):
    optics_, offset = (OIL, 0.0) if case == "oil" else (DEEP, 0.75)
    psf = optics.pupil_psf(optics_, (271, 1, 161), (0.01, 0.005, 0.005), vectorial=vectorial).data[:, 0]
    z = 135 + np.round((offset + np.array([-0.6, -0.3, 0, 0.3, 0.6])) / 0.01).astype(int)
    values = psf[z][:, [80, 100, 120, 160]]
    assert values / values.max() == pytest.approx(np.array(STORED[case, vectorial]), abs=0.002)


def _correlation(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


@pytest.mark.parametrize("optics_", [OIL, DEEP, _matched(0.52, 0.8, 1.0)], ids=["oil", "deep", "air"])
def test_psf_agrees_with_psfmodels(optics_):
    psfmodels = pytest.importorskip("psfmodels", reason="pip install psfmodels, to compare with it")
    n_i, n_s, depth, (dz, d, _) = optics_.n_immersion, optics_.n_specimen, optics_.depth, (0.1, 0.08, 0.08)
    indices = {"NA": optics_.NA, "ns": n_s, "ni": n_i, "ni0": n_i, "ng": n_i, "ng0": n_i}
    zv = dz * (np.arange(21) - 10) + depth - depth * (n_i / n_s - 1)
    its = {"zv": zv, "nx": 41, "dxy": d, "pz": depth, "wvl": 0.52, "params": indices}
    grid = (21, 41, 41), (dz, d, d)
    scalar, vectorial = psfmodels.scalar_psf(**its), psfmodels.vectorial_psf(**its)
    assert _correlation(optics.gibson_lanni_psf(optics_, *grid).data, scalar) > 0.9995
    assert _correlation(_aberration_free_by_matrix(optics_, *grid).data, scalar) > 0.9995
    assert _correlation(optics.pupil_psf(optics_, *grid, vectorial=True).data, vectorial) > 0.9995


@pytest.mark.parametrize("optics_", [OIL, DEEP, _matched(0.52, 0.8, 1.0)], ids=["oil", "deep", "air"])
def test_psf_agrees_with_microscpsf(optics_):
    """Its z points towards the coverslip, and it takes points, not voxels: hence the small voxel."""
    peer = pytest.importorskip("microscPSF.microscPSF", reason="pip install MicroscPSF-Py, to compare with it")
    n_i, n_s, depth, d = optics_.n_immersion, optics_.n_specimen, optics_.depth, 0.04
    indices = {"NA": optics_.NA, "ns": n_s, "ni": n_i, "ni0": n_i, "ng": n_i, "ng0": n_i}
    zv = -(0.1 * (np.arange(21) - 10) + depth)
    theirs = peer.gLXYZFocalScan({**peer.m_params, **indices}, d, 81, zv, pz=depth, wvl=0.52)
    assert _correlation(optics.gibson_lanni_psf(optics_, (21, 81, 81), (0.1, d, d)).data, theirs) > 0.995


# The focus of psfmodels 0.3.3 (scalar_psf, nx=1, zv in steps of 0.01 µm) lies at 2.22, 5.55 and 11.00 µm. Its zv leaves
# out the paraxial shift d (n_i/n_s − 1), as its source and its values at small NA show: that is added here.
@pytest.mark.parametrize(("depth", "theirs"), [(2.0, 2.22), (5.0, 5.55), (10.0, 11.00)])
def test_mismatch_moves_the_focus_deeper(depth, theirs):
    shift = optics.focus_shift(Optics(1.2, 0.61, 1.5, 1.33, depth))
    assert depth + shift == pytest.approx(theirs + depth * (1.5 / 1.33 - 1), abs=0.011)


# By Simpson's rule on 200 001 angles in the specimen. psfmodels takes too few angles where rays graze: 0.1 µm off.
@pytest.mark.parametrize(("depth", "focus", "peak"), [(2.0, 2.615, 0.715), (5.0, 6.250, 0.506), (10.0, 12.165, 0.359)])
def test_grazing_rays_move_the_focus_further_and_lower_the_peak(depth, focus, peak):
    deep = Optics(1.33, 0.61, 1.5, 1.33, depth)
    assert depth + optics.focus_shift(deep) == pytest.approx(focus, abs=0.005)
    z = np.array([optics.focus_shift(deep)])
    s, weight = pupil.rays(deep, 0.0, z)
    light = np.abs(weight @ np.exp(1j * pupil.phase(s, z, deep))) ** 2 / weight.sum() ** 2  # 1 where all is matched
    assert light == pytest.approx(peak, abs=0.002)


def test_focus_shift_is_paraxial_at_small_NA_and_turns_with_the_mismatch():
    assert optics.focus_shift(Optics(0.2, 0.5, 1.5, 1.33, 10)) == pytest.approx(10 * (1.5 / 1.33 - 1), rel=0.02)
    assert optics.focus_shift(Optics(0.8, 0.5, 1.0, 1.33, 3)) < 0
    assert optics.focus_shift(OIL) == pytest.approx(0, abs=1e-6)


def test_psf_of_a_deep_point_is_brightest_at_the_focus_shift_and_has_its_tail_below():
    psf = optics.gibson_lanni_psf(DEEP, (121, 21, 21), (0.05, 0.05, 0.05))
    z = psf.data[:, 10, 10]
    assert 0.05 * (z.argmax() - 60) == pytest.approx(optics.focus_shift(DEEP), abs=0.03)
    near, far = z[z.argmax() - 20 : z.argmax()].sum(), z[z.argmax() + 1 : z.argmax() + 21].sum()
    assert near > 1.1 * far


@pytest.mark.parametrize("model", [optics.gaussian_psf, *MODELS], ids=lambda model: model.__name__)
def test_light_that_does_not_leave_the_specimen_is_left_out_with_a_warning(model):
    grid = (3, 9, 9), (0.1, 0.05, 0.05)
    with pytest.warns(UserWarning, match="evanescent.*The PSF is that of NA 1.33"):
        clipped = model(Optics(1.4, 0.52, 1.515, 1.33), *grid).data
    assert np.allclose(clipped, model(Optics(1.33, 0.52, 1.515, 1.33), *grid).data, rtol=1e-6)


@pytest.mark.parametrize("mode", [(2, 2), (3, 1), (3, -3), (4, 0), (2, 0), (4, -2)])
@pytest.mark.parametrize("waves", [0.03, 0.07])
def test_strehl_follows_marechal(mode, waves):
    grid = (1, 161, 161), (0.05, 0.05, 0.05)
    air = _matched(0.5, 0.4, 1.0)
    aberrated = optics.pupil_psf(air, *grid, zernike={mode: waves})
    strehl = optics.strehl(aberrated, optics.pupil_psf(air, *grid))
    assert strehl == pytest.approx(np.exp(-((2 * np.pi * waves) ** 2)), rel=0.015)


def test_zernike_modes_are_orthonormal():
    x, w = np.polynomial.legendre.leggauss(20)
    rho, phi = (x[:, None] + 1) / 2, np.linspace(0, 2 * np.pi, 40, endpoint=False)
    modes = [(n, m) for n in range(6) for m in range(-n, n + 1, 2)]
    for a, b in itertools.combinations_with_replacement(modes, 2):
        product = pupil.zernike(*a, rho, phi) * pupil.zernike(*b, rho, phi) + 0 * rho * phi
        assert (w[:, None] * rho * product).sum() / 40 == pytest.approx(float(a == b), abs=1e-12)


@pytest.mark.parametrize("mode", [(2, 1), (1, 3), (3, 0)])
def test_zernike_modes_that_do_not_exist_are_refused(mode):
    with pytest.raises(ValueError, match="there is no Zernike mode"):
        optics.pupil_psf(OIL, (3, 3, 3), VOXEL, zernike={mode: 0.1})


def test_zernike_tilt_moves_the_psf_towards_its_axis():
    psf = optics.pupil_psf(_matched(0.5, 0.5, 1.0), (1, 41, 41), (0.1, 0.1, 0.1), zernike={(1, 1): 0.5}).data[0]
    y, x = np.unravel_index(psf.argmax(), psf.shape)
    assert y == 20
    assert 0.1 * (x - 20) == pytest.approx(-0.5 * 2 * 0.5 / 0.5, abs=0.06)  # 2π·0.5·2ρ cos φ against 2π NA ρ x/λ


def test_vectorial_becomes_scalar_as_NA_vanishes_and_is_wider_else():
    difference, ratio = [], []
    for NA in (0.1, 0.4, 1.2):
        grid = (5, 25, 25), (0.5 / NA**2, 0.05 / NA, 0.05 / NA)
        scalar, vectorial = (optics.pupil_psf(_matched(0.5, NA, 1.33), *grid, vectorial=v) for v in (False, True))
        difference.append(np.abs(scalar.data - vectorial.data).max() / scalar.data.max())
        ratio.append(optics.fwhm(vectorial)[2] / optics.fwhm(scalar)[2])
    assert difference[0] < 0.003 < difference[1] < difference[2]
    assert ratio[2] > 1.05 > ratio[1] > 1


def test_gaussian_approximates_the_psf_at_small_NA():
    grid = (61, 31, 31), (0.5, 0.1, 0.1)
    gauss, exact = (model(_matched(0.5, 0.3, 1.0), *grid) for model in (optics.gaussian_psf, optics.gibson_lanni_psf))
    assert optics.fwhm(gauss) == pytest.approx(optics.fwhm(exact), rel=0.08)
    sigma = np.sqrt(2) * 0.5 / (2 * np.pi * 0.3)
    assert optics.fwhm(gauss)[2] == pytest.approx(FWHM * np.hypot(sigma, 0.1 / np.sqrt(12)), rel=0.01)


def test_every_plane_of_a_wide_field_psf_passes_the_same_light():
    """The missing cone. A grid of ±6.4 µm loses 0.1 % of the light at z = ±1 µm, and 2 % at ±3 µm, by its sides."""
    for n, lost in ((21, 0.002), (61, 0.03)):
        psf = optics.gibson_lanni_psf(OIL, (n, 129, 129), (0.1, 0.1, 0.1))
        sums = psf.data.sum(axis=(1, 2), dtype=float)
        assert 1 - lost < sums.min() / sums.max()
        axis = np.abs(optics.otf(psf)[:, 64, 64])
        assert np.delete(axis, n // 2).max() < 0.2 * lost


@pytest.mark.parametrize("shape", [(41, 121, 120), (40, 120, 121)])
def test_otf_is_zero_beyond_the_cutoffs(shape):
    psf = optics.gibson_lanni_psf(OIL, shape, (0.1, 0.07, 0.07))
    otf, (f_z, f_y, f_x) = np.abs(optics.otf(psf)), optics.frequencies(psf)
    axial, lateral = optics.cutoff(OIL)
    f = np.hypot(f_y[:, None], f_x)
    assert otf[tuple(n // 2 for n in shape)] == pytest.approx(1, abs=1e-5) == otf.max()
    assert otf[:, f > lateral].max() < 3e-4
    assert otf[np.abs(f_z) > 1.1 * axial].max() < 2e-3  # the ends of the grid cut the halo: no sharp zero along z
    assert otf[np.abs(f_z) < 0.9 * axial][:, (f > 0.4 * lateral) & (f < 0.6 * lateral)].max() > 0.05


def test_otf_in_focus_is_that_of_a_round_pupil():
    """(2/π)(acos v − v √(1 − v²)), v = f λ/(2 NA): the sum over z of a wide-field PSF's OTF is its focal plane's."""
    NA, wavelength = 0.5, 0.5
    psf = optics.gibson_lanni_psf(_matched(wavelength, NA, 1.0), (1, 401, 401), (0.1, 0.1, 0.1))
    f = optics.frequencies(psf)[2][200:]
    v = np.minimum(f * wavelength / (2 * NA), 1)
    voxel = np.sinc(0.1 * f)  # the PSF is integrated over its voxel
    expected = 2 / np.pi * (np.arccos(v) - v * np.sqrt(1 - v**2)) * voxel
    assert optics.otf(psf)[0, 200, 200:].real == pytest.approx(expected, abs=0.015)


def test_confocal_psf_is_narrower_and_sections():
    grid = (31, 41, 41), (0.1, 0.05, 0.05)
    excitation = optics.gibson_lanni_psf(_matched(0.488, 1.2, 1.33), *grid)
    detection = optics.gibson_lanni_psf(_matched(0.52, 1.2, 1.33), *grid)
    point, airy, open_ = (optics.confocal_psf(excitation, detection, pinhole=p) for p in (0, 1.22 * 0.52 / 1.2, 50))
    product = excitation.data * detection.data
    assert np.allclose(point.data, product / product.sum(), rtol=1e-4)
    widths = [optics.fwhm(psf) for psf in (point, airy, detection)]
    assert all(a < b < c for a, b, c in zip(*widths, strict=True))
    assert widths[0][2] == pytest.approx(widths[2][2] / np.sqrt(2), rel=0.06)
    assert _correlation(open_.data, excitation.data) > 0.99
    sums = airy.data.sum(axis=(1, 2))
    assert sums[0] < 0.1 * sums.max()
    assert np.unravel_index(airy.data.argmax(), airy.shape) == (15, 20, 20)
    assert airy.data.sum(dtype=float) == pytest.approx(1, abs=1e-5)


def test_lightsheet_psf_is_as_thin_as_the_sheet():
    detection = optics.gibson_lanni_psf(_matched(0.52, 0.3, 1.33), (40, 21, 21), (0.25, 0.2, 0.2))
    psf = optics.lightsheet_psf(detection, thickness=2.0)
    assert optics.fwhm(psf)[0] == pytest.approx(2.0, rel=0.05)
    assert optics.fwhm(psf)[2] == pytest.approx(optics.fwhm(detection)[2], rel=0.01)
    assert psf.data.sum(dtype=float) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("model", [optics.gaussian_psf, optics.gibson_lanni_psf, optics.pupil_psf])
@pytest.mark.parametrize(
    ("shape", "voxel", "message"),
    [
        ((5, 5), VOXEL, "shape must be three positive whole numbers"),
        ((5, 5, 0), VOXEL, "shape must be three"),
        ((5, 5, 5.5), VOXEL, "shape must be three"),
        (5, VOXEL, "shape must be three"),
        ((5, 5, 5), (0.1, -0.1, 0.1), "three positive lengths in µm"),
    ],
)
def test_models_refuse_a_grid_that_is_none(model, shape, voxel, message):
    with pytest.raises(ValueError, match=message):
        model(OIL, shape, voxel)


def test_confocal_and_lightsheet_refuse_what_cannot_be():
    psf = optics.gaussian_psf(OIL, (5, 5, 5), VOXEL)
    with pytest.raises(ValueError, match="on the same grid"):
        optics.confocal_psf(psf, optics.gaussian_psf(OIL, (5, 5, 7), VOXEL), pinhole=0.5)
    with pytest.raises(ValueError, match="pinhole is a diameter in µm"):
        optics.confocal_psf(psf, psf, pinhole=-1)
    with pytest.raises(ValueError, match="thickness is the sheet's"):
        optics.lightsheet_psf(psf, thickness=0)


def _rows(report):
    return {what: (found, meaning) for what, found, meaning in report.rows}


def test_examine_finds_nothing_wrong_with_a_good_psf():
    psf = optics.gaussian_psf(OIL, (31, 31, 31), (0.1, 0.08, 0.08))
    rows = _rows(optics.examine(psf, psf.voxel_size, OIL))
    assert {meaning for what, (_, meaning) in rows.items() if what != "plane sums"} == {"fine"}


@pytest.mark.parametrize("NA", [0.5, 1.4])
def test_examine_does_not_take_the_halo_of_a_widefield_psf_for_a_background(NA):
    objective = Optics(NA=NA, wavelength=0.52, n_immersion=1.515, n_specimen=1.515)
    assert (
        _rows(optics.examine(optics.gibson_lanni_psf(objective, (21, 31, 31), VOXEL), VOXEL))["even light"][1] == "fine"
    )


@pytest.mark.parametrize(
    ("psf", "row", "found", "meaning"),
    [
        (Stack(gaussian_psf((9, 9, 9), (1, 1, 1)), (0.1, 0.1, 0.1)), "voxel", "0.1, 0.1, 0.1", "optics.resample"),
        (Stack(44 * gaussian_psf((9, 9, 9), (1, 1, 1)), VOXEL), "sum", "44", "psf.data.sum()"),
        (Stack(gaussian_psf((9, 9, 9), (1, 1, 1)) - 1e-4, VOXEL), "negative", "% of the light", "clean_psf"),
        (Stack(gaussian_psf((9, 9, 9), (1, 1, 1)) + 2e-4, VOXEL), "even light", "13 %", "background was left in"),
        (Stack(np.roll(gaussian_psf((9, 9, 9), (1, 1, 1)), 2, 1), VOXEL), "centre", "(0, 2, 0)", "shifted"),
        (Stack(np.fft.ifftshift(gaussian_psf((8, 8, 8), (1, 1, 1))), VOXEL), "centre", "-4", "fftshift"),
        (Stack(gaussian_psf((25, 9, 9), (2, 4, 4)), VOXEL), "on the sides", "%", "cut off"),
        (Stack(gaussian_psf((9, 25, 25), (4, 2, 2)), VOXEL), "on the ends", "%", "cut off"),
        (Stack(gaussian_psf((9, 25, 25), (1, 2, 2)), VOXEL), "plane sums", "down to", "confocal"),
        (optics.gibson_lanni_psf(OIL, (9, 65, 65), VOXEL), "plane sums", "at least", "missing cone"),
        (optics.gibson_lanni_psf(OIL, (9, 65, 65), VOXEL), "Nyquist", "0.09286", "1.08 times too coarse"),
        (optics.gaussian_psf(Optics(1.4, 0.3, 1.515, 1.515), (9, 9, 9), VOXEL), "FWHM", "µm", "in µm?"),
        (optics.gaussian_psf(Optics(0.5, 0.52, 1.515, 1.515), (9, 25, 25), VOXEL), "FWHM", "µm", "times the ideal"),
    ],
)
def test_examine_says_what_is_wrong(psf, row, found, meaning):
    rows = _rows(optics.examine(psf, VOXEL, OIL))
    assert found in rows[row][0]
    assert meaning in rows[row][1]


def test_examine_prints_a_table():
    report = optics.examine(optics.gaussian_psf(OIL, (9, 9, 9), VOXEL), VOXEL)
    assert str(report).splitlines()[0].split() == ["voxel", "(0.2,", "0.1,", "0.1)", "µm", "fine"]
    assert report._repr_html_().startswith("<table>")


@pytest.mark.parametrize("prepare", [optics.clean_psf, lambda psf: optics.resample(psf, VOXEL)])
def test_an_array_is_no_psf_since_it_knows_no_voxel(prepare):
    with pytest.raises(TypeError, match="psf must be a Stack, which knows its voxel size; got ndarray"):
        prepare(np.ones((5, 5, 5)))


def test_resample_recognises_nanometres():
    psf = Stack(gaussian_psf((5, 5, 5), (1, 1, 1)), VOXEL)
    for wrong, voxel in ((Stack(psf.data, (200, 100, 100)), VOXEL), (psf, (200, 100, 100))):
        with pytest.raises(ValueError, match="Are these nm"):
            optics.resample(wrong, voxel)
