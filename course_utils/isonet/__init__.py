"""A stack teaches a network to sharpen it along z: its lateral slices, made as bad as its axial ones, are the examples.

A lateral slice is sharp and finely sampled, an axial one is neither. What lies between them is known: `axial_blur`,
then every factor-th row, then the camera's noise. The network sees the degraded slice, learns to give back the slice
itself, and is then shown the axial slices. No other microscope and no truth is needed; what it can reach is the
lateral resolution. (Not the IsoNet of cryo-tomography, which fills a missing wedge.)
Weigert, Royer, Jug & Myers, MICCAI (2017), doi:10.1007/978-3-319-66185-8_15.
"""

import numpy as np

from course_utils import backend, operators, training
from course_utils.formation import padded_shape
from course_utils.isonet.axial import anisotropy, axial_blur, check_factor, degrade, interpolate, isotropic, subsample
from course_utils.isonet.networks import isonet1, isonet2, unet
from course_utils.optics.measured_psf import check_psf, um
from course_utils.stack import Stack, expect_stack

__all__ = [
    "isonet1", "isonet2", "unet", "axial_blur", "subsample", "interpolate", "isotropic", "degrade", "training_pairs",
    "restore", "data_consistency",
]  # fmt: skip

VIEWS = {"xz": (1, 0, 2), "yz": (2, 0, 1)}  # the volume's axes as (slices, z, across)


def training_pairs(stacks, kernel, *, camera, factor=None, size=64, count=1000, flat=0.1, normaliser=None, rng):
    """Pairs of a lateral slice as it would look axially (input) and of the slice itself (target): `count` patches.

    stacks      a Stack as it was taken, or several.
    kernel      of `axial_blur`, on the stacks' lateral grid.
    camera      whose counts the stacks hold: the inputs get its noise. None leaves them smoother than axial slices are.
    factor      of the sampling; each stack's own anisotropy if None.
    size, flat  of the patches, and which places to drop: see `training.patches`.
    normaliser  applied to both; none if None.
    Each slice is used along y and along x, mirrored at random *before* it is degraded: a kernel that is not symmetric
    (a PSF at a depth) keeps its direction. Raises ValueError where the pixels are not square.
    """
    stacks = [stacks] if isinstance(stacks, Stack) else list(stacks)
    inputs, targets = [], []
    for stack in stacks:
        _expect_square(stack)
        s = anisotropy(stack) if factor is None else check_factor(factor)
        for slices in (stack.data, stack.data.swapaxes(1, 2)):
            sharp = _mirrored(slices, rng)
            degraded = degrade(sharp, kernel, factor=s, camera=camera, rng=rng)
            inputs += list(degraded)
            targets += list(sharp[:, : degraded.shape[1]])
    pairs = training.patches(inputs, targets, size=size, count=count, augment=False, flat=flat, rng=rng)
    return pairs if normaliser is None else training.Pairs(normaliser(pairs.inputs), normaliser(pairs.targets))


def restore(model, stack, *, factor=None, views=("xz", "yz"), normaliser=None, **prediction):
    """The Stack as the network sees it, with as fine a step along z as across: the mean of its views.

    model       a Keras model, or what `training.load` and `.pretrained` give, which brings its normaliser.
    stack       as it was taken; it is interpolated along z first, as the training slices were.
    factor      how many times finer along z; the stack's anisotropy if None.
    views       slice by slice across y ("xz"), across x ("yz"), or both. Their arithmetic mean: the geometric one is
                always below it, and undefined where a network says less than zero.
    normaliser  of the training.
    prediction  passed on to `training.predict`, such as tile=….
    Raises ValueError for a view that does not exist.
    """
    if isinstance(model, training.Trained):
        model, normaliser = model.model, model.normaliser
    unknown = set(views) - set(VIEWS)
    if unknown or not views:
        raise ValueError(f"views must be some of {', '.join(map(repr, VIEWS))}; got {views!r}.")
    interpolated = isotropic(stack, factor=factor)
    total = np.zeros(interpolated.shape, np.float32)
    for view in views:
        axes = VIEWS[view]
        slices = training.predict(model, interpolated.data.transpose(axes), normaliser=normaliser, **prediction)
        total += slices.transpose(np.argsort(axes))
    return interpolated.with_data(total / len(views))


def data_consistency(estimate, observed, psf, *, mu=0.1):
    """The Stack near a network's estimate that agrees with the data: F⁻¹[(H̄·Y + μ·F(estimate)) / (|H|² + μ)].

    Where light passes (|H|² ≫ μ) the data decide, and what the network got wrong goes; elsewhere the network does, and
    what it invented stays. The minimum of ‖h ∗ x − y‖² + μ‖x − estimate‖².
    estimate, observed  Stacks on one grid: of `restore`, and of `isotropic`.
    psf                 Stack on that grid, unit sum. mu: small for many photons, large for few.
    Both stacks are reflected at their edges, as far as the PSF reaches. Raises ValueError where the grids differ.
    """
    for name, stack in (("estimate", estimate), ("observed", observed)):
        expect_stack(stack, name)
    if estimate.shape != observed.shape or not np.allclose(estimate.voxel_size, observed.voxel_size, rtol=1e-3):
        raise ValueError(
            f"estimate and observed must be on one grid; got shapes {estimate.shape} and {observed.shape}, "
            f"voxels {um(estimate.voxel_size)} and {um(observed.voxel_size)}. Take isonet.isotropic(stack) as observed."
        )
    if not mu > 0:
        raise ValueError(f"mu must be positive, or nothing holds where no light passes; got {mu}.")
    check_psf(psf, estimate.voxel_size)
    xp, grid = backend.get("numpy"), padded_shape(estimate.shape, psf.shape)
    start = [(n - m) // 2 for n, m in zip(grid, estimate.shape, strict=True)]
    widths = [(a, n - m - a) for a, n, m in zip(start, grid, estimate.shape, strict=True)]
    H = operators.blur(psf, grid, xp=xp)
    Y, X = (xp.rfftn(np.pad(stack.data, widths, mode="reflect")) for stack in (observed, estimate))
    x = xp.irfftn((np.conj(H.transfer) * Y + mu * X) / (np.abs(H.transfer) ** 2 + mu), grid)
    return estimate.with_data(operators.crop(estimate.shape, grid, xp=xp)(x))


def _mirrored(slices, rng):
    """Each slice turned or not along each of its two axes, by chance."""
    down, across = rng.integers(0, 2, (2, len(slices), 1, 1)).astype(bool)
    slices = np.where(down, slices[:, ::-1], slices)
    return np.where(across, slices[:, :, ::-1], slices)


def _expect_square(stack):
    expect_stack(stack, "stack")
    _, dy, dx = stack.voxel_size
    if not np.isclose(dy, dx, rtol=1e-3):
        raise ValueError(f"lateral slices need square pixels; the stack's voxel is {um(stack.voxel_size)}.")
