"""A small part of a stack, on which methods and numbers of iterations can be tried before the whole is computed."""

import functools
import itertools
import time
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from course_utils import backend, formation, likelihood, operators, stopping
from course_utils.compare import residual_whiteness
from course_utils.deconvolve import METHODS, tv_weight
from course_utils.stack import Stack


class Trial(NamedTuple):
    """What one method did on the preview.

    scores     of the estimates from half of the photons, against the other half: the lower the better.
    n_iter     the number of iterations with the lowest score.
    estimate   the middle of the preview after so many iterations, from all of the photons, in photons.
    seconds    an iteration, and whiteness of what was left: `compare.residual_whiteness`.
    """

    scores: list
    n_iter: int
    estimate: Stack
    seconds: float
    whiteness: object


def busiest(stack, core, n=5):
    """Up to n places for a preview, as slices (z, y, x): those of most contrast first, none over another by half.

    core  shape of the middle, which is looked at. Contrast: the variance of the stack, averaged over 3 × 3 × 3 voxels,
    within the place.
    """
    core = tuple(min(c, m) for c, m in zip(core, stack.shape, strict=True))
    smooth = ndimage.uniform_filter(stack.data, 3, mode="nearest")
    starts = [_starts(m, c) for m, c in zip(stack.shape, core, strict=True)]
    places = [tuple(slice(a, a + c) for a, c in zip(at, core, strict=True)) for at in itertools.product(*starts)]
    places.sort(key=lambda place: -smooth[place].var(dtype=np.float64))
    chosen = []
    for place in places:
        if len(chosen) < n and all(_overlap(place, other) <= 0.5 for other in chosen):
            chosen.append(place)
    return chosen


def with_margin(place, psf_shape, shape):
    """The place, wider by the PSF's reach on each side, as far as the stack goes: light comes in from there."""
    return tuple(
        slice(max(p.start - m // 2, 0), min(p.stop + m // 2, n))
        for p, m, n in zip(place, psf_shape, shape, strict=True)
    )


def weight_of(method, y, background):
    """λ of total variation for so many photons, as `deconvolve` chooses it; "auto" for methods without one."""
    return tv_weight(y.data, background) if method == "rl-tv" else "auto"


def try_methods(y, background, psf, place, *, methods=tuple(METHODS), most=60, rng):
    """{method: Trial} on one place of a stack in photons, its margin included.

    most  iterations that are tried; those of the lowest held-out score are taken.
    """
    window = with_margin(place, psf.shape, y.shape)
    part = y.with_data(y.data[window])
    xp = backend.default()
    A = formation.forward(psf, part.shape, xp=xp)
    halves = stopping.thin(part.data, 0.5, rng)
    inner = tuple(slice(p.start - w.start, p.stop - w.start) for p, w in zip(place, window, strict=True))
    return {method: _trial(_run(method, y, background), part, background, A, halves, inner, most) for method in methods}


def _run(method, y, background):
    run = METHODS[method]
    if method != "rl-tv":
        return run
    return functools.partial(run, weight=weight_of(method, y, background), voxel_size=y.voxel_size)


def _trial(run, part, background, A, halves, inner, most):
    kept, held = halves
    score = stopping.held_out(held, A, share=0.5, background=background)
    scores = [score(x) for x in run(kept, A, n_iter=most, background=background / 2)]
    n_iter = 1 + int(np.argmin(scores))
    begin = time.perf_counter()
    for x in run(part.data, A, n_iter=n_iter, background=background):
        last = x
    seconds = (time.perf_counter() - begin) / n_iter
    model = np.maximum(np.asarray(A(last)), 0) + max(background, likelihood.tiny(part.data))
    whiteness = residual_whiteness(part.data[inner], model[inner])
    estimate = np.asarray(operators.crop(part.shape, A.shape_in, xp=A.xp)(last))[inner]
    return Trial(scores, n_iter, part.with_data(estimate), seconds, whiteness)


def _starts(n, core):
    """Where places along one axis begin: half a core apart, the last one flush with the end."""
    return sorted({*range(0, n - core, max(core // 2, 1)), n - core})


def _overlap(a, b):
    """The share of a place that lies in another of the same shape."""
    common = [
        max(0, min(p.stop, q.stop) - max(p.start, q.start)) / (p.stop - p.start) for p, q in zip(a, b, strict=True)
    ]
    return float(np.prod(common))
