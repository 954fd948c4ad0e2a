"""Checks of notebook 05."""

import functools

import numpy as np
from scipy import fft

from course_utils import backend, operators
from course_utils.checks.answer import HALF_GRID, NotYet, call, compare, hints, holds
from course_utils.likelihood import i_divergence

XP = backend.get("numpy", "float64")


def soft_threshold(answer):
    """Exercise of notebook 05: answer(v, weight, rho) → argmin_z weight · |z| + rho / 2 · (z − v)²."""
    v, weight, rho = np.array([-7.0, -2.5, -1.0, -0.3, 0.0, 0.4, 1.2, 2.1, 6.0]), 0.6, 0.4
    length, t = np.abs(v), weight / rho
    mistakes = {
        "the threshold is weight; it is weight / rho: the dearer a difference, the less is taken away": _shrink(
            v, weight
        ),
        "the threshold is weight · rho; it is weight / rho: the dearer a difference, the less is taken away": _shrink(
            v, weight * rho
        ),
        "the threshold is twice too large: the derivative of rho / 2 · (z − v)² is rho (z − v)": _shrink(v, 2 * t),
        "the threshold is half of what it should be: the derivative of rho / 2 · (z − v)² is rho (z − v)": _shrink(
            v, t / 2
        ),
        "the sign is lost: negative values come out positive. Shorten |v|, and give it the sign of v again": np.maximum(
            length - t, 0
        ),
        "negative values were all set to zero; a large negative v stays negative, only shorter": np.maximum(v - t, 0),
        "values below the threshold have changed their sign; they become 0: np.maximum(|v| − threshold, 0)": v
        - t * np.sign(v),
        "this subtracts the threshold everywhere. Both signs move towards zero": v - t,
        "small values are gone, but large ones were kept as they are: that is the hard threshold, the prox of counting "
        "what is not 0. |z| takes its threshold from all": np.where(length > t, v, 0),
        "this divides: the prox of weight / 2 · z². |z| subtracts": v / (1 + t),
    }
    compare(call(answer, v.copy(), weight, rho), _shrink(v, t), mistakes)
    holds("what is shorter than weight / rho becomes 0", "all else is shortened by weight / rho, and keeps its sign")


def photon_prox(answer):
    """Exercise of notebook 05: answer(v, y, background, rho) → the Poisson prox, without cancellation in float32."""
    rng = np.random.default_rng(12)
    v, y, b, rho = rng.normal(5, 8, (5, 6)), rng.poisson(4, (5, 6)).astype(float), 3.0, 0.2
    q, product = v + b - 1 / rho, y / rho
    exact = _root(q, product) - b
    mistakes = {
        "what is negative was set to 0. That is another agent's wish; here only z > −background holds": np.maximum(
            exact, 0
        ),
        "the two forms have changed places: twice / 2 is the root where q > 0": np.where(
            q > 0, -_root(q, product, -1), _root(-q, product)
        )
        - b,
        "1 / rho stands as 1 in q = v + background − 1 / rho": _root(v + b - 1, product) - b,
        "this is the other root, the negative one: no number of photons. Take + √": _root(v + b - 1 / rho, y / rho, -1)
        - b,
        "the background is missing: q = v + background − 1 / rho, and z = w − background": _root(v - 1 / rho, y / rho),
        "this is w = z + background; take the background off at the end": exact + b,
        "the background is missing in q = v + background − 1 / rho": _root(v - 1 / rho, y / rho) - b,
        "the background has the wrong sign in q = v + background − 1 / rho: w = z + b is near v + b": _root(
            v - b - 1 / rho, y / rho
        )
        - b,
        "1 / rho is missing in q: the slope of the first term, z + background, is 1": _root(v + b, y / rho) - b,
        "q has + 1 / rho where − 1 / rho belongs: set the derivative to zero once more": _root(v + b + 1 / rho, y / rho)
        - b,
        "y stands under the root as it is; it is y / rho": _root(v + b - 1 / rho, y) - b,
        "y was multiplied by rho: it is y / rho": _root(v + b - 1 / rho, y * rho) - b,
        "q has rho where 1 / rho belongs": _root(v + b - rho, y / rho) - b,
        "the half is missing: w = q / 2 + √(q² / 4 + y / rho)": 2 * exact + b,
        "the 4 is missing: √(q² + 4 y / rho) / 2, or √(q² / 4 + y / rho)": _root(v + b - 1 / rho, y / (4 * rho)) - b,
    }
    with np.errstate(all="ignore"):
        result = np.asarray(call(answer, v, y, b, rho))
        if result.shape == exact.shape and result.dtype.kind in "biuf":
            mistakes[_worst_voxel(result, exact, v, y, b, rho)] = result
        compare(result, exact, mistakes)
        _diagnose_cancellation(answer)
    holds(
        "the positive root, with the background",
        "dark voxels (y = 0) too",
        "no digits lost in float32, and nothing NaN",
    )


