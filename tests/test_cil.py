"""CIL 36797 by a stand-in of its structure: 88 planes, wide-field and SIM, in either order, in a TIFF of one series."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from course_utils import compare
from course_utils.stack import Stack
from data_fetch import cache, cil, registry

SHAPE, SHIFT, VOXEL = (44, 72, 64), (0.0, 3.0, -2.0), (0.1, 0.0397, 0.0397)


@pytest.fixture(scope="module")
def channels():
    """(wide-field, SIM) in counts: SIM sharper, shifted, a tenth as bright, with another background."""
    rng = np.random.default_rng(36797)
    points = (rng.random(SHAPE) > 0.999) * 2e5
    widefield = ndimage.gaussian_filter(points, (2.0, 4.0, 4.0)) + 30
    sim = 0.1 * ndimage.shift(ndimage.gaussian_filter(points, (1.0, 1.6, 1.6)), SHIFT, order=1) + 8
    return rng.poisson(np.maximum(widefield, 0)), rng.poisson(np.maximum(sim, 0))


@pytest.fixture(params=["blocks", "interleaved"])
def stand_in(request, channels, tmp_path, monkeypatch):
    """The file in the cache, its planes in one of the two orders, SIM first."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    dataset = registry.find("cil-36797")
    file = replace(dataset.files[0], plane_shape=SHAPE[1:])
    monkeypatch.setitem(registry.DATASETS, dataset.name, replace(dataset, files=(file,)))
    stored = np.stack(channels[::-1], axis=0 if request.param == "blocks" else 1).reshape(88, *SHAPE[1:])
    target = cache.target(dataset, file)
    target.parent.mkdir(parents=True)
    tifffile.imwrite(target, stored.astype(np.uint16), ome=True, photometric="minisblack", metadata={"axes": "ZYX"})


def test_pair_is_told_apart_binned_and_on_one_grid(stand_in, channels):
    widefield, sim = cil.pair(VOXEL, bin_xy=2)
    assert widefield.shape == sim.shape == (44, 36, 32)
    assert widefield.voxel_size == sim.voxel_size == pytest.approx((0.1, 0.0794, 0.0794))
    ratio = widefield.data / cil.binned(Stack(channels[0], VOXEL), 2).data
    assert np.ptp(ratio) < 1e-4 * ratio.mean()  # the wide-field channel, in units of photons


def test_pair_is_registered_and_on_one_scale(stand_in, channels):
    widefield, sim = cil.pair(VOXEL, bin_xy=2)
    away = cil.offset(widefield, sim)
    assert np.abs(away).max() <= 0.2
    before = cil.binned(Stack(channels[1], VOXEL), 2)
    matched = [compare.psnr(compare.match_affine(x, widefield), widefield) for x in (sim, before)]
    assert matched[0] > matched[1] + 1
    assert sim.data.mean() == pytest.approx(widefield.data.mean() - cil.find_background(widefield), rel=1e-3)


@pytest.mark.parametrize("by", [(0, 3, -2), (1, 0, 2), (0, -1.5, 0.5)])
def test_offset_is_what_brings_a_moved_stack_back(by):
    rng = np.random.default_rng(1)
    still = Stack(ndimage.gaussian_filter((rng.random((20, 40, 36)) > 0.997) * 1e4, 1.5), (1, 1, 1))
    away = cil.moved(still, by)
    np.testing.assert_allclose(cil.offset(still, away), -np.array(by), atol=0.15)


def test_binning_adds_up_the_light_and_cuts_off_the_rest():
    stack = Stack(np.arange(2 * 5 * 7.0).reshape(2, 5, 7), (0.3, 0.1, 0.1))
    small = cil.binned(stack, 2)
    assert small.shape == (2, 2, 3) and small.voxel_size == pytest.approx((0.3, 0.2, 0.2))
    assert small.data.sum() == stack.data[:, :4, :6].sum() and small.data[0, 0, 0] == 0 + 1 + 7 + 8
