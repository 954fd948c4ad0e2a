"""Sliders over pictures, and forms: the only module that knows ipywidgets."""

import html
import io

import ipywidgets
from matplotlib.figure import Figure


def explore(draw, *, description="", **choices):
    """A picture with one slider for each of the choices: draw(**values) gives the Figure for one choice of each.

    draw         a pure function of the values, cheap enough to call for all combinations, or nearly: it indexes results
                 that were computed before. Each picture is drawn once, and kept.
    description  what the picture shows, for those who cannot see it.
    choices      name=values, in the order of the slider.
    Raises ValueError where there is nothing to choose, TypeError where draw does not give a Figure.
    """
    empty = [name for name, values in choices.items() if not len(values)]
    if empty or not choices:
        raise ValueError(f"each slider needs values to choose from; got none for {', '.join(empty) or 'any'}.")
    drawn = {}
    picture = ipywidgets.Image(format="png", layout=ipywidgets.Layout(max_width="100%", align_self="flex-start"))
    sliders = {name: _slider(name, values) for name, values in choices.items()}

    def show(_=None):
        key = tuple(slider.index for slider in sliders.values())
        if key not in drawn:
            drawn[key] = _png(draw(**{name: slider.value for name, slider in sliders.items()}))
        picture.value = drawn[key]

    for slider in sliders.values():
        slider.observe(show, names="index")
    show()
    return ipywidgets.VBox([*sliders.values(), picture, *([ipywidgets.Label(description)] if description else [])])


def chosen(explorer):
    """{name: value} of an explorer's sliders, as they stand now; where nobody moved them, the first of each."""
    sliders = (child for child in explorer.children if isinstance(child, ipywidgets.SelectionSlider))
    return {slider.description.replace(" ", "_"): slider.value for slider in sliders}


def form(state):
    """A form, a field for each of `state.fields`, and below it what the state says of the answers.

    state  what stands behind it, as `your_data.Form`: text(name) is shown, answer(name, text) takes what was typed, and
    summary() gives lines for the reader.
    """
    said = ipywidgets.HTML()

    def tell():
        said.value = "".join(f"<div>{html.escape(line)}</div>" for line in state.summary())

    def field(question):
        options = {
            "description": question.label,
            "style": {"description_width": "11em"},
            "value": state.text(question.name),
        }
        options["layout"] = ipywidgets.Layout(width="26em")
        if question.choices:
            made = ipywidgets.Dropdown(options=question.choices, **options)
        else:
            made = ipywidgets.Text(continuous_update=False, placeholder="not known", **options)
        made.observe(lambda change: (state.answer(question.name, change["new"]), tell()), names="value")
        return made

    tell()
    fields = [field(question) for question in state.fields]
    return ipywidgets.VBox(
        [ipywidgets.GridBox(fields, layout=ipywidgets.Layout(grid_template_columns="26em 26em")), said]
    )


def _slider(name, values):
    return ipywidgets.SelectionSlider(
        options=[(_label(value), value) for value in values],
        description=name.replace("_", " "),
        continuous_update=False,
        style={"description_width": "initial"},
        layout=ipywidgets.Layout(width="30em"),
    )


def _label(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _png(figure):
    if not isinstance(figure, Figure):
        raise TypeError(f"draw(…) must return a matplotlib Figure; it returned {type(figure).__name__}.")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
