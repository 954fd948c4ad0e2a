"""What an exercise's answer is checked with: properties that must hold, and a diagnosis where one does not.

A check calls the student's function on small inputs, prints what holds, and raises `NotYet` with a sentence that names
the likely mistake. It knows the typical mistakes by their results, so it never has to read the student's code.
"""

import numpy as np


class NotYet(Exception):
    """An answer that does not hold yet; shown in a notebook as its message alone, without a traceback."""

    def _render_traceback_(self):
        return [f"✗ {self}"]


def photons(answer):
    """Exercise of notebook 00: answer(counts, gain, offset) → photons, for the uint16 counts that cameras write."""
    counts, gain, offset = np.array([[90, 100, 102], [300, 1100, 65535]], dtype=np.uint16), 2.0, 100
    untouched, exact = counts.copy(), (counts.astype(float) - offset) / gain
    result = _call(answer, counts, gain, offset)
    with np.errstate(over="ignore"):
        wrapped = (counts - np.uint16(offset)) / gain
    mistakes = {
        "a pixel darker than the offset came out with some 32 763 photons. The counts are uint16, which cannot go "
        "below zero: 90 − 100 wraps around to 65 526. Convert before you subtract: counts.astype(float)": wrapped,
        "every pixel has the same number of photons too many. A camera adds its offset even in the dark; "
        "subtract it from the counts": counts / gain,
        "bright pixels are four times too bright here, where the gain is 2. The gain is counts per photon; "
        "so divide by it": (counts.astype(float) - offset) * gain,
        "the offset is in counts, not in photons: subtract it before you divide by the gain": counts / gain - offset,
        "dark pixels were cut off at zero. Below the offset they are noise of the camera; cut off, only the positive "
        "half of the noise stays and the background comes out too bright. Leave them negative": np.maximum(exact, 0),
        "photons were rounded. One count is half a photon here; keep the fraction (/ instead of //)": np.floor(exact),
        "the sign is turned around: counts minus offset, not offset minus counts": -exact,
    }
    _compare(result, exact, mistakes)
    if not np.array_equal(counts, untouched):
        raise NotYet("the counts that you were given have changed. Make a new array; do not use -= or /= on them.")
    print("✓ the offset is taken out, and the gain divided by\n✓ dark pixels stay negative, and do not wrap around")
    print("✓ the counts are left as they were\nThat is what Camera.photons does.")


def _call(answer, *arguments):
    """The answer's result; what goes wrong on the way is told in one sentence."""
    try:
        result = answer(*arguments)
    except NotImplementedError as error:
        raise NotYet(f"not written yet. {str(error).capitalize() or 'Your turn.'}") from None
    except Exception as error:  # whatever the student's code raises is theirs to see
        raise NotYet(f"your function stopped with {type(error).__name__}: {error}") from error
    if result is None:
        raise NotYet("your function gives nothing back; its last line must begin with return.")
    return result


def _compare(result, exact, mistakes):
    """Raise NotYet unless the result is exact; with its explanation if it equals one of the known mistakes."""
    result = np.asarray(result)
    if result.shape != exact.shape:
        raise NotYet(f"the result must have shape {exact.shape}, like the input; it has {result.shape}.")
    if result.dtype.kind not in "biuf":
        raise NotYet(f"the result must be an array of numbers; it holds {result.dtype}.")
    if _close(result, exact):
        return
    for explanation, wrong in mistakes.items():
        if _close(result, wrong):
            raise NotYet(f"{explanation}.")
    at = np.unravel_index(np.argmax(np.abs(np.nan_to_num(result - exact, nan=np.inf))), exact.shape)
    where = tuple(int(i) for i in at)
    raise NotYet(f"not yet right: at {where} expected {exact[at]:.6g}, got {result[at]:.6g}.")


def _close(a, b):
    scale = np.abs(b).max()
    return bool(np.allclose(a, b, rtol=1e-5, atol=1e-6 * scale))
