import numpy as np
import pytest
from exercises import cases
from scipy import fft

from course_utils import admm, checks, operators
from course_utils.admm.priors import Prior
from course_utils.likelihood import i_divergence


def _soft(v, t):
    return np.sign(v) * np.maximum(np.abs(v) - t, 0)


THRESHOLDS = [
    (lambda v, w, r: _soft(v, w), "it is weight / rho"),
    (lambda v, w, r: _soft(v, w * r), "is weight · rho"),
    (lambda v, w, r: _soft(v, 2 * w / r), "twice too large"),
    (lambda v, w, r: _soft(v, w / r / 2), "is half of"),
    (lambda v, w, r: np.maximum(np.abs(v) - w / r, 0), "sign is lost"),
    (lambda v, w, r: np.maximum(v - w / r, 0), "negative values were all set to zero"),
    (lambda v, w, r: v - w / r * np.sign(v), "changed their sign"),
    (lambda v, w, r: v - w / r, "everywhere"),
    (lambda v, w, r: np.where(np.abs(v) > w / r, v, 0), "hard threshold"),
    (lambda v, w, r: v / (1 + w / r), "this divides"),
    (lambda v, w, r: 3 * v, "not yet right"),
    (lambda v, w, r: v[:-1], "must have shape"),
    (lambda v, w, r: None, "gives nothing back"),
]


def _root(q, product):
    """The positive root of w² − q w = product, by the formula that is stable for this sign of q."""
    twice = np.abs(q) + np.sqrt(q * q + 4 * product)
    return np.where(q > 0, twice / 2, 2 * product / np.maximum(twice, np.float32(1e-30)))


def _prox(v, y, b, r):
    return _root(v + b - 1 / r, y / r) - b


def _textbook(v, y, b, r):
    q = v + b - 1 / r
    return (q + np.sqrt(q * q + 4 * y / r)) / 2 - b


def _swapped(v, y, b, r):
    q = v + b - 1 / r
    twice = np.abs(q) + np.sqrt(q * q + 4 * y / r)
    return np.where(q > 0, 2 * y / r / twice, twice / 2) - b


def _unguarded(v, y, b, r):
    q = v + b - 1 / r
    root = np.sqrt(q * q + 4 * y / r)
    return np.where(q > 0, (q + root) / 2, 2 * y / r / (root - q)) - b


def _guarded_in_double(v, y, b, r):
    """Its guard is zero in float32."""
    q = v + b - 1 / r
    twice = np.maximum(np.abs(q) + np.sqrt(q * q + 4 * y / r), 1e-50)
    return np.where(q > 0, twice / 2, 2 * y / r / twice) - b


def _shrunk_in_place(v, w, r):
    v[np.abs(v) <= w / r] = 0
    v[v > 0] -= w / r
    v[v < 0] += w / r
    return v


PHOTONS = [
    (lambda v, y, b, r: (v + b - 1 / r - np.sqrt((v + b - 1 / r) ** 2 + 4 * y / r)) / 2 - b, "other root"),
    (lambda v, y, b, r: _prox(v, y, 0, r), "background is missing: q"),
    (lambda v, y, b, r: _prox(v, y, b, r) + b, "take the background off"),
    (lambda v, y, b, r: _root(v - 1 / r, y / r) - b, "background is missing in q"),
    (lambda v, y, b, r: _root(v + b, y / r) - b, "1 / rho is missing in q"),
    (lambda v, y, b, r: _root(v - b - 1 / r, y / r) - b, "wrong sign in q"),
    (lambda v, y, b, r: _root(v + b + 1 / r, y / r) - b, "has . 1 / rho where"),
    (lambda v, y, b, r: _root(v + b - 1 / r, y) - b, "as it is; it is y / rho"),
    (lambda v, y, b, r: _root(v + b - 1 / r, y * r) - b, "multiplied by rho"),
    (lambda v, y, b, r: _root(v + b - r, y / r) - b, "q has rho where"),
    (lambda v, y, b, r: 2 * _root(v + b - 1 / r, y / r) - b, "the half is missing"),
    (lambda v, y, b, r: _root(v + b - 1 / r, y / r / 4) - b, "the 4 is missing"),
    (lambda v, y, b, r: np.maximum(_prox(v, y, b, r), 0), "another agent's wish"),
    (_swapped, "have changed places: twice"),
    (lambda v, y, b, r: _root(v + b - 1, y / r) - b, "stands as 1 in q"),
    (_textbook, "not in float32"),
    (_unguarded, "0 / 0"),
    (_guarded_in_double, "0 / 0"),
    (lambda v, y, b, r: v, "for v = .*, y = .*, background = 3 and rho = 0.2 it gives .* is right"),
    (lambda v, y, b, r: np.where(v > 9, np.nan, _prox(v, y, b, r)), "not yet right"),
    (lambda v, y, b, r: v[:-1], "must have shape"),
]


