"""What all checks share: the call of a student's function, the comparison, and the word for what does not hold yet."""

import contextlib
import re

import numpy as np

# for `hints`, where the spectrum of a whole grid met a transfer function
HALF_GRID = {"broadcast": "transfer lies on the half grid of fft.rfftn: take rfftn and irfftn, not fftn and ifftn."}


class NotYet(Exception):
    """An answer that does not hold yet; shown in a notebook as its message alone, without a traceback."""

    def _render_traceback_(self):
        return [f"✗ {self}"]


def holds(*properties):
    """Tell the student what was found to hold."""
    print("\n".join(f"✓ {text}" for text in properties))


def call(answer, *arguments):
    """The answer's result; what goes wrong on the way is told in one sentence."""
    try:
        result = answer(*arguments)
    except NotImplementedError as error:
        said = str(error) or "Your turn."
        raise NotYet(f"not written yet. {said[:1].upper() + said[1:]}") from None
    except Exception as error:  # whatever the student's code raises is theirs to see
        inplace = "same_kind" in str(error)  # numpy's words for counts /= gain
        hint = ". An integer array cannot hold fractions: make a new array, do not use /=" if inplace else ""
        raise NotYet(f"your function stopped with {type(error).__name__}: {error}{hint}") from error
    if result is None:
        raise NotYet("your function gives nothing back; its last line must begin with return.")
    return result


@contextlib.contextmanager
def hints(texts):
    """What went wrong in a call within gets a hint: of {pattern: text} that of the first pattern found in the words."""
    try:
        yield
    except NotYet as error:
        for pattern, text in texts.items():
            if re.search(pattern, str(error)):
                raise NotYet(f"{error}. {text}") from error
        raise


def compare(result, exact, mistakes):
    """Raise NotYet unless the result is exact; with its explanation if it equals one of the known mistakes."""
    result = np.asarray(result)
    if result.shape != exact.shape:
        raise NotYet(f"the result must have shape {exact.shape}; it has {result.shape}.")
    if result.dtype.kind not in "biufc":
        raise NotYet(f"the result must be an array of numbers; it holds {result.dtype}.")
    if close(result, exact):
        return
    for explanation, wrong in mistakes.items():
        if close(result, wrong):
            raise NotYet(f"{explanation}.")
    at = np.unravel_index(np.argmax(np.abs(np.nan_to_num(result - exact, nan=np.inf))), exact.shape)
    where = tuple(int(i) for i in at)
    raise NotYet(f"not yet right: at {where} expected {exact[at]:.6g}, got {result[at]:.6g}.")


def close(a, b):
    scale = np.abs(b).max()
    return bool(np.allclose(a, b, rtol=1e-5, atol=1e-6 * scale))
