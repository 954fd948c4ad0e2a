"""Side by side with the packages that people use, in one run, on one machine: `make bench`.

Each row is a ratio within this run: seconds alone say as much about the machine as about the code. The median of
several rounds, in which every contestant takes its turn, the first call of each (compilation, plans) not counted.
"""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks import psf
from benchmarks.timing import in_turns

SHAPE, PSF_SHAPE, ITERATIONS, ROUNDS = (48, 256, 256), (31, 31, 31), 5, 5
FLOOR = 5.0  # at least this many times as fast as scikit-image, on every backend


def main():
    rng = np.random.default_rng(0)
    y = rng.poisson(20, SHAPE).astype(np.float32)
    kernel = rng.random(PSF_SHAPE, dtype=np.float32)
    kernel /= kernel.sum()
    print(f"Richardson–Lucy, {' × '.join(map(str, SHAPE))}, periodic, PSF {' × '.join(map(str, PSF_SHAPE))}, float32")
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n")
    contestants = {"scikit-image": _scikit_image(y, kernel), **_course(y, kernel)}
    seconds = {name: s / ITERATIONS for name, s in in_turns(contestants, ROUNDS).items()}
    slowest = seconds["scikit-image"]
    print(f"{'':<22}{'ms an iteration':>16}{'× scikit-image':>16}")
    for name, s in seconds.items():
        print(f"{name:<22}{1000 * s:>16.1f}{slowest / s:>16.1f}")
    for name, volumes in _memory().items():
        print(f"{name}: peak memory {volumes:.2f} float32 volumes of the padded grid")
    write(Path("results/benchmarks.json"), {"ms an iteration": {name: 1000 * s for name, s in seconds.items()}})
    print()
    try:
        late_psf = psf.main()
    except ImportError as error:  # peers that the course itself does not need
        print(f"PSFs are not compared: {error.name} is not installed (pip install psfmodels MicroscPSF-Py).")
        late_psf = 0
    late = [name for name, s in seconds.items() if name != "scikit-image" and slowest / s < FLOOR]
    return f"slower than {FLOOR} × scikit-image: {', '.join(late)}" if late else late_psf


def _scikit_image(y, kernel):
    from skimage.restoration import richardson_lucy

    return lambda: richardson_lucy(y, kernel, num_iter=ITERATIONS, clip=False)


def _course(y, kernel):
    """{name: a function that goes on by ITERATIONS}, for each backend whose package is installed."""
    from course_utils import backend, operators, richardson_lucy

    runs = {}
    for name in ("numpy", "tensorflow", "jax"):
        try:
            H = operators.blur(kernel, SHAPE, xp=backend.get(name))
        except ImportError:
            continue
        estimates = richardson_lucy.plain(y, H, n_iter=10**9)
        runs[f"this course, {name}"] = lambda estimates=estimates: _go_on(estimates)
    return runs


def _go_on(estimates):
    for _ in range(ITERATIONS):
        x = next(estimates)
    np.asarray(x[0, 0, 0])  # a GPU has not finished until a value is read


def _memory():
    """Peak volumes of a run with open edges, each backend in a process of its own; empty where /proc is absent."""
    if not sys.platform.startswith("linux"):
        return {}
    measured = {}
    for name in ("numpy", "tensorflow", "jax"):
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", name], capture_output=True, text=True, check=False
        )
        if run.returncode == 0:
            measured[f"this course, {name}"] = float(run.stdout)
    return measured


def write(path, figures):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
