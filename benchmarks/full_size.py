"""Seconds an iteration and peak memory at 44 × 1904 × 1900 voxels, a whole microscope's field of view, periodic edges.

python -m benchmarks.full_size [name of a backend]   takes a minute, and some 6 GB (peak memory: Linux only)
"""

import resource
import sys
import time

import numpy as np

from benchmarks.contestants import PSF
from course_utils import backend, operators, richardson_lucy

SHAPE, ITERATIONS = (44, 1904, 1900), 3


def main(name="numpy"):
    """Print the figures; the peak is that of the whole process, Python and its packages included."""
    y = np.random.default_rng(0).poisson(20, SHAPE).astype(np.float32)
    estimates = richardson_lucy.plain(y, operators.blur(PSF(), SHAPE, xp=backend.get(name)), n_iter=1 + ITERATIONS)
    np.asarray(next(estimates)[0, 0, 0])  # compilation, plans
    begin = time.perf_counter()
    for x in estimates:
        last = x
    np.asarray(last[0, 0, 0])
    seconds = (time.perf_counter() - begin) / ITERATIONS
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = " × ".join(map(str, SHAPE))
    print(f"{size}, periodic, {name}: {seconds:.1f} s an iteration, {peak / 1e9:.1f} GB at the peak")


if __name__ == "__main__":
    main(*sys.argv[1:])