def _solve(z, u, H, D, gram, back=np.conj, sign=-1, divisor=None):
    c, rest, slopes = (a + sign * b for a, b in zip(z, u, strict=True))
    divisor = abs(H) ** 2 + 1 + gram if divisor is None else divisor
    spectrum = back(H) * fft.rfftn(c) + fft.rfftn(rest + D.T(slopes))
    return fft.irfftn(spectrum / divisor, c.shape)


def _without(i):
    return lambda z, u, *others: _solve(
        [a * (k != i) for k, a in enumerate(z)], [b * (k != i) for k, b in enumerate(u)], *others
    )


def _free_of_price(i):
    return lambda z, u, *others: _solve(z, [b * (k != i) for k, b in enumerate(u)], *others)


X_UPDATES = [
    (lambda *a: _solve(*a, back=lambda H: H), "np.conj.transfer., not transfer"),
    (lambda *a: _solve(*a, back=lambda H: 1), "goes back through the microscope"),
    (lambda z, u, H, D, g: _solve(z, u, H, D, g, divisor=abs(H) ** 2 + 1), r"\+ gram"),
    (lambda z, u, H, D, g: _solve(z, u, H, D, g, divisor=abs(H) ** 2 + g), r"I'I is missing"),
    (lambda z, u, H, D, g: _solve(z, u, H, D, g, divisor=1 + g), "A'A is missing"),
    (lambda z, u, H, D, g: _solve(z, u, H, D, g**2), "do not square it"),
    (lambda z, u, H, D, g: _solve(z, u, H, D, g, divisor=H**2 + 1 + g), "another phase"),
    (lambda z, u, H, D, g: _solve(z, u, H, D, g, divisor=abs(H) + 1 + g), "must be squared"),
    (lambda *a: _solve(*a, sign=1), "sign of the prices"),
    (lambda *a: _solve(*a, sign=0), "prices u are missing"),
    (_without(2), "prior's part is missing"),
    (_without(1), "z1 − u1 is missing"),
    (_without(0), "z0 − u0 is missing"),
    *((_free_of_price(i), f"price u{i} is missing") for i in range(3)),
    (lambda z, u, H, D, g: fft.ifftn(fft.fftn(z[0]) / (abs(H) ** 2 + 1 + g)).real, "take rfftn and irfftn"),
    (lambda *a: _solve(*a, divisor=1), "division is missing"),
    (lambda z, u, H, D, g: fft.rfftn(z[0]), "still a spectrum"),
    (lambda z, u, H, D, g: _solve(z, u, H, D, g)[..., :-1], "last axis came back as"),
    (lambda *a: 2 * _solve(*a), "not yet right"),
]


def _turn(u, Kx, z, z_old, K, rho, new_rho):
    return (u + Kx - z) * rho / new_rho, np.linalg.norm(Kx - z), rho * np.linalg.norm(K.T(z - z_old))


