import numpy as np
import pytest
from exercises import cases

from course_utils import checks


def _steps(NA, wavelength, n):
    return wavelength / (2 * (n - np.sqrt(n**2 - NA**2))), wavelength / (4 * NA)


def _coarse(v, NA, w, n, along=1.0, across=1.0, side=max):
    axial, lateral = _steps(NA, w, n)
    return along * v[0] / axial, across * side(v[1:]) / lateral


def _window(start, stop, m, n, before=0.5, after=0.5, first=0, last=None):
    return max(start - int(m * before), first), min(stop + int(m * after), n if last is None else last)


def _facts(f, none=True, empty=True, auto=True, zero=False, weight=True):
    return [
        name
        for name, v in f.items()
        if (
            none and v is None and (name != "weight" or weight is True and f["method"] == "rl-tv" or weight == "always")
        )
        or (empty and isinstance(v, str) and v == "")
        or (auto and isinstance(v, str) and v == "auto")
        or (zero and isinstance(v, int | float) and v == 0)
    ]


MISTAKES = {
    checks.saturated_share: [
        (lambda c, full: np.count_nonzero(c == full), "how many"),
        (lambda c, full: 100 * np.mean(c == full), "per cent"),
        (lambda c, full: np.mean(c > full), "above the largest value"),
        (lambda c, full: np.mean(c == np.iinfo(c.dtype).max), "largest number of the file's type"),
        (lambda c, full: np.mean(c == c.max()), "not with the stack's own maximum"),
        (lambda c, full: np.mean(c > 0.9 * full), "nearly as bright"),
        (lambda c, full: np.mean((c == full).any(axis=(1, 2))), "share of planes"),
        (lambda c, full: np.mean(c != full), "not saturated"),
        (lambda c, full: np.count_nonzero(c == full) / len(c), "number of planes"),
        (lambda c, full: c == full, "must have shape"),
        (lambda c, full: 0.5, "not yet right"),
    ],
    checks.coarseness: [
        (lambda *a: _coarse(*a, along=0.5, across=0.5), "half of what it should be: λ/2NA"),
        (lambda *a: 1 / np.array(_coarse(*a)), "upside down"),
        (lambda v, NA, w, n: (v[0] * NA**2 / (n * w), _coarse(v, NA, w, n)[1]), "small angles"),
        (lambda *a: _coarse(*a, along=2), "along z too large by 2"),
        (lambda *a: _coarse(*a, along=0.5), "along z half"),
        (lambda *a: _coarse(*a, across=0.5), "across half"),
        (lambda *a: _coarse(*a)[::-1], "the order"),
        (lambda *a: _coarse(*a, side=min), "coarser of the two"),
        (lambda *a: _coarse(*a, side=np.mean), "not their mean"),
        (lambda v, *a: _coarse((v[0], v[2], v[2]), *a), "coarser of the two"),
        (lambda v, NA, w, n: (_coarse(v, NA / n, w, 1)[0], _coarse(v, NA, w, n)[1]), "the index n is lost"),
        (lambda v, NA, w, n: _coarse(v, NA, w / n, n), "Do not divide"),
        (lambda v, NA, w, n: (4 * NA * v[0] / w, 4 * NA * max(v[1:]) / w), "lateral step was used"),
        (lambda *a: _coarse(*a)[0], "two numbers"),
        (lambda *a: _coarse(*a, along=1.01), "not yet right"),
    ],
    checks.preview_window: [
        (lambda a, b, m, n: (a, b), "no margin"),
        (lambda a, b, m, n: _window(a, b, m, n, after=0), "only on one side"),
        (lambda a, b, m, n: _window(a, b, m, n, before=0), "light comes from both"),
        (lambda a, b, m, n: _window(a, b, m, n, first=-99), "counts from the end"),
        (lambda a, b, m, n: _window(a, b, m, n, last=9999), "ends beyond the stack"),
        (lambda a, b, m, n: (a - m // 2, b + m // 2), "from the end|beyond|both sides"),
        (lambda a, b, m, n: _window(a, b, m, n, before=1, after=1), "more than is needed"),
        (lambda a, b, m, n: (max(a - m // 2, 0), min(b + m // 2 + 1, n)), "a voxel too many"),
        (lambda a, b, m, n: _window(a, b, m, n, before=0.25, after=0.25), "a quarter"),
        (lambda a, b, m, n: (max(a - m // 2, 0), min(b + m // 2, n) - 1), "a voxel too few"),
        (lambda a, b, m, n: slice(a, b), "two whole numbers"),
        (lambda a, b, m, n: _window(a + 1, b + 1, m, n), "not yet right"),
    ],
    checks.missing_facts: [
        (lambda f: _facts(f, zero=True), "0, and that is a value"),
        (lambda f: [k for k, v in f.items() if not v], "0, and that is a value|a weight is not missing"),
        (lambda f: _facts(f, weight="always"), "where the method has none"),
        (
            lambda f: [k for k in f if f[k] in (None, "", "auto") and not (k == "weight" and f["method"] == "rl")],
            "where the method has none",
        ),
        (lambda f: _facts(f, weight=False), "nobody could repeat"),
        (lambda f: _facts(f, auto=False), "not what it did"),
        (lambda f: _facts(f, empty=False), "is empty"),
        (lambda f: _facts(f, none=False), "was not found missing"),
        (lambda f: [k for k in f if k not in _facts(f)], "facts that are known"),
        (lambda f: [*_facts(f), "method"], "is known: 'rl'"),
        (lambda f: [None], "not the name of a fact"),
        (lambda f: "NA", "a list of names"),
        (lambda f: len(_facts(f)), "a list of names"),
        (lambda f: None, "gives nothing back"),
    ],
}


@pytest.mark.parametrize(("check", "answer", "diagnosis"), cases(MISTAKES))
def test_mistakes_of_notebook_9_are_diagnosed(check, answer, diagnosis):
    with pytest.raises(checks.NotYet, match=diagnosis):
        check(answer)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.saturated_share, lambda c, full: np.mean(c >= full)),
        (checks.saturated_share, lambda c, full: float((c == full).sum() / c.size)),
        (checks.coarseness, _coarse),
        (checks.coarseness, lambda *a: np.array(_coarse(*a))),
        (checks.preview_window, _window),
        (checks.preview_window, lambda a, b, m, n: [max(0, a - m // 2), min(n, b + m // 2)]),
        (checks.missing_facts, _facts),
        (checks.missing_facts, lambda f: set(_facts(f))),
    ],
)
def test_right_answers_of_notebook_9_pass(check, answer, capsys):
    check(answer)
    assert "✓" in capsys.readouterr().out
