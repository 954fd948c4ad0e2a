import numpy as np
import pytest

import data_fetch
from course_utils import compare, formation, optics
from data_fetch import cache, simulated


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def volume(folder, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(folder))
    return data_fetch.load("microtubules", size="small")


def test_volume_has_all_its_parts_on_one_grid(volume):
    assert volume.stack.shape == volume.truth.shape == volume.reference.shape == simulated.SIZES["small"]
    assert volume.stack.voxel_size == volume.psf.voxel_size == pytest.approx(simulated.VOXEL)
    optics.check_psf(volume.psf, volume.stack.voxel_size)


def test_stack_is_the_truth_seen_by_the_microscope(volume):
    """The counts, as photons, differ from what is expected by no more than photon and read noise."""
    expected = formation.expect(volume.truth, volume.psf, background=simulated.BACKGROUND).data.astype(float)
    photons = volume.camera.photons(volume.stack).data
    noise = np.sqrt(expected + (volume.camera.read_noise / volume.camera.gain) ** 2)
    z = (photons - expected) / noise
    assert abs(z.mean()) < 5 / np.sqrt(z.size)
    assert z.std() == pytest.approx(1, abs=0.02)


def test_sim_is_sharper_than_widefield_and_still_no_truth(volume):
    photons = [volume.camera.photons(stack) for stack in (volume.stack, volume.reference)]
    errors = [compare.nrmse(compare.match_affine(x, volume.truth), volume.truth) for x in photons]
    assert 0.05 < errors[1] < 0.7 * errors[0]


def test_exposure_is_bright_and_not_saturated(volume):
    photons = volume.camera.photons(volume.stack).data
    assert 100 < np.percentile(photons, 99.9) < 1000
    assert volume.stack.data.max() < volume.camera.full_well


def test_volume_is_kept_and_is_the_same_when_simulated_again(volume, monkeypatch, tmp_path):
    monkeypatch.setattr(simulated, "_simulate", lambda size: pytest.fail("simulated again"))
    assert np.array_equal(data_fetch.load("microtubules", size="small").stack.data, volume.stack.data)
    monkeypatch.undo()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    assert np.array_equal(data_fetch.load("microtubules", size="small").stack.data, volume.stack.data)


def test_a_cache_that_cannot_be_written_is_told_before_the_work(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file"))
    monkeypatch.setattr(simulated, "_simulate", lambda size: pytest.fail("simulated in vain"))
    with pytest.raises(data_fetch.FetchError, match=f"Set the environment variable {cache.VARIABLE}"):
        data_fetch.load("microtubules", size="small")


def test_sizes_and_voxels_that_are_none_are_refused(volume):
    with pytest.raises(ValueError, match="size must be one of 'small', 'course', 'report'; got 'huge'"):
        data_fetch.load("microtubules", size="huge")
    with pytest.raises(ValueError, match="leave voxel_size out"):
        data_fetch.load("microtubules", (1, 1, 1))
    with pytest.raises(ValueError, match="one size only"):
        data_fetch.load("nuclei", size="small")


def test_volume_is_the_one_that_other_computers_have(volume):
    """Sums of counts as found, to the last count, with Python 3.11 to 3.13 and NumPy 2.4 and 2.5 on two processors.

    A voxel or two may differ elsewhere, where the last digit of a cosine does; another random stream would be far off.
    """
    assert volume.stack.data.sum(dtype=float) == pytest.approx(37747524, abs=200)
    assert volume.reference.data.sum(dtype=float) == pytest.approx(24432015, abs=200)
    assert volume.truth.data.sum(dtype=float) == pytest.approx(8299089.3, abs=0.5)