def _price(change):
    """An answer with another new u."""
    return lambda u, Kx, z, z_old, K, r, n: (change(u, Kx - z, r, n), *_turn(u, Kx, z, z_old, K, r, n)[1:])


def _residuals(primal=None, dual=None):
    """An answer with another residual: a function of (Kx − z, z, z_old), or of (K, z − z_old, rho, new_rho)."""

    def answer(u, Kx, z, z_old, K, r, n):
        new, p, d = _turn(u, Kx, z, z_old, K, r, n)
        return new, primal(Kx - z, z, z_old) if primal else p, dual(K, z - z_old, r, n) if dual else d

    return answer


def _in_place(u, Kx, z, z_old, K, rho, new_rho):
    z_old -= z
    return _turn(u, Kx, z, z + z_old, K, rho, new_rho)


def _raised_in_place(u, Kx, z, z_old, K, rho, new_rho):
    u += Kx - z
    return u * rho / new_rho, np.linalg.norm(Kx - z), rho * np.linalg.norm(K.T(z - z_old))


NORM = np.linalg.norm
DUALS = [
    (lambda *a: _turn(*a)[0], "three things"),
    (_raised_in_place, "changes u itself"),
    (_in_place, "changes z_old itself"),
    (lambda *a: (_turn(*a)[0], _turn(*a)[2], _turn(*a)[1]), "have changed places: return u, primal, dual"),
    (_price(lambda u, gap, r, n: (u - gap) * r / n), "sign of u is turned"),
    (_price(lambda u, gap, r, n: u + gap), "u was not rescaled"),
    (_price(lambda u, gap, r, n: (u + gap) * n / r), "rescaled the wrong way"),
    (_price(lambda u, gap, r, n: u * r / n + gap), "only the old u"),
    (_price(lambda u, gap, r, n: u * r / n), "only rescaled"),
    (_price(lambda u, gap, r, n: gap * r / n), "difference alone"),
    (_price(lambda u, gap, r, n: (u + r * gap) * r / n), "takes the difference as it is"),
    (_price(lambda u, gap, r, n: 3 * u), "not yet right"),
    (_residuals(primal=lambda gap, z, old: NORM(gap) ** 2), "primal residual: it is squared"),
    (_residuals(primal=lambda gap, z, old: np.abs(gap).mean()), "primal residual: it is the mean"),
    (_residuals(primal=lambda gap, z, old: NORM(z - old)), "that is for the dual one"),
    (_residuals(primal=lambda gap, z, old: NORM(gap + z - old)), "the copies of this round are z"),
    (_residuals(primal=lambda gap, z, old: NORM(gap) / gap.size**0.5), "root of the mean"),
    (_residuals(primal=lambda gap, z, old: np.abs(gap).sum()), "the sum of"),
    (_residuals(primal=lambda gap, z, old: gap), "must be one number"),
    (_residuals(primal=lambda gap, z, old: 3.0), "primal residual is not yet right"),
    (_residuals(dual=lambda K, change, r, n: NORM(K.T(change))), "dual residual: rho is missing"),
    (_residuals(dual=lambda K, change, r, n: r * NORM(change)), "K' is missing: send"),
    (_residuals(dual=lambda K, change, r, n: NORM(change)), "K' and rho"),
    (_residuals(dual=lambda K, change, r, n: n * NORM(K.T(change))), "takes new_rho"),
    (_residuals(dual=lambda K, change, r, n: r * NORM(K.T(change)) ** 2), "dual residual: it is squared"),
]


def _prior(weight, forward=None, back=None, *, penalty=None, prox=None, components=(), kind=operators.Linear):
    """Σ|second differences along z|, or another prior that differs from it in what is given."""
    forward = forward or (lambda x, xp: xp.roll(x, -1, 0) - 2 * x + xp.roll(x, 1, 0))
    return Prior(
        weight,
        lambda shape, xp: kind(
            lambda x: forward(x, xp),
            lambda v: (back or forward)(v, xp),
            tuple(shape),
            (*components, *shape),
            xp,
        ),
        penalty or (lambda v, xp: xp.abs(v)),
        prox or (lambda v, t, xp: _soft(v, t)),
    )


