"""A volume that knows its voxel size."""

from dataclasses import dataclass, replace

import numpy as np

LARGEST_VOXEL = 20  # µm; no microscope that needs deconvolution has larger ones


@dataclass(frozen=True, eq=False, repr=False)
class Stack:
    """A three-dimensional image, axes (z, y, x), with the size of its voxel.

    data        any real array; kept as float32. Integers are converted, never clipped or rescaled.
    voxel_size  (dz, dy, dx) in µm.
    Raises ValueError where the data are not a finite, real, non-empty volume or a voxel's edge is not positive.
    """

    data: np.ndarray
    voxel_size: tuple[float, float, float]

    def __post_init__(self):
        object.__setattr__(self, "voxel_size", check_voxel_size(self.voxel_size))
        object.__setattr__(self, "data", _check_volume(self.data))

    @property
    def shape(self):
        """Number of voxels (z, y, x)."""
        return self.data.shape

    @property
    def extent(self):
        """Edge lengths of the whole volume (z, y, x) in µm."""
        return tuple(n * d for n, d in zip(self.shape, self.voxel_size, strict=True))

    @property
    def anisotropy(self):
        """How many times a voxel is longer along z than along x."""
        return self.voxel_size[0] / self.voxel_size[2]

    def with_data(self, new):
        """The same voxel, other data."""
        return replace(self, data=new)

    def max_projection(self, axis):
        """The brightest voxel along axis 0 (z), 1 (y) or 2 (x): a 2D array."""
        return self.data.max(axis=axis)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.data, dtype=dtype, copy=copy)

    def __repr__(self):
        size = " × ".join(map(str, self.shape))
        voxel = " × ".join(f"{d:.4g}" for d in self.voxel_size)
        return f"Stack({size} voxels of {voxel} µm (z, y, x), values {self.data.min():.4g} to {self.data.max():.4g})"


def check_voxel_size(voxel_size):
    """(dz, dy, dx) as three floats, or a ValueError that says what is wrong with them."""
    try:
        sizes = tuple(float(d) for d in voxel_size)
    except (TypeError, ValueError):
        sizes = ()
    if len(sizes) != 3 or not all(np.isfinite(d) and d > 0 for d in sizes):
        raise ValueError(
            f"voxel_size must be three positive lengths in µm, (dz, dy, dx); got {voxel_size!r}. "
            "For a voxel of 0.3 µm along z and 0.1 µm across, write voxel_size=(0.3, 0.1, 0.1)."
        )
    return sizes


def expect_stack(value, name):
    """Raise TypeError where a value is no Stack, ValueError where its voxel must be in another unit than µm."""
    if not isinstance(value, Stack):
        raise TypeError(
            f"{name} must be a Stack, which knows its voxel size; got {type(value).__name__}. Write "
            "Stack(array, voxel_size=(dz, dy, dx)) with lengths in µm, use data_fetch.read_stack(path), or, of a "
            f"data set of several parts, the part called .{name}."
        )
    expect_micrometres(value.voxel_size, name)


def expect_micrometres(voxel_size, name):
    """Raise ValueError where a voxel is so large that its size must be in nm."""
    if max(voxel_size) > LARGEST_VOXEL:
        raise ValueError(f"{name} has a voxel of {tuple(voxel_size)} µm. Are these nm? Divide by 1000.")


def _check_volume(data):
    data = np.asarray(data)
    if data.ndim != 3:
        hint = {2: "; for a single plane use data[np.newaxis]", 4: "; pick one channel or time point, data[i]"}
        raise ValueError(
            f"a stack has three axes (z, y, x); got {data.ndim} axes, shape {data.shape}{hint.get(data.ndim, '')}."
        )
    if data.size == 0:
        raise ValueError(f"a stack needs at least one voxel on each axis; got shape {data.shape}.")
    if not (np.issubdtype(data.dtype, np.number) or data.dtype == bool) or np.iscomplexobj(data):
        raise ValueError(f"a stack holds real numbers; got dtype {data.dtype}.")
    bad = data.size - np.count_nonzero(np.isfinite(data))
    if bad:
        raise ValueError(
            f"{bad} of {data.size} voxels are NaN or infinite; replace them first, "
            "e.g. numpy.nan_to_num(data, nan=background)."
        )
    with np.errstate(over="ignore"):
        as_float32 = np.ascontiguousarray(data, dtype=np.float32)
    if not np.isfinite(as_float32).all():
        raise ValueError(
            f"values up to {np.abs(data).max():.3g} do not fit float32; divide the stack by a constant first."
        )
    return as_float32
