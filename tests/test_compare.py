import json

import numpy as np
import pytest

from course_utils import compare
from course_utils.stack import Stack

RNG = np.random.default_rng(0)
REFERENCE = RNG.random((4, 5, 6)) * 10


def test_psnr_of_a_known_error():
    assert compare.psnr(REFERENCE + 0.1, REFERENCE, data_range=10) == pytest.approx(40)


def test_psnr_takes_the_reference_range_by_default():
    assert compare.psnr(REFERENCE + 0.1, REFERENCE) == pytest.approx(20 * np.log10(np.ptp(REFERENCE) / 0.1))


def test_psnr_of_the_reference_itself_is_infinite():
    assert compare.psnr(REFERENCE, REFERENCE) == np.inf


def test_psnr_accepts_stacks_and_integers_without_wrapping():
    x = Stack(np.full((2, 2, 2), 10, np.uint16), (1, 1, 1))
    assert compare.psnr(np.full((2, 2, 2), 12, np.uint16), x, data_range=20) == pytest.approx(20)


def test_nrmse_of_black_is_one():
    assert compare.nrmse(np.zeros_like(REFERENCE), REFERENCE) == pytest.approx(1)
    assert compare.nrmse(REFERENCE, REFERENCE) == 0


def test_match_affine_finds_gain_and_offset():
    assert np.allclose(compare.match_affine(3 * REFERENCE - 7, REFERENCE), REFERENCE, atol=1e-5)


def test_match_affine_leaves_the_least_error_of_all_lines():
    x = REFERENCE + RNG.standard_normal(REFERENCE.shape)
    best = compare.nrmse(compare.match_affine(x, REFERENCE), REFERENCE)
    for a, b in ((1, 0), (0.9, 0.1), (1.1, -0.1)):
        assert best <= compare.nrmse(a * x + b, REFERENCE)


def test_match_affine_of_a_constant_is_the_mean_and_a_stack_stays_one():
    flat = Stack(np.ones((4, 5, 6)), (0.3, 0.1, 0.1))
    matched = compare.match_affine(flat, REFERENCE)
    assert matched.voxel_size == flat.voxel_size
    assert np.allclose(matched.data, REFERENCE.mean())


def test_ssim_is_one_for_the_same_and_falls_with_noise():
    volume = np.random.default_rng(1).random((8, 9, 10))
    noisy = [volume + s * np.random.default_rng(2).standard_normal(volume.shape) for s in (0.1, 0.5)]
    assert compare.ssim(volume, volume) == pytest.approx(1)
    assert 1 > compare.ssim(noisy[0], volume) > compare.ssim(noisy[1], volume) > 0


def test_ssim_of_one_window_is_the_formula():
    """Of 7 × 7 × 7 voxels there is one whole window; skimage's mean leaves the borders out."""
    rng = np.random.default_rng(3)
    x, y = rng.random((7, 7, 7)), rng.random((7, 7, 7))
    c1, c2 = (0.01 * 2.0) ** 2, (0.03 * 2.0) ** 2
    covariance = np.cov(x.ravel(), y.ravel())
    brightness = (2 * x.mean() * y.mean() + c1) / (x.mean() ** 2 + y.mean() ** 2 + c1)
    structure = (2 * covariance[0, 1] + c2) / (covariance[0, 0] + covariance[1, 1] + c2)
    assert compare.ssim(x, y, data_range=2.0) == pytest.approx(brightness * structure)


def test_ssim_needs_room_and_a_range():
    with pytest.raises(ValueError, match=r"7 voxels wide, and an axis of \(4, 5, 6\) is shorter"):
        compare.ssim(REFERENCE, REFERENCE)
    with pytest.raises(ValueError, match="data_range"):
        compare.ssim(np.zeros((7, 7, 7)), np.ones((7, 7, 7)))


def test_flux_error_is_signed_and_relative():
    assert compare.flux_error(1.1 * REFERENCE, REFERENCE) == pytest.approx(0.1)
    assert compare.flux_error(np.zeros((4, 5, 6)), REFERENCE) == -1
    with pytest.raises(ValueError, match="must hold light"):
        compare.flux_error(REFERENCE, np.zeros((4, 5, 6)))


@pytest.mark.parametrize(
    "metric", [compare.psnr, compare.nrmse, compare.match_affine, compare.ssim, compare.flux_error]
)
def test_volumes_of_different_shape_are_not_compared(metric):
    with pytest.raises(ValueError, match=r"same shape; got \(4, 5, 6\) and \(4, 5, 5\)"):
        metric(REFERENCE, REFERENCE[..., 1:])


def test_psnr_needs_a_range():
    with pytest.raises(ValueError, match="data_range"):
        compare.psnr(np.zeros((2, 2, 2)), np.ones((2, 2, 2)))


def test_results_are_written_as_json(tmp_path):
    path = compare.write_results("03", {"PSNR (dB)": np.float32(20.5)}, folder=tmp_path / "results")
    assert json.loads(path.read_text()) == {"chapter": "03", "figures": {"PSNR (dB)": 20.5}}


def test_results_that_are_no_numbers_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not finite numbers: PSNR"):
        compare.write_results("03", {"PSNR": np.nan, "seconds": 1.0}, folder=tmp_path)
    assert not list(tmp_path.iterdir())