def _ahead(x, xp):
    return xp.roll(x, -1, 0) - x


def _behind(x, xp):
    return xp.roll(x, 1, 0) - x


def _slopes_and_itself(weight):
    """Group sparsity: the length of (∂x/∂z, x) in each voxel."""
    length = admm.total_variation(weight, (1, 1, 1))
    return _prior(
        weight,
        lambda x, xp: xp.stack([_ahead(x, xp), x]),
        lambda v, xp: _behind(v[0], xp) + v[1],
        penalty=length.penalty,
        prox=length.prox,
        components=(2,),
    )


PRIORS = [
    (lambda w: _prior(0.1), "the weight was 0.3, and your prior has 0.1"),
    (lambda w: 3, "give back a Prior"),
    (lambda w: _prior(w, kind=lambda *a: 3), "must give an operators.Linear"),
    (lambda w: _prior(w, lambda x, xp: np.diff(x, axis=0)), "np.diff loses a plane"),
    (lambda w: _prior(w, lambda x, xp: x[:, ::2]), "whole volumes"),
    (lambda w: _prior(w, back=lambda v, xp: v[0]), "must give the shape of x"),
    (lambda w: _prior(w, lambda x, xp: abs(x)), "not linear"),
    (lambda w: _prior(w, _ahead, _ahead), "rolls by −1"),
    (lambda w: _prior(w, _ahead, lambda v, xp: -_behind(v, xp)), "wrong sign"),
    (lambda w: _prior(w, lambda x, xp: x * np.arange(x.shape[0])[:, None, None]), "not the same at every voxel"),
    (lambda w: _prior(w, penalty=lambda v, xp: abs(v).sum()), "one value for each voxel"),
    (lambda w: _prior(w, prox=lambda v, t, xp: v[0]), "must keep the shape"),
    (lambda w: _prior(w, prox=lambda v, t, xp: v), "gives v back"),
    (lambda w: _prior(w, prox=lambda v, t, xp: v / abs(v) * np.maximum(abs(v) - t, 0)), "0 / 0"),
    (lambda w: _prior(w, prox=lambda v, t, xp: _soft(v, w * t)), "weight came in twice"),
    (lambda w: _prior(w, prox=lambda v, t, xp: _soft(v, 2 * t)), "twice too large"),
    (lambda w: _prior(w, prox=lambda v, t, xp: _soft(v, t / 2)), "is half of"),
    (lambda w: _prior(w, penalty=lambda v, xp: w * abs(v)), "the weight in it"),
    (lambda w: _prior(w, prox=lambda v, t, xp: v / (1 + 2 * t)), "prox is that of the penalty's square"),
    (lambda w: _prior(w, prox=lambda v, t, xp: v / (1 + t)), "half the penalty's square"),
    (lambda w: _prior(w, prox=lambda v, t, xp: v * (1 - t / abs(v))), "turned the sign of small v"),
    (lambda w: _prior(w, prox=lambda v, t, xp: v * (1 - t / (abs(v) + 1e-30))), "turned the sign of small v"),
    (lambda w: _prior(w, prox=lambda v, t, xp: v * (1 - t / np.maximum(abs(v), t))), "also for a weight of 0"),
    (lambda w: _prior(w, penalty=lambda v, xp: v * v), "a square, and this prox is that of its root"),
    (lambda w: _prior(w, penalty=lambda v, xp: v * v / 2), "half a square, and this prox"),
    (lambda w: _prior(w, prox=lambda v, t, xp: 1.3 * v), "is not that of the penalty"),
    (
        lambda w: Prior(
            w, admm.hessian(w, (1, 1, 1)).operator, admm.hessian(w, (1, 1, 1)).penalty, admm.sparsity(w).prox
        ),
        "each component by itself",
    ),
]


