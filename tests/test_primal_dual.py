"""The primal–dual method: against theory, and against ADMM in test_admm.py."""

import numpy as np
import pytest
from phantoms import asymmetric_psf, cells, installed_backends

from course_utils import admm, backend, formation, operators
from course_utils.admm.chambolle_pock import primal_dual

SHAPE, VOXEL = (6, 9, 8), (0.2, 0.1, 0.1)


def _problem(edges="open", xp=None):
    rng = np.random.default_rng(0)
    psf = asymmetric_psf((3, 4, 3), rng)
    exact = formation.forward(psf, SHAPE, edges=edges, xp=backend.get("numpy", "float64"))
    y = rng.poisson(np.maximum(exact(cells(exact.shape_in, rng, photons=60.0)), 0) + 4).astype(np.float32)
    return y, formation.forward(psf, SHAPE, edges=edges, xp=xp or backend.get("numpy", "float64"))


def _last(estimates):
    *_, x = estimates
    return np.asarray(x)


def test_without_blur_and_prior_the_answer_is_known():
    """H = 1: x = max(y − b, 0)."""
    y, xp = np.random.default_rng(1).poisson(6, (4, 5, 6)).astype(float), backend.get("numpy", "float64")
    H = operators.blur(np.ones((1, 1, 1)), y.shape, xp=xp)
    assert np.allclose(_last(primal_dual(y, H, n_iter=3000, background=5)), np.maximum(y - 5, 0), atol=1e-3)


def test_objective_falls_and_estimates_are_not_negative():
    y, H = _problem()
    prior = admm.total_variation(0.02, VOXEL)
    estimates = list(primal_dual(y, H, prior=prior, n_iter=200, background=4))
    costs = [admm.objective(x, y, H, prior, 4) for x in estimates[::40]]
    assert all(b < a for a, b in zip(costs, costs[1:], strict=False))
    assert min(x.min() for x in estimates) >= 0


@pytest.mark.parametrize("other", [name for name in installed_backends() if name != "numpy"])
def test_backends_agree(other):
    results = []
    for name in ("numpy", other):
        y, H = _problem(xp=backend.get(name))
        results.append(_last(primal_dual(y, H, prior=admm.hessian(0.02, VOXEL), n_iter=30, background=4)))
    assert np.abs(results[1] - results[0]).max() < 1e-3 * results[0].max()


def test_step_size_changes_the_way_and_not_the_end():
    y, H = _problem("periodic")
    prior = admm.total_variation(0.05, VOXEL)
    ends = [_last(primal_dual(y, H, prior=prior, n_iter=3000, background=4, sigma=s / y.mean())) for s in (0.01, 0.05)]
    costs = [admm.objective(x, y, H, prior, 4) for x in ends]
    assert costs[0] == pytest.approx(costs[1], rel=1e-5)


def test_negative_data_are_refused():
    y, H = _problem()
    with pytest.raises(ValueError, match="negative values"):
        next(primal_dual(y - 50, H, n_iter=1))
