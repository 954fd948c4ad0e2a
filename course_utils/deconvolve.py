"""One call for one's own data: ``deconvolve(stack, psf)``."""

import functools
import math

import numpy as np
from tqdm.auto import tqdm

from course_utils import backend as backends
from course_utils import formation, operators, optics, richardson_lucy, stopping, tiles
from course_utils.counts import find_background, find_gain
from course_utils.stack import expect_stack

METHODS = {"rl": richardson_lucy.plain, "rl-tv": richardson_lucy.tv, "rl-fast": richardson_lucy.line_search}
# float32 volumes of the padded grid at the peak (benchmarks.memory); TensorFlow keeps what NumPy overwrites, and
# a plan of FFTW the arrays that it saw last
VOLUMES = {
    "numpy": {"rl": 8, "rl-tv": 9, "rl-fast": 10},
    "fftw": {"rl": 12, "rl-tv": 16, "rl-fast": 17},
    "tensorflow": {"rl": 10, "rl-tv": 20, "rl-fast": 20},
    "jax": {"rl": 8, "rl-tv": 9, "rl-fast": 11},
}
MOST = {"rl": 300, "rl-tv": 200, "rl-fast": 50}  # iterations that n_iter="auto" tries


def deconvolve(
    stack,
    psf,
    *,
    method="rl",
    n_iter="auto",
    weight="auto",
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
    method      "rl", Richardson–Lucy; "rl-fast", in a fifth of the iterations (`line_search`);
                "rl-tv", with total variation, for bodies of even brightness.
    n_iter      more iterations sharpen more, and raise the noise. "auto": as many as predict best, from half of the
                photons, the other half (`stopping.held_out`), at most 300, 200 of "rl-tv", 50 of "rl-fast". It doubles
                the time, and wants the camera's own counts: in a stack that was smoothed or interpolated it stops too
                late.
    weight      of the total variation; "auto": .12 / √(peak photons), at most .03.
    background  a number, in photons if a camera is given, else in the stack's own unit; "auto" finds it.
    camera      `formation.Camera`: counts become photons first. Without it the result keeps the stack's unit, and
                "auto" takes what noise says of the photons (`counts.find_gain`).
    backend     "numpy", "fftw", "tensorflow" or "jax"; TensorFlow if it sees a GPU, else NumPy, if None.
    edges       "open", or "periodic" where the stack's border is empty (see `formation.forward`).
    max_memory  bytes to stay within, by working in overlapping tiles; nine tenths of what is free, if None. On a GPU,
                give what the GPU has. One number of iterations is for all tiles: that of the brightest.
    Raises ValueError for input that cannot be right, MemoryError where even small tiles do not fit.
    """
    _check(stack, psf, method, n_iter, weight)
    xp = backends.get(backend) if backend else backends.default()
    y, background = _photons(stack, background, camera)
    gain = 1.0 if camera else find_gain(stack)
    run = METHODS[method]
    if method == "rl-tv":
        weight = tv_weight(y, background, gain) if weight == "auto" else weight
        run = functools.partial(run, weight=weight, voxel_size=stack.voxel_size)
    needed = functools.partial(
        memory_needed, psf_shape=psf.shape, edges=edges, method=method, n_iter=n_iter, backend=xp.name
    )
    parts = tiles.plan(stack.shape, psf.shape, edges, needed, max_memory)
    if n_iter == "auto":
        window = max((window for window, _ in parts), key=lambda window: y[window].sum(dtype=float))
        A = formation.forward(psf, y[window].shape, edges=edges, xp=xp)
        n_iter = _choose(run, y[window] / gain, A, background / gain, MOST[method], progress)
    with tqdm(total=n_iter * len(parts), disable=not progress, desc="deconvolving", unit="iteration") as bar:
        run = functools.partial(run, n_iter=n_iter, background=background)
        return stack.with_data(_in_tiles(run, y, background, psf, parts, edges, xp, bar))


def memory_needed(shape, psf_shape, edges="open", method="rl", n_iter="auto", backend="numpy"):
    """Bytes that a run on a stack of this shape holds at its peak."""
    grid = formation.padded_shape(shape, psf_shape) if edges == "open" else shape
    thinned = 3 * math.prod(shape) if n_iter == "auto" else 0  # both halves, and the whole in photons
    return 4 * (VOLUMES[backend][method] * math.prod(grid) + thinned)


def _in_tiles(run, y, background, psf, parts, edges, xp, bar):
    """The last estimate of each tile, put where its core belongs; run(y, A, start=…) gives the estimates."""
    result, start = np.empty(y.shape, dtype=np.float32), richardson_lucy.mean_signal(y, background)  # one for all tiles
    for window, core in parts:
        A = formation.forward(psf, y[window].shape, edges=edges, xp=xp)
        for x in run(y[window], A, start=xp.full(A.shape_in, start)):
            last = x
            bar.update()
        seen = operators.crop(y[window].shape, A.shape_in, xp=xp)(last)
        result[core] = np.asarray(seen)[tiles.within(core, window)]
    return result


def _choose(run, photons, A, background, most, progress):
    """How many iterations on half of the photons predict the other half best."""
    watch = functools.partial(tqdm, total=most, disable=not progress, desc="choosing n_iter", unit="iteration")
    rng = np.random.default_rng(0)  # the same choice at every call
    return stopping.best_predicted(run, photons, A, n_iter=most, background=background, rng=rng, watch=watch)


def tv_weight(y, background, gain=1.0):
    """λ of total variation, which falls with the root of the photons: the fewer there are, the more their noise.

    y, background  counts of which so many, the gain, behave like one photon.
    """
    peak = (np.percentile(y, 99.9) - np.mean(background)) / gain
    return float(min(0.12 / np.sqrt(max(peak, 1.0)), 0.03))  # NumPy's own would make float64 of the estimates


def _check(stack, psf, method, n_iter, weight):
    expect_stack(stack, "stack")
    expect_stack(psf, "psf")
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(map(repr, METHODS))}; got {method!r}.")
    if n_iter != "auto" and (not isinstance(n_iter, (int, np.integer)) or n_iter < 1):
        raise ValueError(f"n_iter must be a whole number of at least 1, or 'auto'; got {n_iter!r}.")
    if weight != "auto" and method != "rl-tv":
        raise ValueError(f"weight is that of total variation, method='rl-tv'; method {method!r} has none.")
    if weight is None or isinstance(weight, str) and weight != "auto":
        raise ValueError(f"weight must be a number, or 'auto'; got {weight!r}.")
    optics.check_psf(psf, stack.voxel_size)


def _photons(stack, background, camera):
    """What was measured and the background in it, both not negative and in the same unit."""
    if background is None:
        raise ValueError("background must be a number, or 'auto' to have it found; got None.")
    if isinstance(background, str):
        if background != "auto":
            raise ValueError(f"background must be a number, or 'auto'; got {background!r}.")
        background = max(find_background(camera.photons(stack) if camera else stack), 0.0)
    y, background = camera.poisson(stack, background) if camera else (stack, background)
    if y.data.min() >= 0 and np.mean(y.data) <= 0.9 * np.mean(background):  # an empty stack is near 1
        raise ValueError(
            f"no light is left: the stack's mean is {np.mean(y.data):.4g}, the background {np.mean(background):.4g}. "
            "With a camera the background is in photons, and its offset, in counts, is what a dark stack shows."
        )
    return y.data, background
