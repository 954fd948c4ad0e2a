"""Check of a prior of one's own, in notebook 05: do its operator, its penalty and its prox fit together?"""

import numpy as np

from course_utils import backend, operators
from course_utils.admm.priors import Prior
from course_utils.checks.answer import NotYet, call, close, holds

XP = backend.get("numpy", "float64")


def own_prior(answer):
    """Exercise of notebook 05: answer(weight) → a `Prior` of any kind, whose four parts fit together."""
    prior = call(answer, 0.3)
    if not isinstance(prior, Prior):
        raise NotYet(f"give back a Prior: return Prior(weight, operator, penalty, prox); got {type(prior).__name__}.")
    if prior.weight != 0.3:
        raise NotYet(f"the weight was 0.3, and your prior has {prior.weight}: hand on the weight that is asked for.")
    for shape in ((5, 6, 4), (6, 5, 7)):
        D = call(prior.operator, shape, XP)
        _diagnose_operator(D, shape)
        rng = np.random.default_rng(15)
        _diagnose_prox(prior, 3 * rng.standard_normal(D.shape_out), shape)
    holds(
        "its adjoint is the adjoint, on odd and even grids",
        "it treats all voxels alike, with periodic edges",
        "its prox is that of its penalty",
    )


def _diagnose_operator(D, shape):
    if not isinstance(D, operators.Linear):
        raise NotYet(
            "operator(shape, xp) must give an operators.Linear(forward, adjoint, shape_in, shape_out, xp); it gave "
            f"{type(D).__name__}."
        )
    rng = np.random.default_rng(16)
    x, v = rng.standard_normal(shape), rng.standard_normal(D.shape_out)
    Dx, back = np.asarray(call(D, x)), np.asarray(call(D.T, v))
    if Dx.shape != tuple(D.shape_out) or Dx.shape[-3:] != shape:
        raise NotYet(
            f"D is said to give shape {tuple(D.shape_out)}, and gave {Dx.shape} for a volume of {shape}. It must give "
            "one or more whole volumes; np.diff loses a plane, xp.roll does not."
        )
    if back.shape != shape:
        raise NotYet(f"D.T must give the shape of x, {shape}; it gave {back.shape}.")
    if not close(D(x + 2 * x[::-1]), Dx + 2 * D(x[::-1])):
        raise NotYet("D is not linear: D(x + 2 w) is not D(x) + 2 D(w). What bends belongs into the penalty.")
    _diagnose_adjoint(np.vdot(Dx, v), np.vdot(x, back))
    moves = (1, 2, 1), (-3, -2, -1)
    if not close(D(np.roll(x, *moves)), np.roll(Dx, *moves)):
        raise NotYet(
            "D is not the same at every voxel of a periodic grid. Then D'D is no product in Fourier space, and the "
            "x-update is wrong. Use xp.roll, which wraps around."
        )


def _diagnose_adjoint(forward, backward):
    if np.isclose(forward, -backward, rtol=1e-6):
        raise NotYet("the adjoint has the wrong sign: <D x, v> = −<x, D.T v>.")
    if not np.isclose(forward, backward, rtol=1e-6):
        raise NotYet(
            f"D.T is not the adjoint of D: <D x, v> = {forward:.4g}, <x, D.T v> = {backward:.4g}. What D rolls by −1, "
            "its adjoint rolls by +1; factors stay, and what D stacks, its adjoint adds up."
        )


def _diagnose_prox(prior, v, shape):
    penalty = np.asarray(call(prior.penalty, v, XP))
    if penalty.shape[-3:] != shape:
        raise NotYet(
            f"the penalty must give one value for each voxel, shape {shape}, whose sum is meant; got {penalty.shape}."
        )
    threshold = 0.7
    z = np.asarray(call(prior.prox, v, threshold, XP))
    if z.shape != v.shape:
        raise NotYet(f"the prox must keep the shape {v.shape}; it gave {z.shape}.")
    if close(z, v):
        raise NotYet("the prox gives v back. It must move it towards where the penalty is lower.")
    right = _is_least(prior.penalty, v, z, threshold)
    if not right and np.any(z * v < 0):
        raise NotYet(
            "the prox has turned the sign of small v; what is shorter than the threshold becomes 0: max(…, 0)."
        )
    with np.errstate(all="ignore"):
        zero, single = np.zeros(v.shape, np.float32), backend.get("numpy")  # float32, as volumes are
        if not all(np.isfinite(call(prior.prox, zero, t, single)).all() for t in (threshold, 0.0)):
            raise NotYet("the prox of 0 is not finite: 0 / 0? Keep the denominator above zero, also for a weight of 0.")
    if right:
        return
    for explanation, penalty, factor in (
        ("the weight came in twice. The prox gets weight / rho as its threshold", prior.penalty, prior.weight),
        ("the threshold is twice too large: the square is divided by 2 · threshold", prior.penalty, 2),
        ("the threshold is half of what it should be: the square is divided by 2 · threshold", prior.penalty, 0.5),
        ("the penalty has the weight in it. It is g alone", lambda *a: prior.penalty(*a) / prior.weight, 1),
        ("this prox is that of the penalty's square", lambda *a: prior.penalty(*a) ** 2, 1),
        ("this prox is that of half the penalty's square", lambda *a: prior.penalty(*a) ** 2 / 2, 1),
        ("the penalty is a square, and this prox is that of its root", lambda *a: prior.penalty(*a) ** 0.5, 1),
        (
            "the penalty is half a square, and this prox is that of its root",
            lambda *a: (2 * prior.penalty(*a)) ** 0.5,
            1,
        ),
    ):
        if _is_least(penalty, v, z, factor * threshold):
            raise NotYet(f"{explanation}.")
    raise NotYet(
        "the prox is not that of the penalty: another z has a lower g(z) + |z − v|² / (2 · threshold). Do both look at "
        "the same thing, each component by itself or the length over them all?"
    )


def _is_least(penalty, v, z, threshold):
    """Whether nothing near z, nor between v and 0, costs less than z: a search by trial, voxel by voxel."""
    rng, least = np.random.default_rng(18), _cost(penalty, v, z, threshold)
    near = (z + size * rng.standard_normal(v.shape) for size in (1e-3, 0.03, 1) for _ in range(60))
    between = (part * v for part in np.linspace(0, 1, 41))
    others = (_cost(penalty, v, other, threshold) for tried in (near, between) for other in tried)
    return all(np.all(other > least - 1e-6) for other in others)


def _cost(penalty, v, z, threshold):
    """g(z) + |z − v|² / (2 · threshold) of each voxel, which the prox makes least."""
    per_voxel = (-1, *v.shape[-3:])
    square = np.sum(((z - v) ** 2).reshape(per_voxel), axis=0) / (2 * threshold)
    return np.sum(np.reshape(penalty(z, XP), per_voxel), axis=0) + square
