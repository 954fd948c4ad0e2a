"""Checks of notebook 06."""

import numpy as np

from course_utils.checks.answer import NotYet, call, compare, holds


def receptive_field(answer):
    """Exercise of notebook 06: answer(layers) → the pixels along an edge that one output pixel sees.

    layers is a list of (kernel, stride), from the input on.
    """
    cases = (
        [(9, 1), (1, 1), (5, 1)],
        [(9, 1), (5, 1), (5, 1), (1, 1)],
        [(3, 1), (5, 2), (7, 1)],
        [(3, 1), (2, 2), (5, 1)],
        [(7, 1), (2, 2), (7, 1), (2, 2), (5, 1)],
    )
    for layers in cases:
        kernels, strides = (np.array(part) for part in zip(*layers, strict=True))
        before, after = np.cumprod([1, *strides[:-1]]), np.cumprod(strides)
        found = call(answer, layers)
        if np.ndim(found):
            raise NotYet(f"the receptive field is one number; got an array of shape {np.shape(found)}.")
        exact = 1 + np.sum((kernels - 1) * before)
        forwards = 1
        for kernel, stride in layers:
            forwards = (forwards - 1) * stride + kernel
        mistakes = {
            "(f − 1) · stride + kernel goes from the output back to the input: take the layers in reverse": forwards,
            "the kernels were added up. Each layer adds its kernel less one, to the one pixel that is there without it":
            kernels.sum(),
            "the kernels were multiplied": np.prod(kernels),
            "the one pixel is missing that is there without any layer": exact - 1,
            "this is the reach to one side; the field is twice that, and the pixel itself": (exact - 1) // 2,
            "a kernel reaches k // 2 pixels to each of two sides; this counts one of them": 1
            + np.sum(kernels // 2 * before),
            "2 * (k // 2) is k − 1 for odd kernels only: a kernel of 2 adds one pixel": 1
            + np.sum(2 * (kernels // 2) * before),
            "this is the largest kernel; the layers act one behind the other, and their reaches add up": kernels.max(),
            "strides were left out: behind a pooling by 2 a pixel stands for two, and a kernel reaches twice as far": 1
            + np.sum(kernels - 1),
            "a layer's own stride counts for the layers behind it, not for itself": 1 + np.sum((kernels - 1) * after),
            "each kernel was multiplied by its own layer's stride. A stride counts for all layers behind it": 1
            + np.sum((kernels - 1) * strides),
            "strides multiply from layer to layer: behind two poolings by 2 a pixel stands for four": 1
            + np.sum((kernels - 1) * np.array([1, *strides[:-1]])),
        }  # fmt: skip
        _expect(found, exact, mistakes, f"of the layers {layers}")
    holds("each layer adds its kernel less one", "behind a stride a pixel stands for more pixels")


def crop_label(answer):
    """Exercise of notebook 06: answer(labels, field) → the part of the labels that a valid network's output shows.

    labels are (n, height, width, 1); field is the network's receptive field, odd.
    """
    for shape, field in (((3, 33, 33, 1), 13), ((2, 20, 27, 1), 5), ((2, 9, 8, 1), 1)):
        labels = np.random.default_rng(12).random(shape)
        height, width, m, lost = shape[1], shape[2], field // 2, field - 1
        exact = labels[:, m : height - m, m : width - m]
        found = np.asarray(call(answer, labels, field))
        if found.ndim == 4 and len(found) != len(labels):
            raise NotYet("axis 0 counts the patches; cut axes 1 and 2.")
        missing = height - found.shape[1] if found.ndim == 4 else None
        sizes = {
            0: "nothing was cut off; the output is smaller than the patch",
            m: "half of the field was cut off in all. It is lost on each side: field − 1 pixels in all",
            field: "one pixel too many was cut off: a valid network gives field − 1 pixels less, not field",
            2 * field: "the whole field was cut off on each side; it is half of it, field // 2",
        }
        if found.shape != exact.shape and missing in sizes:
            raise NotYet(f"{sizes[missing]}.")
        if found.size == 0:
            raise NotYet("nothing is left: with field 1 there is nothing to cut, and labels[:, 0:-0] is empty.")
        mistakes = {
            "the upper left corner was kept. The first pixel of the output shows pixel field // 2 of the label; with "
            "this the network learns to shift the image": labels[:, : height - lost, : width - lost],
            "the lower right corner was kept; it is the middle that the output shows": labels[:, lost:, lost:],
            "labels were cropped by one pixel beside the middle": np.roll(labels, -1, (1, 2))[
                :, m : height - m, m : width - m
            ],
        }
        compare(found, exact, mistakes)
    holds("output and label show the same pixels", "field − 1 pixels less along each axis")


def psnr_loss(answer):
    """Exercise of notebook 06: answer(target, estimate, eps) → for each patch −10 log₁₀((max g² + eps) / (MSE + eps)).

    Patches are (n, height, width, 1); the result is one number a patch.
    """
    rng, eps = np.random.default_rng(13), 1e-6
    g = rng.random((4, 6, 5, 1)) * np.array([1.0, 2.0, 5.0, 1.0])[:, None, None, None]
    x = g + 0.1 * rng.standard_normal(g.shape)
    x[3] = g[3]  # a perfect patch
    axes = (1, 2, 3)
    error, peak = ((g - x) ** 2).mean(axes), g.max(axes)

    def loss(error, peak, log=np.log10):
        return 10 * log((error + eps) / (peak**2 + eps))

    found = np.asarray(call(answer, g, x, eps))
    if found.ndim == 0:
        raise NotYet("this is one number for all patches together. Each patch has a loss of its own: axis=(1, 2, 3).")
    if not np.isfinite(found).all():
        raise NotYet(
            "a patch that is exactly right has an infinite loss, and its gradient is no number: eps belongs into the "
            "logarithm, beside the MSE."
        )
    mistakes = {
        "the sign is reversed: training makes the loss small, and the PSNR large": -loss(error, peak),
        "the peak is that of all patches; each has its own": loss(error, g.max()),
        "the peak was taken from the estimate; it is the target's": loss(error, x.max(axes)),
        "the peak is the target's maximum, not its range": loss(error, np.ptp(g, axis=axes)),
        "the peak is squared under the same logarithm as the MSE: 20 log₁₀ max, or 10 log₁₀ max²": 10
        * np.log10((error + eps) / (peak + eps)),
        "the MSE is a mean; this is the sum of squares": loss(((g - x) ** 2).sum(axes), peak),
        "this is the root of the MSE under a factor of 10; either 20 and the root, or 10 and the MSE": 10
        * np.log10((np.sqrt(error) + eps) / (peak**2 + eps)),
        "the MSE already is a square, so its factor is 10, not 20": 2 * loss(error, peak),
        "this is the natural logarithm; decibels take that of base 10": loss(error, peak, np.log),
        "the peak is missing: bright patches would count as bad ones": 10 * np.log10(error + eps),
        "eps was added to the loss; it belongs into the logarithm": 10 * np.log10((error + 1e-30) / peak**2) + eps,
    }
    compare(found, loss(error, peak), mistakes)
    empty = np.asarray(call(answer, np.zeros_like(g), x, eps))
    if not np.isfinite(empty).all():
        raise NotYet("an empty target has an infinite loss: add eps to max² as well.")
    holds("small when the estimate is good", "one number a patch", "finite for perfect and for empty patches")


def block_split(answer):
    """Exercise of notebook 06: answer(n_planes, n_test, guard) → (training, test), numbers of planes.

    The last n_test planes are for the test, the `guard` planes before them for nothing, the others for training.
    """
    for n, n_test, guard in ((32, 8, 5), (44, 10, 9), (20, 5, 0)):
        parts = call(answer, n, n_test, guard)
        if not isinstance(parts, (tuple, list)) or len(parts) != 2:
            raise NotYet("give back two things: return training, test.")
        planes, test = (_plane_numbers(part, n) for part in parts)
        _diagnose_split(planes, test, n, n_test, guard)
    holds("no plane is in both", "the guard band is in neither", "no other plane is wasted")


def _plane_numbers(part, n):
    """The numbers of a part's planes, in their order."""
    part = list(part) if isinstance(part, (set, range)) else part
    numbers = np.arange(n)[part] if isinstance(part, slice) else np.asarray(part)
    if numbers.ndim != 1:
        raise NotYet(
            "each part is a list of plane numbers, such as np.arange(first, last + 1), not how many there are."
        )
    if numbers.size == 0:
        raise NotYet("one of the two parts is empty.")
    if numbers.dtype.kind not in "iu":
        raise NotYet("give arrays of plane numbers, which are whole; of a mask, np.flatnonzero(mask).")
    return np.sort(numbers)


def _diagnose_split(planes, test, n, n_test, guard):
    gap = int(np.abs(planes[:, None] - test[None, :]).min()) - 1
    if gap < guard and np.diff(test).max(initial=1) > 1:
        raise NotYet(
            f"the test planes lie scattered among the others, with {gap} planes between a training and a test plane. "
            "Neighbouring planes hold the same light, blurred along z: take whole blocks."
        )
    if not np.array_equal(test, np.arange(n - n_test, n)):
        raise NotYet(
            f"the test is the last {n_test} planes, {n - n_test} to {n - 1}; got {test[0]} to {test[-1]}, "
            f"{test.size} planes."
        )
    both = np.intersect1d(planes, test)
    if both.size:
        raise NotYet(f"plane {both[0]} is in both parts: the network is tested on what it was trained with.")
    if gap == guard - 1:
        raise NotYet(
            f"{gap} planes lie between the parts, one too few: of planes a and b, b − a − 1 lie between. Count them."
        )
    if gap < guard:
        raise NotYet(f"{gap} planes lie between training and test; the guard band is {guard} planes deep.")
    if not np.array_equal(planes, np.arange(n - n_test - guard)):
        raise NotYet(
            f"training may use the planes 0 to {n - n_test - guard - 1}; got {planes[0]} to {planes[-1]}, "
            f"{planes.size} planes. None should be wasted."
        )


def _expect(found, exact, mistakes, where):
    """Raise NotYet unless a whole number is exact; with its explanation if it equals one of the known mistakes."""
    if found == exact:
        return
    for explanation, wrong in mistakes.items():
        if found == wrong:
            raise NotYet(f"{explanation} ({where}: {exact}, not {found}).")
    raise NotYet(f"not yet right {where}: expected {exact}, got {found}.")
