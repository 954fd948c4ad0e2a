"""A stack too large for the memory is worked through in tiles that overlap by the PSF's reach."""

import itertools
import math
import warnings

import numpy as np
import psutil


def plan(shape, psf_shape, edges, needed, max_memory):
    """[(window, core), …]: read the window, deblur it, keep the core. One tile where the memory allows.

    needed      function of a shape: the bytes that a run on it takes.
    max_memory  bytes beside the result; nine tenths of what is free for both, if None.
    Raises MemoryError where even small tiles do not fit, or edges are periodic and the stack does not.
    """
    budget = 0.9 * psutil.virtual_memory().available if max_memory is None else max_memory
    if needed(shape) <= budget:
        return [(tuple(slice(0, n) for n in shape),) * 2]
    too_large = (
        f"a stack of {' × '.join(map(str, shape))} needs {needed(shape) / 1e9:.3g} GB, "
        f"and {budget / 1e9:.3g} GB may be used."
    )
    if edges == "periodic":
        raise MemoryError(f"{too_large} Periodic edges cannot be tiled; use edges='open'.")
    if max_memory is None:
        budget -= 4 * math.prod(shape)  # the result, which fills up beside the tiles
    counts = [1, 1, 1]
    while needed(_window_shape(shape, psf_shape, counts)) > budget:
        cores = [math.ceil(n / c) for n, c in zip(shape, counts, strict=True)]
        longest = int(np.argmax(cores))
        if cores[longest] < 16:
            raise MemoryError(f"{too_large} Crop the stack or the PSF, or free some memory.")
        counts[longest] += 1
    tiles = list(itertools.product(*map(_cut, shape, psf_shape, counts)))
    warnings.warn(f"{too_large} Working in {len(tiles)} tiles.", stacklevel=3)
    return [tuple(zip(*tile, strict=True)) for tile in tiles]


def within(core, window):
    """Where a core lies in its window."""
    return tuple(slice(c.start - w.start, c.stop - w.start) for c, w in zip(core, window, strict=True))


def _window_shape(shape, psf_shape, counts):
    return [min(n, math.ceil(n / c) + 2 * (m // 2)) for n, m, c in zip(shape, psf_shape, counts, strict=True)]


def _cut(n, m, count):
    """One axis in `count` pieces: [(window, core), …], the window wider by the PSF's reach, within the stack."""
    edges = [round(i * n / count) for i in range(count + 1)]
    reach = m // 2
    return [(slice(max(a - reach, 0), min(b + reach, n)), slice(a, b)) for a, b in itertools.pairwise(edges)]
