"""ADMM against brute force, dense matrices, the textbook's iteration, the primal–dual method and Richardson–Lucy."""

import functools

import numpy as np
import pytest
from phantoms import SHAPES, asymmetric_psf, cells, gaussian_psf, installed_backends
from scipy import optimize

from course_utils import admm, backend, compare, formation, operators, richardson_lucy
from course_utils.admm import priors
from course_utils.admm.chambolle_pock import primal_dual

SHAPE, VOXEL, BACKGROUND = (6, 9, 8), (0.2, 0.1, 0.1), 4.0
EXACT = backend.get("numpy", "float64")
PRIORS = {
    "none": None,
    "total variation": admm.total_variation(0.05, VOXEL),
    "hessian": admm.hessian(0.05, VOXEL),
    "sparsity": admm.sparsity(0.1),
}


def _problem(edges="open", xp=EXACT, seed=0, **geometry):
    """Photons of a few cells, and H on this backend; the same data for all backends."""
    rng = np.random.default_rng(seed)
    psf = asymmetric_psf((3, 4, 3), rng)
    exact = formation.forward(psf, SHAPE, edges=edges, xp=EXACT, **geometry)
    y = rng.poisson(np.maximum(exact(cells(exact.shape_in, rng, photons=60.0)), 0) + BACKGROUND).astype(np.float32)
    return y, formation.forward(psf, SHAPE, edges=edges, xp=xp, **geometry)


def _last(iterates):
    *_, iterate = iterates
    return iterate


# The data's proximal operator


def _cases():
    """(v, y, b, ρ): ordinary ones, then dark voxels, a large ρ, a small ρ, and v far below zero."""
    rng = np.random.default_rng(1)
    for _ in range(50):
        yield rng.normal(10, 10), rng.poisson(8), rng.uniform(0, 5), 10 ** rng.uniform(-3, 1)
    yield from [(3.0, 0, 1.0, 0.1), (-3.0, 0, 1.0, 0.1), (3.0, 0, 0.0, 0.1), (0.0, 0, 0.0, 1.0)]
    yield from [
        (10.0, 10, 0.0, 1.0),
        (10.0, 10, 0.0, 1e4),
        (-1e4, 5, 1.0, 0.1),
        (-1e6, 5, 1.0, 1.0),
        (5.0, 5, 1.0, 1e-4),
    ]


@pytest.mark.parametrize("name", installed_backends())
def test_poisson_prox_is_the_brute_force_minimum_in_float32(name):
    xp = backend.get(name)
    for v, y, b, rho in _cases():

        def cost(log_w, v=v, y=y, b=b, rho=rho):
            w = np.exp(log_w)
            return w - y * log_w + rho / 2 * (w - b - v) ** 2

        found = optimize.minimize_scalar(
            cost, bounds=(-40, 20), method="bounded", options={"xatol": 1e-9, "maxiter": 2000}
        )
        z = float(np.asarray(admm.poisson_prox(*map(xp.asarray, (v, y, b, rho)), xp)))
        assert z + b == pytest.approx(np.exp(found.x), rel=2e-4, abs=1e-5 * (abs(b) + 1)), (v, y, b, rho)


@pytest.mark.parametrize("name", installed_backends())
def test_poisson_prox_is_stationary(name):
    """1 − y / (z + b) + ρ (z − v) = 0; with the terms of the size of ρ v where v is far below zero."""
    xp = backend.get(name)
    for v, y, _, rho in _cases():
        if y > 0:
            w = float(np.asarray(admm.poisson_prox(*map(xp.asarray, (v, y, 0.0, rho)), xp)))
            assert w > 0
            size = 1 + y / w + rho * (w + abs(v))
            assert abs(1 - y / w + rho * (w - v)) < 1e-5 * size, (v, y, rho)


def test_poisson_prox_of_data_that_fit_is_themselves():
    assert admm.poisson_prox(np.float32(10), np.float32(10), np.float32(0), np.float32(1), backend.get("numpy")) == 10


