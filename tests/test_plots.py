import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_utils import plots
from course_utils.stack import Stack

STACK = Stack(np.arange(5 * 20 * 30).reshape(5, 20, 30), (0.5, 0.1, 0.1))


def _panels(figure):
    return {ax.texts[0].get_text(): ax for ax in figure.axes if ax.images and ax.texts}


def test_sections_are_to_scale():
    figure = plots.sections(STACK)
    figure.canvas.draw()
    panels, per_micrometre = _panels(figure), set()
    for label, (across, down) in {"xy": (3.0, 2.0), "yz": (2.5, 2.0), "xz": (3.0, 2.5)}.items():
        box = panels[label].get_window_extent()
        per_micrometre |= {round(box.width / across, 1), round(box.height / down, 1)}
    assert max(per_micrometre) - min(per_micrometre) < 0.2


def test_many_stacks_fit_on_a_page():
    widths = [plots.sections({str(i): STACK for i in range(n)}).get_figwidth() for n in (1, 2, 5)]
    assert widths[0] < widths[1] < 12
    assert widths[2] < 13


def test_sections_show_the_planes_through_the_voxel():
    panels = _panels(plots.sections(STACK, at=(1, 2, 3)))
    assert np.array_equal(panels["xy"].images[0].get_array(), STACK.data[1])
    assert np.array_equal(panels["xz"].images[0].get_array(), STACK.data[:, 2])
    assert np.array_equal(panels["yz"].images[0].get_array(), STACK.data[:, :, 3].T)


def test_projections_show_the_brightest_voxels():
    panels = _panels(plots.sections(STACK, projection=True))
    assert np.array_equal(panels["xz"].images[0].get_array(), STACK.data.max(1))


@pytest.mark.parametrize("width", [0.03, 0.8, 7.0, 300.0])
def test_scale_bar_is_as_long_as_it_says(width):
    stack = Stack(np.ones((4, 16, 16)), (1.0, width / 16, width / 16))
    axes = _panels(plots.sections(stack))["xy"]
    length = float(np.ptp(axes.lines[-1].get_xdata()))
    assert axes.texts[-1].get_text() == f"{length:.6g} µm"
    assert width / 10 <= length <= width / 4


def test_every_stack_has_its_name_and_a_labelled_colour_bar():
    figure = plots.sections({"raw": STACK, "sharp": STACK}, unit="counts")
    assert [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")] == ["raw", "sharp"]
    assert [ax.get_xlabel() for ax in figure.axes].count("counts") == 2


def test_limits_are_shared_when_given():
    figure = plots.sections({"a": STACK, "b": STACK.with_data(2 * STACK.data)}, limits=(0, 7))
    assert {image.get_clim() for ax in figure.axes for image in ax.images if ax.texts} == {(0, 7)}


@pytest.mark.parametrize("at", [(5, 0, 0), (0, 0, -1), (1, 2)])
def test_a_voxel_outside_of_the_stack_is_refused(at):
    with pytest.raises(ValueError, match="voxel"):
        plots.sections(STACK, at=at)


def test_each_stack_may_have_its_own_unit():
    figure = plots.sections({"a": STACK, "b": STACK}, unit={"a": "photons", "b": "counts"})
    assert [ax.get_xlabel() for ax in figure.axes if ax.get_xlabel()] == ["photons", "counts"]


def test_lines_have_their_names_units_and_scale():
    curves = {"law": ([0, 1], [1, 10]), "measured": ([0, 1], [2, 9])}
    axes = plots.lines(curves, points=["measured"], xlabel="z (µm)", ylabel="photons", log=True, ylim=(1, 20)).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["law", "measured"]
    assert [line.get_marker() for line in axes.lines] == ["None", "."]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale(), axes.get_ylim()) == (
        "z (µm)",
        "photons",
        "log",
        (1, 20),
    )


def test_matrices_share_one_colour_scale():
    figure = plots.matrices({"A": np.eye(3), "2 A": 2 * np.eye(3)}, unit="part of the light")
    assert {ax.images[0].get_clim() for ax in figure.axes if ax.images} == {(0, 2)}
    assert figure.axes[-1].get_ylabel() == "part of the light"


def test_profile_is_in_micrometres():
    figure = plots.profile({"raw": STACK}, 2, (1, 2, 3))
    line = figure.axes[0].lines[0]
    assert isinstance(figure, Figure)
    assert line.get_xdata()[-1] == pytest.approx(2.9)
    assert np.array_equal(line.get_ydata(), STACK.data[1, 2])
    assert figure.axes[0].get_xlabel() == "x (µm)"


