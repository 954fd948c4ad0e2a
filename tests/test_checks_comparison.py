import numpy as np
import pytest
from exercises import cases

from course_utils import checks


def _matched(x, g):
    a, b = np.polyfit(x.ravel(), g.ravel(), 1)
    return a * x + b


def _psnr(x, g, data_range=None):
    return 20 * np.log10((np.ptp(g) if data_range is None else data_range) / np.sqrt(np.mean((x - g) ** 2)))


def _unit(x):
    return (x - x.min()) / np.ptp(x)


def _matched_psnr(x, g):
    return _psnr(_matched(x, g), g)


def _honest(on_twin, on_test):
    k = int(np.argmax(on_twin))
    return k + 1, on_test[k]


def _resolution(f, c, threshold, first=0, mix=None):
    below = np.flatnonzero(c < threshold)
    if not below.size:
        return 1 / f[-1]
    k = below[first]
    part = (c[k - 1] - threshold) / (c[k - 1] - c[k])
    return 1 / (f[k - 1] + part * (f[k] - f[k - 1])) if mix is None else mix(f, k, part)


def _first(f, c, threshold):
    """As if there were always one below."""
    k = int(np.argmax(c < threshold))
    part = (c[k - 1] - threshold) / (c[k - 1] - c[k])
    return 1 / (f[k - 1] + part * (f[k] - f[k - 1]))


def _last_crossing(f, c, threshold):
    below = np.flatnonzero((c[1:] < threshold) & (c[:-1] >= threshold)) + 1
    if not below.size:
        return 1 / f[-1]
    k = below[-1]
    return 1 / np.interp(-threshold, [-c[k - 1], -c[k]], [f[k - 1], f[k]])


def _lead(a, b, error=None):
    d = a - b
    return d.mean(), d.std(ddof=1) / np.sqrt(d.size) if error is None else error(a, b, d)


def _leaking(training, test, reach, near=lambda d, reach: abs(d) <= reach):
    return [t for t in test if any(s == t[0] and near(t[1] - p, reach) for s, p in training)]


def _one_too_late(f, c, t):
    below = np.flatnonzero(c < t)
    if not below.size:
        return 1 / f[-1]
    k = below[0] + 1
    part = (c[k - 1] - t) / (c[k - 1] - c[k])
    return 1 / (f[k - 1] + part * (f[k] - f[k - 1]))


def _no_question(f, c, t):
    k = np.flatnonzero(c < t)[0]
    part = (c[k - 1] - t) / (c[k - 1] - c[k])
    return 1 / (f[k - 1] + part * (f[k] - f[k - 1]))


