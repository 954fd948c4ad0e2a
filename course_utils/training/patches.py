"""What a network is trained with: pairs of small images, cut at random, on a scale near one."""

from dataclasses import dataclass

import numpy as np

MOST_TRIES = 20  # for a patch; beyond it the images hold too little to cut patches from


@dataclass(frozen=True, eq=False)
class Pairs:
    """What goes in and what should come out: two float32 arrays (n, height, width, 1), patch by patch.

    Raises ValueError where the two do not fit each other, are empty or not finite.
    """

    inputs: np.ndarray
    targets: np.ndarray

    def __post_init__(self):
        for name in ("inputs", "targets"):
            object.__setattr__(self, name, _check_patches(getattr(self, name), name))
        if self.inputs.shape != self.targets.shape:
            raise ValueError(
                f"inputs and targets must be patches of the same number and size; got {self.inputs.shape} and "
                f"{self.targets.shape}."
            )

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        """Some of the pairs: a slice or an array of numbers."""
        return Pairs(self.inputs[index], self.targets[index])

    def __add__(self, other):
        """These pairs and others of the same size."""
        return Pairs(np.concatenate([self.inputs, other.inputs]), np.concatenate([self.targets, other.targets]))


@dataclass(frozen=True)
class Normaliser:
    """(x − offset) / scale: brings images near the range 0 to 1, where networks learn best, and back.

    Fitted on the training data only, and kept with the model: an image's own percentiles would change its contrast.
    Raises ValueError where the scale is not positive.
    """

    offset: float = 0.0
    scale: float = 1.0

    def __post_init__(self):
        if not (np.isfinite(self.offset) and np.isfinite(self.scale) and self.scale > 0):
            raise ValueError(
                f"a normaliser needs a finite offset and a positive scale; got {self.offset} and {self.scale}. "
                "Are the training images constant?"
            )

    @classmethod
    def fit(cls, images, low=1.0, high=99.9):
        """The one that takes these percentiles of the training images (an array, or several) to 0 and 1."""
        values = np.concatenate([np.ravel(image) for image in images])
        bottom, top = np.percentile(values, [low, high])
        return cls(float(bottom), float(top - bottom))

    def __call__(self, x):
        return ((np.asarray(x) - np.float32(self.offset)) / np.float32(self.scale)).astype(np.float32)

    def undo(self, x):
        """x · scale + offset."""
        return (np.asarray(x) * np.float32(self.scale) + np.float32(self.offset)).astype(np.float32)


def patches(inputs, targets, *, size, count, augment=True, flat=0.0, rng):
    """`count` Pairs of patches cut at random places out of 2D images, the same place from input and target.

    inputs, targets  (n, height, width), or lists of 2D images, which may differ in size; on the same grid.
    size             of a patch: pixels, or (height, width).
    augment          True: each pair mirrored at random along each axis; "transpose": axes swapped as well, which only a
                     blur that is alike along both allows; False: as cut.
    flat             drop places where the target's standard deviation is below this share of that of all targets: there
                     is nothing to learn.
    Raises ValueError where the images do not fit each other or the size, or nearly all places are flat.
    """
    inputs, targets = _check_images(inputs, targets)
    if count < 1:
        raise ValueError(f"count must be at least 1 patch; got {count}.")
    height, width = _check_size(size, inputs, augment)
    level = flat * np.std(np.concatenate([target.ravel() for target in targets]))
    room = [(image.shape[0] - height + 1, image.shape[1] - width + 1) for image in inputs]
    places = np.array([rows * columns for rows, columns in room], dtype=float)
    found, tried = [], 0
    while len(found) < count:
        tried += 1
        if tried > MOST_TRIES * (count + 5):
            raise ValueError(
                f"of {tried} places only {len(found)} have a target that is not flat; lower flat={flat}, or leave "
                "empty images out."
            )
        i = rng.choice(len(places), p=places / places.sum())
        top, left = rng.integers(room[i])
        window = (slice(top, top + height), slice(left, left + width))
        if targets[i][window].std() >= level:
            found.append(_augmented(inputs[i][window], targets[i][window], augment, rng))
    first, second = (np.stack(images)[..., None] for images in zip(*found, strict=True))
    return Pairs(first, second)


def _augmented(x, y, augment, rng):
    """Both alike: mirrored or not along each axis, and, if allowed, transposed or not."""
    if not augment:
        return x, y
    down, right, swap = rng.integers(0, 2, 3).astype(bool)
    window = (slice(None, None, -1 if down else 1), slice(None, None, -1 if right else 1))
    x, y = x[window], y[window]
    return (x.T, y.T) if swap and augment == "transpose" else (x, y)


def _check_patches(a, name):
    a = np.asarray(a)
    if a.ndim != 4 or a.shape[-1] != 1 or a.size == 0:
        raise ValueError(
            f"{name} must be patches of shape (n, height, width, 1), at least one; got {a.shape}. Of images (n, "
            "height, width) take images[..., numpy.newaxis]."
        )
    a = np.ascontiguousarray(a, dtype=np.float32)
    if not np.isfinite(a).all():
        raise ValueError(f"{name} hold NaN or infinite values; replace them before cutting patches.")
    return a


def _check_images(inputs, targets):
    inputs, targets = ([np.asarray(image, dtype=np.float32) for image in images] for images in (inputs, targets))
    if not inputs or [x.shape for x in inputs] != [y.shape for y in targets] or any(x.ndim != 2 for x in inputs):
        raise ValueError(
            "inputs and targets must be as many 2D images, each pair on the same grid; got shapes "
            f"{[x.shape for x in inputs][:4]} and {[y.shape for y in targets][:4]}."
        )
    return inputs, targets


def _check_size(size, images, augment):
    if augment not in (True, False, "transpose"):
        raise ValueError(f"augment must be True, False or 'transpose'; got {augment!r}.")
    height, width = (size, size) if np.ndim(size) == 0 else size
    smallest = tuple(min(image.shape[axis] for image in images) for axis in (0, 1))
    if not (1 <= height <= smallest[0] and 1 <= width <= smallest[1]):
        raise ValueError(f"patches of {height} × {width} do not fit into the smallest image, {smallest}.")
    if augment == "transpose" and height != width:
        raise ValueError(f"only square patches can be transposed; got {height} × {width}.")
    return int(height), int(width)