# The x-update, and the whole iteration


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", PRIORS)
def test_x_update_is_the_solution_of_the_dense_equations(name, shape):
    rng, prior = np.random.default_rng(2), PRIORS[name]
    A = operators.blur(asymmetric_psf((3, 4, 3), rng), shape, xp=EXACT)
    D = None if prior is None else prior.operator(shape, EXACT)
    c, rest = rng.standard_normal((2, *shape))
    a = operators.dense(A)
    normal = a.T @ a + np.eye(len(a))
    if prior is not None:
        d = operators.dense(D)
        normal += d.T @ d
    expected = np.linalg.solve(normal, a.T @ c.ravel() + rest.ravel())
    x, Ax = admm._least_squares(A, D)(c, rest)
    assert np.allclose(x.ravel(), expected, atol=1e-12)
    assert np.allclose(Ax.ravel(), a @ expected, atol=1e-12)


@pytest.mark.parametrize("name", PRIORS)
def test_blocks_of_a_volume_do_not_change_the_iterates(name, monkeypatch):
    """A prior's prox looks at all components of a voxel: a block must hold them all."""
    y, H = _problem()
    whole = list(admm.poisson(y, H, prior=PRIORS[name], n_iter=6, background=BACKGROUND))
    monkeypatch.setattr(backend, "_blocks", functools.partial(backend._blocks, size=20))
    for mine, theirs in zip(
        admm.poisson(y, H, prior=PRIORS[name], n_iter=6, background=BACKGROUND), whole, strict=True
    ):
        assert np.allclose(mine.x, theirs.x, atol=1e-9)
        assert mine.primal_residual == pytest.approx(theirs.primal_residual, rel=1e-9)


@pytest.mark.parametrize(("rho", "adapt"), [(0.01, 0), (1.0, 50)])
@pytest.mark.parametrize("name", PRIORS)
def test_iterates_and_residuals_are_the_textbooks(name, rho, adapt):
    """The textbook's ADMM in dense matrices, with the field of view as a mask of what the data's prox may change.

    Where ρ changes, the unscaled dual ρu stays.
    """
    rng, shape, prior = np.random.default_rng(3), (3, 4, 5), PRIORS[name]
    H = formation.forward(asymmetric_psf((2, 2, 3), rng), shape, bin_z=2, xp=EXACT)
    y = rng.poisson(20, H.shape_out).astype(float)
    bin_z, crop, A = H.factors
    D = operators.identity(H.shape_in, xp=EXACT) if prior is None else prior.operator(H.shape_in, EXACT)
    K = [operators.dense(A), np.eye(np.prod(H.shape_in)), operators.dense(D)][: 2 if prior is None else 3]
    S = operators.dense(bin_z @ crop)
    sizes = np.cumsum([len(block) for block in K])[:-1]

    def prox(v, rho):
        z0, z1, *z2 = np.split(v, sizes)
        z0 = z0 + S.T @ (admm.poisson_prox(S @ z0, y.ravel(), BACKGROUND, rho, EXACT) - S @ z0)
        z2 = [prior.prox(z.reshape(D.shape_out), prior.weight / rho, EXACT).ravel() for z in z2]
        return np.concatenate([z0, np.maximum(z1, 0), *z2])

    K, x = np.concatenate(K), np.full(np.prod(H.shape_in), y.mean() - BACKGROUND)
    u, z, every = np.zeros(len(K)), np.zeros(len(K)), 5 if adapt else 10
    for k, mine in enumerate(admm.poisson(y, H, prior=prior, n_iter=21, background=BACKGROUND, rho=rho, adapt=adapt)):
        u, rho = u * (rho / mine.rho), mine.rho
        z_old, z = z, prox(K @ x + u, rho)
        u = u + K @ x - z
        assert np.allclose(mine.x.ravel(), z[sizes[0] :][: x.size], atol=1e-9)
        assert mine.primal_residual == pytest.approx(np.linalg.norm(K @ x - z) / np.linalg.norm(y), rel=1e-9)
        if k > 0 and k % every == 0:
            dual = rho * np.linalg.norm(K.T @ (z - z_old)) / np.sqrt(y.size)
        if k >= every:  # the last one that was looked at
            assert mine.dual_residual == pytest.approx(dual, rel=1e-9)
        x = np.linalg.solve(K.T @ K, K.T @ (z - u))
    assert (rho < 0.5) if adapt else (rho == 0.01)


