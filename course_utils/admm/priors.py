"""What is known of a specimen before it is measured, as a penalty on an image: weight · g(D x).

Each prior is a small value: a linear operator D, the function g, and the proximal operator of g. Algorithms ask for no
more (see `course_utils.admm`), so that another prior is another value.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from course_utils import operators

TINY = 1e-30  # against 0 / 0


@dataclass(frozen=True)
class Prior:
    """The penalty weight · g(D x).

    weight    λ, at least 0. Like the Poisson likelihood, the priors of this module grow in proportion to x: a weight
              need not follow the unit of the data, but the fewer the photons, the larger it should be.
    operator  function (shape, xp) -> D, an `operators.Linear` that is the same at every voxel of a periodic grid.
    penalty   g, function (v, xp) -> one value for each voxel, of which the sum is meant.
    prox      function (v, threshold, xp) -> argmin_z g(z) + |z − v|² / (2 · threshold), voxel by voxel.
    Raises ValueError for a weight that is negative.
    """

    weight: float
    operator: Callable
    penalty: Callable
    prox: Callable

    def __post_init__(self):
        if not (np.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"the weight of a prior must be finite and not negative; got {self.weight}.")


def total_variation(weight, voxel_size):
    """Σ|∇x|: few edges, and constant brightness between them. Right for bodies, wrong for threads.

    voxel_size  (dz, dy, dx): a slope counts the same in every direction.
    Rudin, Osher & Fatemi, Physica D 60 (1992) 259, doi:10.1016/0167-2789(92)90242-F.
    """
    return Prior(weight, lambda shape, xp: operators.gradient(shape, voxel_size, xp=xp), _length, _shorten)


def hessian(weight, voxel_size):
    """Σ|∇²x|, the Frobenius norm of all second differences: few bends. Slopes cost nothing, so no stairs appear.

    voxel_size  (dz, dy, dx): a bend counts the same in every direction.
    Lefkimmiatis, Bourquard & Unser, IEEE Trans. Image Process. 21 (2012) 983, doi:10.1109/TIP.2011.2168232.
    """
    return Prior(weight, lambda shape, xp: operators.hessian(shape, voxel_size, xp=xp), _length, _shorten)


def sparsity(weight):
    """Σ|x|: few bright voxels on a dark ground."""
    return Prior(weight, lambda shape, xp: operators.identity(shape, xp=xp), _magnitude, _shrink)


def gram_spectrum(D):
    """Σ|d̂|², by which D'D multiplies in Fourier space: the transform of its answer to a unit impulse. Half grid."""
    impulse = np.zeros(D.shape_in)
    impulse[(0,) * impulse.ndim] = 1
    return D.xp.rfftn(D.T(D(impulse)))


def _length(v, xp):
    """|v| over the leading axis."""
    return xp.sqrt(sum(v[k] * v[k] for k in range(v.shape[0])))


def _shorten(v, threshold, xp):
    return v * _remaining(_length(v, xp), threshold, xp)


def _magnitude(v, xp):
    return xp.abs(v)


def _shrink(v, threshold, xp):
    return v * _remaining(_magnitude(v, xp), threshold, xp)


def _remaining(length, threshold, xp):
    """max(1 − threshold / length, 0): what is left of a vector that is shortened by the threshold."""
    return 1 - threshold / xp.maximum(length, threshold + TINY)
