import numpy as np
import pytest
from scipy import fft

from course_utils import checks


def _in_place(counts, gain, offset):
    result = (counts.astype(float) - offset) / gain
    counts += 1
    return result


def _your_turn(counts, gain, offset):
    raise NotImplementedError("your turn: turn the counts into photons")


def _subtract_in_place(counts, gain, offset):
    counts -= offset
    return counts / gain


def _divide_in_place(counts, gain, offset):
    counts /= gain
    return counts


PHOTONS = [
    (_subtract_in_place, "have changed"),
    (_divide_in_place, "cannot hold fractions"),
    (lambda c, g, o: c.astype(float) - o, "the gain is forgotten"),
    (lambda c, g, o: c - o, "mind the gain"),
    (lambda c, g, o: c - o / g, "binds tighter"),
    (lambda c, g, o: g * c + o, "Solve it for the photons"),
    (lambda c, g, o: np.abs(c.astype(float) - o) / g, "turned positive"),
    (lambda c, g, o: np.round((c.astype(float) - o) / g), "photons were rounded"),
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


def _poisson_after_gain(p, g, o, s, rng):
    return rng.poisson(g * p) + o + s * rng.standard_normal(p.shape)


def _transfer(psf, shape, roll=-1, shift=None):
    padded = np.zeros(shape)
    padded[tuple(slice(n) for n in psf.shape)] = psf
    padded = np.roll(padded, [roll * (n // 2) for n in psf.shape], axis=(0, 1, 2))
    return fft.rfftn(shift(padded) if shift else padded)


def _transfer_rolled(psf, shape, shifts):
    padded = np.zeros(shape)
    padded[tuple(slice(n) for n in psf.shape)] = psf
    return fft.rfftn(np.roll(padded, shifts, axis=(0, 1, 2)))


def _flipped(u, H):
    at_origin = fft.irfftn(H, u.shape)
    return fft.irfftn(fft.rfftn(u) * fft.rfftn(at_origin[::-1, ::-1, ::-1]), u.shape)


def _middle(padded):
    return np.roll(padded, [n // 2 for n in padded.shape], axis=(0, 1, 2))


def _blur(u, H):
    return fft.irfftn(fft.rfftn(u) * H, u.shape)


def _adjoint(u, H):
    return fft.irfftn(fft.rfftn(u) * np.conj(H), u.shape)


def _wrap(x, psf):
    spread = np.zeros(len(x))
    for j in range(len(x)):
        for k in range(len(psf)):
            spread[(j + k - len(psf) // 2) % len(x)] += x[j] * psf[k]
    return spread


def _camera(p, g, o, s, rng, *, read=lambda g, s: s, poisson=True):
    photons = rng.poisson(p) if poisson else p
    return g * photons + o + read(g, s) * rng.standard_normal(p.shape)


CHAPTER_1 = [
    (checks.convolution, lambda x, p: _wrap(x, p[::-1] if len(p) % 2 else np.roll(p[::-1], 1)), "mirrored"),
    (checks.convolution, lambda x, p: np.roll(_wrap(x, p), len(p) // 2), "shifted by half the PSF"),
    (checks.convolution, lambda x, p: np.convolve(x, p)[len(p) // 2 :][: len(x)], "lost. The line is periodic"),
    (checks.convolution, lambda x, p: np.convolve(x, p), "must have shape"),
    (checks.transfer, lambda p, s: _transfer(p, s, roll=0), "not at voxel"),
    (checks.transfer, lambda p, s: _transfer(p, s, roll=1), "rolled the wrong way"),
    (checks.transfer, lambda p, s: _transfer(p, s, shift=_middle), "still in the middle"),
    (checks.transfer, lambda p, s: _transfer(p, s, shift=lambda a: fft.fftshift(_middle(a))), "one voxel off"),
    (checks.transfer, lambda p, s: fft.rfftn(p), "must have shape"),
    (checks.adjoint, _blur, "the blur itself"),
    (checks.adjoint, _flipped, "one voxel off on each axis"),
    (checks.adjoint, lambda u, H: fft.irfftn(fft.rfftn(u) / H, u.shape), "the inverse, not the adjoint"),
    (checks.adjoint, lambda u, H: fft.irfftn(fft.rfftn(u) * np.conj(H)), "came back as 6 instead of 7"),
    (checks.adjoint, lambda u, H: fft.rfftn(u) * np.conj(H), "still a spectrum"),
    (checks.adjoint, lambda u, H: fft.irfftn(fft.rfftn(u) * np.abs(H), u.shape), "lost the phase"),
    (checks.adjoint, lambda u, H: fft.irfftn(np.conj(fft.rfftn(u) * H), u.shape), "product was conjugated"),
    (checks.transfer, lambda p, s: np.conj(_transfer(p, s)), "not yet right"),
    (checks.transfer, lambda p, s: fft.fftn(fft.irfftn(_transfer(p, s), s)), "full grid"),
    (checks.transfer, lambda p, s: fft.irfftn(_transfer(p, s), s), "still in real space"),
    (checks.transfer, lambda p, s: _transfer_rolled(p, s, [-n // 2 for n in p.shape]), "Python reads"),
    (checks.transfer, lambda p, s: _transfer_rolled(p, s, [-(n // 2) for n in s]), "half of the grid"),
    (checks.convolution, lambda x, p: np.roll(_wrap(x, p), 1 - len(p) % 2), "one voxel off for PSFs of even"),
    (
        checks.camera,
        lambda p, g, o, s, rng: rng.poisson(p.mean(), p.shape) * g + o + s * rng.standard_normal(p.shape),
        "voxel by voxel",
    ),
    (checks.camera, lambda p, g, o, s, rng: g * rng.poisson(p) + o + rng.normal(0, s), "one number for the whole"),
    (checks.camera, lambda p, g, o, s, rng: g * rng.poisson(p) + o + s, "added as a number"),
    (checks.camera, lambda p, g, o, s, rng: _camera(p, g, -o, s, rng), "subtracted"),
    (checks.camera, lambda p, g, o, s, rng: g * p + o, "no noise"),
    (checks.camera, lambda p, g, o, s, rng: _camera(p, g, o, s, rng, poisson=False), "only the read noise"),
    (checks.camera, lambda p, g, o, s, rng: _camera(p, g, 0, s, rng), "offset is missing"),
    (checks.camera, lambda p, g, o, s, rng: _camera(p, 1, o, s, rng), "gain is missing"),
    (checks.camera, lambda p, g, o, s, rng: g * (rng.poisson(p) + o) + 0 * s, "offset was multiplied"),
    (checks.camera, _poisson_after_gain, "draw the photons first, then multiply"),
    (checks.camera, lambda p, g, o, s, rng: rng.poisson(g * p + o) + s * rng.standard_normal(p.shape), "their offset"),
    (checks.camera, lambda p, g, o, s, rng: g * rng.poisson(p) + o, "read noise is missing"),
    (
        checks.camera,
        lambda p, g, o, s, rng: _camera(p, g, o, s, rng, read=lambda g, s: g * s),
        "multiplied by the gain",
    ),
    (checks.camera, lambda p, g, o, s, rng: _camera(p, g, o, s, rng, read=lambda g, s: s**2), "do not square it"),
    (checks.camera, lambda p, g, o, s, rng: _camera(p, g, o, s, np.random.default_rng()), "from the rng that you"),
    (
        checks.camera,
        lambda p, g, o, s, rng: _camera(p + np.sqrt(p) * rng.standard_normal(p.shape), g, o, s, rng, poisson=False),
        "whole photons",
    ),
]


@pytest.mark.parametrize(("check", "answer", "diagnosis"), CHAPTER_1)
def test_chapter_1_diagnoses_the_mistake(check, answer, diagnosis):
    with pytest.raises(checks.NotYet, match=diagnosis):
        check(answer)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.convolution, _wrap),
        (checks.transfer, _transfer),
        (checks.adjoint, _adjoint),
        (checks.camera, _camera),
        (checks.camera, lambda p, g, o, s, rng: np.rint(_camera(p, g, o, s, rng))),
    ],
)
def test_chapter_1_accepts_what_is_right(check, answer, capsys):
    check(answer)
    assert "✓" in capsys.readouterr().out


def test_not_yet_is_shown_without_a_traceback():
    assert checks.NotYet("so")._render_traceback_() == ["✗ so"]
