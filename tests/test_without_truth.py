import numpy as np
import pytest
from phantoms import asymmetric_psf, cells, gaussian_psf

from course_utils import backend, formation, operators, richardson_lucy
from course_utils.compare.without_truth import fsc_of_halves, residual_whiteness
from course_utils.stack import Stack

VOXEL = (0.2, 0.1, 0.1)


def expected_photons(shape, seed):
    """A model with structure, and photons drawn from it."""
    rng = np.random.default_rng(seed)
    model = 5 + 50 * rng.random(shape) ** 2
    return model, rng.poisson(model).astype(float), rng


@pytest.mark.parametrize("shape", [(12, 25, 30), (13, 24, 31)])
def test_photons_about_their_expectation_are_white_with_unit_variance(shape):
    model, y, _ = expected_photons(shape, 0)
    found = residual_whiteness(y, model)
    assert found.variance == pytest.approx(1, abs=0.06)
    assert found.excess == pytest.approx(1, abs=0.45)  # 171 independent lags: ± 0.11
    assert found.autocorrelation.shape == (7, 7, 7)
    assert found.autocorrelation[3, 3, 3] == pytest.approx(1)


def test_autocorrelation_is_that_of_pairs_inside_without_wrapping_around():
    model, y, _ = expected_photons((4, 5, 6), 1)
    residual = (y - model) / np.sqrt(model)
    rho = residual_whiteness(y, model, reach=2).autocorrelation
    r = residual - residual.mean()
    by_hand = np.mean(r[1:, :-2, 1:] * r[:-1, 2:, :-1]) / residual.var()
    assert rho[2 + 1, 2 - 2, 2 + 1] == pytest.approx(by_hand)
    assert np.allclose(rho, rho[::-1, ::-1, ::-1])


def test_structure_that_is_left_and_noise_that_was_fitted_show():
    model, y, rng = expected_photons((12, 24, 31), 2)
    blurred = np.asarray(operators.blur(asymmetric_psf((3, 3, 3), rng), model.shape, xp=backend.get("numpy"))(model))
    left = residual_whiteness(y, np.maximum(blurred, 1))
    assert left.variance > 1.5 and left.excess > 2
    assert residual_whiteness(y, 0.5 * (y + model) + 0.5).variance < 0.5


def test_residual_needs_a_positive_model_of_the_same_shape_and_room():
    y = np.ones((4, 5, 6))
    with pytest.raises(ValueError, match=r"same shape; got \(4, 5, 6\) and \(4, 5, 5\)"):
        residual_whiteness(y, y[..., 1:])
    with pytest.raises(ValueError, match="must be positive, .* its least is 0"):
        residual_whiteness(y, 0 * y)
    with pytest.raises(ValueError, match="less than the shortest axis, 4; got 4"):
        residual_whiteness(y, y, reach=4)


def test_halves_share_the_photons_and_their_noise_is_their_own():
    rng = np.random.default_rng(3)
    y, seen = Stack(rng.poisson(20, (16, 30, 31)), VOXEL), []
    curve = fsc_of_halves(y, lambda half: seen.append(half) or half, rng=rng, taper=0).everywhere
    assert np.array_equal(seen[0].data + seen[1].data, y.data)
    assert seen[0].voxel_size == VOXEL
    assert np.abs(np.average(curve.value, weights=curve.count)) < 4 / np.sqrt(curve.count.sum())


def test_halves_agree_less_after_many_iterations_though_not_where_there_is_no_light():
    """Richardson–Lucy makes noise of the fine detail, and thereby loses what the two halves have in common."""
    rng, shape = np.random.default_rng(4), (16, 32, 32)
    H = formation.forward(gaussian_psf((7, 7, 7), (1.5, 1.2, 1.2)), shape, edges="periodic", xp=backend.get("numpy"))
    y = Stack(rng.poisson(np.asarray(H(cells(shape, rng))) + 5), VOXEL)

    def restore(n_iter):
        def run(half):
            *_, x = richardson_lucy.plain(half.data, H, n_iter=n_iter, background=2.5)
            return np.asarray(x)

        return run

    few, many = (fsc_of_halves(y, restore(n), rng=np.random.default_rng(5)).lateral for n in (5, 100))
    assert few.value[few.frequency < 1.5].min() > 0.8
    assert many.value[many.frequency > 2.5].mean() < few.value[few.frequency > 2.5].mean() - 0.05
