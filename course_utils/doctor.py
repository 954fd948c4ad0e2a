"""Is this computer ready for the course, and how long will things take on it?"""

import importlib.metadata
import os
import platform
import sys
import time

import numpy as np
import psutil

from course_utils import backend, formation, richardson_lucy
from course_utils.report import Report

PACKAGES = ("numpy", "scipy", "tensorflow", "keras", "matplotlib", "tifffile", "jupyterlab", "ipywidgets")
COURSE_VOLUME = (32, 192, 192)
MEMORY_NEEDED = 4e9  # bytes that the heaviest chapter should find free


def examine():
    """A Report on Python, packages, cores, memory and GPU, with the time that deconvolution takes here, measured."""
    return Report((_python(), *map(_package, PACKAGES), _memory(), _processors(), _speed()))


def _python():
    fine = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return "Python", platform.python_version(), "fine" if fine else "the course is tested on 3.11 to 3.13"


def _package(name):
    try:
        return name, importlib.metadata.version(name), "fine"
    except importlib.metadata.PackageNotFoundError:
        return name, "not installed", f"install it: pip install {name}"


def _memory():
    memory = psutil.virtual_memory()
    enough = memory.available > MEMORY_NEEDED
    meaning = "enough for every chapter" if enough else "close other programs; the course's small sizes still fit"
    return "memory", f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB free", meaning


def _processors():
    try:
        xp = backend.get("tensorflow")
    except ImportError:
        return "processors", f"{os.cpu_count()} cores", "without TensorFlow, chapters 6, 7, 8 and 10 cannot run"
    if xp.has_gpu:
        return "processors", f"{os.cpu_count()} cores and a GPU", "TensorFlow uses the GPU by itself"
    return "processors", f"{os.cpu_count()} cores, no GPU", "fine: every default of the course is sized for this"


def _speed():
    """Seconds that an iteration of Richardson–Lucy takes on the course volume."""
    xp = backend.default()
    A = formation.forward(np.full((9, 17, 17), 1 / 9 / 17**2, np.float32), COURSE_VOLUME, xp=xp)
    estimates = richardson_lucy.plain(np.ones(COURSE_VOLUME, np.float32), A, n_iter=4)
    np.asarray(next(estimates))  # the first iteration compiles
    begin = time.perf_counter()
    for x in estimates:
        np.asarray(x)
    seconds = (time.perf_counter() - begin) / 3
    size, voxels = " × ".join(map(str, COURSE_VOLUME)), np.prod(A.shape_in) / 1e6
    found = f"{1000 * seconds:.0f} ms an iteration ({xp.name})"
    return (
        "speed",
        found,
        f"on {size} voxels; time grows with the size: {1000 * seconds / voxels:.0f} ms a million voxels",
    )
