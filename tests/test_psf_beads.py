from pathlib import Path

import numpy as np
import pytest
from phantoms import gaussian_psf
from scipy import fft, ndimage

import data_fetch
from course_utils import formation, optics, specimen
from course_utils.optics import Optics
from course_utils.psf_estimation import beads as psf_beads
from course_utils.psf_estimation.beads import choose_beads, distill_psf, find_beads, fit_gaussian
from course_utils.stack import Stack

VOXEL = (0.25, 0.1, 0.1)
READ_ONLY = Path(__file__).parents[2] / "shared" / "data" / "read_only"
needs_read_only = pytest.mark.skipif(not READ_ONLY.is_dir(), reason="the downloadable data are not beside the checkout")
ABERRATED = {(3, 1): 0.06, (2, 2): 0.05}  # coma and astigmatism
OIL, WATER = Optics(1.4, 0.52, 1.515, 1.515), Optics(1.2, 0.52, 1.33, 1.33)


def ball(t):
    t = np.maximum(np.pi * t, 1e-3)
    return 3 * (np.sin(t) - t * np.cos(t)) / t**3


def expected(psf, shape, centres, photons, diameter=0.0):
    """Expected photons of beads exactly at these places, from the PSF's transform: nothing is softened by a grid."""
    grid = np.add(shape, psf.shape)
    f = np.meshgrid(np.fft.fftfreq(grid[0]), np.fft.fftfreq(grid[1]), np.fft.rfftfreq(grid[2]), indexing="ij")
    padded = np.pad(psf.data.astype(float), [(0, n) for n in shape])
    transfer = np.fft.rfftn(np.roll(padded, [-(n // 2) for n in psf.shape], (0, 1, 2)))
    transfer *= ball(diameter * np.sqrt(sum((a / d) ** 2 for a, d in zip(f, psf.voxel_size, strict=True))))
    photons = np.broadcast_to(photons, len(centres))
    waves = sum(
        p * np.exp(-2j * np.pi * sum(a * b for a, b in zip(f, c, strict=True)))
        for c, p in zip(centres, photons, strict=True)
    )
    image = fft.irfftn(waves * transfer, grid)[tuple(slice(n) for n in shape)]
    return np.maximum(image, 0)


def bead_stack(psf, shape, centres, photons, background=2.0, diameter=0.0, seed=0):
    noise = np.random.default_rng(seed)
    return Stack(noise.poisson(expected(psf, shape, centres, photons, diameter) + background), psf.voxel_size)


def gaussian(sigma=(1.0, 1.0, 1.0), shape=(15, 17, 16), voxel_size=VOXEL):
    return Stack(gaussian_psf(shape, sigma), voxel_size)


def errors(found, true, voxel_size):
    """Of each true centre the nearest found one's error, in voxels."""
    distance = np.linalg.norm((found[:, None] - true) * voxel_size, axis=-1)
    return found[distance.argmin(0)] - true


def cramer_rao(psf, photons, background):
    """The least standard deviations (z, y, x), in voxels, that an unbiased centre can have."""
    transform = np.fft.fftn(psf.data.astype(float))
    slopes = []
    for axis, n in enumerate(psf.shape):
        wave = 2j * np.pi * np.fft.fftfreq(n).reshape([-1 if a == axis else 1 for a in range(3)])
        slopes.append(photons * np.fft.ifftn(transform * wave).real)
    mean = photons * psf.data.astype(float) + background
    return np.array([np.sum(slope**2 / mean) ** -0.5 for slope in slopes])


# --- centres --------------------------------------------------------------------------------------------------------


def many_errors(psf, photons, background, seeds=3):
    found = []
    for seed in range(seeds):
        true = specimen.scatter((32, 90, 91), psf.voxel_size, n=20, min_distance=1.8, rng=np.random.default_rng(seed))
        stack = bead_stack(psf, (32, 90, 91), true, photons, background, seed=seed)
        centres = find_beads(stack, min_distance=0.9)
        assert len(centres) == 20
        found.append(errors(centres, true, psf.voxel_size))
    return np.concatenate(found)


def test_centres_are_within_a_tenth_of_a_voxel_at_200_photons_a_bead():
    """rms of a coordinate, on a dark background; single beads scatter by three times that, as any method's do."""
    wrong = many_errors(gaussian(), 200, 0.5)
    assert np.sqrt(np.mean(wrong**2)) < 0.1
    assert np.abs(wrong).max() < 0.4


def test_widefield_centres_are_within_a_tenth_of_a_voxel_at_200_photons_a_plane():
    psf = optics.pupil_psf(OIL, (31, 41, 41), (0.25, 0.09, 0.09))
    wrong = many_errors(psf, 200 * 31, 10.0)
    assert np.all(np.sqrt(np.mean(wrong**2, axis=0)) < 0.1)


@pytest.mark.parametrize(("photons", "background"), [(200, 0.5), (1000, 5.0)])
def test_centres_reach_the_limit_of_photon_noise(photons, background):
    wrong = many_errors(gaussian(), photons, background)
    limit = cramer_rao(gaussian(), photons, background)
    assert np.all(wrong.std(axis=0) < 1.25 * limit)
    assert np.all(np.abs(wrong.mean(axis=0)) < 4 * limit / np.sqrt(len(wrong)))


@pytest.mark.parametrize("sigma", [(0.8, 1.2, 1.6), (2.0, 1.0, 1.3)])
def test_centres_without_noise_are_exact(sigma):
    true = np.array([[10.3, 15.7, 14.2], [20.5, 40.1, 33.9], [12.0, 41.49, 12.5]])
    stack = Stack(expected(gaussian(sigma), (31, 55, 50), true, [5000, 3000, 4000]) + 3, VOXEL)
    found = find_beads(stack, min_distance=1.0)
    assert found == pytest.approx(true[[0, 2, 1]], abs=0.02)  # the brightest first


def test_found_beads_move_with_the_stack_whatever_the_gain():
    true = np.array([[10.3, 15.7, 14.2], [20.5, 40.1, 33.9]])
    stack = bead_stack(gaussian(), (31, 55, 50), true, [3000, 2000])
    found = find_beads(stack, min_distance=1.0)
    counts = stack.with_data(np.roll(7.5 * stack.data, (2, -3, 4), (0, 1, 2)))
    assert find_beads(counts, min_distance=1.0) == pytest.approx(found + (2, -3, 4), abs=0.03)


def test_noise_alone_holds_no_bead():
    for background in (1.0, 10.0, 50.0):
        noise = Stack(np.random.default_rng(5).poisson(background, (30, 60, 61)), VOXEL)
        assert find_beads(noise, min_distance=1.0).shape == (0, 3)


def test_rings_and_rays_of_a_bright_bead_are_no_beads():
    psf = optics.pupil_psf(WATER, (41, 61, 61), VOXEL, zernike={(4, 0): 0.1})
    stack = bead_stack(psf, (41, 61, 61), [(20.2, 30.1, 29.7)], 3e6, 5.0)
    assert len(find_beads(stack, min_distance=1.5)) == 1


def test_threshold_leaves_faint_beads_out():
    stack = bead_stack(gaussian(), (31, 55, 50), [(10.3, 15.7, 14.2), (20.5, 40.1, 33.9)], [5000, 1000])
    assert len(find_beads(stack, min_distance=1.0)) == 2
    assert len(find_beads(stack, min_distance=1.0, threshold=40)) == 1


@pytest.mark.parametrize("distance", [0, -1, np.nan, np.inf])
def test_min_distance_must_be_a_length(distance):
    with pytest.raises(ValueError, match="least distance between two beads, in µm, and positive"):
        find_beads(gaussian(), min_distance=distance)


# --- a Gaussian -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(21, 25, 24), (20, 24, 25)])
def test_fitted_gaussian_has_its_own_numbers(shape):
    centre, sigma = (9.7, 12.2, 11.6), np.array([2.1, 1.4, 1.9])
    z, y, x = (np.exp(-0.5 * ((np.arange(n) - c) / s) ** 2) for n, c, s in zip(shape, centre, sigma, strict=True))
    fit = fit_gaussian(Stack(100 + 40 * z[:, None, None] * y[:, None] * x, VOXEL))
    assert fit.centre == pytest.approx(centre, abs=1e-3)
    assert fit.sigma == pytest.approx(sigma * VOXEL, rel=1e-3)
    assert fit.fwhm == pytest.approx(2.3548 * sigma * VOXEL, rel=1e-3)
    assert (fit.amplitude, fit.background) == pytest.approx((40, 100), rel=1e-3)
    assert "FWHM" in repr(fit) and "µm (z, y, x)" in fit._repr_html_()


def test_fit_of_nothing_says_so():
    with pytest.raises(ValueError, match="nothing stands out from the background"):
        fit_gaussian(Stack(np.ones((5, 5, 5)), VOXEL))


# --- choosing -------------------------------------------------------------------------------------------------------

CENTRES = np.array([[15.2, 15.1, 15.7], [15.0, 40.3, 15.0], [15.0, 40.0, 21.0], [3.0, 40.0, 50.0], [15.0, 15.0, 45.0]])
BOX = (15, 17, 16)


def five_beads():
    """The second and the third overlap, the fourth is at the edge, the fifth is saturated."""
    stack = bead_stack(gaussian(), (31, 55, 60), CENTRES, [3000, 2000, 2000, 2000, 20000], 100.0)
    return stack.with_data(np.minimum(stack.data, 400))


def test_each_bead_that_cannot_serve_is_refused_by_name():
    choice = choose_beads(five_beads(), CENTRES, shape=BOX)
    assert np.array_equal(choice.centres, CENTRES[:1])
    assert sorted(choice.refused) == [1, 2, 3, 4]
    assert choice.refused[1] == "overlaps bead 2 (0.6 µm away)"
    assert choice.refused[2] == "overlaps bead 1 (0.6 µm away)"
    assert choice.refused[3] == "at the edge (its box leaves the stack by 4 voxels along z)"
    assert choice.refused[4].startswith("saturated (") and choice.refused[4].endswith("voxels at 400)")
    assert "refused: overlaps bead 2" in repr(choice) and "used" in choice._repr_html_()


def test_saturation_is_what_the_reader_says_it_is():
    assert 4 not in choose_beads(five_beads(), CENTRES, shape=BOX, saturation=np.inf).refused
    assert choose_beads(five_beads(), CENTRES, shape=BOX, saturation=200).refused[0].endswith("voxels at 200)")


@pytest.mark.parametrize("photons", [60, 200, 3000])
def test_unsaturated_beads_are_not_taken_for_saturated(photons):
    """At low light the maximum, a small whole number, is shared by chance."""
    for seed in range(10):
        stack = bead_stack(gaussian((2, 2, 2)), (31, 55, 60), CENTRES[:1], photons, 1.0, seed=seed)
        assert not choose_beads(stack, CENTRES[:1], shape=BOX).refused


def test_what_is_chosen_can_be_distilled():
    stack = five_beads()
    psf = distill_psf(stack, choose_beads(stack, CENTRES, shape=BOX).centres, shape=BOX)
    assert psf.shape == BOX


# --- distilling -----------------------------------------------------------------------------------------------------

SHAPE = (25, 33, 34)


def sparse_beads(psf, photons, diameter, seed=1):
    """Six beads, far apart: a wide-field halo reaches far."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid([16.5], [40, 110], [40, 110, 180], indexing="ij"), -1).reshape(-1, 3)
    centres = grid + rng.uniform(-3, 3, grid.shape)
    light = photons * rng.uniform(0.6, 1.4, len(centres)) * psf.shape[0]
    return bead_stack(psf, (34, 150, 221), centres, light, 5.0, diameter, seed), centres


@pytest.mark.parametrize(("objective", "voxel", "zernike"), [(OIL, (0.2, 0.08, 0.08), None), (WATER, VOXEL, ABERRATED)])
def test_distilled_psf_is_the_true_one(objective, voxel, zernike):
    """FWHM within 3 %, correlation above 0.98; with the bead's size left in it is too wide."""
    truth = optics.pupil_psf(objective, SHAPE, voxel, zernike=zernike)
    wide = optics.pupil_psf(objective, (35, 65, 65), voxel, zernike=zernike)
    stack, centres = sparse_beads(wide, 20000, 0.2)
    psf = distill_psf(stack, centres, shape=SHAPE, bead_diameter=0.2)
    assert optics.fwhm(psf) == pytest.approx(optics.fwhm(truth), rel=0.03)
    assert np.corrcoef(psf.data.ravel(), truth.data.ravel())[0, 1] > 0.99
    assert np.linalg.norm(psf.data - truth.data) < 0.1 * np.linalg.norm(truth.data)  # no background left, no halo lost
    assert psf.data.min() >= 0 and psf.data.sum(dtype=float) == pytest.approx(1, abs=1e-5)
    assert psf.voxel_size == voxel
    left_in = distill_psf(stack, centres, shape=SHAPE)
    assert np.all(np.divide(optics.fwhm(left_in), optics.fwhm(truth))[1:] > 1.06)


def test_found_beads_give_the_same_psf_moved_by_their_common_centre():
    wide = optics.pupil_psf(WATER, (35, 65, 65), VOXEL, zernike=ABERRATED)
    truth = optics.pupil_psf(WATER, SHAPE, VOXEL, zernike=ABERRATED)
    stack, _ = sparse_beads(wide, 20000, 0.1)
    choice = choose_beads(stack, find_beads(stack, min_distance=2.0), shape=SHAPE)
    assert len(choice.centres) == 6
    psf = distill_psf(stack, choice.centres, shape=SHAPE, bead_diameter=0.1)
    apart = np.subtract(fit_gaussian(psf).centre, fit_gaussian(truth).centre)
    back = np.fft.ifftn(ndimage.fourier_shift(np.fft.fftn(psf.data), -apart)).real
    assert np.corrcoef(back.ravel(), truth.data.ravel())[0, 1] > 0.98
    assert fit_gaussian(psf).fwhm == pytest.approx(fit_gaussian(truth).fwhm, rel=0.03)


def test_distilled_psf_moves_with_the_stack():
    stack = bead_stack(gaussian(), (31, 55, 60), CENTRES[:1], 5000)
    psf = distill_psf(stack, CENTRES[:1], shape=BOX)
    moved = stack.with_data(np.roll(stack.data, (1, -2, 3), (0, 1, 2)))
    assert distill_psf(moved, CENTRES[:1] + (1, -2, 3), shape=BOX).data == pytest.approx(psf.data, abs=1e-6)


def test_beads_of_the_course_s_camera_give_their_psf():
    """The whole way: specimen, acquire, photons, find, choose, distil. The specimen's softness is in it."""
    blur = gaussian((2.0, 1.6, 1.6), (21, 23, 23))
    camera = formation.Camera(gain=2.0, offset=100.0, read_noise=1.0)
    point = formation.expect(specimen.beads(SHAPE, VOXEL, centres=[[12, 16, 17]], diameter=0.0, photons=1.0), blur)
    places = [[15.0, 20.3, 20.6], [15.4, 20.2, 50.1], [14.7, 50.8, 20.4]]
    truth = specimen.beads((31, 70, 71), VOXEL, centres=places, diameter=0.0, photons=40000.0)
    stack = camera.photons(formation.acquire(truth, blur, camera, background=3.0, rng=np.random.default_rng(0)))
    choice = choose_beads(stack, find_beads(stack, min_distance=2.0), shape=(21, 25, 24))
    assert errors(choice.centres, np.array(places), VOXEL) == pytest.approx(0, abs=0.06)
    psf = distill_psf(stack, choice.centres, shape=(21, 25, 24))
    # a bead between voxels is shared among its neighbours, and so a little wider than one on a voxel
    assert fit_gaussian(psf).fwhm == pytest.approx(fit_gaussian(point).fwhm, rel=0.05)


@pytest.mark.parametrize(
    ("centres", "options", "message"),
    [
        (np.empty((0, 3)), {}, "no beads at all"),
        (
            [[15, 15, 15], [3, 40, 50]],
            {},
            r"bead 1: at the edge \(its box leaves the stack by 4 voxels along z\).*choose_beads",
        ),
        ([[15, 40, 15], [15, 40, 21]], {}, r"bead 0: overlaps bead 1 \(0.6 µm away\).*choose_beads"),
        ([[15, 15, 15]], {"bead_diameter": -0.1}, "bead_diameter is in µm, not negative"),
        ([[15, 15, 15]], {"bead_diameter": 1.6}, "less than the box"),
        ([15, 15, 15], {}, r"centres must be \(n, 3\) voxels"),
    ],
)
def test_distilling_refuses_by_name(centres, options, message):
    with pytest.raises(ValueError, match=message):
        distill_psf(five_beads(), centres, shape=BOX, **options)


# --- real beads -----------------------------------------------------------------------------------------------------


def test_real_widefield_bead_is_found_and_measured():
    """2.5 µm wide: its image's lateral FWHM is 9.4 voxels. Its own size hides the PSF, which is much narrower."""
    stack = data_fetch.load("widefield-bead").stack
    centres = find_beads(stack, min_distance=5.0)
    assert len(centres) == 1
    psf = distill_psf(stack, centres, shape=(41, 41, 41))
    assert np.divide(optics.fwhm(psf), psf.voxel_size)[1:] == pytest.approx(9.4, rel=0.05)


@needs_read_only
def test_real_confocal_beads_are_found_and_measured():
    stack = data_fetch.read_stack(READ_ONLY / "confocal_beads_and_lines" / "Bead_Image1_crop.tif")
    choice = choose_beads(stack, find_beads(stack, min_distance=0.5), shape=(21, 31, 31))
    assert len(choice.centres) == 4
    width = optics.fwhm(distill_psf(stack, choice.centres, shape=(21, 31, 31)))
    assert width[0] == pytest.approx(0.57, rel=0.1)
    assert width[2] == pytest.approx(0.16, rel=0.1)


@needs_read_only
def test_real_widefield_psf_is_found_and_measured():
    path = READ_ONLY / "measured_widefield_psf" / "psf_wl520nm_z300nm_x130nm_na0.85_n1.0.tif"
    stack = data_fetch.read_stack(path, (0.3, 0.13, 0.13))
    psf = distill_psf(stack, find_beads(stack, min_distance=3.0)[:1], shape=(21, 61, 61))
    assert optics.fwhm(psf) == pytest.approx((1.33, 0.41, 0.41), rel=0.05)


def test_all_of_part_one_is_offered_in_one_place():
    assert all(hasattr(psf_beads, name) for name in psf_beads.__all__)