BLOB = np.exp(-0.5 * ((np.indices((11, 15, 17)).T - (6, 8, 8)) / (1.5, 1.2, 1.2)) ** 2).prod(-1).T
PSF = Stack(BLOB / BLOB.sum(), (0.2, 0.1, 0.1))  # its peak a plane off the centre


def test_pictures_are_to_scale_about_their_centre():
    named = {"a": np.arange(20.0).reshape(4, 5), "b": np.full((4, 5), 40.0)}
    figure = plots.pictures(named, step=(0.5, 0.1), xlabel="x (µm)", ylabel="z (µm)", unit="waves")
    images = [ax.images[0] for ax in figure.axes if ax.images]
    assert [image.axes.get_title() for image in images] == ["a", "b"]
    assert images[0].get_extent() == pytest.approx((-0.25, 0.25, 0.75, -1.25))
    assert {image.get_clim() for image in images} == {(0, 40)}
    assert (images[0].axes.get_xlabel(), images[0].axes.get_ylabel()) == ("x (µm)", "z (µm)")
    assert figure.axes[-1].get_ylabel() == "waves"


def test_pictures_leave_nan_blank_and_may_be_logarithmic():
    image = np.array([[np.nan, 0.0], [0.1, 1.0]])
    labels = {"step": (1, 1), "xlabel": "x", "ylabel": "y", "unit": "waves"}
    linear, logarithmic = (plots.pictures({"a": image}, low=low, **labels).axes[0].images[0] for low in (None, 0.01))
    assert linear.get_clim() == (0, 1)
    assert (logarithmic.norm.vmin, logarithmic.norm.vmax) == (0.01, 1)
    assert logarithmic.norm(0.1) == pytest.approx(0.5)


def test_otfs_show_frequencies_about_zero():
    figure = plots.otfs({"wide": PSF})
    image = figure.axes[0].images[0]
    shown = np.asarray(image.get_array())
    full = np.abs(np.fft.fftshift(np.fft.fftn(PSF.data)))[:, 15 // 2]
    assert shown == pytest.approx(full, abs=1e-6)
    assert image.get_extent()[1] == pytest.approx(8.5 / 1.7)  # kx: 17 frequencies, 1/(17 · 0.1) apart
    assert image.get_extent()[2] == pytest.approx(5.5 / 2.2)
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("kx (1/µm)", "kz (1/µm)")


def test_psf_panels_show_the_planes_and_the_profile_through_the_peak():
    figure = plots.psf_panels(PSF, title="ours")
    panels = _panels(figure)
    assert np.allclose(panels["xy"].images[0].get_array(), PSF.data[6] / PSF.data.max())
    assert np.allclose(panels["xz"].images[0].get_array(), PSF.data[:, 8] / PSF.data.max())
    z, light = next(ax for ax in figure.axes if ax.get_xlabel() == "z (µm)").lines[0].get_data()
    assert z[light.argmax()] == pytest.approx(0.2)
    assert light.max() == 1


def test_psf_panels_name_their_units_and_the_widths():
    figure = plots.psf_panels(PSF, title="ours")
    width = 2 * np.sqrt(2 * np.log(2)) * 1.2 * 0.1
    assert figure.get_suptitle().startswith("ours\nFWHM (µm): ")
    assert float(re.search(r"([\d.]+) along x", figure.get_suptitle())[1]) == pytest.approx(width, rel=0.04)
    assert {ax.get_ylabel() for ax in figure.axes} >= {"part of the peak", "kz (1/µm)", "|OTF| at ky = 0"}
    assert "beyond the grid along z" in plots.psf_panels(Stack(np.ones((3, 4, 5)), (1, 1, 1))).get_suptitle()


@pytest.mark.parametrize("shape", [(81, 33, 33), (9, 33, 33), (9, 17, 33)])
def test_psf_panels_draw_xy_and_xz_to_one_scale(shape):
    figure = plots.psf_panels(Stack(np.ones(shape), (0.2, 0.1, 0.1)))
    figure.canvas.draw()
    widths = [_panels(figure)[label].get_window_extent().width for label in ("xy", "xz")]
    assert widths[0] == pytest.approx(widths[1], rel=0.01)
