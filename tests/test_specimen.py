import numpy as np
import pytest

from course_utils import specimen

SHAPE, VOXEL = (20, 60, 50), (0.2, 0.1, 0.1)
KINDS = {
    "beads": lambda rng: specimen.beads(SHAPE, VOXEL, n=4, rng=rng),
    "shells": lambda rng: specimen.shells(SHAPE, VOXEL, n=3, diameter=1.5, rng=rng),
    "filaments": lambda rng: specimen.filaments(SHAPE, VOXEL, n=12, rng=rng),
    "nuclei": lambda rng: specimen.nuclei(SHAPE, VOXEL, n=2, diameter=3.0, rng=rng),
}


@pytest.mark.parametrize("kind", KINDS)
def test_specimen_is_light_and_reproducible(kind):
    one, same, other = (KINDS[kind](np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == SHAPE
    assert one.data.min() >= 0
    assert one.data.max() > 0
    assert np.array_equal(one.data, same.data)
    assert not np.array_equal(one.data, other.data)


@pytest.mark.parametrize("kind", KINDS)
def test_specimen_holds_little_beyond_half_of_the_grids_frequencies(kind):
    """Band-limited: the outer shell of frequencies, from 0.8 of Nyquist on, has next to no energy."""
    spectrum = np.abs(np.fft.fftn(KINDS[kind](np.random.default_rng(3)).data.astype(float))) ** 2
    spectrum.flat[0] = 0
    for axis, n in enumerate(SHAPE):
        outer = np.abs(np.fft.fftfreq(n)) > 0.4
        assert np.compress(outer, spectrum, axis).sum() < 0.01 * spectrum.sum(), axis


def test_each_bead_has_its_photons_at_its_centre():
    centres = np.array([[6.3, 20.0, 15.7], [12.0, 41.5, 30.2]])
    volume = specimen.beads(SHAPE, VOXEL, centres=centres, photons=500.0).data.astype(float)
    assert volume.sum() == pytest.approx(1000, rel=1e-4)
    for centre in centres:
        window = tuple(slice(int(c) - 4, int(c) + 6) for c in centre)
        bead = volume[window]
        assert bead.sum() == pytest.approx(500, rel=1e-3)
        lines = [bead.sum(axis=tuple({0, 1, 2} - {axis})) for axis in range(3)]
        middle = [line @ np.arange(10) / line.sum() + part.start for line, part in zip(lines, window, strict=True)]
        assert middle == pytest.approx(centre, abs=0.03)


def test_a_bead_is_as_wide_as_it_says():
    """The variance of a ball of radius r along an axis is r²/5; the softening and the grid add theirs."""
    volume = specimen.beads((41, 41, 41), (0.1, 0.1, 0.1), centres=[[20, 20, 20]], diameter=1.6).data.astype(float)
    line = volume.sum(axis=(1, 2)) / volume.sum()
    variance = line @ (np.arange(41) - 20.0) ** 2
    softening = specimen.SOFTENING**2 + 1 / 6  # trilinear deposit: a triangle of variance 1/6 on average
    assert variance == pytest.approx(8**2 / 5 + softening, rel=0.02)


def test_scattered_places_keep_their_distance_and_stay_inside():
    places = specimen.scatter(SHAPE, VOXEL, n=12, min_distance=0.8, rng=np.random.default_rng(0))
    distance = np.linalg.norm((places[:, None] - places) * VOXEL, axis=-1)
    assert distance[~np.eye(12, dtype=bool)].min() >= 0.8
    assert (places >= 0).all()
    assert (places <= np.array(SHAPE) - 1).all()


def test_places_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"only \d+ of 500 places fit with 1.0 µm"):
        specimen.scatter(SHAPE, VOXEL, n=500, min_distance=1.0, rng=np.random.default_rng(0))


def test_light_of_filaments_goes_with_their_length_and_not_with_the_voxel():
    coarse = specimen.filaments((20, 60, 60), (0.2, 0.1, 0.1), n=200, length=1.0, rng=np.random.default_rng(5))
    fine = specimen.filaments((40, 120, 120), (0.1, 0.05, 0.05), n=200, length=1.0, rng=np.random.default_rng(5))
    assert fine.data.sum(dtype=float) == pytest.approx(coarse.data.sum(dtype=float), rel=1e-3)
    assert coarse.data.sum(dtype=float) == pytest.approx(200 * 2000, rel=0.25)  # some leave the cell before their end


def test_filaments_leave_the_nucleus_empty():
    volume = specimen.filaments((24, 96, 96), VOXEL, n=150, rng=np.random.default_rng(6)).data
    nucleus = volume[10:14, 48:58, 38:48].mean()  # around (0.5, 0.55, 0.45) of the cell
    assert nucleus < 0.05 * volume[10:14].mean()


def test_filaments_forget_their_direction_over_the_persistence_length():
    """<cos of the angle between two tangents> falls as exp(−s / 2P) in the plane, and 1/e is reached at s = 2P."""
    rng, step, persistence = np.random.default_rng(7), specimen.STEP, 1.0
    cosines = []
    for _ in range(300):
        path = specimen._worm(np.array([4.0, 1e4, 1e4]), 8.0, persistence, rng)
        tangent = np.diff(path, axis=0)
        tangent = tangent[:, 1:] / np.linalg.norm(tangent[:, 1:], axis=1, keepdims=True)
        if len(tangent) > 101:
            cosines.append(np.mean(np.sum(tangent[100:] * tangent[:-100], axis=1)))
    assert np.mean(cosines) == pytest.approx(np.exp(-100 * step / (2 * persistence)), abs=0.06)


def test_texture_of_nuclei_is_as_strong_as_asked_for():
    smooth = specimen.nuclei((30, 60, 60), VOXEL, n=1, diameter=8.0, texture=0.0, rng=np.random.default_rng(8)).data
    rough = specimen.nuclei((30, 60, 60), VOXEL, n=1, diameter=8.0, texture=0.4, rng=np.random.default_rng(8)).data
    inside = smooth > 0.99 * 100
    assert smooth[inside].std() < 1
    assert 0.2 < rough[inside].std() / rough[inside].mean() < 0.45


@pytest.mark.parametrize("kind", ["beads", "shells", "filaments", "nuclei"])
@pytest.mark.parametrize("shape", [(0, 60, 50), (60, 50)])
def test_a_volume_without_voxels_is_refused(kind, shape):
    with pytest.raises(ValueError, match=r"needs a shape \(z, y, x\) of at least one voxel each; got"):
        getattr(specimen, kind)(shape, VOXEL, rng=np.random.default_rng(0))
