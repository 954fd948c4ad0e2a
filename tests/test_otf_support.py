import numpy as np
import pytest

from course_utils import optics
from course_utils.compare.fourier_shells import half_grid
from course_utils.compare.otf_support import meridian_spectrum, otf_support, spectrum_outside_support
from course_utils.optics.objective import Optics
from course_utils.stack import Stack

OIL = Optics(NA=1.4, wavelength=0.52, n_immersion=1.515, n_specimen=1.515)
VOXEL = (0.15, 0.06, 0.065)


@pytest.mark.parametrize("shape", [(24, 40, 45), (25, 41, 44)])
def test_support_without_margin_ends_at_the_cut_offs_and_leaves_the_axis_out(shape):
    kz, ky, kx, _ = half_grid(shape, VOXEL)
    kz, kr = np.broadcast_arrays(np.abs(kz), np.hypot(ky, kx))
    inside = otf_support(OIL, shape, VOXEL, margin=0)
    axial, lateral = optics.cutoff(OIL)
    steps = [1 / (n * d) for n, d in zip(shape, VOXEL, strict=True)]
    assert axial - steps[0] < kz[inside].max() <= axial
    assert lateral - steps[1] < kr[inside].max() <= lateral
    assert inside[0, 0, 0] and not inside[1:, 0, 0].any()


def test_a_margin_only_adds():
    supports = [otf_support(OIL, (24, 40, 45), VOXEL, margin=margin) for margin in (0, 1, 2)]
    assert all((b | ~a).all() and b.sum() > a.sum() for a, b in zip(supports, supports[1:], strict=False))


@pytest.mark.parametrize("shape", [(63, 64, 65), (64, 63, 62)])
def test_a_wide_field_psf_has_its_spectrum_inside(shape):
    """But for the halo that the grid cuts off, whose edge is a blur of the spectrum."""
    psf = optics.gibson_lanni_psf(OIL, shape, VOXEL)
    transfer = np.abs(np.fft.rfftn(psf.data))
    assert transfer[~otf_support(OIL, shape, VOXEL, margin=2)].max() < 0.02
    assert transfer[otf_support(OIL, shape, VOXEL, margin=0)].max() == pytest.approx(1)
    assert spectrum_outside_support(psf, OIL) < 1e-3


@pytest.mark.parametrize("shape", [(24, 40, 45), (25, 41, 44)])
def test_white_noise_lies_outside_as_the_rest_of_the_grid_does(shape):
    noise = Stack(np.random.default_rng(0).standard_normal(shape), VOXEL)
    inside = (otf_support(OIL, shape, VOXEL) * half_grid(shape, VOXEL)[3]).sum() / np.prod(shape)
    assert spectrum_outside_support(noise, OIL, taper=0) == pytest.approx(1 - inside, abs=0.02)


def test_a_wave_along_the_axis_is_in_the_missing_cone_and_one_across_is_not():
    shape = (32, 48, 48)
    z, y = np.arange(shape[0])[:, None, None], np.arange(shape[1])[:, None]
    along, across = (np.broadcast_to(wave, shape) for wave in (np.cos(2 * np.pi * 4 * z / 32), np.cos(np.pi * y / 6)))
    assert spectrum_outside_support(along, OIL, VOXEL, taper=0) == pytest.approx(1)
    assert spectrum_outside_support(across, OIL, VOXEL, taper=0) == pytest.approx(0, abs=1e-12)
    assert spectrum_outside_support(np.ones(shape), OIL, VOXEL) == 0


@pytest.mark.parametrize("shape", [(16, 40, 45), (15, 41, 44)])
def test_meridian_of_white_noise_is_flat_and_a_wave_stands_where_it_belongs(shape):
    noise = meridian_spectrum(2 * np.random.default_rng(0).standard_normal(shape), VOXEL)
    assert noise.power.shape == (noise.kz.size, noise.kr.size) == (shape[0], noise.kr.size)
    assert np.nanmean(noise.power[:, 3:]) == pytest.approx(4, rel=0.05)
    z, x = np.arange(shape[0])[:, None, None], np.arange(shape[2])
    wave = np.cos(2 * np.pi * (3 * z / shape[0] + 9 * x / shape[2])) * np.ones(shape)
    drawn = meridian_spectrum(wave, VOXEL, taper=0)
    i, j = np.unravel_index(np.nanargmax(drawn.power), drawn.power.shape)
    assert abs(drawn.kz[i]) == pytest.approx(3 / (shape[0] * VOXEL[0]))
    assert drawn.kr[j] == pytest.approx(9 / (shape[2] * VOXEL[2]), abs=(drawn.kr[1] - drawn.kr[0]) / 2)
    assert drawn.kz[shape[0] // 2] == 0


def test_arrays_need_a_voxel():
    with pytest.raises(ValueError, match="pass Stacks, or voxel_size"):
        spectrum_outside_support(np.ones((3, 4, 5)), OIL)
