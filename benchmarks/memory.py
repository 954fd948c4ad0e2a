"""Peak memory of a deconvolution, in float32 volumes of its grid, padded or not (Linux only).

python -m benchmarks.memory BACKEND [rl | rl-tv | rl-fast [open | periodic]]      prints the number of volumes
"""

import re
import sys
from pathlib import Path

import numpy as np

from course_utils import backend, formation
from course_utils.deconvolve import METHODS

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
# A volume of 49 MB: what is smaller than 32 MB, glibc keeps for itself when it is freed, and the peak shows that too.
SHAPE, PSF_SHAPE = (112, 304, 304), (9, 17, 17)


def reset_peak():
    """Begin to count anew; returns the bytes that are resident now."""
    CLEAR.write_text("5")  # 5: the high-water mark goes back to what is resident
    return _bytes("VmRSS")


def peak():
    """The most bytes that were resident at once since the last reset."""
    return _bytes("VmHWM")


def volumes(name, method="rl", edges="open"):
    """What a run of four iterations takes beyond the caller's own stack."""
    xp, psf = backend.get(name), np.full(PSF_SHAPE, 1 / np.prod(PSF_SHAPE), np.float32)
    y = np.ones(SHAPE, np.float32)
    _run(xp, psf, y[:112, :144, :144], method, edges)  # what packages and compiled loops take by themselves, once
    before = reset_peak()
    grid = _run(xp, psf, y, method, edges)
    return (peak() - before) / (4 * np.prod(grid))


def _run(xp, psf, y, method, edges):
    A, weight = formation.forward(psf, y.shape, edges=edges, xp=xp), {"weight": 0.01} if method == "rl-tv" else {}
    for _ in METHODS[method](y, A, n_iter=4, background=1.0, **weight):
        pass
    return A.shape_in


def _bytes(field):
    return 1024 * int(re.search(rf"{field}:\s+(\d+)", STATUS.read_text()).group(1))


if __name__ == "__main__":
    print(volumes(*sys.argv[1:]))