# The end of the iterations


@pytest.mark.parametrize(
    ("name", "geometry"),
    [
        ("none", {"edges": "periodic"}),
        ("total variation", {}),
        ("total variation", {"bin_z": 2}),
        ("hessian", {"edges": "periodic", "bin_z": 2}),
        ("hessian", {}),
        ("sparsity", {}),
    ],
)
def test_admm_and_the_primal_dual_method_end_at_the_same_objective(name, geometry):
    (y, H), prior = _problem(**geometry), PRIORS[name]
    x = _last(admm.poisson(y, H, prior=prior, n_iter=800, background=BACKGROUND)).x
    other = _last(primal_dual(y, H, prior=prior, n_iter=3000, background=BACKGROUND))
    mine, theirs = (admm.objective(x, y, H, prior, BACKGROUND) for x in (x, other))
    assert mine == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("name", PRIORS)
def test_residuals_fall(name):
    y, H = _problem()
    iterates = list(admm.poisson(y, H, prior=PRIORS[name], n_iter=301, background=BACKGROUND))
    for early, late in ((5, 50), (50, 300)):
        assert iterates[late].primal_residual < 0.5 * iterates[early].primal_residual
        assert iterates[late].dual_residual < 0.5 * iterates[early].dual_residual
    assert iterates[300].primal_residual < 5e-3


@pytest.mark.parametrize("factor", [0.01, 1, 100])
def test_a_rho_a_hundred_times_off_still_converges(factor):
    (y, H), prior = _problem(), PRIORS["total variation"]
    best = admm.objective(_last(admm.poisson(y, H, prior=prior, n_iter=800, background=BACKGROUND)).x, y, H, prior, 4)
    rho = factor * 0.05 / y.mean()
    iterates = list(admm.poisson(y, H, prior=prior, n_iter=200, background=BACKGROUND, rho=rho))
    assert admm.objective(iterates[-1].x, y, H, prior, 4) == pytest.approx(best, rel=3e-3)
    assert len({iterate.rho for iterate in iterates[55:]}) == 1  # frozen
    if factor > 1:
        fixed = _last(admm.poisson(y, H, prior=prior, n_iter=200, background=BACKGROUND, rho=rho, adapt=0))
        assert fixed.rho == rho
        assert admm.objective(fixed.x, y, H, prior, 4) > 1.005 * best


def test_setting_of_the_report_runs():
    """ρ = 0.25 on data in [0, 1], no prior, 100 iterations: the divergence falls below that of the data's mean."""
    y, H = _problem("periodic", backend.get("numpy"))
    y = y / y.max()
    iterates = list(admm.poisson(y, H, n_iter=100, rho=0.25, adapt=0))
    assert len(iterates) == 100
    assert all(np.isfinite(iterate.x).all() for iterate in iterates)
    costs = [admm.objective(iterate.x, y, H) for iterate in iterates]
    assert costs[-1] < 0.2 * admm.objective(np.full(SHAPE, y.mean()), y, H)


def test_without_blur_and_prior_the_answer_is_known():
    y = np.random.default_rng(4).poisson(6, (4, 5, 6)).astype(float)
    H = operators.blur(np.ones((1, 1, 1)), y.shape, xp=EXACT)
    assert np.allclose(_last(admm.poisson(y, H, n_iter=300, background=5)).x, np.maximum(y - 5, 0), atol=1e-5)


def test_total_variation_without_end_gives_a_constant():
    y, H = _problem("periodic")
    x = _last(admm.poisson(y, H, prior=admm.total_variation(1e3, VOXEL), n_iter=500, background=BACKGROUND)).x
    assert np.allclose(x, y.mean() - BACKGROUND, rtol=1e-3)


