"""Checks of notebook 10: the wrong network, the moved picture, and what lies beyond the support."""

import numpy as np

from course_utils.checks.answer import NotYet, call, compare, holds


def regret(answer):
    """Exercise 1: answer(gain) → dB that each network loses on each data against the one made for them."""
    gain = np.array([[5.0, 3.5, 1.25], [4.25, 6.0, 2.5], [2.0, 3.0, 7.5], [5.5, 5.0, 4.0]])
    for g in (gain, gain[:3], gain[1:, 1:] + np.array([[0.5], [0], [0.25]])):
        n = g.shape[1]
        made_for = g[:n].diagonal()
        result = np.asarray(call(answer, g.copy()))
        if result.shape == (n, n) != g.shape:
            raise NotYet("one row is missing: the random network has no column of its own, but a loss in each.")
        if result.shape == (n,):
            raise NotYet("one number for each network and each data is wanted, an array of the shape of gain.")
        if result.shape == g.shape and np.allclose(result[:n], made_for[:, None] - g[:n]):  # whatever stands below
            raise NotYet(
                "read down the columns, not along the rows: along a row the data change, and some are harder than "
                "others, whoever restores them. Two networks can be compared on the same data only."
            )
        mistakes = {
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


def put_back(answer):
    """Exercise 2: answer(x, offset) → x where it belongs, if its PSF was `offset` voxels off the centre."""
    truth = np.random.default_rng(0).random((7, 9, 11))
    for offset in ((2, 0, 0), (1, -2, 3)):
        moved = np.roll(truth, [-d for d in offset], (0, 1, 2))
        mistakes = {
            "zeros came in where the other side's voxels should: periodic, as np.roll does it": _with_zeros(
                moved, offset
            ),
            "it went the same way once more: a PSF that is too far moves the estimate back, so that it must go "
            "forward by the offset": np.roll(moved, [-d for d in offset], (0, 1, 2)),
            "only z was moved; the offset has three components": np.roll(moved, offset[0], 0),
            "the offset is (z, y, x), in the order of the axes": np.roll(moved, offset[::-1], (0, 1, 2)),
            "np.roll without axis= moves the flattened array: give it the three axes": np.roll(moved, sum(offset)),
            "every axis was moved by the sum of the offsets": np.roll(moved, (sum(offset),) * 3, (0, 1, 2)),
            "this is the estimate as it was": moved,
        }
        compare(call(answer, moved.copy(), offset), truth, mistakes)
    holds("lies on the truth", "along all three axes, forward and back")


def _with_zeros(moved, offset):
    back = np.roll(moved, offset, (0, 1, 2))
    for axis, d in enumerate(offset):
        planes = np.moveaxis(back, axis, 0)
        planes[: max(d, 0)] = planes[len(planes) + min(d, 0) :] = 0
    return back


def made_up(answer):
    """Exercise 3: answer(X, T, beyond) → (share of the energy beyond, correlation with the truth there)."""
    rng = np.random.default_rng(0)
    truth, noise = rng.standard_normal((2, 6, 8, 10))
    T, X = np.fft.fftn(truth), np.fft.fftn(0.6 * truth + noise) * np.exp(0.2j)
    beyond = rng.random(T.shape) < 0.3
    energy, wanted = (np.sum(np.abs(a[beyond]) ** 2) for a in (X, T))
    all_energy, cross = np.sum(np.abs(X) ** 2), np.sum(X[beyond] * np.conj(T[beyond]))
    exact = np.array([energy / all_energy, cross.real / np.sqrt(energy * wanted)])
    share, correlation = exact
    size = np.abs(X[beyond]).sum() / np.abs(X).sum()
    unlike = np.sum(X[beyond] * T[beyond]).real / np.sqrt(energy * wanted)
    within = np.sum(X[~beyond] * np.conj(T[~beyond])).real / np.sqrt(
        np.sum(np.abs(X[~beyond]) ** 2) * np.sum(np.abs(T[~beyond]) ** 2)
    )
    everywhere = np.sum(X * np.conj(T)).real / np.sqrt(all_energy * np.sum(np.abs(T) ** 2))
    mistakes = {
        "the share is one of energy: square the magnitudes": [size, correlation],
        "the share is within the support; asked is what lies beyond": [1 - share, correlation],
        "the share is of the coefficients, not of their energy": [beyond.mean(), correlation],
        "divided by the truth's energy beyond, not by all of the estimate's": [energy / wanted, correlation],
        "one of the two needs the complex conjugate, else the phases add up": [share, unlike],
        "the correlation is over all coefficients; take those beyond only": [share, everywhere],
        "the correlation's denominator wants a root": [share, cross.real / (energy * wanted)],
        "take the real part of the sum, not its magnitude": [share, abs(cross) / np.sqrt(energy * wanted)],
        "the share is of the truth's whole energy; it is that of the estimate's": [
            energy / np.sum(np.abs(T) ** 2), correlation
        ],
        "the correlation's denominator is over all coefficients; take those beyond, as above": [
            share, cross.real / np.sqrt(all_energy * np.sum(np.abs(T) ** 2))
        ],
        "the magnitudes were correlated; the phases say where things are": [
            share, np.sum(np.abs(X[beyond] * T[beyond])) / np.sqrt(energy * wanted)
        ],
        "divided by the energy inside the support; divide by all": [energy / (all_energy - energy), correlation],
        "the two numbers are in the other order": [correlation, share],
        "both are of what lies within the support; asked is what lies beyond": [1 - share, within],
        "the share is a part of one, not per cent": [100 * share, correlation],
    }  # fmt: skip
    result = call(answer, X.copy(), T.copy(), beyond.copy())
    if np.iscomplexobj(result):
        raise NotYet("a number is complex: of the sum of products take the real part, .real.")
    compare(result, exact, {text: np.array(wrong) for text, wrong in mistakes.items()})
    holds("the share counts energy, beyond the support", "the correlation is 1 for the truth itself")
