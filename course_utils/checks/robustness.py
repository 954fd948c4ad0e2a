"""Check of the robustness part of notebook 08: what does the wrong network cost?"""

import numpy as np

from course_utils.checks.answer import NotYet, call, compare, holds


def regret(answer):
    """Exercise of notebook 08: answer(gain) → dB that each network loses on each data against the one made for them."""
    gain = np.array([[5.0, 3.5, 1.25], [4.25, 6.0, 2.5], [2.0, 3.0, 7.5], [5.5, 5.0, 4.0]])
    for g in (gain, gain[:3], gain[1:, 1:] + np.array([[0.5], [0], [0.25]])):
        n = g.shape[1]
        made_for = g[:n].diagonal()
        result = np.asarray(call(answer, g.copy()))
        if result.shape == (n, n) != g.shape:
            raise NotYet("one row is missing: the random network has no column of its own, but a loss in each.")
        if result.shape == (n,):
            raise NotYet("one number for each network and each data is wanted, an array of the shape of gain.")
        mistakes = {
            "read down the columns, not along the rows: along a row the data change, and some are harder than others, "
            "whoever restores them. Two networks can be compared on the same data only": _along_rows(g, n),
            "the sign is turned: a loss is positive": g - made_for,
            "this is the loss against the best of all. The question is what was lost against the network made for "
            "the data": g.max() - g,
            "the best of a column need not be the network made for it: take the diagonal": g.max(axis=0) - g,
            "this is the loss against the mean of the column": g.mean(axis=0) - g,
            "dB are logarithms already: subtract, do not divide": made_for / g,
            "dB are logarithms already, whose difference is the loss; this is a quotient": g / made_for,
            "this is the gain itself; subtract it from that of the network made for the data": g,
        }
        compare(result, made_for - g, mistakes)
    holds(
        "zero on the diagonal", "each column is compared with the network made for it", "the random network has a row"
    )


def _along_rows(gain, n):
    own = np.concatenate([gain[:n].diagonal(), gain[n:].max(axis=1)])
    return own[:, None] - gain
