"""Simulated twins to test robustness with: a specimen of a class, a PSF, an exposure, and the truth kept beside them.

The sampling is that of chapter 7: voxels of 0.1 µm, of which the stack holds every fourth plane.
"""

from dataclasses import dataclass

import numpy as np

from course_utils import compare, formation, optics, specimen
from course_utils.isonet import recipes as isonet_recipes
from course_utils.isonet.recipes import CAMERA, FACTOR, PEAK, SIGMA, VOXEL, gaussian
from course_utils.stack import Stack

AIMS = ("truth", "lateral resolution")
WIDE_FIELD = optics.Optics(NA=1.0, wavelength=0.52, n_immersion=1.33, n_specimen=1.33)


@dataclass(frozen=True, eq=False)
class Twin:
    """A stack and what it was taken of.

    truth       Stack, photons of the specimen.
    stack       Stack of photons, every FACTOR-th plane, the background in it.
    psf         Stack on the truth's grid, which the stack was taken with.
    background  photons a voxel.
    """

    truth: Stack
    stack: Stack
    psf: Stack
    background: float

    @property
    def planes(self):
        """How many planes of the truth lie above the last plane that was taken, itself included."""
        return (self.stack.shape[0] - 1) * FACTOR + 1

    def aim(self, name):
        """What an estimate is compared with: the "truth", or that blurred to the "lateral resolution" of chapter 7."""
        if name not in AIMS:
            raise ValueError(f"an aim is one of {', '.join(map(repr, AIMS))}; got {name!r}.")
        near = self.truth if name == "truth" else formation.expect(self.truth, gaussian((SIGMA[2],) * 3))
        return near.data[: self.planes]

    def psnr(self, x, aim="truth"):
        """PSNR (dB) of an estimate after an affine match; data range that of the aim, planes beyond the stack's off."""
        goal = self.aim(aim)
        return compare.psnr(compare.match_affine(np.asarray(x)[: self.planes], goal), goal)


def twin(kind="both", *, seed, size=96, psf=None, peak=PEAK):
    """A Twin: a specimen of this class, lit until its brightest voxel expects `peak` photons, and one exposure of it.

    kind  a name in `SPECIMENS`. seed: of the specimen, and of its noise.
    psf   Stack with the truth's voxel, or three Gaussian σ (z, y, x) in voxels; those of chapter 7 if None.
    The background is 2 % of the peak. Raises ValueError for a class that does not exist.
    """
    if kind not in SPECIMENS:
        raise ValueError(f"there is no specimen {kind!r}; there are: {', '.join(SPECIMENS)}.")
    psf = psf if isinstance(psf, Stack) else gaussian(SIGMA if psf is None else psf)
    unlit = SPECIMENS[kind](seed, size)
    lit, stack = isonet_recipes.take(unlit, peak=peak, psf=psf, rng=np.random.default_rng(seed))
    return Twin(lit, stack, psf, 0.02 * peak)


def even_light(photons, *, seed, size=96, psf=None):
    """A Twin without structure: the same light everywhere, beyond the field of view too, and its noise."""
    truth = Stack(np.full((size,) * 3, photons), VOXEL)
    planes = Stack(np.full((-(-size // FACTOR), size, size), 1.02 * photons), (FACTOR * VOXEL[0], *VOXEL[1:]))
    stack = CAMERA.expose(planes, np.random.default_rng(seed))
    return Twin(truth, stack, gaussian(SIGMA) if psf is None else psf, 0.02 * photons)


def wide_field_psf(objective=WIDE_FIELD, *, shape=(41, 33, 33)):
    """The Gibson–Lanni PSF of an `optics.Optics` on the truth's grid, its brightest plane in the middle.

    That of WIDE_FIELD is about as wide as the Gaussian of chapter 7, but has what that lacks: a halo, a missing cone,
    and an end to its OTF, which planes 0.4 µm apart sample in full. Where the indices differ the focus lies elsewhere,
    by `focus_shift`; that is taken out, to the voxel, or an error of the depth would be one of the place above all.
    """
    beyond = int(np.ceil(abs(optics.focus_shift(objective)) / VOXEL[0])) + 2
    tall = optics.gibson_lanni_psf(objective, (shape[0] + 2 * beyond, *shape[1:]), VOXEL)
    focus = int(tall.data[:, shape[1] // 2, shape[2] // 2].argmax())
    return optics.cut_psf(tall.with_data(np.roll(tall.data, tall.shape[0] // 2 - focus, axis=0)), shape)


def _filaments(seed, size):
    n = max(round(25 * (size / 128) ** 2), 2)
    return isonet_recipes.filaments_every_way(size, n, rng=np.random.default_rng(seed))


def _shells(seed, size):
    n = max(round(20 * (size / 128) ** 2), 2)
    return specimen.shells((size,) * 3, VOXEL, n=n, rng=np.random.default_rng(seed))


def _nuclei(seed, size):
    n = max(round(40 * (size / 128) ** 3), 2)
    return specimen.nuclei((size,) * 3, VOXEL, n=n, diameter=3.0, rng=np.random.default_rng(seed))


def _beads(seed, size):
    rng, n = np.random.default_rng(seed), max(round(60 * (size / 128) ** 3), 4)
    return specimen.beads((size,) * 3, VOXEL, n=n, diameter=rng.uniform(0.2, 0.8), min_distance=1.0, rng=rng)


SPECIMENS = {
    "filaments": _filaments,
    "shells": _shells,
    "both": lambda seed, size: isonet_recipes.isotropic_specimen(seed, size=size),
    "nuclei": _nuclei,
    "beads": _beads,
}
