import numpy as np
import pytest
from scipy import fft

from course_utils.compare.fourier_shells import Curve, fsc, half_grid, sector_spectra
from course_utils.stack import Stack

VOXEL = (0.2, 0.08, 0.1)
SHAPES = [(24, 40, 45), (23, 41, 44), (1, 32, 33)]


def white(shape, seed):
    return np.random.default_rng(seed).standard_normal(shape)


def passed(x, voxel_size, keep):
    """The volume without the Fourier coefficients for which keep(kz, kr) is False."""
    kz, ky, kx, _ = half_grid(x.shape, voxel_size)
    kz, kr = np.broadcast_arrays(np.abs(kz), np.hypot(ky, kx))
    return fft.irfftn(np.where(keep(kz, kr), fft.rfftn(x), 0), x.shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("taper", [0, 0.25, 1])
def test_fsc_of_a_volume_with_itself_is_one_whatever_its_gain_and_offset(shape, taper):
    x = white(shape, 0)
    for curve in fsc(x, 3 * x - 7, VOXEL, taper=taper):
        assert np.allclose(curve.value, 1)
        assert curve.resolution() == pytest.approx(1 / curve.frequency[-1] if curve.count.size else np.inf)


@pytest.mark.parametrize("shape", SHAPES[:2])
@pytest.mark.parametrize("taper", [0, 0.25])
def test_fsc_of_noise_scatters_about_zero_by_one_over_the_root_of_the_count(shape, taper):
    pairs = [fsc(white(shape, 2 * k), white(shape, 2 * k + 1), VOXEL, taper=taper) for k in range(20)]
    for curves in zip(*pairs, strict=True):
        scores = np.array([curve.value * np.sqrt(curve.count) for curve in curves])[:, 2:]
        least = 0.85 if taper == 0 else 0.7  # faded, a little less: the neighbours lie in other shells, in part
        assert least < scores.std() < 1.12
        assert abs(scores.mean()) < 4 / np.sqrt(scores.size)


def test_fsc_counts_every_coefficient_once_but_the_mean_and_the_corners():
    """Without corners: |k| up to the Nyquist frequency of the finest axis."""
    for shape in SHAPES[:2]:
        k = np.sqrt(sum(np.square(f) for f in np.meshgrid(*map(np.fft.fftfreq, shape, VOXEL), indexing="ij")))
        width = max(1 / (n * d) for n, d in zip(shape, VOXEL, strict=True))
        expected = np.count_nonzero((k <= 0.5 / min(VOXEL)) & (np.rint(k / width) > 0))
        assert fsc(white(shape, 0), white(shape, 1), VOXEL, taper=0).everywhere.count.sum() == expected


@pytest.mark.parametrize("snr", [0.2, 2.0])
def test_fsc_of_noisy_copies_is_what_the_signal_to_noise_ratio_says(snr):
    shape = (32, 48, 50)
    signal = np.sqrt(snr) * white(shape, 0)
    a, b = signal + white(shape, 1), signal + white(shape, 2)
    mean = [np.average(c.value, weights=c.count) for c in (fsc(a, b, VOXEL).everywhere, fsc(a, signal, VOXEL).lateral)]
    assert mean == pytest.approx([snr / (1 + snr), np.sqrt(snr / (1 + snr))], abs=0.015)
    whole = fsc(0.5 * (a + b), signal, VOXEL).everywhere  # and ½ for the whole where the halves have 1/7
    assert np.average(whole.value, weights=whole.count) == pytest.approx(
        np.sqrt(2 * mean[0] / (1 + mean[0])), abs=0.015
    )


@pytest.mark.parametrize("half_angle", [20, 30])
def test_fsc_finds_a_cut_off_in_the_direction_that_has_it_and_in_no_other(half_angle):
    """A copy without its frequencies above 1/0.8 µm along z; the rest of it is noise."""
    shape, cut = (48, 60, 61), 1.25
    x, other = white(shape, 0), white(shape, 1)
    low = passed(x, VOXEL, lambda kz, kr: kz <= cut)
    copy = low + passed(other, VOXEL, lambda kz, kr: kz > cut)
    curves = fsc(x, copy, VOXEL, half_angle=half_angle, taper=0)
    step = 1 / (shape[1] * VOXEL[1])  # a shell is this thick; within the sector, kz is k cos(angle) or more
    assert 1 / curves.axial.resolution(0.5) == pytest.approx(
        cut, abs=step + cut * (1 / np.cos(np.deg2rad(half_angle)) - 1)
    )
    assert curves.lateral.resolution(0.5) < 0.5 / cut
    across = fsc(
        x, passed(x, VOXEL, lambda kz, kr: kr <= 3) + passed(other, VOXEL, lambda kz, kr: kr > 3), VOXEL, taper=0
    )
    assert 1 / across.lateral.resolution(0.5) == pytest.approx(3, abs=0.4)
    assert across.axial.value.min() > 0.8


def test_fsc_does_not_change_where_the_same_volume_is_sampled_more_coarsely_along_z():
    """Frequencies are in 1/µm: a cut-off stays where it is, on other voxels."""
    shape, cut = (64, 48, 48), 1.0
    x, other = (passed(white(shape, k), (0.1, 0.1, 0.1), lambda kz, kr: kz < 2) for k in (0, 1))
    low, high = ((lambda kz, kr: kz <= cut), (lambda kz, kr: kz > cut))
    copy = passed(x, (0.1,) * 3, low) + passed(other, (0.1,) * 3, high)
    fine = fsc(x, copy, (0.1, 0.1, 0.1)).axial.resolution(0.5)
    coarse = fsc(x[::2], copy[::2], (0.2, 0.1, 0.1)).axial.resolution(0.5)
    assert coarse == pytest.approx(fine, rel=0.03)


def test_taper_keeps_the_edges_from_correlating():
    """Two volumes of noise on the same steep ramp: their edges alone agree, along the frequencies' axes."""
    ramp = np.linspace(0, 30, 48)[:, None, None]
    a, b = white((48, 48, 48), 0) + ramp, white((48, 48, 48), 1) + ramp
    sharp, faded = (fsc(a, b, (1, 1, 1), taper=taper, half_angle=10).axial.value[8:] for taper in (0, 0.5))
    assert sharp.mean() > 0.4 > 0.1 > abs(faded.mean())


def test_sector_spectra_of_white_noise_are_its_variance_and_of_a_blur_fall():
    noise = 3 * white((24, 40, 45), 0)
    for curve in sector_spectra(noise, VOXEL):
        assert np.average(curve.value, weights=curve.count) == pytest.approx(9, rel=4 * np.sqrt(2 / curve.count.sum()))
    blurred = passed(noise, VOXEL, lambda kz, kr: kr < 3)
    lateral = sector_spectra(blurred, VOXEL).lateral
    assert lateral.value[lateral.frequency > 4].max() < 0.1 < lateral.value[lateral.frequency < 2.5].min()


def test_half_bit_curve_falls_to_its_limit():
    """For many coefficients SNR / (1 + SNR), at half of √2 − 1; for few, near one."""
    few, many = Curve(np.ones(2), np.ones(2), np.array([1, 1e8])).half_bit()
    assert many == pytest.approx((np.sqrt(2) - 1) / (np.sqrt(2) + 1), abs=1e-3)
    assert few == pytest.approx((0.2071 + 1.9102) / (1.2071 + 0.9102), abs=1e-3)


def test_resolution_is_interpolated_and_names_what_is_never_and_always_below():
    curve = Curve(np.array([1.0, 2.0, 3.0]), np.array([0.9, 0.7, 0.3]), np.full(3, 1e6))
    assert curve.resolution(0.5) == pytest.approx(1 / 2.5)
    assert curve.resolution("half-bit") == pytest.approx(1 / 3)  # 0.17 for so many
    assert curve.resolution(0.95) == np.inf
    assert curve._replace(value=np.full(3, np.nan)).resolution() == np.inf


def test_resolution_of_halves_and_of_stacks():
    """Stacks bring their voxel; the half-bit curve, made for few coefficients, lies above 1/7."""
    x = white((24, 40, 40), 0)
    signal = passed(x, (0.2, 0.1, 0.1), lambda kz, kr: np.hypot(kz, kr) < 2.0)
    a, b = (Stack(signal + white(x.shape, k), (0.2, 0.1, 0.1)) for k in (1, 2))
    curve = fsc(a, b).everywhere
    assert 1 / curve.resolution() == pytest.approx(2.0, abs=0.2)
    assert curve.resolution("half-bit") >= curve.resolution(1 / 7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((4, 5, 6), (4, 5, 5), (1, 1, 1)), r"same shape \(z, y, x\); got \(4, 5, 6\) and \(4, 5, 5\)"),
        (((5, 6), (5, 6), (1, 1, 1)), r"same shape \(z, y, x\)"),
        (((4, 5, 6), (4, 5, 6), None), r"pass Stacks, or voxel_size=\(dz, dy, dx\)"),
        (((4, 5, 6), (4, 5, 6), (1, 0, 1)), "three positive lengths"),
    ],
)
def test_volumes_that_do_not_fit_are_refused(arguments, message):
    first, second, voxel = arguments
    with pytest.raises(ValueError, match=message):
        fsc(np.ones(first), np.ones(second), voxel)


def test_stacks_of_different_voxels_are_refused():
    with pytest.raises(ValueError, match="must have the same voxel"):
        fsc(Stack(np.ones((3, 4, 5)), (1, 1, 1)), Stack(np.ones((3, 4, 5)), (2, 1, 1)))


@pytest.mark.parametrize(
    ("option", "message"),
    [({"half_angle": 0}, "half_angle is in degrees"), ({"taper": 1.5}, "share of an axis that fades")],
)
def test_options_that_cannot_be_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        fsc(np.ones((3, 4, 5)), np.ones((3, 4, 5)), (1, 1, 1), **option)


@pytest.mark.parametrize("threshold", [0, 1.5])
def test_thresholds_that_are_no_correlation_are_refused(threshold):
    curve = Curve(np.ones(1), np.ones(1), np.ones(1))
    with pytest.raises(ValueError, match="between 0 and 1, or 'half-bit'"):
        curve.resolution(threshold)
