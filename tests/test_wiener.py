import numpy as np
import pytest
from phantoms import asymmetric_psf, cells, gaussian_psf
from scipy import fft

from course_utils import backend, formation, operators
from course_utils.compare import metrics
from course_utils.stack import Stack
from course_utils.wiener import held_out_weight, wiener

VOXEL = (0.2, 0.1, 0.1)


@pytest.mark.parametrize("shape", [(11, 14, 15), (12, 13, 14)])
def test_noise_free_image_of_a_specimen_amid_darkness_comes_back(shape):
    """Nothing at the border, so its mirror image is right, too; the PSF has no zeros, so a small weight is enough."""
    rng = np.random.default_rng(0)
    x = np.zeros(shape)
    x[4:-4, 4:-4, 4:-4] = rng.random(np.subtract(shape, 8))
    psf = 0.6 * asymmetric_psf((3, 3, 3), rng)
    psf[1, 1, 1] += 0.4
    blurred = np.asarray(operators.blur(psf, shape, xp=backend.get("numpy", "float64"))(x))
    assert np.allclose(wiener(blurred + 4, psf, weight=1e-7, background=4), x, atol=2e-3)


def test_it_is_the_linear_filter_of_least_error_for_white_signal_and_noise():
    """On a periodic grid of one voxel's PSF: x̂ = y / (1 + weight), the least error where weight = noise / signal."""
    rng = np.random.default_rng(1)
    signal, psf = rng.standard_normal((9, 10, 11)), np.ones((1, 1, 1))
    y = signal + 0.5 * rng.standard_normal(signal.shape)
    errors = {weight: metrics.nrmse(wiener(y, psf, weight=weight), signal) for weight in (0.05, 0.25, 1.0)}
    assert np.allclose(wiener(y, psf, weight=0.25), y / 1.25, atol=1e-5)
    assert errors[0.25] < min(errors[0.05], errors[1.0])


@pytest.mark.parametrize("bright", [slice(26, 30), slice(0, 4)])
def test_light_does_not_enter_from_the_other_side(bright):
    y, psf = np.zeros((9, 20, 30)), gaussian_psf((5, 9, 9), (1, 2, 2))
    y[:, :, bright] = 100.0
    transfer = operators.blur(psf, y.shape, xp=backend.get("numpy")).transfer
    wrapped = fft.irfftn(np.conj(transfer) * fft.rfftn(y) / (np.abs(transfer) ** 2 + 0.03), y.shape)
    far = slice(0, 2) if bright.start else slice(28, 30)
    entered = [np.abs(x[:, :, far]).max() for x in (wiener(y, psf, weight=0.03), wrapped)]
    assert entered[0] < 20 < 60 < entered[1]


def test_larger_weights_are_smoother():
    rng = np.random.default_rng(2)
    y, psf = rng.standard_normal((9, 20, 21)), gaussian_psf((5, 5, 5), (1, 1, 1))
    roughness = [np.std(wiener(y, psf, weight=weight)) for weight in (1e-3, 1e-2, 1e-1)]
    assert roughness == sorted(roughness, reverse=True)


@pytest.mark.parametrize("light", [1.0, 30.0])
def test_held_out_weight_comes_near_the_best(light):
    rng, shape = np.random.default_rng(3), (12, 40, 40)
    x, psf = light * cells(shape, rng, photons=10.0), gaussian_psf((7, 9, 9), (1.5, 1.5, 1.5))
    H = formation.forward(psf, shape, edges="periodic", xp=backend.get("numpy"))
    y = rng.poisson(np.asarray(H(x)).clip(0) + 2)
    weight = held_out_weight(y, psf, background=2.0, rng=rng)
    scores = {w: metrics.psnr(wiener(y, psf, weight=w, background=2), x) for w in (*np.geomspace(1, 1e-4, 9), weight)}
    assert scores[weight] > max(scores.values()) - 1.5
    assert scores[weight] > metrics.psnr(y - 2, x)


def test_fewer_photons_want_a_larger_weight():
    rng, shape = np.random.default_rng(4), (12, 40, 40)
    x, psf = cells(shape, rng), gaussian_psf((7, 9, 9), (1.5, 1.5, 1.5))
    blurred = np.asarray(operators.blur(psf, shape, xp=backend.get("numpy"))(x)).clip(0)
    few, many = (held_out_weight(rng.poisson(light * blurred), psf, rng=rng) for light in (0.01, 10))
    assert few > many


def test_a_stack_stays_one_and_an_array_an_array():
    psf = Stack(gaussian_psf((3, 3, 3), (1, 1, 1)), VOXEL)
    y = Stack(np.ones((5, 6, 7)), VOXEL)
    assert wiener(y, psf, weight=0.1).voxel_size == VOXEL
    assert isinstance(wiener(y.data, psf, weight=0.1), np.ndarray)


@pytest.mark.parametrize("weight", [0, -1, np.nan])
def test_weights_that_are_not_positive_are_refused(weight):
    with pytest.raises(ValueError, match="noise power over signal power, and positive"):
        wiener(np.ones((3, 4, 5)), np.ones((1, 1, 1)), weight=weight)


def test_a_psf_of_another_voxel_is_refused():
    with pytest.raises(ValueError, match="optics.resample"):
        wiener(Stack(np.ones((5, 6, 7)), VOXEL), Stack(gaussian_psf((3, 3, 3), (1, 1, 1)), (1, 1, 1)), weight=0.1)
