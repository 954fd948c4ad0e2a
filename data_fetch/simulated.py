"""The course volume: microtubules in a cell, whose truth is known. Simulated once, and kept in the cache."""

from dataclasses import replace

import numpy as np

from data_fetch import cache

NAME, VERSION, SEED = "microtubules", 1, 36797
SIZES = {"small": (24, 96, 96), "course": (32, 192, 192), "report": (44, 475, 476)}
VOXEL = (0.2, 0.08, 0.08)  # µm, just finer than Nyquist asks for
BACKGROUND = 10.0  # photons
SIM_LIGHT = 0.1  # of the wide-field exposure's: its many pictures share the light that the stain can give
PARTS = ("truth", "widefield", "sim", "psf")


def microtubules(size="course"):
    """{"truth", "widefield", "sim", "psf": Stack} of that size: "small", "course" or "report".

    truth      photons of the specimen itself.
    widefield  counts, as the camera gave them.
    sim        counts of a SIM-like exposure: a PSF half as wide along each axis, a tenth of the light, its own noise.
    psf        of the wide-field stack, Gibson-Lanni.
    The same on every computer: one seed, expectations rounded before the photons are drawn.
    Raises ValueError for another size, FetchError where the cache cannot be written.
    """
    from data_fetch.download import FetchError
    from data_fetch.tiff import read_stack

    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(map(repr, SIZES))}; got {size!r}.")
    paths = {part: path(size, part) for part in PARTS}
    if not all(p.is_file() for p in paths.values()):
        try:
            cache.make_folder(paths["truth"].parent)  # before the work
            _keep(_simulate(size), paths)
        except OSError as error:
            raise FetchError(
                f"{NAME!r} has to be simulated and kept, and the cache cannot be written ({error}). Set the "
                f"environment variable {cache.VARIABLE} to a folder that can; now it is {cache.root()}."
            ) from error
    return {part: read_stack(p) for part, p in paths.items()}


def path(size, part):
    """Where a part of the volume is kept."""
    return cache.root() / "data" / f"{NAME}-{size}-v{VERSION}" / f"{part}.ome.tif"


def is_here(size="course"):
    """Whether the volume of that size has been simulated on this computer."""
    return all(path(size, part).is_file() for part in PARTS)


def optics():
    """An oil objective, the specimen mounted in a medium of the same index: no spherical aberration."""
    from course_utils.optics import Optics

    return Optics(NA=1.4, wavelength=0.52, n_immersion=1.515, n_specimen=1.515)


def camera():
    from course_utils.formation import Camera

    return Camera(gain=2.2, offset=100.0, read_noise=3.0)


def cell(shape, voxel_size=VOXEL, *, rng):
    """A cell like that of the course volume, as densely filled and as bright, as a Stack of photons."""
    from course_utils import specimen

    n = round(70 * shape[1] * shape[2] / 192**2)
    return specimen.filaments(shape, voxel_size, n=n, photons=2.4e5, rng=rng)


def _simulate(size):
    from course_utils import formation
    from course_utils import optics as chapter2

    shape, rng = SIZES[size], np.random.default_rng(SEED)
    truth = cell(shape, rng=rng)
    psf = chapter2.gibson_lanni_psf(optics(), _psf_shape(shape), VOXEL)
    sharp = chapter2.gaussian_psf(replace(optics(), wavelength=optics().wavelength / 2), (15, 15, 15), VOXEL)
    stacks = {"truth": truth, "psf": psf}
    for part, h, light in (("widefield", psf, 1.0), ("sim", sharp, SIM_LIGHT)):
        lit = truth.with_data(light * truth.data)
        stacks[part] = formation.acquire(lit, h, camera(), background=light * BACKGROUND, rng=rng)
    return stacks


def _psf_shape(shape):
    """Twice the depth, so that each plane's haze reaches every other; laterally two thirds, to be quick."""
    return 2 * shape[0] - 1, 2 * (shape[1] // 3) - 1, 2 * (shape[2] // 3) - 1


def _keep(stacks, paths):
    """Each file appears whole or not at all; processes that simulate at the same time write the same."""
    from data_fetch.tiff import write_stack

    for part, stack in stacks.items():
        write_stack(paths[part], stack)
