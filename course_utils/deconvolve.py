"""One call for one's own data: ``deconvolve(stack, psf)``."""

import itertools
import math
import warnings

import numpy as np
import psutil
from scipy import ndimage
from tqdm.auto import tqdm

from course_utils import backend as backends
from course_utils import formation, operators, optics, richardson_lucy
from course_utils.stack import expect_stack

METHODS = {"rl": richardson_lucy.plain}
VOLUMES = 8  # float32 volumes of the padded grid that an iteration holds at its peak (measured in the tests)


def deconvolve(
    stack,
    psf,
    *,
    method="rl",
    n_iter=30,
    background="auto",
    camera=None,
    backend=None,
    edges="open",
    max_memory=None,
    progress=True,
):
    """Take the blur out of a stack: a Stack of the same shape and voxel, not negative.

    stack       as the microscope gave it. Do not subtract its background.
    psf         Stack with the same voxel, unit sum, centre at n // 2 (see `optics.clean_psf`, `optics.resample`).
    method      "rl", Richardson–Lucy.
    n_iter      more iterations sharpen more, and raise the noise: 10 to 50 are usual.
    background  a number, in photons if a camera is given, else in the stack's own unit; "auto" finds it.
    camera      `formation.Camera`: counts become photons first. Without it the result keeps the stack's unit.
    backend     "numpy", "tensorflow" or "jax"; TensorFlow if it sees a GPU, else NumPy, if None.
    edges       "open", or "periodic" where the stack's border is empty (see `formation.forward`).
    max_memory  bytes to stay within, by working in overlapping tiles; nine tenths of what is free, if None. On a GPU,
                give what the GPU has.
    Raises ValueError for input that cannot be right, MemoryError where even small tiles do not fit.
    """
    _check(stack, psf, method, n_iter)
    xp = backends.get(backend) if backend else backends.default()
    y, background = _photons(stack, background, camera)
    tiles = _plan(stack.shape, psf.shape, edges, max_memory)
    start = richardson_lucy.mean_signal(y, background)  # the same for all tiles
    result = np.empty(stack.shape, dtype=np.float32)
    with tqdm(total=n_iter * len(tiles), disable=not progress, desc="deconvolving", unit="iteration") as bar:
        for window, core in tiles:
            A = formation.forward(psf, y[window].shape, edges=edges, xp=xp)
            first = xp.full(A.shape_in, start)
            estimates = METHODS[method](y[window], A, n_iter=n_iter, background=background, start=first)
            for x in estimates:
                last = x
                bar.update()
            seen = operators.crop(y[window].shape, A.shape_in, xp=xp)(last)
            result[core] = np.asarray(seen)[_within(core, window)]
    return stack.with_data(result)


def find_background(stack):
    """The level of the darkest part of a stack: the 5th percentile of its averages over 3 × 3 × 3 voxels.

    Low on purpose: a background set too low leaves some haze, one set too high erases what is dim.
    """
    return float(np.percentile(ndimage.uniform_filter(stack.data, 3, mode="nearest"), 5))


def memory_needed(shape, psf_shape, edges="open"):
    """Bytes that a run on a stack of this shape holds at its peak."""
    grid = formation.padded_shape(shape, psf_shape) if edges == "open" else shape
    return 4 * VOLUMES * math.prod(grid)


def _check(stack, psf, method, n_iter):
    expect_stack(stack, "stack")
    expect_stack(psf, "psf")
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(map(repr, METHODS))}; got {method!r}.")
    if not isinstance(n_iter, (int, np.integer)) or n_iter < 1:
        raise ValueError(f"n_iter must be a whole number of at least 1; got {n_iter!r}.")
    optics.check_psf(psf, stack.voxel_size)


def _photons(stack, background, camera):
    """What was measured and the background in it, both not negative and in the same unit."""
    if background is None:
        raise ValueError("background must be a number, or 'auto' to have it found; got None.")
    if camera is not None:
        stack = camera.photons(stack)
    if isinstance(background, str):
        if background != "auto":
            raise ValueError(f"background must be a number, or 'auto'; got {background!r}.")
        background = max(find_background(stack), 0.0)
    if camera is None:
        return stack.data, background
    # read noise of variance s² acts like s² more photons of background (Snyder 1993, doi:10.1364/JOSAA.10.001014)
    read_noise = np.float32((camera.read_noise / camera.gain) ** 2)
    return np.maximum(stack.data + read_noise, 0), background + read_noise


def _plan(shape, psf_shape, edges, max_memory):
    """[(window, core), …]: read the window, deblur it, keep the core. One tile where the memory allows."""
    budget = 0.9 * psutil.virtual_memory().available if max_memory is None else max_memory
    needed, counts = memory_needed(shape, psf_shape, edges), [1, 1, 1]
    whole = [(tuple(slice(0, n) for n in shape),) * 2]
    if needed <= budget:
        return whole
    if edges == "periodic":
        raise MemoryError(_too_large(shape, needed, budget) + " Periodic edges cannot be tiled; use edges='open'.")
    while needed > budget:
        cores = [math.ceil(n / c) for n, c in zip(shape, counts, strict=True)]
        longest = int(np.argmax(cores))
        if cores[longest] < 16:
            raise MemoryError(_too_large(shape, needed, budget) + " Crop the stack or the PSF, or free some memory.")
        counts[longest] += 1
        needed = memory_needed(_window_shape(shape, psf_shape, counts), psf_shape)
    tiles = list(itertools.product(*map(_cut, shape, psf_shape, counts)))
    warnings.warn(
        f"{_too_large(shape, memory_needed(shape, psf_shape), budget)} Working in {len(tiles)} tiles.", stacklevel=3
    )
    return [tuple(zip(*tile, strict=True)) for tile in tiles]


def _too_large(shape, needed, budget):
    return (
        f"a stack of {' × '.join(map(str, shape))} needs {needed / 1e9:.3g} GB, and {budget / 1e9:.3g} GB may be used."
    )


def _window_shape(shape, psf_shape, counts):
    return [min(n, math.ceil(n / c) + 2 * (m // 2)) for n, m, c in zip(shape, psf_shape, counts, strict=True)]


def _cut(n, m, count):
    """One axis in `count` pieces: [(window, core), …], the window wider by the PSF's reach, within the stack."""
    edges = [round(i * n / count) for i in range(count + 1)]
    reach = m // 2
    return [(slice(max(a - reach, 0), min(b + reach, n)), slice(a, b)) for a, b in itertools.pairwise(edges)]


def _within(core, window):
    return tuple(slice(c.start - w.start, c.stop - w.start) for c, w in zip(core, window, strict=True))
