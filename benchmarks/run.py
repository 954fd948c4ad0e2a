"""Side by side with the packages that people use, in one run, on one machine: `make bench`.

Seconds alone say as much about the machine as about the code; what counts is the ratio within one run.
"""

import itertools
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from benchmarks import admm, deconvolution, isotropic, psf
from course_utils import backend
from course_utils.deconvolve import METHODS


def main():
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    figures = deconvolution.main()
    print()
    memory = _memory()
    for (name, method, edges), volumes in memory.items():
        print(f"{method}, {name}, {edges} edges: peak memory {volumes:.1f} float32 volumes of the grid")
    _in_a_process_of_its_own("benchmarks.full_size")
    print()
    figures["ADMM"] = admm.main()
    print()
    try:
        figures["isotropic restoration"] = isotropic.main()
    except ImportError as error:
        print(f"Isotropic restoration is not compared: {error.name} is not installed.")
    write(Path("results/benchmarks.json"), figures)
    print(flush=True)
    try:
        return psf.main()
    except ImportError as error:  # peers that the course itself does not need
        print(f"PSFs are not compared: {error.name} is not installed.")
    return 0


def _memory():
    """Peak volumes of a run, each backend, method and kind of edges by itself; empty where /proc is absent."""
    measured = {}
    if sys.platform.startswith("linux"):
        for case in itertools.product(backend.NAMES, METHODS, ("open", "periodic")):
            run = _in_a_process_of_its_own("benchmarks.memory", *case, capture_output=True)
            if run.returncode == 0:
                measured[case] = float(run.stdout)
    return measured


def _in_a_process_of_its_own(*arguments, **options):
    sys.stdout.flush()
    return subprocess.run([sys.executable, "-m", *arguments], text=True, check=False, **options)


def write(path, figures):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
