"""How each method of the course is called on a `cases.Case`: what `contest` needs, and nothing of its own.

Every function gives Stacks on the case's grid, without background.
"""

import functools
import math
from collections import deque

import numpy as np

from course_utils import admm, formation, isonet, operators, optics, richardson_lucy, training
from course_utils.compare.results_table import interpolate_z
from course_utils.isonet import recipes
from course_utils.stack import Stack
from course_utils.wiener import held_out_weight, wiener


def last(estimates):
    """The last of them; no other is kept."""
    return deque(estimates, maxlen=1).pop()


def iterations(algorithm, case, n_iter):
    """The estimates of a kind of Richardson–Lucy, one after another."""
    return map(case.seen, algorithm(case.stack.data, case.H, n_iter=n_iter, background=case.background))


def richardson_lucy_tv(case, weight, *, n_iter):
    run = functools.partial(richardson_lucy.tv, weight=weight, voxel_size=case.grid.voxel_size)
    return last(iterations(run, case, n_iter))


def with_prior(prior, case, weight, *, n_iter):
    """ADMM; prior(weight, voxel_size) -> `admm.Prior`."""
    known = prior(weight, case.grid.voxel_size)
    run = admm.poisson(case.stack.data, case.H, prior=known, n_iter=n_iter, background=case.background)
    return case.seen(last(run).x)


def wiener_filter(case, weight):
    """On the grid of the stack, then splines along z: the filter knows nothing of planes that were left out."""
    x = wiener(case.stack, coarse_psf(case), weight=weight, background=case.background)
    return x if case.bin_z == 1 else interpolate_z(x, case.grid)


def wiener_weight(case, rng):
    """By held-out photons."""
    return held_out_weight(case.stack.data, coarse_psf(case), background=case.background, rng=rng)


def coarse_psf(case):
    """The PSF on the grid of the stack: its central plane, and every bin_z-th on both sides."""
    step, middle, dz = case.bin_z, case.psf.shape[0] // 2, case.psf.voxel_size[0]
    reach = middle // step * step
    planes = case.psf.data[middle - reach : middle + reach + 1 : step]
    return Stack(planes / planes.sum(dtype=np.float64), (step * dz, *case.psf.voxel_size[1:]))


def plane_by_plane(row, case):
    """SRCNN; then lines along z."""
    planes = training.predict(_network(case.networks[row]), case.stack.data, normaliser=_normaliser(case))
    return _without_background(isonet.isotropic(case.stack.with_data(planes)), case)


def in_two_views(row, case):
    """IsoNet and its kin."""
    return _without_background(_isotropic(row, case), case)


def then_data(row, case, mu):
    """What the network gave, made consistent with the data."""
    observed = isonet.isotropic(case.stack)
    fine = optics.resample(case.psf, observed.voxel_size)
    return _without_background(isonet.data_consistency(_isotropic(row, case), observed, fine, mu=mu), case)


def then_richardson_lucy(row, case, n_iter):
    """Estimates from what the network gave, whose PSF is taken to be a Gaussian, as wide along z as across."""
    restored, dx = _isotropic(row, case), case.grid.voxel_size[2]
    width = optics.fwhm(case.psf)[2] / dx / math.sqrt(8 * math.log(2))
    H = formation.forward(recipes.gaussian((width,) * 3), restored.shape, xp=case.H.xp)
    inner = operators.crop(restored.shape, H.shape_in, xp=H.xp)
    photons = np.maximum(restored.data, 0)
    for x in richardson_lucy.biggs_andrews(photons, H, n_iter=n_iter, background=case.background):
        yield _on_grid(restored.with_data(np.asarray(inner(x))), case)


def load(row, case):
    """Make the network of a row ready, so that its loading is not part of its run."""
    _network(case.networks[row])


@functools.cache
def _network(name):
    """Loading a network, and compiling it for a shape, takes longer than using it: each is loaded once."""
    return training.pretrained(name).model


def _normaliser(case):
    """As in the training, from the stack's own percentiles: any exposure is brought to the training's brightness."""
    return training.Normaliser.fit([case.stack.data])


def _isotropic(row, case):
    """The restored stack with as fine a step along z as across, its background still in it."""
    return isonet.restore(_network(case.networks[row]), case.stack, normaliser=_normaliser(case))


def _without_background(isotropic, case):
    return _on_grid(isotropic.with_data(isotropic.data - np.float32(case.background)), case)


def _on_grid(isotropic, case):
    """A stack of equal steps at the planes of the case's grid; below its last plane that one goes on."""
    n, step = case.grid.shape[0], round(case.grid.voxel_size[0] / isotropic.voxel_size[0], 6)
    longer = np.pad(isotropic.data, ((0, math.ceil(step)), (0, 0), (0, 0)), mode="edge")
    return case.grid.with_data(isonet.subsample(longer, step, axis=0)[:n])
