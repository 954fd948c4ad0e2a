"""Every method of the course on one case, each with its number chosen before it meets the test.

A `Method` is two functions: choose(case, rng), which finds a setting on the twin or by held-out photons, and
run(case, setting), which is what is timed. What a method may look at is said in `cases`.
"""

import functools
import time
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from course_utils import admm, richardson_lucy, stopping
from course_utils.compare import restorations
from course_utils.compare.metrics import match_affine, psnr

WEIGHTS = (0.0005, 0.002, 0.008, 0.03, 0.12)  # of the priors, from weak to strong
SHARES = (0.01, 0.03, 0.1, 0.3, 1.0)  # μ of the data step, likewise
AFTER = 15  # iterations behind a network, at most
CHOSEN = {  # on twins of 41 voxels along each axis, and of 24 × 48 × 48, by 60 iterations with a prior
    "filaments and shells": {
        "TV-RL": 0.002,
        "ADMM, TV": 0.0005,
        "ADMM, Hessian": 0.0005,
        "ADMM, sparsity": 0.002,
        "U-Net, then data": 0.1,
        "U-Net, then RL": 9,
    },
    "round cells": {
        "TV-RL": 0.03,
        "ADMM, TV": 0.03,
        "ADMM, Hessian": 0.002,
        "ADMM, sparsity": 0.0005,
        "U-Net, then data": 0.3,
        "U-Net, then RL": 1,
    },
    "microtubules": {
        "TV-RL": 0.0005,
        "ADMM, TV": 0.0005,
        "ADMM, Hessian": 0.0005,
        "ADMM, sparsity": 0.12,
        "U-Net, then data": 0.01,
        "U-Net, then RL": 12,
    },
}


class Method(NamedTuple):
    """run(case, setting) -> Stack on the truth's grid, without background; choose(case, rng) -> setting."""

    run: Callable
    choose: Callable


class Result(NamedTuple):
    """By row: the estimates, the seconds of each run, and the settings."""

    estimates: dict
    seconds: dict
    settings: dict


def contest(case, methods, *, settings=None, rng):
    """Let each of the methods {row: Method} restore the case: a `Result`.

    settings  {row: setting} of those chosen before; the others choose now. rng: for the thinning of photons.
    Seconds are those of the run, with its setting known; the choice costs more. A network's first run compiles it.
    """
    result, known = Result({}, {}, {}), settings or {}
    for name, method in methods.items():
        result.settings[name] = setting = known[name] if name in known else method.choose(case, rng)
        begin = time.perf_counter()
        result.estimates[name] = method.run(case, setting)
        result.seconds[name] = time.perf_counter() - begin
    return result


def peak_memory(case, settings):
    """{row: MB} that NumPy holds at the peak of a run of each method without a network, beside the stack itself.

    Measured on its own, in two iterations, of which all are alike: to trace memory slows a run down many times.
    """
    peaks = {}
    for name, method in methods(n_iter=2, n_prior=2).items():
        if not has_network(name):
            tracemalloc.start()
            method.run(case, 2 if "RL" in name and name != "TV-RL" else settings[name])
            peaks[name] = tracemalloc.get_traced_memory()[1] / 1e6
            tracemalloc.stop()
    return peaks


def methods(*, n_iter=150, n_prior=50):
    """{row: Method} of all methods of the course.

    n_iter   the most iterations of Richardson–Lucy; half of them where it is accelerated.
    n_prior  iterations with a prior.
    """
    plain, fast = richardson_lucy.plain, richardson_lucy.biggs_andrews
    tv = functools.partial(restorations.richardson_lucy_tv, n_iter=n_prior)
    rows = {
        "Wiener": Method(restorations.wiener_filter, restorations.wiener_weight),
        "RL, oracle": _iterative(plain, functools.partial(_oracle, plain, n_iter)),
        "RL, held-out photons": _iterative(plain, functools.partial(_held_out, plain, n_iter)),
        "accelerated RL": _iterative(fast, functools.partial(_best_of_twin, fast, n_iter // 2)),
        "accelerated RL, held-out photons": _iterative(fast, functools.partial(_held_out, fast, n_iter // 2)),
        "TV-RL": _on_twin(tv, WEIGHTS),
    }
    priors = {"TV": admm.total_variation, "Hessian": admm.hessian, "sparsity": lambda w, _: admm.sparsity(w)}
    for name, prior in priors.items():
        rows[f"ADMM, {name}"] = _on_twin(functools.partial(restorations.with_prior, prior, n_iter=n_prior), WEIGHTS)
    rows |= {name: _network(restorations.plane_by_plane, name) for name in ("SRCNN, natural", "SRCNN, microscopy")}
    rows |= {name: _network(restorations.in_two_views, name) for name in ("IsoNet-1", "IsoNet-2", "U-Net")}
    rows["U-Net, then data"] = _on_twin(functools.partial(restorations.then_data, "U-Net"), SHARES)
    after = functools.partial(restorations.then_richardson_lucy, "U-Net")
    rows["U-Net, then RL"] = Method(
        lambda case, n: restorations.last(after(case, n)),
        lambda case, rng: best(after(_twin(case), AFTER), _twin(case)),
    )
    return rows


def at_exposure(settings, light):
    """The settings of priors for so many times the light: their weights fall with its root. Others choose anew."""
    return {
        row: value / np.sqrt(light) if "TV" in row or "ADMM" in row else value
        for row, value in settings.items()
        if row.startswith(("TV", "ADMM", "U-Net, then"))
    }


def has_network(row):
    """Whether a row of `methods` has a trained network in it."""
    return row.startswith(("SRCNN", "IsoNet", "U-Net"))


def marked(rows, case):
    """The rows under the names that a table should show: a * for a network that was not trained for such a stack."""
    foreign = {name for name in rows if has_network(name) and not any(name.startswith(home) for home in case.home)}
    return {name + " *" * (name in foreign): row for name, row in rows.items()}


def score(x, case):
    """PSNR (dB) against the truth, after the best gain and offset, its range the truth's maximum minus its minimum."""
    return psnr(match_affine(x, case.truth), case.truth)


def best(estimates, case):
    """The number, from 1 on, of the estimate with the best score: honest on a twin, an oracle's on the test."""
    return int(np.argmax([score(x, case) for x in estimates])) + 1


def _iterative(algorithm, choose):
    return Method(lambda case, n: restorations.last(restorations.iterations(algorithm, case, n)), choose)


def _network(run, row):
    return Method(lambda case, _: run(row, case), lambda case, rng: restorations.load(row, case))


def _on_twin(run, settings):
    """The Method whose setting is the best on the twin: one after another, until the score falls."""

    def choose(case, rng):
        twin = _twin(case)
        return stopping.first_minimum(settings, lambda setting: -score(run(twin, setting), twin), patience=1)[0]

    return Method(run, choose)


def _twin(case):
    if case.twin is None:
        raise ValueError("this case has no twin to choose a setting by; make it with cases.isotropic, for example.")
    return case.twin


def _oracle(algorithm, most, case, rng):
    return best(restorations.iterations(algorithm, case, most), case)


def _best_of_twin(algorithm, most, case, rng):
    twin = _twin(case)
    return best(restorations.iterations(algorithm, twin, most), twin)


def _held_out(algorithm, most, case, rng):
    y, background = case.stack.data, case.background
    return stopping.best_predicted(algorithm, y, case.H, n_iter=most, background=background, rng=rng)
