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


@pytest.mark.parametrize("metric", [compare.psnr, compare.nrmse, compare.match_affine])
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
