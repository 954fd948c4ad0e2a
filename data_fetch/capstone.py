"""The capstone: a volume of which only the blurred stack and the optics are given. `write` makes another one.

The course's own was made by `write` with a seed that nobody kept.
"""

from pathlib import Path

import numpy as np

SHAPE, VOXEL = (24, 96, 96), (0.2, 0.08, 0.08)  # µm
BACKGROUND = 5.0  # photons
PEAK = 150.0  # photons, of the 99.9th percentile of the blurred specimen


def optics():
    """A water objective in a watery specimen: no spherical aberration."""
    from course_utils.optics import Optics

    return Optics(NA=1.2, wavelength=0.52, n_immersion=1.33, n_specimen=1.33)


def camera():
    from course_utils.formation import Camera

    return Camera(gain=1.8, offset=100.0, read_noise=2.5)


def write(folder, seed, shape=SHAPE):
    """Make a hidden volume: stack.ome.tif for the students, ruler.npz for `checks.score(…, folder)`. Keep the seed.

    Takes a minute: the baselines are run. The same seed gives the same truth, so do not give it away.
    """
    from course_utils import optics as chapter2
    from course_utils.checks import capstone
    from data_fetch.tiff import write_stack

    folder, rng = Path(folder), np.random.default_rng(seed)
    psf = chapter2.gibson_lanni_psf(optics(), (2 * shape[0] - 1, *(2 * (n // 3) + 1 for n in shape[1:])), VOXEL)
    truth, stack = _simulate(shape, psf, rng)
    ruler = capstone.draw(truth, rng)
    baselines = {name: capstone.measure(x.data, ruler) for name, x in _baselines(stack, psf).items()}
    folder.mkdir(parents=True, exist_ok=True)
    write_stack(folder / "stack.ome.tif", stack)
    capstone.save(ruler._replace(baselines=baselines), folder / "ruler.npz")


def _simulate(shape, psf, rng):
    """Filaments, shells and a nucleus or two, in photons, and what the camera made of them in counts."""
    from course_utils import formation, specimen

    parts = (
        specimen.filaments(shape, VOXEL, n=int(rng.integers(10, 20)), photons=1.0, rng=rng),
        specimen.shells(shape, VOXEL, n=int(rng.integers(2, 5)), diameter=1.6, photons=15.0, rng=rng),
        specimen.nuclei(shape, VOXEL, n=int(rng.integers(1, 3)), diameter=2.5, photons=0.01, rng=rng),
    )
    truth = parts[0].with_data(sum(part.data for part in parts))
    seen = formation.expect(truth, psf)
    truth = truth.with_data(truth.data * PEAK / np.percentile(seen.data, 99.9))
    return truth, formation.acquire(truth, psf, camera(), background=BACKGROUND, rng=rng)


def _baselines(stack, psf):
    """What the course's one call makes of it: nothing was tuned."""
    from course_utils.deconvolve import deconvolve

    given = {"camera": camera(), "background": BACKGROUND, "n_iter": 100, "backend": "numpy", "progress": False}
    return {
        "raw": stack,
        "Richardson–Lucy": deconvolve(stack, psf, **given),
        "Richardson–Lucy with total variation": deconvolve(stack, psf, method="rl-tv", **given),
    }
