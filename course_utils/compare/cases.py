"""The stacks on which the methods meet: simulated, so that the truth is known, and each with a twin to choose by.

A method may see the stack, the PSF, the camera, and the twin: another specimen of the same kind, taken in the same way,
truth included. The tested truth is for the score alone, and for the one row that is called oracle.
"""

import functools
from dataclasses import dataclass, field, replace

import numpy as np

import data_fetch
from course_utils import backend, formation, operators, optics, specimen
from course_utils.compare.results_table import interpolate_z
from course_utils.isonet import recipes
from course_utils.stack import Stack
from data_fetch import simulated

MADE_FOR_ISOTROPIC = ("IsoNet-1", "IsoNet-2", "U-Net")


@dataclass(frozen=True, eq=False)
class Case:
    """One stack, and what is known of how it was taken.

    truth       Stack, photons of the specimen; None where nobody knows it.
    stack       Stack in photons, not negative, the background in it; read noise counts as more of that.
    psf         Stack with the truth's voxel. background: photons a voxel. bin_z: planes of the truth to one taken.
    twin        the Case to choose iterations and weights by; None of a twin itself.
    networks    {row: name of the weights that ship with the course}; home: the rows of those trained for such a stack.
    reference   Stack, a sharper view of the same specimen with noise of its own, on the truth's scale; None if none.
    """

    truth: Stack | None
    stack: Stack
    psf: Stack
    background: float
    bin_z: int = 1
    twin: "Case | None" = None
    networks: dict = field(default_factory=dict)
    home: tuple = ()
    reference: Stack | None = None

    @property
    def grid(self):
        """The Stack on whose voxels an estimate lives: the truth, or, where there is none, the stack itself."""
        return self.stack if self.truth is None else self.truth

    @functools.cached_property
    def H(self):
        """The microscope, with open edges, on the default backend."""
        return formation.forward(self.psf, self.grid.shape, bin_z=self.bin_z, xp=backend.default())

    def seen(self, x):
        """The field of view of an estimate on the grid of `H`, as a Stack."""
        return self.grid.with_data(np.asarray(operators.crop(self.grid.shape, self.H.shape_in, xp=self.H.xp)(x)))

    def half(self, photons):
        """The same with half of the photons, as `stopping.thin` gives them."""
        return replace(self, stack=self.stack.with_data(photons), background=self.background / 2)

    @property
    def raw(self):
        """The stack without its background, for `compare.table`."""
        return self.stack.with_data(self.stack.data - np.float32(self.background))

    @property
    def interpolated(self):
        """The same with the planes that were left out, by splines."""
        return self.raw if self.bin_z == 1 else interpolate_z(self.raw, self.grid)


def isotropic(kind, *, size=65, light=1.0, seed=recipes.TEST, twin_size=None):
    """A Case like those on which chapter 7's networks were trained: every 4th plane, a Gaussian PSF. kind: see KINDS.

    size   voxels along each axis, twin_size of the twin; 4 k + 1, so that the truth's last plane is one that was taken.
    light  relative to the networks' training. seed: of the specimen; the twin has that of chapter 7's validation.
    Raises ValueError for another kind, or a size of another form.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}; got {kind!r}.")
    if size % recipes.FACTOR != 1:
        raise ValueError(f"size must be a multiple of {recipes.FACTOR} and one more, such as 65; got {size}.")
    peak, is_twin = light * recipes.PEAK, seed == recipes.VALIDATION
    truth, counts = recipes.take(KINDS[kind](seed, size=size), peak=peak, rng=np.random.default_rng(seed))
    twin = None if is_twin else isotropic(kind, size=twin_size or size, light=light, seed=recipes.VALIDATION)
    return Case(
        truth,
        recipes.CAMERA.photons(counts),
        recipes.gaussian(recipes.SIGMA),
        0.02 * peak,
        recipes.FACTOR,
        twin,
        NETWORKS | {"U-Net": "unet"},
        MADE_FOR_ISOTROPIC if kind == "filaments and shells" else (),
    )


def microtubules(*, shape=(24, 64, 64), light=1.0, seed=8, twin=True):
    """A small cell like the course volume's, wide-field, with a SIM-like exposure as its reference.

    light  relative to the course volume's. seed: of the specimen and the noise; the twin, if any, has the next.
    The microscope is the course volume's, its PSF cut to what so small a volume needs.
    """
    rng, (z, y, x), optics_ = np.random.default_rng(seed), shape, simulated.optics()
    truth = simulated.cell(shape, rng=rng)
    psf = optics.gibson_lanni_psf(optics_, (2 * z - 1, 2 * (y // 3) - 1, 2 * (x // 3) - 1), simulated.VOXEL)
    sharp = optics.gaussian_psf(replace(optics_, wavelength=optics_.wavelength / 2), (15, 15, 15), simulated.VOXEL)
    counts = {}
    for name, h, share in (("stack", psf, light), ("sim", sharp, light * simulated.SIM_LIGHT)):
        lit = truth.with_data(np.float32(share) * truth.data)
        counts[name] = formation.acquire(lit, h, simulated.camera(), background=share * simulated.BACKGROUND, rng=rng)
    other = microtubules(shape=shape, light=light, seed=seed + 1, twin=False) if twin else None
    return _wide_field(truth, counts["stack"], counts["sim"], psf, light, other)


def course_volume(size):
    """The course volume as a Case without a twin, its SIM-like exposure the reference. size: see `data_fetch.load`."""
    bundle = data_fetch.load("microtubules", size=size)
    return _wide_field(bundle.truth, bundle.stack, bundle.reference, bundle.psf, 1.0, None)


def _wide_field(truth, counts, sim, psf, light, twin):
    """Photons from counts; SIM on the truth's scale, that is, without its background, and divided by its light."""
    camera = simulated.camera()
    y, background = camera.poisson(counts, light * simulated.BACKGROUND)
    sharper = camera.photons(sim).data / np.float32(simulated.SIM_LIGHT) - np.float32(light * simulated.BACKGROUND)
    return Case(
        truth.with_data(np.float32(light) * truth.data),
        y,
        psf,
        background,
        twin=twin,
        networks=NETWORKS | {"U-Net": "unet-microtubules"},
        home=("SRCNN, microscopy", "U-Net"),
        reference=truth.with_data(sharper),
    )


def _cells(seed, *, size):
    """Round cells of constant brightness."""
    rng, n = np.random.default_rng(seed), max(round(120 * (size / 128) ** 3), 1)
    return specimen.nuclei((size,) * 3, recipes.VOXEL, n=n, diameter=2.0, texture=0, rng=rng)


KINDS = {"filaments and shells": recipes.isotropic_specimen, "round cells": _cells}
NETWORKS = {
    "SRCNN, natural": "srcnn-natural",
    "SRCNN, microscopy": "srcnn-microscopy",
    "IsoNet-1": "isonet1",
    "IsoNet-2": "isonet2",
}
