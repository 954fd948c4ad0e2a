"""From a stack's own numbers to photons: the dark level, and the gain where nobody measured it."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from course_utils.counts import find_background, find_gain


def settle(stack, settings):
    """The Settings with a gain and a background in photons, found in the stack where they are not known.

    The gain is what makes noise what photons' noise must be (`counts.find_gain`), the offset taken off; the background
    the dark level, outside of a fill. How each was found is noted, and told in the methods paragraph.
    """
    if settings.gain is None:
        even = even_out(stack, settings)
        gain = find_gain(even.with_data(even.data - np.float32(settings.offset)))
        settings = replace(settings, gain=gain, gain_from="estimated from the stack's own noise")
    if settings.background == "auto":
        level = max(dark_level(settings.camera.photons(stack)), 0.0)
        settings = replace(
            settings, background=level, background_from="the 5th percentile of the averages over 27 voxels"
        )
    return settings


def measured(stack, settings):
    """(y, background) in photons, not negative, as `deconvolve.deconvolve` takes them: read noise is in both."""
    return settings.camera.poisson(stack, settings.background)


def dark_level(stack):
    """`counts.find_background`, but not of a fill."""
    return find_background(stack, ~ndimage.binary_dilation(fill(stack), np.ones((3, 3, 3), bool)))


def even_out(stack, settings):
    """The stack with the camera's offset where it was filled: the edge of a fill is sharp, and would pass for noise."""
    filled = fill(stack)
    if not filled.any():
        return stack
    return stack.with_data(np.where(filled, np.float32(settings.offset or dark_level(stack)), stack.data))


def fill(stack):
    """Where the stack was filled with a constant: the blocks of its commonest value. A mask, often empty.

    A block is at least 3 × 3 pixels in a plane. Deskewed and rotated stacks have them.
    """
    values, counts = np.unique(stack.data, return_counts=True)
    common = stack.data == values[counts.argmax()]
    blocks = ndimage.binary_opening(common, np.ones((1, 3, 3), bool))
    return blocks if blocks.sum() > 0.9 * common.sum() and not common.all() else np.zeros(stack.shape, bool)
