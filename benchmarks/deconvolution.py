"""Richardson–Lucy beside the packages that people use: time of an iteration, and time to what a hundred of them reach.

The median of several rounds, in which every contestant takes its turn; the first call of each (compilation, plans) and
what a call does before its first iteration are not counted. The objective, the I-divergence, is computed for all alike.
"""

import numpy as np

from benchmarks import contestants
from benchmarks.timing import in_turns
from course_utils import backend, operators, richardson_lucy

SIZES = {(48, 256, 256): (5, 5), (64, 512, 512): (3, 3)}  # iterations a round, rounds
GOAL = 100  # iterations of plain Richardson–Lucy, whose objective is to be reached
FLOORS = {"scikit-image": (8, 30), "RedLionfish": (2.5, 9), "flowdec, complex": (1.5, 5)}  # an iteration, to the goal


def main():
    """Print a table for each size; return {size: {contestant: {"ms an iteration", "s to the objective"}}}."""
    return {" × ".join(map(str, shape)): _one_size(shape, *effort) for shape, effort in SIZES.items()}


def _one_size(shape, n_iter, rounds):
    y = contestants.photons(shape)
    course, (peers, absent) = contestants.course(y), contestants.peers(y)
    needed = {**_iterations(y, course), **dict.fromkeys(peers, GOAL)}
    seconds = _seconds(course, peers, needed, n_iter, rounds)
    table = {
        name: {"ms an iteration": 1000 * s, "iterations": needed[name], "s to the objective": s * needed[name]}
        for name, s in seconds.items()
    }
    print(f"\n{' × '.join(map(str, shape))}, periodic, PSF {' × '.join(map(str, contestants.PSF().shape))}, float32\n")
    print(f"{'':<28}{'ms an iteration':>16}{'iterations':>12}{'s to the objective':>20}")
    for name, row in table.items():
        print(f"{name:<28}{row['ms an iteration']:>16.1f}{row['iterations']:>12}{row['s to the objective']:>20.2f}")
    for reason in absent:
        print(reason)
    _compare(table)
    if shape == next(iter(SIZES)):
        _check_peers(y, peers)
    return table


def _seconds(course, peers, needed, n_iter, rounds):
    """{name: seconds of an iteration}; of a peer, by the difference between two calls, one iteration and several.

    The course's own are run from the start to the objective, for an iteration's cost may change on the way; plain
    Richardson–Lucy, whose iterations are all alike, for n_iter. The first, which compiles, is not timed.
    """
    counts = {name: n_iter if needed[name] == GOAL else needed[name] - 1 for name in (*course, *peers)}
    runs = {name: lambda estimates, n=counts[name]: _go_on(estimates, n) for name in course}
    for name, run in peers.items():
        runs[name] = lambda run=run: run(1 + n_iter)
        runs[name, "begin"] = lambda run=run: run(1)
    times = in_turns(runs, rounds, {name: lambda make=make: _begun(make()) for name, make in course.items()})
    return {name: (times[name] - times.get((name, "begin"), 0)) / n for name, n in counts.items()}


def _begun(estimates):
    _go_on(estimates, 1)
    return estimates


def _go_on(estimates, n_iter):
    for _ in range(n_iter):
        x = next(estimates)
    np.asarray(x[0, 0, 0])  # a GPU has not finished until a value is read


def _objective(y):
    H = operators.blur(contestants.PSF(), y.shape, xp=backend.get("numpy"))
    return lambda x: richardson_lucy.i_divergence(y, np.maximum(H(np.asarray(x)), 1e-6))


def _iterations(y, course):
    """{name: iterations to the objective that GOAL plain ones reach}; all backends take the same."""
    objective, needed = _objective(y), {}
    for x, _ in zip(course["plain, numpy"](), range(GOAL), strict=False):
        last = x
    goal = objective(last)
    for name in course:
        algorithm, _ = name.split(", ")
        needed[name] = needed.get(f"{algorithm}, numpy") or (
            GOAL if algorithm == "plain" else next(k for k, x in enumerate(course[name](), 1) if objective(x) <= goal)
        )
    return needed


def _compare(table):
    """The faster backend against each peer, and the ratio that is aimed at."""
    ours = [row for name, row in table.items() if name.rpartition(", ")[2] in backend.NAMES]
    for name, floors in FLOORS.items():
        if name in table:
            figures = [
                f"{table[name][what] / min(row[what] for row in ours):.1f} × {short} (aim {floor})"
                for what, short, floor in zip(
                    ("ms an iteration", "s to the objective"), ("an iteration", "to the objective"), floors, strict=True
                )
            ]
            print(f"{name}: {', '.join(figures)}")


def _check_peers(y, peers):
    """What a hundred iterations of each reach: a peer whose adjoint is shifted climbs another hill."""
    objective, H = _objective(y), operators.blur(contestants.PSF(), y.shape, xp=backend.get("numpy"))
    *_, ours = richardson_lucy.plain(y, H, n_iter=GOAL)
    goal = objective(ours)
    print(f"\nafter {GOAL} iterations, beside the course's plain estimate: objective, flux, distance, shift in voxels")
    for name, run in peers.items():
        x = np.asarray(run(GOAL))
        shift = ", ".join(f"{a - b:.2f}" for a, b in zip(_centre(x), _centre(ours), strict=True))
        distance, flux = np.linalg.norm(x - ours) / np.linalg.norm(ours), x.sum(dtype=float) / y.sum(dtype=float)
        print(f"{name:<20}{objective(x) / goal:>10.4f} ×{flux:>9.3f} ×{100 * distance:>9.2f} %   ({shift})")


def _centre(x):
    """The centre of mass."""
    profiles = [x.sum(axis=tuple(i for i in range(3) if i != axis), dtype=float) for axis in range(3)]
    return [p @ np.arange(len(p)) / p.sum() for p in profiles]