def _score(x, held, A, b, s):
    return i_divergence(held, (1 - s) / s * (A(x) + s * b)) / held.size


def _of(model):
    return lambda x, held, A, b, s: i_divergence(held, model(A(x), b, s)) / held.size


SCORES = [
    (_of(lambda Ax, b, s: Ax + s * b), "kept photons, not those"),
    (_of(lambda Ax, b, s: s / (1 - s) * (Ax + s * b)), "upside down"),
    (_of(lambda Ax, b, s: (1 - s) * (Ax + s * b)), "for the kept share alone"),
    (_of(lambda Ax, b, s: (1 - s) / s * (Ax + b)), "of the whole; the kept"),
    (_of(lambda Ax, b, s: (1 - s) * (Ax + b)), "takes x for the whole specimen"),
    (_of(lambda Ax, b, s: Ax + (1 - s) * b), "predicts the kept photons: it comes"),
    (_of(lambda Ax, b, s: (1 - s) / s * Ax + s * b), "is what the kept photons have"),
    (_of(lambda Ax, b, s: (1 - s) / s * Ax), "background is missing"),
    (_of(lambda Ax, b, s: (1 - s) / s * Ax + b), "only their own part"),
    (_of(lambda Ax, b, s: Ax + b), "a whole picture of a specimen x"),
    (_of(lambda Ax, b, s: (Ax + s * b) / s), "predicts all photons"),
    (lambda x, held, A, b, s: i_divergence(held, (1 - s) / s * (x + s * b)) / held.size, "not blurred"),
    (lambda *a: _score(*a) * a[1].size, "divide by the number"),
    (lambda x, held, A, b, s: i_divergence((1 - s) / s * (A(x) + s * b), held) / held.size, "changed places"),
    (lambda x, held, A, b, s: np.mean((held - (1 - s) / s * (A(x) + s * b)) ** 2), "squared error"),
    (lambda x, held, A, b, s: held, "must be one number"),
    (lambda *a: 3.0, "not yet right"),
]
ALL = cases(
    {
        checks.soft_threshold: THRESHOLDS,
        checks.photon_prox: PHOTONS,
        checks.x_update: X_UPDATES,
        checks.dual_update: DUALS,
        checks.own_prior: PRIORS,
        checks.held_out_score: SCORES,
    }
)


@pytest.mark.parametrize(("check", "answer", "diagnosis"), ALL)
def test_the_mistake_is_diagnosed(check, answer, diagnosis):
    with np.errstate(all="ignore"), pytest.raises(checks.NotYet, match=diagnosis):
        check(answer)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.soft_threshold, lambda v, w, r: _soft(v, w / r)),
        (checks.soft_threshold, _shrunk_in_place),
        (checks.photon_prox, _prox),
        (checks.x_update, _solve),
        (checks.dual_update, _turn),
        (checks.own_prior, _prior),
        (checks.own_prior, lambda w: _prior(w, _ahead, _behind)),
        (checks.own_prior, lambda w: _prior(w, penalty=lambda v, xp: v * v / 2, prox=lambda v, t, xp: v / (1 + t))),
        (checks.own_prior, _slopes_and_itself),
        (checks.own_prior, lambda w: admm.total_variation(w, (2, 1, 1))),
        (checks.own_prior, lambda w: admm.hessian(w, (2, 1, 1))),
        (checks.own_prior, admm.sparsity),
        (checks.held_out_score, _score),
    ],
)
def test_a_right_answer_passes(check, answer, capsys):
    check(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize("check", dict.fromkeys(check for check, _, _ in ALL))
def test_an_untouched_exercise_is_not_written_yet(check):
    def untouched(*_):
        raise NotImplementedError("your turn")

    with pytest.raises(checks.NotYet, match="not written yet"):
        check(untouched)
