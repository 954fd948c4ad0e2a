"""Time of a PSF of 61 × 127 × 127 voxels, side by side with psfmodels and microscPSF, in one run on one machine.

python -m benchmarks.psf        needs: pip install psfmodels MicroscPSF-Py

Medians of several rounds in which every contestant takes its turn, and their ratios. The peers do less or more in
places: microscPSF samples at points where this course and psfmodels integrate over the pixel.
"""

import sys

import numpy as np

from benchmarks.timing import in_turns
from course_utils import optics

SHAPE, VOXEL, ROUNDS = (61, 127, 127), (0.1, 0.1, 0.1), 7
OIL = optics.Optics(NA=1.4, wavelength=0.52, n_immersion=1.515, n_specimen=1.515)
OURS = ("Gibson–Lanni", "pupil, scalar", "pupil, vectorial", "pupil, aberrated")
PEER = {
    "Gibson–Lanni": ("psfmodels, scalar", "microscPSF"),
    "pupil, scalar": ("psfmodels, scalar", "microscPSF"),
    "pupil, vectorial": ("psfmodels, vectorial",),
    "pupil, aberrated": (),  # they have no aberrations
}


def main():
    """Print a table; return 0, or a sentence that says where a peer was faster. ImportError where one is absent."""
    runs = {**_course(), **_psfmodels(), **_microscpsf()}
    seconds = in_turns(runs, ROUNDS)
    print(f"PSF of {' × '.join(map(str, SHAPE))} voxels, NA {OIL.NA}")
    for name, s in seconds.items():
        print(f"{name:<22}{1000 * s:>8.0f} ms" + "".join(f"   {seconds[p] / s:.1f} × {p}" for p in PEER.get(name, ())))
    late = [f"{name} ({p})" for name in OURS for p in PEER[name] if seconds[p] < seconds[name]]
    return f"slower than a peer: {', '.join(late)}" if late else 0


def _course():
    return {
        "Gibson–Lanni": lambda: optics.gibson_lanni_psf(OIL, SHAPE, VOXEL),
        "pupil, scalar": lambda: optics.pupil_psf(OIL, SHAPE, VOXEL),
        "pupil, vectorial": lambda: optics.pupil_psf(OIL, SHAPE, VOXEL, vectorial=True),
        "pupil, aberrated": lambda: optics.pupil_psf(OIL, SHAPE, VOXEL, zernike={(3, 1): 0.07}),
    }


def _indices():
    n = OIL.n_immersion
    return {"NA": OIL.NA, "ns": OIL.n_specimen, "ni": n, "ni0": n, "ng": n, "ng0": n}


def _z():
    return VOXEL[0] * (np.arange(SHAPE[0]) - SHAPE[0] // 2)


def _psfmodels():
    import psfmodels

    its = {"zv": _z(), "nx": SHAPE[2], "dxy": VOXEL[2], "wvl": OIL.wavelength, "params": _indices()}
    return {
        "psfmodels, scalar": lambda: psfmodels.scalar_psf(**its),
        "psfmodels, vectorial": lambda: psfmodels.vectorial_psf(**its),
    }


def _microscpsf():
    import microscPSF.microscPSF as peer

    parameters = {**peer.m_params, **_indices()}
    return {"microscPSF": lambda: peer.gLXYZFocalScan(parameters, VOXEL[2], SHAPE[2], _z(), wvl=OIL.wavelength)}


if __name__ == "__main__":
    sys.exit(main())
