"""ADMM with photons, x ≥ 0 and total variation: beside SCICO's ADMM, and beside Richardson–Lucy.

python -m benchmarks.admm        needs, in an environment of its own, for it pins an older JAX: pip install scico

Both minimise Σ(Hx − y log Hx) + λ Σ|∇x| over x ≥ 0, by the same splitting at the same fixed ρ; H is a periodic blur,
voxels count as cubes, there is no background. SCICO knows no proximal operator of the Poisson likelihood, and is given
one. ProxImaL 0.1.7 has all parts, but does not import beside today's SciPy; DeepInverse has no exact step for a
Poisson likelihood behind a blur. The objective is computed for all alike.
"""

import itertools

import numpy as np

from benchmarks import contestants
from benchmarks.timing import in_turns
from course_utils import admm, backend, operators, richardson_lucy

SHAPE, ROUNDS, N_ITER = (48, 256, 256), 5, 5
WEIGHT, GAP = 0.005, 1e-2  # λ; the goal: so near to the optimum, of the way from the start
PRIOR = admm.total_variation(WEIGHT, (1, 1, 1))
LONG = 300  # iterations that stand for the optimum
COST = 1.6  # of an iteration, in iterations of Richardson–Lucy with the same backend: the aim
REPORT = 418 / 326  # seconds of its ADMM over those of its Richardson–Lucy, 100 iterations each


def main():
    """Print a table of time per iteration, and to the objective; return it."""
    y = contestants.photons(SHAPE)
    rho = 0.05 / float(y.mean())
    makers, absent = _contestants(y, rho)
    seconds = _seconds(y, rho, makers)
    needed = _iterations(y, makers)
    print(f"ADMM with total variation, {' × '.join(map(str, SHAPE))}, periodic, float32, λ {WEIGHT}, ρ {rho:.3g}\n")
    print(f"{'':<28}{'ms an iteration':>16}{'iterations':>12}{'s to the objective':>20}")
    for name, s in seconds.items():
        n = needed.get(name)
        print(f"{name:<28}{1000 * s:>16.1f}" + (f"{n:>12}{n * s:>20.1f}" if n else ""))
    for name in backend.NAMES:
        if f"ADMM, {name}" in seconds:
            rl, tv, free = (seconds[f"{what}, {name}"] for what in ("Richardson–Lucy", "ADMM", "ADMM without prior"))
            print(
                f"{name}: an iteration costs {tv / rl:.2f} of Richardson–Lucy's with total variation, {free / rl:.2f} "
                f"without a prior (aim {COST}; the report's, without a prior, {REPORT:.2f})"
            )
    print("\n".join(absent))
    return {name: {"ms an iteration": 1000 * s, "iterations": needed.get(name)} for name, s in seconds.items()}


def _seconds(y, rho, makers):
    """{name: seconds of an iteration}, with Richardson–Lucy as a yardstick, and with ADMM without a prior."""
    going = {name: make() for name, make in makers.items()}
    for name in backend.NAMES:
        if f"ADMM, {name}" in going:
            going[f"Richardson–Lucy, {name}"] = richardson_lucy.plain(y, _blur(y, name), n_iter=10**9)
            going[f"ADMM without prior, {name}"] = _course(y, rho, name, prior=None)
    times = in_turns({name: lambda estimates=estimates: _go_on(estimates) for name, estimates in going.items()}, ROUNDS)
    return {name: s / N_ITER for name, s in times.items()}


def _go_on(estimates):
    for x in itertools.islice(estimates, N_ITER):
        last = x
    np.asarray(last[0, 0, 0])  # a GPU, or JAX, has not finished until a value is read


def _iterations(y, makers):
    """{name: iterations to the goal}: GAP of the way back from the optimum to the start; None if not in LONG."""
    H = _blur(y, "numpy")

    def score(x):
        return admm.objective(np.asarray(x), y, H, PRIOR)

    *_, best = itertools.islice(makers["ADMM, numpy"](), LONG)
    goal = score(best) + GAP * (score(np.full_like(y, y.mean())) - score(best))
    needed = {}
    for name, make in makers.items():
        course = name.startswith("ADMM") and needed.get("ADMM, numpy")  # all backends take the same
        estimates = enumerate(itertools.islice(make(), LONG), 1)
        needed[name] = course or next((k for k, x in estimates if score(x) <= goal), None)
    return needed


def _contestants(y, rho):
    """{name: function that gives an endless generator of estimates}, and why one is absent."""
    makers = {f"ADMM, {name}": lambda name=name: _course(y, rho, name) for name in backend.NAMES}
    found, absent = {}, []
    for name, make in {**makers, "SCICO's ADMM": lambda: _scico(y, rho)}.items():
        try:
            next(make())
        except ImportError as error:
            absent.append(f"{name} is left out: {error}")
        else:
            found[name] = make
    return found, absent


def _blur(y, name):
    return operators.blur(contestants.PSF(), y.shape, xp=backend.get(name))


def _course(y, rho, name, prior=PRIOR):
    for iterate in admm.poisson(y, _blur(y, name), prior=prior, n_iter=10**9, rho=rho, adapt=0):
        yield iterate.x


def _scico(y, rho):
    import scico.numpy as snp
    from scico import functional, linop
    from scico.optimize.admm import ADMM, CircularConvolveSolver

    counts, psf = snp.array(y), snp.array(contestants.PSF())

    class Poisson(functional.Functional):
        has_eval, has_prox = False, True

        def prox(self, v, lam=1.0, **_):
            q = v - lam
            return (q + snp.sqrt(q * q + 4 * lam * counts)) / 2

    parts = {
        linop.CircularConvolve(psf, y.shape, h_center=snp.array([n // 2 for n in psf.shape])): Poisson(),
        linop.Identity(y.shape): functional.NonNegativeIndicator(),
        linop.FiniteDifference(y.shape, circular=True): WEIGHT * functional.L21Norm(),
    }
    solver = ADMM(
        f=None,
        g_list=list(parts.values()),
        C_list=list(parts),
        rho_list=[rho] * len(parts),
        x0=snp.full(y.shape, float(y.mean()), dtype=np.float32),
        subproblem_solver=CircularConvolveSolver(),
    )
    while True:
        solver.step()
        yield snp.maximum(solver.x, 0)


if __name__ == "__main__":
    main()
