"""Checks of notebook 08."""

import numpy as np

from course_utils.checks.answer import NotYet, call, hints, holds


def matched_psnr(answer):
    """Exercise of notebook 08: answer(x, reference) → PSNR in dB after the best gain and offset.

    The data range is the reference's maximum minus its minimum.
    """
    rng = np.random.default_rng(80)
    for gain, offset in ((0.1, 40.0), (-0.7, 3.0), (1.0, 0.0)):
        g = 5 + 100 * rng.random((5, 6, 7)) ** 3
        x = (g + 4 * rng.standard_normal(g.shape)) * gain + offset
        exact = _psnr(_matched(x, g), g)
        mistakes = {
            "nothing was matched: gain and offset of x are still in the error": _psnr(x, g),
            "the reference was fitted to x. Fit x to the reference, and measure in the reference's unit": _psnr(
                _matched(g, x), x
            ),
            "the line was fitted the wrong way round, from the reference to x, then turned. Noise makes it steeper: "
            "fit from x to the reference": _psnr(_turned(x, g), g),
            "the fit goes the wrong way round, from the reference to x. np.polyfit(a, b, 1) goes from a to b": _psnr(
                np.polyval(np.polyfit(g.ravel(), x.ravel(), 1), x), g
            ),
            "the logarithm is that to base 10": exact * np.log(10),
            "this is the mean square: take its root, or 10 for 20": 20
            * np.log10(np.ptp(g) / np.mean((_matched(x, g) - g) ** 2)),
            "only the gain was matched; an offset remains": _psnr(x * np.sum(x * g) / np.sum(x * x), g),
            "only the offset was matched; the gain remains": _psnr(x - x.mean() + g.mean(), g),
            "mean and spread were made equal. The best gain is smaller: it is that of the least squares, a "
            "covariance over the variance of x": _psnr((x - x.mean()) * g.std() / x.std() + g.mean(), g),
            "both were scaled from 0 to 1 by their extremes: two noisy voxels then decide": _psnr(_unit(x), _unit(g)),
            "the range is that of x; it is the reference's, or a noisy estimate would raise its own score": _psnr(
                _matched(x, g), g, np.ptp(_matched(x, g))
            ),
            "the range is that of x as it came; it is the reference's": _psnr(_matched(x, g), g, np.ptp(x)),
            "the range is the reference's maximum; take its maximum minus its minimum": _psnr(
                _matched(x, g), g, g.max()
            ),
            "the range is 1, as for pictures from 0 to 1": _psnr(_matched(x, g), g, 1.0),
            "the factor is 20 for the root of the mean square, 10 for the mean square": exact / 2,
            "the sign is reversed: a good estimate has a large PSNR": -exact,
        }
        _expect(call(answer, x, g), exact, mistakes, f"gain {gain:g} and offset {offset:g}")
    holds("gain and offset of x do not count", "the range is the reference's", "the unit is dB")


def honest_iteration(answer):
    """Exercise of notebook 08: answer(on_twin, on_test) → (n, dB), from the PSNR after iterations 1, 2, 3, …"""
    twin, test = np.array([20.0, 24.0, 27.0, 26.0, 22.0, 21.0]), np.array([21.0, 23.0, 24.5, 24.9, 25.5, 25.0])
    for a, b in ((twin, test), (test[::-1] - 1, twin[::-1])):
        result = call(answer, a, b)
        if not isinstance(result, (tuple, list, np.ndarray)) or np.shape(result) != (2,):
            raise NotYet("give back two numbers: return n, dB.")
        n, dB = (float(value) for value in result)
        k = int(np.argmax(a))
        if n == b[k] and dB == k + 1:
            raise NotYet("the order is: the number of iterations, then the PSNR.")
        if n == k and dB == b[k]:
            raise NotYet("numpy counts from 0, iterations from 1: n is one too small.")
        if n == k and dB == b[k - 1] or n == k + 1 and k + 1 < b.size and dB == b[k + 1]:
            raise NotYet("n and the PSNR belong to different iterations: element 0 is that of iteration 1.")
        if n == a.size and dB == b[-1] and k + 1 != a.size:
            raise NotYet("this is the last iteration. The twin says where to stop: where its PSNR is highest.")
        if n == np.argmax(b) + 1 and dB == b.max():
            raise NotYet("the iteration was chosen on the test: that is an oracle, and nobody else can do it.")
        if n == k + 1 and dB == b.max():
            raise NotYet("chosen on the twin, but the PSNR is the best of the test: report what the chosen one gives.")
        if n == k + 1 and dB == a[k]:
            raise NotYet("this PSNR is the twin's, by which it was chosen; report that of the test.")
        if n == np.argmin(a) + 1:
            raise NotYet("a large PSNR is good, and this is the twin's smallest.")
        if (n, dB) != (k + 1, b[k]):
            raise NotYet(f"not yet right: expected {k + 1} iterations and {b[k]:.1f} dB, got {n:g} and {dB:.1f}.")
    holds("the twin chooses", "the test is asked once, for the iteration that was chosen")


