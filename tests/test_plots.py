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
