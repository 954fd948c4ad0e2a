"""A network applied to whole images, tile by tile, without seams."""

import math

import numpy as np

BATCH = 4  # tiles at a time


def receptive_field(model):
    """The edge, in pixels of the input, of the square that one pixel of the output depends on.

    From layer to layer it grows by (kernel − 1) · step, where a step is what a pixel stands for: doubled by a pooling
    by 2, halved by an upsampling. Raises ValueError where a layer is used more than once, or is a model of its own.
    """
    return _field_and_stride(model)[0]


def predict(model, images, *, tile=256, normaliser=None):
    """The model's answer to one image (height, width), or to each plane of a stack (n, height, width): float32.

    tile        the edge of the tiles that are worked on, in pixels; less takes less memory, and the result is the same.
    normaliser  the model's own: applied to the images, and undone on the answer.
    The images go on beyond their border by reflection, further than the network sees; the rest is cut off again.
    Raises ValueError where the images are not finite, or have another number of axes.
    """
    images = _check_images(images)
    if int(tile) != tile or tile < 1:
        raise ValueError(f"tile must be a whole number of pixels, at least 1; got {tile}.")
    field, stride = _field_and_stride(model)
    margin = _up(field // 2 + stride, stride)
    x = normaliser(images) if normaliser else images
    size = x.shape[-2:]
    core = [_up(min(int(tile), n), stride) for n in size]
    y = np.stack([_tiled(model, plane, core, margin) for plane in x.reshape(-1, *size)])
    y = y.reshape(images.shape)
    return normaliser.undo(y) if normaliser else y


def _tiled(model, plane, core, margin):
    """One plane: windows of the same size, wider than their core by the margin, in batches of the same size."""
    counts = [math.ceil(n / c) for n, c in zip(plane.shape, core, strict=True)]
    full = [n * c for n, c in zip(counts, core, strict=True)]
    beyond = [(margin, margin + whole - n) for n, whole in zip(plane.shape, full, strict=True)]
    padded = np.pad(plane, beyond, mode="reflect")
    corners = [(i * core[0], j * core[1]) for i in range(counts[0]) for j in range(counts[1])]
    height, width = (c + 2 * margin for c in core)
    windows = np.stack([padded[top : top + height, left : left + width] for top, left in corners])
    answers = _in_batches(model, windows[..., None])[..., 0]
    lost = [(w - a) // 2 for w, a in zip(windows.shape[1:], answers.shape[1:], strict=True)]  # by valid convolutions
    result = np.empty(full, dtype=np.float32)
    for (top, left), answer in zip(corners, answers, strict=True):
        a, b = (margin - n for n in lost)
        result[top : top + core[0], left : left + core[1]] = answer[a : a + core[0], b : b + core[1]]
    return result[: plane.shape[0], : plane.shape[1]]


def _in_batches(model, windows):
    """All batches equally large, or each new size would compile the network anew."""
    n = len(windows)
    batch = min(BATCH, n)
    whole = np.concatenate([windows, windows[: -n % batch]])
    return np.concatenate([model.predict_on_batch(whole[i : i + batch]) for i in range(0, n, batch)])[:n]


def _field_and_stride(model):
    """The receptive field, and the most input pixels that a pixel of a layer stands for: tiles begin at multiples."""
    seen = {id(image): (1, 1) for image in model.inputs}
    for layer in model.layers:
        parents, outputs = _as_list(layer.input), _as_list(layer.output)
        known = [seen[id(parent)] for parent in parents if id(parent) in seen]
        if known:
            field, step = max(known)
            seen |= dict.fromkeys(map(id, outputs), _through(layer, field, step))
    if id(model.outputs[0]) not in seen:
        raise ValueError(
            f"the receptive field of {model.name!r} is not known: a layer in it is used more than once, or is a model "
            "of its own. Make a new layer for each use, and call the layers one by one."
        )
    return math.ceil(seen[id(model.outputs[0])][0]), int(max(step for _, step in seen.values()))


def _through(layer, field, step):
    """Receptive field and step behind a layer."""
    name = type(layer).__name__
    if name.startswith("UpSampling"):
        return field, step / _one(layer.size)
    if name.endswith("Transpose"):
        step = step / _one(layer.strides)
        return field + (_one(layer.kernel_size) - 1) * step, step
    if hasattr(layer, "kernel_size"):
        wide = (_one(layer.kernel_size) - 1) * _one(getattr(layer, "dilation_rate", 1))
        return field + wide * step, step * _one(layer.strides)
    if hasattr(layer, "pool_size"):
        return field + (_one(layer.pool_size) - 1) * step, step * _one(layer.strides)
    return field, step


def _one(size):
    """The larger of a layer's two sizes: along z and along x they may differ."""
    return max(size) if np.ndim(size) else size


def _as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _up(n, multiple):
    return -(-n // multiple) * multiple


def _check_images(images):
    images = np.asarray(images, dtype=np.float32)
    if images.ndim not in (2, 3) or images.size == 0:
        raise ValueError(f"images must be (height, width), or a stack (n, height, width); got shape {images.shape}.")
    if not np.isfinite(images).all():
        raise ValueError("the images hold NaN or infinite values; replace them before the prediction.")
    return images