def _worst_voxel(result, exact, v, y, b, rho):
    """What is told of a mistake that is not known: the voxel, and what was asked of it."""
    k = np.argmax(np.abs(np.nan_to_num(result - exact, nan=np.inf)))
    return (
        f"not yet right: for v = {v.flat[k]:.4g}, y = {y.flat[k]:g}, background = {b:g} and rho = {rho:g} it gives "
        f"{result.flat[k]:.6g}, and {exact.flat[k]:.6g} is right"
    )


def _diagnose_cancellation(answer):
    """In float32, where q is far below zero, and where y and q are both 0."""
    v, y = np.array([-1e4, -300, 50], np.float32), np.array([5, 2, 40], np.float32)
    exact = _root(np.float64(v) - 10, y / 0.1)
    result = np.asarray(call(answer, v, y, np.float32(0), np.float32(0.1)))
    if not np.allclose(result, exact, rtol=1e-4):
        worst = np.argmax(np.abs(result / exact - 1))
        raise NotYet(
            f"right on paper, but not in float32: for v = {v[worst]:g}, y = {y[worst]:g}, rho = 0.1 it gives "
            f"{result[worst]:.4g}, and {exact[worst]:.4g} is right. Where q < 0, q + √(q² + …) is the difference of "
            "two nearly equal numbers: there, take w = (2 y / rho) / (−q + √(q² + 4 y / rho))."
        )
    v, y = np.full(2, 10, np.float32), np.zeros(2, np.float32)
    dark = np.asarray(call(answer, v, y, np.float32(0), np.float32(0.1)))  # q = 0
    if not np.allclose(dark, 0):
        raise NotYet(
            f"where y = 0 and q = 0 it gives {dark[0]}: 0 / 0. Keep the denominator above, say, 1e-30 (np.maximum)."
        )


def x_update(answer):
    """Exercise of notebook 05: answer(z, u, transfer, D, gram) → (A'A + I + D'D)⁻¹ K'(z − u), in Fourier space."""
    for shape in ((4, 6, 8), (5, 6, 7)):
        rng = np.random.default_rng(13)
        H, D = fft.rfftn(rng.random(shape) ** 4), operators.gradient(shape, (2, 1, 1), xp=XP)
        gram = fft.rfftn(D.T(D(_impulse(shape)))).real
        z, u = ([rng.standard_normal(s) for s in (shape, shape, D.shape_out)] for _ in range(2))
        c, rest = z[0] - u[0], z[1] - u[1] + D.T(z[2] - u[2])
        solved = functools.partial(_solved, back=np.conj(H), divisor=np.abs(H) ** 2 + 1 + gram)
        plus = z[1] + u[1] + D.T(z[2] + u[2])
        mistakes = {
            "z0 − u0 goes back through the microscope: its spectrum times np.conj(transfer), not transfer": solved(
                c, rest, back=H
            ),
            "z0 − u0 goes back through the microscope: its spectrum times np.conj(transfer)": solved(c, rest, back=1),
            "D'D is missing in the denominator: + gram": solved(c, rest, divisor=np.abs(H) ** 2 + 1),
            "I'I is missing in the denominator: + 1": solved(c, rest, divisor=np.abs(H) ** 2 + gram),
            "A'A is missing in the denominator: + |transfer|²": solved(c, rest, divisor=1 + gram),
            "gram is Σ|d̂|² already: do not square it": solved(c, rest, divisor=np.abs(H) ** 2 + 1 + gram**2),
            "A'A is |transfer|², conj(transfer) · transfer; transfer² has another phase": solved(
                c, rest, divisor=H**2 + 1 + gram
            ),
            "|transfer| must be squared": solved(c, rest, divisor=np.abs(H) + 1 + gram),
            "the sign of the prices is turned: x is to meet z − u, since u + Kx − z is the next price": solved(
                z[0] + u[0], plus
            ),
            "the prices u are missing: x is to meet z − u": solved(z[0], z[1] + D.T(z[2])),
            "the prior's part is missing on the right: D.T(z2 − u2)": solved(c, z[1] - u[1]),
            "the price u2 is missing on the right: D.T(z2 − u2)": solved(c, z[1] - u[1] + D.T(z[2])),
            "the price u1 is missing on the right: z1 − u1": solved(c, z[1] + D.T(z[2] - u[2])),
            "the price u0 is missing on the right: z0 − u0": solved(z[0], rest),
            "z1 − u1 is missing on the right": solved(c, D.T(z[2] - u[2])),
            "z0 − u0 is missing on the right": solved(0 * c, rest),
            "the division is missing: by |transfer|² + 1 + gram": solved(c, rest, divisor=1),
        }
        with hints(HALF_GRID):
            result = np.asarray(call(answer, z, u, H, D, gram))
        if np.iscomplexobj(result):
            raise NotYet("this is still a spectrum: transform it back with fft.irfftn(…, s=z[0].shape).")
        if result.shape[:-1] == shape[:-1] and result.shape != shape:
            raise NotYet(f"the last axis came back as {result.shape[-1]} instead of {shape[-1]}: irfftn(…, s=…).")
        compare(result, solved(c, rest), mistakes)
    holds("K'(z − u) on the right: conj(transfer), 1 and D'", "divided by |transfer|² + 1 + gram", "odd and even grids")


