import ipywidgets
import pytest
from matplotlib.figure import Figure

from course_utils import widgets


def _explorer(log, **choices):
    def draw(**values):
        log.append(values)
        figure = Figure(figsize=(1, 1))
        figure.text(0.1, 0.5, str(values))
        return figure

    return widgets.explore(draw, description="what it shows", **choices)


def test_moving_a_slider_changes_the_picture_and_draws_each_only_once():
    log = []
    box = _explorer(log, iteration=[1, 5, 20])
    slider, picture = box.children[0], box.children[1]
    first = picture.value
    slider.index = 2
    second = picture.value
    slider.index = 0
    assert first != second
    assert picture.value == first
    assert log == [{"iteration": 1}, {"iteration": 20}]


def test_sliders_wait_for_release_and_carry_their_names():
    slider = _explorer([], noise_level=[0.1, 0.25]).children[0]
    assert isinstance(slider, ipywidgets.SelectionSlider)
    assert not slider.continuous_update
    assert slider.description == "noise level"


def test_two_sliders_choose_together():
    log = []
    box = _explorer(log, a=[1, 2], b=[3, 4])
    box.children[1].index = 1
    assert log[-1] == {"a": 1, "b": 4}


@pytest.mark.parametrize("choices", [{}, {"a": []}])
def test_nothing_to_choose_is_refused(choices):
    with pytest.raises(ValueError, match="values to choose from"):
        _explorer([], **choices)


def test_a_draw_that_gives_no_figure_is_refused():
    with pytest.raises(TypeError, match="must return a matplotlib Figure; it returned NoneType"):
        widgets.explore(lambda a: None, a=[1])
