"""Checks of notebook 00."""

import numpy as np

from course_utils.checks.answer import NotYet, call, compare, holds


def photons(answer):
    """Exercise of notebook 00: answer(counts, gain, offset) → photons, for the uint16 counts that cameras write."""
    counts, gain, offset = np.array([[90, 100, 102], [300, 1100, 65535]], dtype=np.uint16), 2.0, 100
    untouched, exact = counts.copy(), (counts.astype(float) - offset) / gain
    result = call(answer, counts, gain, offset)
    if not np.array_equal(counts, untouched):
        raise NotYet("the counts that you were given have changed. Make a new array; do not use -= or /= on them.")
    with np.errstate(over="ignore"):
        wrapped = counts - np.uint16(offset)
    mistakes = {
        "a pixel darker than the offset came out with some 32 763 photons. The counts are uint16, which cannot go "
        "below zero: 90 − 100 wraps around to 65 526. Convert first: counts.astype(float)": wrapped / gain,
        "a pixel darker than the offset wrapped around to 65 526: uint16 cannot go below zero. Convert first, "
        "counts.astype(float); and mind the gain": wrapped,
        "the gain is forgotten: each photon made `gain` counts, so divide by it": counts.astype(float) - offset,
        "/ binds tighter than −: you divided only the offset by the gain. Write (counts − offset) / gain": counts
        - offset / gain,
        "this is the equation as it stands, from photons to counts. Solve it for the photons": counts * gain + offset,
        "dark pixels turned positive. Below the offset they are camera noise; leave them negative": np.abs(exact),
        "every pixel has the same number of photons too many. A camera adds its offset even in the dark; "
        "subtract it from the counts": counts / gain,
        "bright pixels are four times too bright here, where the gain is 2. The gain is counts per photon; "
        "so divide by it": (counts.astype(float) - offset) * gain,
        "the offset is in counts, not in photons: subtract it before you divide by the gain": counts / gain - offset,
        "dark pixels were cut off at zero. Below the offset they are noise of the camera; cut off, only the positive "
        "half of the noise stays and the background comes out too bright. Leave them negative": np.maximum(exact, 0),
        "photons were rounded down. One count is half a photon here; keep the fraction (/, not //)": np.floor(exact),
        "photons were rounded. One count is half a photon here; keep the fraction": np.rint(exact),
        "the sign is turned around: counts minus offset, not offset minus counts": -exact,
    }
    compare(result, exact, mistakes)
    holds(
        "the offset is taken out, and the gain divided by",
        "dark pixels stay negative, and do not wrap around",
        "the counts are left as they were: that is what Camera.photons does",
    )
