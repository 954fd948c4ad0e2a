import numpy as np
import pytest

from course_utils import checks


def _loss(gain):
    return gain[: gain.shape[1]].diagonal() - gain


def _along_rows(gain):
    n = gain.shape[1]
    return np.concatenate([gain[:n].diagonal(), gain[n:].max(axis=1)])[:, None] - gain


ANSWERS = [
    (_along_rows, "down the columns"),
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


@pytest.mark.parametrize(("answer", "diagnosis"), ANSWERS)
def test_mistakes_of_the_regret_are_named(answer, diagnosis):
    with pytest.raises(checks.NotYet, match=diagnosis):
        checks.regret(answer)


def test_right_regret_passes(capsys):
    checks.regret(_loss)
    assert "zero on the diagonal" in capsys.readouterr().out
