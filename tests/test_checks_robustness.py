import numpy as np
import pytest
from exercises import cases

from course_utils import checks


def _loss(gain):
    return gain[: gain.shape[1]].diagonal() - gain


def _along_rows(gain):
    n = gain.shape[1]
    return np.concatenate([gain[:n].diagonal(), gain[n:].max(axis=1)])[:, None] - gain


def _own_diagonal(gain):
    own = np.diag(gain)
    return np.append(own, [own[0]] * (len(gain) - own.size))[:, None] - gain


ANSWERS = [
    (_along_rows, "down the columns"),
    (_own_diagonal, "down the columns"),
    (lambda g: -_loss(g), "sign is turned"),
    (lambda g: g.max() - g, "the best of all"),
    (lambda g: g.max(axis=0) - g, "take the diagonal"),
    (lambda g: g.mean(axis=0) - g, "mean of the column"),
    (lambda g: g[: g.shape[1]].diagonal() / g, "logarithms already: subtract"),
    (lambda g: g / g[: g.shape[1]].diagonal(), "this is a quotient"),
    (lambda g: g.copy(), "the gain itself"),
    (lambda g: _loss(g)[: g.shape[1]], "one row is missing"),
    (lambda g: _loss(g).max(axis=0), "one number for each network"),
    (lambda g: _loss(g)[:, :1], "must have shape"),
    (lambda g: 1.01 * _loss(g), "not yet right"),
    (lambda g: None, "return"),
]


def test_right_regret_passes(capsys):
    checks.regret(_loss)
    assert "zero on the diagonal" in capsys.readouterr().out


AXES = (0, 1, 2)


def _zeros_come_in(x, offset):
    inside = np.ones(x.shape)
    for axis, d in enumerate(offset):
        at = np.arange(x.shape[axis]) - d
        keep = (at >= 0) & (at < x.shape[axis])
        inside *= np.moveaxis(np.broadcast_to(keep, (1, 1, keep.size)), 2, axis)
    return x * inside


MOVED = [
    (lambda x, d: np.roll(x, [-k for k in d], AXES), "same way once more"),
    (lambda x, d: np.roll(x, d[0], 0), "three components"),
    (lambda x, d: np.roll(x, d[::-1], AXES), "order of the axes"),
    (lambda x, d: np.roll(x, sum(d)), "flattened"),
    (lambda x, d: np.roll(x, (sum(d),) * 3, AXES), "sum of the offsets"),
    (lambda x, d: x, "as it was"),
    (lambda x, d: _zeros_come_in(np.roll(x, d, AXES), d), "zeros came in"),
    (lambda x, d: 2 * np.roll(x, d, AXES), "not yet right"),
    (lambda x, d: x[1:], "must have shape"),
]


def test_right_putting_back_passes(capsys):
    checks.put_back(lambda x, offset: np.roll(x, offset, AXES))
    assert "on the truth" in capsys.readouterr().out


def _energy(X):
    return np.sum(np.abs(X) ** 2)


def _share(X, beyond):
    return _energy(X[beyond]) / _energy(X)


def _alike(X, T):
    return np.sum(X * np.conj(T)) / np.sqrt(_energy(X) * _energy(T))


def _made_up(X, T, beyond):
    return _share(X, beyond), _alike(X[beyond], T[beyond]).real


INVENTED = [
    (lambda X, T, o: (np.abs(X[o]).sum() / np.abs(X).sum(), _made_up(X, T, o)[1]), "square the magnitudes"),
    (lambda X, T, o: (_share(X, ~o), _made_up(X, T, o)[1]), "within the support"),
    (lambda X, T, o: (o.mean(), _made_up(X, T, o)[1]), "of the coefficients"),
    (lambda X, T, o: (_energy(X[o]) / _energy(T[o]), _made_up(X, T, o)[1]), "divided by the truth's energy"),
    (lambda X, T, o: (_share(X, o), _alike(X[o], np.conj(T[o])).real), "complex conjugate"),
    (lambda X, T, o: (_share(X, o), _alike(X, T).real), "over all coefficients"),
    (lambda X, T, o: (_share(X, o), np.sum(X[o] * np.conj(T[o])).real / _energy(X[o]) / _energy(T[o])), "wants a root"),
    (lambda X, T, o: (_share(X, o), abs(_alike(X[o], T[o]))), "real part"),
    (lambda X, T, o: (_energy(X[o]) / _energy(T), _made_up(X, T, o)[1]), "truth's whole energy"),
    (lambda X, T, o: (_energy(X[o]) / _energy(X[~o]), _made_up(X, T, o)[1]), "inside the support"),
    (lambda X, T, o: (_share(X, o), np.sum(X[o] * np.conj(T[o])).real / (_energy(X) * _energy(T)) ** 0.5), "all coeff"),
    (lambda X, T, o: (_share(X, o), _alike(np.abs(X[o]), np.abs(T[o]))), "magnitudes were correlated"),
    (lambda X, T, o: (_share(X, o), _alike(X[o], T[o])), "complex"),
    (lambda X, T, o: _made_up(X, T, o)[::-1], "other order"),
    (lambda X, T, o: _made_up(X, T, ~o), "both are of what lies within"),
    (lambda X, T, o: (100 * _share(X, o), _made_up(X, T, o)[1]), "not per cent"),
    (lambda X, T, o: _share(X, o), "must have shape"),
]


def test_right_invented_share_passes(capsys):
    checks.made_up(_made_up)
    assert "beyond the support" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("check", "answer", "diagnosis"),
    cases({checks.regret: ANSWERS, checks.put_back: MOVED, checks.made_up: INVENTED}),
)
def test_mistakes_are_named(check, answer, diagnosis):
    with pytest.raises(checks.NotYet, match=diagnosis):
        check(answer)
