"""Each prior's proximal operator against brute force, and its operator and spectrum against the dense matrix."""

import numpy as np
import pytest
from phantoms import SHAPES, installed_backends
from scipy import optimize

from course_utils import backend, operators
from course_utils.admm import priors

VOXEL = (0.3, 0.1, 0.12)
PRIORS = {
    "total variation": priors.total_variation(0.02, VOXEL),
    "hessian": priors.hessian(0.02, VOXEL),
    "sparsity": priors.sparsity(0.02),
}


def _columns(name, n, rng):
    """What a prior's prox takes, at n voxels."""
    components = {"total variation": 3, "hessian": 6, "sparsity": 0}[name]
    return rng.standard_normal((components, n) if components else n) * 10.0 ** rng.uniform(-2, 2, n)


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("threshold", [1e-3, 1.0, 30.0])
def test_prox_is_the_brute_force_minimum_along_the_vector(name, threshold):
    """The minimum lies on the line through 0 and v: one dimension to search."""
    rng, xp, prior = np.random.default_rng(0), backend.get("numpy", "float64"), PRIORS[name]
    v = _columns(name, 20, rng)
    z = prior.prox(v, threshold, xp)
    for i in range(20):
        one = v[..., i : i + 1]

        def cost(t, one=one):
            return float(np.sum(prior.penalty(t * one, xp))) + np.sum((t * one - one) ** 2) / (2 * threshold)

        t = optimize.minimize_scalar(cost, bounds=(-0.5, 1.5), method="bounded", options={"xatol": 1e-10}).x
        assert np.allclose(z[..., i : i + 1], t * one, atol=1e-6 * np.abs(one).max())


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("backend_name", installed_backends())
def test_prox_is_stationary_and_nearby_points_are_no_better(name, backend_name):
    rng, xp, prior, threshold = np.random.default_rng(1), backend.get(backend_name), PRIORS[name], 0.7
    v = _columns(name, 500, rng).astype(np.float32)
    z = np.asarray(prior.prox(xp.asarray(v), threshold, xp), float)
    exact = backend.get("numpy", "float64")

    def cost(z):
        apart = (z - v) ** 2 if z.ndim == 1 else np.sum((z - v) ** 2, axis=0)
        return prior.penalty(z, exact) + apart / (2 * threshold)

    slope = (v - z) / threshold  # a subgradient of the penalty: of length 1, and along z where z is not 0
    length = prior.penalty(slope, exact)
    assert length.max() < 1 + 1e-4
    moved = prior.penalty(z, exact) > 0
    assert moved.any()
    assert not moved.all()
    assert np.allclose(length[moved], 1, atol=2e-3)
    for _ in range(10):
        step = 1e-2 * rng.standard_normal(v.shape)
        assert np.all(cost(z) <= cost(z + step) + 1e-5 * (1 + cost(z)))


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("backend_name", installed_backends())
@pytest.mark.parametrize("threshold", [0.0, 1e-6, 5.0])
def test_prox_of_nothing_is_nothing(name, backend_name, threshold):
    xp = backend.get(backend_name)
    nothing = np.zeros_like(_columns(name, 5, np.random.default_rng(2)))
    z = np.asarray(PRIORS[name].prox(xp.asarray(nothing), np.float32(threshold), xp))
    assert np.array_equal(z, nothing)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", PRIORS)
def test_spectrum_is_that_of_the_dense_matrix(name, shape):
    """D'D is a periodic convolution: its matrix times any x is what the spectrum says."""
    xp, rng = backend.get("numpy", "float64"), np.random.default_rng(3)
    D = PRIORS[name].operator(shape, xp)
    matrix, x = operators.dense(D), rng.standard_normal(shape)
    expected = (matrix.T @ matrix @ x.ravel()).reshape(shape)
    assert np.allclose(np.fft.irfftn(priors.gram_spectrum(D) * np.fft.rfftn(x), shape, (0, 1, 2)), expected)


def test_spectrum_of_total_variation_is_the_formula():
    """4 Σ w² sin² πf, with w = dx / d along each axis."""
    shape, xp = (6, 7, 8), backend.get("numpy", "float64")
    frequencies = np.meshgrid(*map(np.fft.fftfreq, shape[:2]), np.fft.rfftfreq(8), indexing="ij")
    expected = sum(4 * (0.12 / d * np.sin(np.pi * f)) ** 2 for d, f in zip(VOXEL, frequencies, strict=True))
    spectrum = priors.gram_spectrum(PRIORS["total variation"].operator(shape, xp))
    assert np.allclose(spectrum, expected)
    assert np.allclose(priors.gram_spectrum(PRIORS["hessian"].operator(shape, xp)), expected**2)


@pytest.mark.parametrize("name", ["total variation", "hessian"])
def test_priors_of_differences_ignore_a_constant_and_grow_in_proportion(name):
    xp, prior = backend.get("numpy", "float64"), PRIORS[name]
    D, x = prior.operator((5, 6, 7), xp), np.random.default_rng(4).random((5, 6, 7))
    value = np.sum(prior.penalty(D(x), xp))
    assert np.sum(prior.penalty(D(3 * x + 10), xp)) == pytest.approx(3 * value)


def test_total_variation_of_a_box_is_its_area():
    xp, box = backend.get("numpy", "float64"), np.zeros((12, 12, 12))
    box[2:6, 3:9, 4:9] = 2.0
    prior = priors.total_variation(1.0, (0.1, 0.1, 0.1))
    area = 2 * (4 * 6 + 4 * 5 + 6 * 5)
    value = np.sum(prior.penalty(prior.operator(box.shape, xp)(box), xp))
    assert 0.8 * 2 * area < value <= 2 * area  # along edges and corners the differences share one length


def test_hessian_of_a_slope_is_zero_but_for_the_wrap():
    xp = backend.get("numpy", "float64")
    D = PRIORS["hessian"].operator((8, 8, 8), xp)
    z, y, x = np.indices((8, 8, 8))
    assert np.abs(D(2.0 * z + y - x)[:, 1:-2, 1:-2, 1:-2]).max() < 1e-12


@pytest.mark.parametrize("weight", [-0.1, np.nan, np.inf])
def test_a_weight_that_is_none_is_refused(weight):
    with pytest.raises(ValueError, match="weight of a prior must be finite and not negative"):
        priors.sparsity(weight)
