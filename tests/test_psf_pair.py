import functools

import numpy as np
import pytest
from phantoms import asymmetric_psf, gaussian_psf, installed_backends
from scipy import optimize

from course_utils import backend, compare, formation, operators, optics, specimen
from course_utils.psf_estimation import blind_deconvolution as psf_blind
from course_utils.psf_estimation import pairs as psf_pair
from course_utils.stack import Stack

VOXEL, BACKGROUND = (0.2, 0.08, 0.08), 10.0
OPTICS = optics.Optics(NA=1.4, wavelength=0.52, n_immersion=1.515, n_specimen=1.515)
SHAPE, SUPPORT = (16, 48, 48), (15, 21, 21)
TRUE = optics.gibson_lanni_psf(OPTICS, SUPPORT, VOXEL)
WIDE = gaussian_psf(SUPPORT, [1.4 * w / 2.3548 / d for w, d in zip(optics.fwhm(TRUE), VOXEL, strict=True)])
BAND = psf_blind.pass_band(OPTICS, SUPPORT, VOXEL)
HELD_OUT = (101, 102)  # the weights were chosen on seed 1
METHODS = tuple(psf_pair.WEIGHTS)


@functools.cache
def _pair(seed):
    """Filaments, some 100 photons in a bright voxel."""
    rng = np.random.default_rng(seed)
    truth = specimen.filaments(SHAPE, VOXEL, n=8, photons=1e5, rng=rng)
    expected = formation.expect(truth, TRUE, background=BACKGROUND)
    return truth, expected.with_data(rng.poisson(expected.data))


@functools.cache
def _estimate(seed, method):
    return psf_pair.psf_from_pair(*_pair(seed), shape=SUPPORT, method=method)


@pytest.mark.parametrize("seed", HELD_OUT)
def test_primal_dual_is_nearer_to_the_truth_than_blind_that_knows_the_optics(seed):
    y = _pair(seed)[1].data
    *_, (_, blind) = psf_blind.blind(y, WIDE, n_iter=10, background=BACKGROUND, band=BAND)
    assert compare.nrmse(_estimate(seed, "primal-dual"), TRUE) < 0.9 * compare.nrmse(blind, TRUE)


@pytest.mark.parametrize("seed", HELD_OUT)
def test_least_squares_is_nearer_to_the_truth_than_blind_without_the_optics(seed):
    *_, (_, blind) = psf_blind.blind(_pair(seed)[1].data, WIDE, n_iter=10, background=BACKGROUND)
    assert compare.nrmse(_estimate(seed, "least-squares"), TRUE) < 0.5 * compare.nrmse(blind, TRUE)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", HELD_OUT)
def test_result_is_a_psf(seed, method):
    psf = _estimate(seed, method)
    assert psf.data.sum(dtype=float) == pytest.approx(1, rel=1e-5)
    assert psf.data.min() >= 0
    optics.check_psf(psf, VOXEL)


@pytest.mark.parametrize("method", METHODS)
def test_units_of_either_stack_do_not_matter(method):
    sharp, blurred = _pair(HELD_OUT[0])
    counts = psf_pair.psf_from_pair(
        sharp.with_data(0.03 * sharp.data + 7),
        blurred.with_data(2.2 * blurred.data + 100),
        shape=SUPPORT,
        method=method,
    )
    assert compare.nrmse(counts, _estimate(HELD_OUT[0], method)) < 0.05


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(5, 6, 7), (6, 5, 4)])
def test_an_asymmetric_psf_is_found_where_it_is(method, shape):
    rng = np.random.default_rng(3)
    true = asymmetric_psf(shape, rng)
    sharp = np.zeros((18, 25, 24))
    sharp[4:-4, 6:-6, 6:-6] = rng.random((10, 13, 12)) ** 4
    blurred = formation.expect(Stack(sharp, (1, 1, 1)), Stack(true, (1, 1, 1))).data
    psf = psf_pair.psf_from_pair(
        Stack(sharp, (1, 1, 1)), Stack(blurred, (1, 1, 1)), shape=shape, method=method, weight=1e-6, n_iter=500
    )
    assert compare.nrmse(psf, true) < 0.1


def _small_problem(xp, weight=0.01):
    rng = np.random.default_rng(4)
    y, shape = rng.random((5, 6, 7)), (3, 4, 3)
    x = np.zeros(formation.padded_shape(y.shape, shape))
    x[1:6, 2:8, 1:8] = rng.random((5, 6, 7))
    A = psf_blind.by_psf(x, shape, y.shape, xp=xp)
    D = psf_pair.slopes(shape, 2.0, xp=xp)
    return A, y, D, psf_pair.inner(y.shape, (0, 1, 1)), weight


def _system(A, y, D, mask, weight):
    """The same problem as one matrix and right-hand side, the mean of the residual taken off."""
    seen = mask.ravel() > 0
    a, b = operators.dense(A)[seen], y.ravel()[seen]
    a, b = a - a.mean(axis=0), b - b.mean()
    norm = psf_pair.largest_eigenvalue(lambda h: (a.T @ (a @ h.ravel())).reshape(h.shape), A.shape_in, A.xp)
    assert norm == pytest.approx(1.05 * np.linalg.norm(a, 2) ** 2, rel=0.05)
    matrix = np.vstack([a / norm**0.5, (2 * weight) ** 0.5 * operators.dense(D)])
    return matrix, np.concatenate([b, np.zeros(len(matrix) - len(b))]), norm