# What must not matter


@pytest.mark.parametrize("edges", ["periodic", "open"])
@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("other", [name for name in installed_backends() if name != "numpy"])
def test_backends_agree_after_twenty_iterations(other, name, edges):
    results = []
    for backend_name in ("numpy", other):
        y, H = _problem(edges, backend.get(backend_name))
        results.append(_last(admm.poisson(y, H, prior=PRIORS[name], n_iter=20, background=BACKGROUND)))
    a, b = (np.asarray(result.x) for result in results)
    assert np.abs(b - a).max() < 1e-4 * a.max()
    assert results[1].primal_residual == pytest.approx(results[0].primal_residual, rel=1e-3)
    assert results[1].dual_residual == pytest.approx(results[0].dual_residual, rel=1e-3)


@pytest.mark.parametrize("name", PRIORS)
def test_scaling_data_and_background_scales_the_estimate(name):
    y, H = _problem()
    one = _last(admm.poisson(y, H, prior=PRIORS[name], n_iter=40, background=BACKGROUND))
    many = _last(admm.poisson(1000 * y, H, prior=PRIORS[name], n_iter=40, background=1000 * BACKGROUND))
    assert np.allclose(many.x, 1000 * one.x, rtol=1e-4, atol=1e-4 * many.x.max())
    assert many.primal_residual == pytest.approx(one.primal_residual, rel=1e-4)
    assert many.dual_residual == pytest.approx(one.dual_residual, rel=1e-4)


def test_a_background_given_as_an_array_is_the_number():
    (y, H), prior = _problem(xp=backend.get("numpy")), PRIORS["total variation"]
    number = _last(admm.poisson(y, H, prior=prior, n_iter=10, background=BACKGROUND)).x
    array = _last(admm.poisson(y, H, prior=prior, n_iter=10, background=np.full(y.shape, BACKGROUND))).x
    assert np.allclose(array, number, atol=1e-4)


@pytest.mark.parametrize("name", PRIORS)
def test_estimates_are_not_negative_and_stay_as_they_were_given(name):
    """An iteration overwrites what is its own, but no estimate that the caller may have kept, and not y."""
    y, H = _problem(xp=backend.get("numpy"))
    before, kept, copies = y.copy(), [], []
    for iterate in admm.poisson(y, H, prior=PRIORS[name], n_iter=7, background=BACKGROUND):
        kept.append(iterate.x)
        copies.append(np.array(iterate.x))
    assert all(np.array_equal(a, b) for a, b in zip(kept, copies, strict=True))
    assert min(copy.min() for copy in copies) >= 0
    assert np.array_equal(y, before)


def test_dark_data_without_background_stay_finite():
    H = operators.blur(asymmetric_psf((3, 3, 3), np.random.default_rng(5)), (4, 5, 6), xp=backend.get("numpy"))
    y = np.zeros((4, 5, 6), np.float32)
    assert np.isfinite(_last(admm.poisson(y, H, prior=PRIORS["total variation"], n_iter=20)).x).all()
    y[2, 2, 2] = 100
    assert np.isfinite(_last(admm.poisson(y, H, prior=PRIORS["total variation"], n_iter=50)).x).all()


def test_in_one_and_two_dimensions():
    """As the first steps of a chapter are."""
    for shape, voxel in (((30,), (0.1,)), ((11, 14), (0.1, 0.1))):
        y = np.random.default_rng(6).poisson(20, shape).astype(np.float32)
        H = operators.blur(np.full((3,) * len(shape), 1 / 3 ** len(shape)), shape, xp=backend.get("numpy"))
        for prior in (None, admm.total_variation(0.1, voxel), admm.hessian(0.1, voxel)):
            assert _last(admm.poisson(y, H, prior=prior, n_iter=100)).primal_residual < 0.05