def dual_update(answer):
    """Exercise of notebook 05: answer(u, Kx, z, z_old, K, rho, new_rho) → (u at new_rho, primal, dual residual)."""
    rng, rho, new_rho = np.random.default_rng(14), 0.5, 2.0
    forward = rng.standard_normal((7, 4))
    K = operators.Linear(lambda x: forward @ x, lambda v: forward.T @ v, (4,), (7,), XP)
    u, Kx, z, z_old = given = rng.standard_normal((4, 7))
    handed = given.copy()
    result = call(answer, *handed, K, rho, new_rho)
    if not np.array_equal(handed, given):
        name = ("u", "Kx", "z", "z_old")[int(np.argmax((handed != given).any(axis=1)))]
        raise NotYet(
            f"your function changes {name} itself, which its caller still needs: {name} = … + …, not {name} += …."
        )
    if not isinstance(result, (tuple, list)) or len(result) != 3:
        raise NotYet("give back three things: return u, primal, dual.")
    new, gap = u + Kx - z, Kx - z
    compare(
        result[0],
        new * rho / new_rho,
        {
            "the sign of u is turned: where Kx exceeds z, the price must rise, u + Kx − z": (u - gap) * rho / new_rho,
            "u was not rescaled. The price itself is rho · u, and must not jump with rho: u · rho / new_rho": new,
            "u was rescaled the wrong way: rho · u must stay, so u falls when rho rises": new * new_rho / rho,
            "only the old u was rescaled; rescale u + Kx − z": u * rho / new_rho + gap,
            "u was not updated, only rescaled: u + Kx − z": u * rho / new_rho,
            "this is the difference alone: prices add up, u + Kx − z": gap * rho / new_rho,
            "rho belongs to the price rho · u; the scaled u takes the difference as it is": (u + rho * gap)
            * rho
            / new_rho,
        },
    )
    dual, dual_mistakes = _dual_mistakes(K, z - z_old, rho, new_rho)
    swapped = {"the two have changed places: return u, primal, dual": dual}
    primal_mistakes = _primal_mistakes(gap, Kx - z_old, z - z_old)
    _compare_number("the primal residual", result[1], np.linalg.norm(gap), swapped | primal_mistakes)
    _compare_number("the dual residual", result[2], dual, dual_mistakes)
    holds("u + Kx − z, and rho · u does not jump", "|Kx − z|", "rho |K'(z − z_old)|")


def _primal_mistakes(gap, old_gap, change):
    return {
        "it is squared; take the norm, with its root": np.sum(gap**2),
        "it is the mean; take the norm, √ of the sum of the squares": np.mean(np.abs(gap)),
        "it is the root of the mean; take the norm, √ of the sum of the squares": np.sqrt(np.mean(gap**2)),
        "it is the sum of |Kx − z|; take the norm, √ of the sum of the squares": np.sum(np.abs(gap)),
        "it compares Kx with z_old; the copies of this round are z": np.linalg.norm(old_gap),
        "it compares z with z_old: that is for the dual one": np.linalg.norm(change),
    }


