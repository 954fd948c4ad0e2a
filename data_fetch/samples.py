"""Load a data set by its name."""

import logging
from dataclasses import dataclass, field

from course_utils.stack import Stack
from data_fetch import cache, registry
from data_fetch.download import fetch
from data_fetch.planes import split_widefield_sim
from data_fetch.tiff import read_stack

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Bundle:
    """A stack, and what is known of how it was taken. What is not recorded is None.

    stack      the image, as it was recorded.
    psf        unit sum, not negative, centred at n // 2; on its own voxel, which may differ from the stack's.
    camera     course_utils.formation.Camera.
    optics     course_utils.optics.Optics.
    facts      short texts: what is known, and what is only assumed.
    reference  another view of the same object (SIM, or deconvolved by its authors): sharper, and no ground truth.
    truth      the specimen itself, in photons, where it was simulated.
    """

    stack: Stack
    psf: Stack | None = None
    camera: object = None
    optics: object = None
    facts: dict[str, str] = field(default_factory=dict)
    reference: Stack | None = None
    truth: Stack | None = None


def load(name, voxel_size=None, *, size=None):
    """The data set of that name: a Stack, or a Bundle where more than the stack is known.

    voxel_size   (dz, dy, dx) in µm, where the set's own is not recorded or known better.
    size         of "microtubules": "small", "course" (if None) or "report".
    A remote set is downloaded on first use. Raises ValueError for an unknown name, download.FetchError where a
    remote set cannot be had.
    """
    dataset = registry.find(name)
    if dataset.kind == "simulated":
        return _microtubules(dataset, voxel_size, size or "course")
    if size is not None:
        raise ValueError(f"{name!r} has one size only; size= is for 'microtubules'.")
    return LOADERS.get(name, _stack)(dataset, voxel_size)


def _read(dataset, number, voxel_size):
    """The Stack in one of the set's files, fetched where needed."""
    fetch(dataset.name)
    file = dataset.files[number]
    return read_stack(cache.target(dataset, file), file.voxel_size if voxel_size is None else voxel_size)


def _stack(dataset, voxel_size):
    return _read(dataset, 0, voxel_size)


def _microtubules(dataset, voxel_size, size):
    from data_fetch import simulated

    if voxel_size is not None:
        raise ValueError(f"the voxel of {dataset.name!r} is known: {simulated.VOXEL} µm; leave voxel_size out.")
    parts = simulated.microtubules(size)
    return Bundle(
        parts["widefield"],
        parts["psf"],
        simulated.camera(),
        simulated.optics(),
        dict(dataset.facts),
        parts["sim"],
        parts["truth"],
    )


def _lattice_cell(dataset, voxel_size):
    from course_utils.formation import Camera
    from course_utils.optics import clean_psf

    psf = clean_psf(_read(dataset, 1, None))
    return Bundle(_stack(dataset, voxel_size), psf, Camera(offset=98.0), facts=dict(dataset.facts))


def _widefield_bead(dataset, voxel_size):
    stack, psf = (_read(dataset, number, voxel_size) for number in (0, 1))  # both on the same grid
    # a theoretical PSF has no background to take off, and stands centred in the file
    return Bundle(stack, psf.with_data(psf.data / psf.data.sum(dtype=float)), facts=dict(dataset.facts))


def _capstone(dataset, voxel_size):
    from data_fetch import capstone

    stack = _stack(dataset, voxel_size)
    return Bundle(stack, camera=capstone.camera(), optics=capstone.optics(), facts=dict(dataset.facts))


def _measured_widefield_psf(dataset, voxel_size):
    from course_utils.optics import Optics, clean_psf

    stack = _stack(dataset, voxel_size)
    optics = Optics(NA=0.85, wavelength=0.52, n_immersion=1.0, n_specimen=1.0)
    return Bundle(stack, clean_psf(stack), optics=optics, facts=dict(dataset.facts))


def _pair(dataset, voxel_size):
    raw, deconvolved = (_read(dataset, number, voxel_size) for number in (0, 1))
    return Bundle(raw, facts=dict(dataset.facts), reference=deconvolved)


def _cil_36797(dataset, voxel_size):
    if voxel_size is None:  # before 637 MB are downloaded
        raise ValueError(
            f"the z step of {dataset.name!r} is not recorded. Give the voxel size in µm, in the order z, y, x, with "
            f"the step that you assume: load({dataset.name!r}, voxel_size=(dz, 0.0397, 0.0397))."
        )
    planes, declared = _planes(fetch(dataset.name))
    widefield, sim, order = split_widefield_sim(planes)
    if declared and order != declared:
        logger.warning(
            "The header orders the channels as %s, the planes themselves as %s: the planes decide.", declared, order
        )
    how = {"blocks": "one channel after the other", "interleaved": "in turns"}[order]
    how = "told apart by the file's header" if declared == order else f"stored {how}"
    facts = dataset.facts | {"planes": f"the two channels are {how}; the wide-field one has less fine detail"}
    return Bundle(Stack(widefield, voxel_size), facts=facts, reference=Stack(sim, voxel_size))


def _planes(path):
    """All planes of a file as (n, y, x), with the order "blocks" where its header tells two channels apart."""
    import numpy as np
    import tifffile

    with tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        data, channel = series.asarray(), series.axes.find("C")
    two = channel >= 0 and data.shape[channel] == 2
    if two:
        data = np.moveaxis(data, channel, 0)
    return data.reshape(-1, *data.shape[-2:]), "blocks" if two else None


LOADERS = {
    "lattice-cell": _lattice_cell,
    "widefield-bead": _widefield_bead,
    "capstone": _capstone,
    "measured-widefield-psf": _measured_widefield_psf,
    "cil-36797": _cil_36797,
    "tubulin-10551": _pair,
    "tubulin-10485": _pair,
}