RIGHT = {
    checks.matched_psnr: _matched_psnr,
    checks.honest_iteration: _honest,
    checks.resolution: _resolution,
    checks.lead: _lead,
    checks.leaking: _leaking,
}
MISTAKES = {
    checks.matched_psnr: [
        (_psnr, "nothing was matched"),
        (lambda x, g: _psnr(_matched(g, x), x), "reference was fitted to x"),
        (lambda x, g: _psnr((x - x.mean()) / np.polyfit(g.ravel(), x.ravel(), 1)[0] + g.mean(), g), "wrong way round"),
        (lambda x, g: _psnr(_matched(x, g), g, np.ptp(x)), "range is that of x as it came"),
        (lambda x, g: _psnr(np.polyval(np.polyfit(g.ravel(), x.ravel(), 1), x), g), "fit goes the wrong way round"),
        (lambda x, g: _matched_psnr(x, g) * np.log(10), "to base 10"),
        (lambda x, g: 20 * np.log10(np.ptp(g) / np.mean((_matched(x, g) - g) ** 2)), "take its root"),
        (lambda x, g: _psnr(x * (x * g).sum() / (x * x).sum(), g), "only the gain"),
        (lambda x, g: _psnr(x - x.mean() + g.mean(), g), "only the offset"),
        (lambda x, g: _psnr((x - x.mean()) * g.std() / x.std() + g.mean(), g), "least squares"),
        (lambda x, g: _psnr(_unit(x), _unit(g)), "extremes"),
        (lambda x, g: _psnr(_matched(x, g), g, np.ptp(_matched(x, g))), "range is that of x"),
        (lambda x, g: _psnr(_matched(x, g), g, g.max()), "minus its minimum"),
        (lambda x, g: _psnr(_matched(x, g), g, 1), "range is 1"),
        (lambda x, g: _matched_psnr(x, g) / 2, "20 for the root"),
        (lambda x, g: -_matched_psnr(x, g), "sign"),
        (lambda x, g: _matched_psnr(x, g) + 1, "not yet right"),
        (lambda x, g: _matched(x, g), "one number"),
    ],
    checks.honest_iteration: [
        (lambda a, b: _honest(a, b)[::-1], "order"),
        (lambda a, b: (np.argmax(a), b[np.argmax(a)]), "one too small"),
        (lambda a, b: (np.argmax(a) + 1, b[np.argmax(a) + 1]), "different iterations"),
        (lambda a, b: (np.argmax(b) + 1, b.max()), "oracle"),
        (lambda a, b: (np.argmax(a) + 1, b.max()), "best of the test"),
        (lambda a, b: (np.argmax(a) + 1, a.max()), "twin's, by which"),
        (lambda a, b: (np.argmin(a) + 1, b[np.argmin(a)]), "smallest"),
        (lambda a, b: (len(a), b[-1]), "the last iteration"),
        (lambda a, b: (4, 0.0), "not yet right"),
        (lambda a, b: np.argmax(a) + 1, "two numbers"),
    ],
    checks.resolution: [
        (lambda f, c, t: 1 / _resolution(f, c, t), "frequency"),
        (lambda f, c, t: _resolution(f, c, t, mix=lambda f, k, part: 1 / f[k]), "crosses it before"),
        (lambda f, c, t: _resolution(f, c, t, mix=lambda f, k, part: 1 / f[k - 1]), "crosses it later"),
        (_last_crossing, "last crossing"),
        (lambda f, c, t: _resolution(f, c, 0.5), "an argument"),
        (lambda f, c, t: _resolution(f, c, t, mix=lambda f, k, part: 2 / (f[k - 1] + f[k])), "averaged"),
        (
            lambda f, c, t: _resolution(f, c, t, mix=lambda f, k, part: (1 - part) / f[k - 1] + part / f[k]),
            "drawn over frequency",
        ),
        (lambda f, c, t: _resolution(f, c, t) if (c < t).any() else np.inf, "never falls"),
        (lambda f, c, t: _resolution(f, c, t) if (c < t).any() else 1 / f[0], "index 0"),
        (lambda f, c, t: _resolution(f, c, t) / 2 if (c < t).any() else 1 / f[-1], "half the period"),
        (lambda f, c, t: _resolution(f, c, t) if (c < t).any() else _first(f, c, t), "ask first"),
        (lambda f, c, t: 0.9 * _resolution(f, c, t), "not yet right"),
        (_one_too_late, "the one before and the first"),
        (lambda f, c, t: 1 / np.interp(-t, -c, f), "not yet right for a long, jagged curve"),
        (_no_question, "no first point"),
        (lambda f, c, t: c < t, "one number"),
    ],
    checks.lead: [
        (lambda a, b: (-_lead(a, b)[0], _lead(a, b)[1]), "sign"),
        (lambda a, b: (abs(a - b).mean(), _lead(a, b)[1]), "Leave the signs"),
        (lambda a, b: _lead(a, b, lambda a, b, d: d.std(ddof=1)), "by √n"),
        (lambda a, b: _lead(a, b, lambda a, b, d: d.std(ddof=1) / d.size), "divided by n"),
        (lambda a, b: _lead(a, b, lambda a, b, d: d.std() / np.sqrt(d.size)), "ddof=1"),
        (lambda a, b: _lead(a, b, lambda a, b, d: d.std(ddof=1) / np.sqrt(d.size - 1)), "belongs to the spread"),
        (lambda a, b: _lead(a, b, lambda a, b, d: d.std()), "surer than one"),
        (lambda a, b: _lead(a, b, lambda a, b, d: np.hypot(a.std(ddof=1), b.std(ddof=1)) / d.size**0.5), "Both met"),
        (lambda a, b: _lead(a, b, lambda a, b, d: np.hypot(a.std(ddof=1), b.std(ddof=1))), "n is forgotten"),
        (lambda a, b: _lead(a, b, lambda a, b, d: np.hypot(a.std(), b.std()) / d.size**0.5), "and ddof=1"),
        (lambda a, b: _lead(a, b, lambda a, b, d: 0.5), "not yet right"),
        (lambda a, b: a - b, "two numbers"),
    ],
    checks.leaking: [
        (lambda *given: sorted(set(given[1]) - set(_leaking(*given))), "the good ones"),
        (lambda training, test, r: [t for t in test if any(abs(t[1] - p) <= r for _, p in training)], "different"),
        (lambda training, test, r: [t for t in test if t[0] in {s for s, _ in training}], "whole specimen"),
        (lambda *given: _leaking(*given, near=lambda d, r: abs(d) < r), "exactly `reach` away"),
        (lambda training, test, r: [t for t in test if t in training], "own planes"),
        (lambda *given: _leaking(*given, near=lambda d, r: 0 <= d <= r), "planes before"),
        (lambda *given: _leaking(*given, near=lambda d, r: 0 <= -d <= r), "planes behind"),
        (lambda *given: _leaking(given[1], given[0], given[2]), "planes of the training"),
        (lambda *given: _leaking(*given)[1:], "not yet right"),
        (lambda *given: _leaking(*given, near=lambda d, r: 0 < abs(d) <= r), "0 away is within reach"),
        (lambda *given: _leaking(*given, near=lambda d, r: abs(d) <= 2 * r), "twice the reach"),
        (
            lambda training, test, r: [t for t in test for s, p in training if s == t[0] and abs(t[1] - p) <= r],
            "listed more than once",
        ),
        (lambda *given: 3, "list of"),
    ],
}


@pytest.mark.parametrize("check, right", RIGHT.items())
def test_check_passes_for_the_right_answer(check, right, capsys):
    check(right)
    assert capsys.readouterr().out.startswith("✓")


@pytest.mark.parametrize("check, wrong, message", cases(MISTAKES))
def test_check_names_the_mistake(check, wrong, message):
    with pytest.raises(checks.NotYet, match=message):
        check(wrong)


@pytest.mark.parametrize("check", RIGHT)
def test_check_names_the_task_of_an_untouched_exercise(check):
    def untouched(*given):
        raise NotImplementedError("your turn: this task")

    with pytest.raises(checks.NotYet, match="not written yet. Your turn: this task"):
        check(untouched)