def test_a_prior_of_ones_own_takes_a_few_lines():
    """Σ|∂x/∂z|: brightness constant along z. With a large weight the estimate is."""

    def along_z(shape, xp):
        return operators.Linear(lambda x: xp.roll(x, -1, 0) - x, lambda u: xp.roll(u, 1, 0) - u, shape, shape, xp)

    base = priors.sparsity(1.0)
    prior = priors.Prior(100.0, along_z, base.penalty, base.prox)
    y, H = _problem("periodic")
    x = _last(admm.poisson(y, H, prior=prior, n_iter=300, background=BACKGROUND)).x
    assert np.ptp(x, axis=0).max() < 1e-2 * x.max()
    assert np.ptp(x) > 0.5 * x.max()


# Against Richardson–Lucy. Weights were chosen on the seeds 100 and 101.


@pytest.mark.parametrize(("photons", "weight", "gain"), [(200.0, 0.01, 2.5), (30.0, 0.03, 2.0)])
def test_total_variation_beats_the_best_of_richardson_lucy_on_round_cells(photons, weight, gain):
    rng, shape, xp = np.random.default_rng(0), (24, 64, 64), backend.get("numpy")
    wide, narrow = gaussian_psf((11, 11, 11), (2.0, 1.3, 1.3)), gaussian_psf((11, 11, 11), (1.2, 0.8, 0.8))
    H = operators.blur(0.7 * wide + 0.3 * np.roll(narrow, (1, 1, -1), (0, 1, 2)), shape, xp=xp)
    truth = cells(shape, rng, n=40, photons=photons)
    y = rng.poisson(np.maximum(H(truth), 0) + 5).astype(np.float32)
    best = max(compare.psnr(x, truth) for x in richardson_lucy.plain(y, H, n_iter=90, background=5))
    prior = admm.total_variation(weight, (1, 1, 1))
    mine = compare.psnr(_last(admm.poisson(y, H, prior=prior, n_iter=80, background=5)).x, truth)
    assert mine > best + gain


@pytest.mark.parametrize("name", installed_backends())
def test_a_choice_of_voxels_may_be_a_copy_or_a_view(name):
    """What was seen may be written where it lies, but only if it lies in the blurred image itself."""
    xp, rng = backend.get(name), np.random.default_rng(8)
    A = operators.blur(rng.random((3, 3, 3)) / 14, (6, 8, 8), xp=xp)
    view = operators.bin_z(2, A.shape_out, xp=xp)
    copy = operators.Linear(lambda x: 1.0 * view.forward(x), view.adjoint, view.shape_in, view.shape_out, xp)
    y = rng.poisson(20, view.shape_out).astype(np.float32)
    xs = [np.asarray(_last(admm.poisson(y, S @ A, n_iter=20)).x) for S in (view, copy)]
    assert np.allclose(*xs, atol=1e-4 * y.mean())


# What is refused


def test_an_operator_that_is_no_blur_is_refused():
    y = np.random.default_rng(7).poisson(5, (4, 5, 6)).astype(np.float32)
    xp = backend.get("numpy")
    blur = operators.blur(np.full((3, 3, 3), 1 / 27), y.shape, xp=xp)
    for H in (operators.identity(y.shape, xp=xp), blur @ blur):
        with pytest.raises(ValueError, match="ADMM inverts the blur in Fourier space.*formation.forward"):
            next(admm.poisson(y, H, n_iter=1))


@pytest.mark.parametrize(
    ("change", "message"), [(lambda y: y - 50, "negative values"), (lambda y: y[1:], "y has shape")]
)
def test_data_that_are_no_photons_are_refused(change, message):
    y, H = _problem()
    with pytest.raises(ValueError, match=message):
        next(admm.poisson(change(y), H, n_iter=1))


@pytest.mark.parametrize("rho", [0, -1.0, np.nan])
def test_a_rho_that_is_not_positive_is_refused(rho):
    y, H = _problem()
    with pytest.raises(ValueError, match="rho must be positive, .*; got"):
        next(admm.poisson(y, H, n_iter=1, rho=rho))