def _dual_mistakes(K, change, rho, new_rho):
    back = np.linalg.norm(K.T(change))
    return rho * back, {
        "rho is missing: it is a slope, rho times a length": back,
        "K' is missing: send z − z_old back to where x lives, K.T(z − z_old)": rho * np.linalg.norm(change),
        "K' and rho are missing": np.linalg.norm(change),
        "it takes new_rho; this iteration was made with rho": new_rho * back,
        "it is squared; take the norm, with its root": rho * back**2,
    }


def held_out_score(answer):
    """Exercise of notebook 05: answer(x, held, A, background, share) → the I-divergence of held, a voxel."""
    rng, share, background = np.random.default_rng(17), 0.8, 4.0
    A = operators.blur(rng.random((3, 3, 3)) / 13.5, (5, 6, 7), xp=XP)
    x = share * 20 * rng.random(A.shape_in)
    Ax = A(x)
    exact = (1 - share) / share * (Ax + share * background)
    held = 1.0 + rng.poisson(exact)  # no zeros, of which a logarithm would be taken by mistake
    size = held.size
    wrong = {
        "it predicts the kept photons, not those held out: times (1 − share) / share": Ax + share * background,
        "the factor is upside down: of all photons, share were kept; (1 − share) / share": share
        / (1 - share)
        * (Ax + share * background),
        "the factor is (1 − share) / share: x stands for the kept share alone, not for the whole": (1 - share)
        * (Ax + share * background),
        "the background is that of the whole; the kept share of the photons has share · background of it": (1 - share)
        / share
        * (Ax + background),
        "this takes x for the whole specimen; it is share of it, so that A(x) comes in times (1 − share) / share": (
            1 - share
        )
        * (Ax + background),
        "the background is right, but A(x) predicts the kept photons: it comes in times (1 − share) / share": Ax
        + (1 - share) * background,
        "share · background is what the kept photons have; those held out have (1 − share) · background": (1 - share)
        / share
        * Ax
        + share * background,
        "the background is missing: held-out photons come from it, too": (1 - share) / share * Ax,
        "the held-out photons have only their own part of it, (1 − share) · background": (1 - share) / share * Ax
        + background,
        "this is a whole picture of a specimen x; x is share of the specimen, and what was held out is 1 − share": Ax
        + background,
        "this predicts all photons, kept and held out: those held out are (1 − share) / share times the kept": (
            Ax + share * background
        )
        / share,
        "x was not blurred: photons are predicted behind the microscope": (1 - share)
        / share
        * (x + share * background),
    }
    mistakes = {text: i_divergence(held, model) / size for text, model in wrong.items()}
    mistakes |= {
        "this is the sum; divide by the number of voxels": i_divergence(held, exact),
        "data and prediction have changed places: i_divergence(held, prediction)": i_divergence(exact, held) / size,
        "this is the squared error. Photons want i_divergence": np.mean((held - exact) ** 2),
    }
    result = call(answer, x, held, A, background, share)
    with np.errstate(all="ignore"):
        _compare_number("the score", result, i_divergence(held, exact) / size, mistakes)
    holds("x predicts the photons held out, with their part of the background", "the I-divergence, a voxel")


def _compare_number(what, result, exact, mistakes):
    if np.ndim(result) != 0 or not np.isreal(result):
        raise NotYet(f"{what} must be one number; it has shape {np.shape(result)}.")
    for explanation, wrong in {"": exact, **mistakes}.items():
        if np.isclose(float(result), wrong, rtol=1e-5):
            if explanation:
                raise NotYet(f"{what}: {explanation}.")
            return
    raise NotYet(f"{what} is not yet right: expected {exact:.6g}, got {float(result):.6g}.")


def _shrink(v, threshold):
    return np.sign(v) * np.maximum(np.abs(v) - threshold, 0)


def _root(q, product, sign=1):
    """A root of w² − q w = product, in float64."""
    return q / 2 + sign * np.sqrt(q * q / 4 + product)


def _solved(c, rest, *, back, divisor):
    return fft.irfftn((back * fft.rfftn(c) + fft.rfftn(rest)) / divisor, rest.shape)


def _impulse(shape):
    impulse = np.zeros(shape)
    impulse[(0,) * len(shape)] = 1
    return impulse