def resolution(answer):
    """Exercise of notebook 08: answer(frequency, correlation, threshold) → the period where it first falls."""
    curves = {
        "a curve that falls": np.array([0.99, 0.95, 0.8, 0.4, 0.25, 0.1]),
        "a curve that rises again": np.array([0.98, 0.9, 0.3, 0.1, 0.6, 0.05]),
        "another threshold": np.array([0.98, 0.9, 0.5, 0.3, 0.1, 0.05]),
        "a curve that never falls": np.array([0.99, 0.98, 0.97, 0.96, 0.95, 0.9]),
        "a long, jagged curve": np.array([0.99, 0.6, 0.9, 0.45, *[0.2, 0.7] * 8]),
        "a curve that falls, and rises above its beginning": np.array([0.8, 0.7, 0.2, 0.95, 0.6, 0.3]),
    }
    for what, c in curves.items():
        f = 0.5 * np.arange(1, c.size + 1)
        threshold = 1 / 7 if what == "another threshold" else 0.5
        below = np.flatnonzero(c < threshold)
        no_first = "This curve never falls below the threshold: there is no first point"
        with hints({} if below.size else {"IndexError": no_first}):
            found = call(answer, f, c, threshold)
        if not below.size:
            _expect(found, 1 / f[-1], {
                "the curve never falls below the threshold: the finest period that was looked at is all one can say":
                np.inf, "this is a frequency; the resolution is a period, 1 / frequency": f[-1],
                "index 0 was taken for 'never': ask first whether any point lies below": _crossing(f, c, threshold, 0),
                "index 0 was taken for 'never': the finest period is 1 / frequency[-1]": 1 / f[0],
            }, what)  # fmt: skip
            continue
        k = below[0]
        exact = _crossing(f, c, threshold, k)
        again = np.flatnonzero((c[1:] < threshold) & (c[:-1] >= threshold))[-1] + 1
        mistakes = {
            "this is a frequency; the resolution is a period, 1 / frequency": 1 / exact,
            "this is half the period": exact / 2,
            "this is the first point below the threshold; the line crosses it before, between two points": 1 / f[k],
            "this is the last point above the threshold; the line crosses it later, between two points": 1 / f[k - 1],
            "this is the last crossing. Behind the first one chance may lift a curve again: take the first": _crossing(
                f, c, threshold, again
            ),
            "this is the threshold ½; the threshold is an argument": _crossing(f, c, 0.5, np.flatnonzero(c < 0.5)[0]),
            "the frequencies of the two points were averaged; where the line crosses depends on both values": 2
            / (f[k - 1] + f[k]),
            "this is the line from the first point below to the next; it crosses between the one before and the first "
            "below": _crossing(f, c, threshold, k + 1),
            "the periods of two points were mixed; the line is drawn over frequency": (
                (c[k - 1] - threshold) / f[k] + (threshold - c[k]) / f[k - 1]
            )
            / (c[k - 1] - c[k]),
        }
        _expect(found, exact, mistakes, what)
    holds("the first crossing, between two points", "a period, not a frequency", "no crossing: the finest period")


def lead(answer):
    """Exercise of notebook 08: answer(a, b) → (mean, standard error) of the lead of a over b, same seeds, in dB."""
    rng = np.random.default_rng(83)
    for n in (5, 3):
        specimens = 25 + 3 * rng.standard_normal(n)
        a, b = specimens + 0.4 + 0.1 * rng.standard_normal(n), specimens
        a[0] = b[0] - 0.3  # once behind
        difference = a - b
        mean, error = difference.mean(), difference.std(ddof=1) / np.sqrt(n)
        result = call(answer, a, b)
        if not isinstance(result, (tuple, list, np.ndarray)) or np.shape(result) != (2,):
            raise NotYet("give back two numbers: return mean, error.")
        found_mean, found = result
        unsigned = "a lead may be negative: where b is ahead it counts against a. Leave the signs"
        wrong = {"the sign is reversed: a's lead is a − b": -mean, unsigned: np.abs(difference).mean()}
        _expect(found_mean, mean, wrong, "the mean")
        spread = np.hypot(a.std(ddof=1), b.std(ddof=1))
        mistakes = {
            "this is the spread of one difference; the mean of n of them is surer, by √n": error * np.sqrt(n),
            "divided by n; the error of a mean falls with √n": error / np.sqrt(n),
            "n − 1 belongs to the spread (ddof=1); the mean of n is surer by √n": error * np.sqrt(n / (n - 1)),
            "np.std divides by n; of so few, take ddof=1": difference.std() / np.sqrt(n),
            "np.std divides by n; of so few, take ddof=1. And the mean of n is surer than one, by √n": difference.std(),
            "the two were taken as independent. Both met the same specimens: take the differences first": spread
            / np.sqrt(n),
            "the two were taken as independent, and n is forgotten. Take the differences first": spread,
            "the two were taken as independent. Both met the same specimens: take differences first; and ddof=1":
            np.hypot(a.std(), b.std()) / np.sqrt(n),
        }  # fmt: skip
        _expect(found, error, mistakes, "the standard error")
    holds("the lead is that of pairs", "its error falls with the root of their number")


