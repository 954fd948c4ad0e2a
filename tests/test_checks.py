import numpy as np
import pytest

from course_utils import checks


def _in_place(counts, gain, offset):
    result = (counts.astype(float) - offset) / gain
    counts += 1
    return result


def _your_turn(counts, gain, offset):
    raise NotImplementedError("your turn: turn the counts into photons")


PHOTONS = [
    (lambda c, g, o: (c - o) / g, "uint16, which cannot go below zero"),
    (lambda c, g, o: c / g, "subtract it from the counts"),
    (lambda c, g, o: (c.astype(float) - o) * g, "divide by it"),
    (lambda c, g, o: c / g - o, "subtract it before you divide by the gain"),
    (lambda c, g, o: np.maximum(c.astype(float) - o, 0) / g, "Leave them negative"),
    (lambda c, g, o: (c.astype(int) - o) // g, "keep the fraction"),
    (lambda c, g, o: (o - c.astype(float)) / g, "sign is turned around"),
    (lambda c, g, o: c.astype(float) * 3, "not yet right: at"),
    (lambda c, g, o: (c.astype(float) - o).sum() / g, r"must have shape \(2, 3\)"),
    (lambda c, g, o: None, "gives nothing back"),
    (lambda c, g, o: c.astype(str), "array of numbers"),
    (lambda c, g, o: c / undefined, "stopped with NameError"),  # noqa: F821
    (_in_place, "have changed"),
    (_your_turn, "not written yet. Your turn: turn the counts into photons"),
]


@pytest.mark.parametrize(("answer", "diagnosis"), PHOTONS)
def test_photons_diagnoses_the_mistake(answer, diagnosis):
    with pytest.raises(checks.NotYet, match=diagnosis):
        checks.photons(answer)


@pytest.mark.parametrize(
    "answer",
    [
        lambda c, g, o: (c.astype(float) - o) / g,
        lambda c, g, o: (c.astype(np.float32) - o) / g,
        lambda c, g, o: (c - float(o)) / g,
        lambda c, g, o: np.subtract(c, o, dtype=float) / g,
    ],
)
def test_photons_accepts_every_right_way(answer, capsys):
    checks.photons(answer)
    assert capsys.readouterr().out.count("✓") == 3


def test_not_yet_is_shown_without_a_traceback():
    assert checks.NotYet("so")._render_traceback_() == ["✗ so"]