def test_primal_dual_fit_reaches_the_optimum_of_another_solver():
    """scipy's active-set method for non-negative least squares, on the dense matrix; then stationarity."""
    A, y, D, mask, weight = _small_problem(backend.get("numpy", "float64"))
    matrix, right, norm = _system(A, y, D, mask, weight)
    exact, _ = optimize.nnls(matrix, right)
    h = psf_pair.primal_dual(A, y, D, weight=weight, mask=mask, n_iter=2000).ravel() * norm**0.5
    objective = [0.5 * np.sum((matrix @ a - right) ** 2) for a in (h, exact)]
    assert objective[0] == pytest.approx(objective[1], rel=1e-5)
    gradient, scale = matrix.T @ (matrix @ h - right), np.abs(matrix.T @ right).max()
    assert (exact == 0).any() and (exact > 0).any()
    assert gradient.min() > -1e-3 * scale
    assert np.abs(gradient[h > 1e-2 * h.max()]).max() < 1e-3 * scale


@pytest.mark.parametrize("name", [name for name in installed_backends() if name != "numpy"])
def test_backends_agree(name):
    results = []
    for xp in (backend.get("numpy"), backend.get(name)):
        A, y, D, mask, weight = _small_problem(xp)
        results.append(psf_pair.primal_dual(A, y, D, weight=weight, mask=mask, n_iter=20))
    assert np.linalg.norm(results[0] - results[1]) < 1e-4 * np.linalg.norm(results[0])


@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 3, 3)])
def test_slopes_have_an_exact_adjoint(shape):
    D = psf_pair.slopes(shape, 2.5, xp=backend.get("numpy", "float64"))
    assert np.allclose(operators.dense(D.T), operators.dense(D).T, atol=1e-12)


def test_a_margin_keeps_light_from_beyond_the_border_out_of_the_fit():
    rng, xp, one = np.random.default_rng(5), backend.get("numpy"), (1, 1, 1)
    true = gaussian_psf((5, 9, 9), (1.0, 1.5, 1.5))
    world = rng.random((20, 60, 60)) ** 8
    image = formation.expect(Stack(world, one), Stack(true, one)).data
    view = (slice(3, -3), slice(12, -12), slice(12, -12))
    errors = []
    for margin in (0, (2, 4, 4)):
        pair = Stack(world[view], one), Stack(image[view], one)
        errors.append(compare.nrmse(psf_pair.psf_from_pair(*pair, shape=true.shape, margin=margin, xp=xp), true))
    assert errors[1] < 0.7 * errors[0], errors


def test_determined_is_what_the_specimen_contains():
    rng = np.random.default_rng(6)
    sharp = Stack(rng.random((8, 16, 18)), VOXEL)
    coarse = operators.blur(gaussian_psf((7, 15, 15), (1, 2, 2)), sharp.shape, xp=backend.get("numpy"))(sharp.data)
    full, poor = (psf_pair.determined(Stack(data, VOXEL), weight=1e-3) for data in (sharp.data, coarse))
    assert full.shape == sharp.shape and full.min() >= 0 and full.max() <= 1
    assert full.mean() > 0.8
    assert poor[0, 0, 0] < 0.01 and poor[4, 8, 11] > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(method="magic"), "method must be one of 'least-squares', 'primal-dual'; got 'magic'"),
        (dict(weight=0), "weight must be a positive number; got 0"),
        (dict(shape=(99, 5, 5)), r"shape must be three numbers of voxels, at most the stacks' \(16, 48, 48\)"),
        (dict(margin=(8, 0, 0)), r"margin of \(8, 0, 0\) voxels leaves nothing"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        psf_pair.psf_from_pair(*_pair(HELD_OUT[0]), **{"shape": SUPPORT, **change})


def test_stacks_that_are_no_pair_are_refused():
    sharp, blurred = _pair(HELD_OUT[0])
    flat = sharp.with_data(np.ones(SHAPE))
    with pytest.raises(ValueError, match="must be on the same grid"):
        psf_pair.psf_from_pair(sharp, Stack(blurred.data[1:], VOXEL), shape=SUPPORT)
    with pytest.raises(ValueError, match="the sharp stack is the same everywhere"):
        psf_pair.psf_from_pair(flat, blurred, shape=SUPPORT)
    with pytest.raises(ValueError, match="the blurred stack is the same everywhere"):
        psf_pair.psf_from_pair(sharp, flat, shape=SUPPORT)
    with pytest.raises(TypeError, match="sharp must be a Stack"):
        psf_pair.psf_from_pair(sharp.data, blurred, shape=SUPPORT)
    with pytest.raises(ValueError, match="no PSF takes the one stack to the other"):
        point = np.zeros((5, 5, 5))
        point[2, 2, 2] = 1
        pair = Stack(point, VOXEL), Stack(1 - point, VOXEL)
        psf_pair.psf_from_pair(*pair, shape=(1, 1, 1), n_iter=5)
