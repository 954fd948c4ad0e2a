"""The whole stack, from its Settings to the result; and the same again, from a JSON."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

from course_utils import backend, formation
from course_utils.deconvolve import deconvolve, memory_needed
from course_utils.your_data.preview import with_margin
from course_utils.your_data.settings import read_settings
from course_utils.your_data.source import find, make_psf


def run(stack, psf, settings, *, progress=False):
    """Deconvolve a stack as the Settings say: `deconvolve.deconvolve` with their method, background and camera."""
    names = ("method", "n_iter", "weight", "background", "camera")
    return deconvolve(stack, psf, progress=progress, **{name: getattr(settings, name) for name in names})


def repeat(path):
    """Do again what a JSON of Settings describes: find the stack, make the PSF, deconvolve. Returns the result.

    Files that are not where they were are looked for beside the JSON. Raises ValueError where the JSON tells the
    fingerprint of its input, and the stack's is another.
    """
    source = find(_located(read_settings(path), Path(path).parent), fill=False)
    expected = json.loads(Path(path).read_text(encoding="utf-8")).get("input")
    if expected not in (None, fingerprint(source.stack)):
        raise ValueError(
            f"the file is not the one of the run: {source.settings.path or source.settings.sample} has the fingerprint "
            f"{fingerprint(source.stack)}, the run's was {expected}. Find the file as it was then."
        )
    return run(source.stack, make_psf(source), source.settings)


def _located(settings, folder):
    """The Settings with the paths that lead nowhere taken from the folder, if the file is there."""
    paths = {name: Path(getattr(settings, name)) for name in ("path", "psf_path") if getattr(settings, name)}
    moved = {name: folder / path.name for name, path in paths.items() if not path.exists()}
    return replace(settings, **{name: str(path) for name, path in moved.items() if path.exists()})


def cost(stack, psf, settings, trial, place):
    """(bytes, seconds) that the whole stack will take, from the Trial of its method at that place.

    Time goes as the number of voxels of the padded grid; "auto" as n_iter is taken for twice the Trial's.
    """
    tried = [p.stop - p.start for p in with_margin(place, psf.shape, stack.shape)]
    voxels = [math.prod(formation.padded_shape(shape, psf.shape)) for shape in (stack.shape, tried)]
    n_iter = 2 * trial.n_iter if settings.n_iter == "auto" else settings.n_iter
    options = {"method": settings.method, "n_iter": settings.n_iter, "backend": backend.default().name}
    return memory_needed(stack.shape, psf.shape, **options), n_iter * trial.seconds * voxels[0] / voxels[1]


def fingerprint(stack):
    """The first 16 digits of a SHA-256 over the voxels and their size: equal for equal stacks, whatever their file."""
    digest = hashlib.sha256(stack.data)
    digest.update(repr((stack.shape, stack.voxel_size)).encode())
    return digest.hexdigest()[:16]