def leaking(answer):
    """Exercise of notebook 08: answer(training, test, reach) → those of the test into which light of training leaks.

    Both are lists of (specimen, plane).
    """
    training = [("cell 1", 3), ("cell 1", 4), ("cell 2", 10), ("cell 3", 0)]
    test = [("cell 1", z) for z in (4, 7, 8, 1, 20)]
    test += [("cell 2", 7), ("cell 2", 10), ("cell 4", 3), ("cell 3", 3)]
    for reach in (3, 0, 1):
        near = {t: min([abs(t[1] - p) for s, p in training if s == t[0]], default=np.inf) for t in test}
        exact = {t for t in test if near[t] <= reach}
        result = call(answer, training, test, reach)
        try:
            named = [(str(specimen), int(plane)) for specimen, plane in result]
        except (TypeError, ValueError):
            raise NotYet("give back a list of (specimen, plane), those of the test that are spoilt.") from None
        found = set(named)
        if len(named) > len(found):
            raise NotYet("a plane is listed more than once: ask whether *any* plane of the training reaches it.")
        if found == exact:
            continue
        apart = {t: min(abs(t[1] - p) for _, p in training) for t in test}
        behind = {t for t in test if any(s == t[0] and 0 <= t[1] - p <= reach for s, p in training)}
        before = {t for t in test if any(s == t[0] and 0 <= p - t[1] <= reach for s, p in training)}
        mistakes = {
            "these are the good ones; give those that are spoilt": set(test) - exact,
            "planes of different specimens were compared; light does not leak from one cell into another": {
                t for t in test if apart[t] <= reach
            },
            "a whole specimen was refused; far away planes of it would do": {
                t for t in test if t[0] in {s for s, _ in training}
            },
            "a plane exactly `reach` away is still reached": {t for t in test if near[t] < reach},
            "a plane that is in the training itself is spoilt most of all: 0 away is within reach": {
                t for t in test if any(s == t[0] and 0 < abs(t[1] - p) <= reach for s, p in training)
            },
            "this is twice the reach": {t for t in test if near[t] <= 2 * reach},
            "only the training's own planes were found; light reaches further": set(test) & set(training),
            "light leaks to both sides: planes before those of the training are reached, too": behind,
            "light leaks to both sides: planes behind those of the training are reached, too": before,
            "these are planes of the training; asked are those of the test": {
                p for p in training if any(p[0] == t[0] and abs(p[1] - t[1]) <= reach for t in test)
            },
        }
        for explanation, wrong in mistakes.items():
            if found == wrong:
                raise NotYet(f"{explanation}.")
        too_many, missing = sorted(found - exact), sorted(exact - found)
        raise NotYet(f"not yet right with reach {reach}: missing {missing}, too many {too_many}.")
    holds("same specimen, and within reach on either side", "another specimen is always far enough")


def _expect(found, exact, mistakes, what):
    """Raise NotYet unless a number is the exact one; with its explanation if it equals one of the known mistakes."""
    if np.ndim(found) or np.asarray(found).dtype.kind not in "iuf":
        raise NotYet(f"the result must be one number; got {found!r}.")
    if np.isclose(found, exact, rtol=1e-6):
        return
    for explanation, wrong in mistakes.items():
        if np.isclose(found, wrong, rtol=1e-6):
            raise NotYet(f"{explanation}.")
    raise NotYet(f"not yet right for {what}: expected {exact:.4f}, got {float(found):.4f}.")


def _matched(x, g):
    slope = np.mean((x - x.mean()) * (g - g.mean())) / x.var()
    return g.mean() + slope * (x - x.mean())


def _turned(x, g):
    slope = np.mean((x - x.mean()) * (g - g.mean())) / g.var()
    return (x - x.mean()) / slope + g.mean()


def _unit(x):
    return (x - x.min()) / np.ptp(x)


def _psnr(x, g, data_range=None):
    return 20 * np.log10((np.ptp(g) if data_range is None else data_range) / np.sqrt(np.mean((x - g) ** 2)))


def _crossing(f, c, threshold, k):
    part = (c[k - 1] - threshold) / (c[k - 1] - c[k])
    return 1 / (f[k - 1] + part * (f[k] - f[k - 1]))
