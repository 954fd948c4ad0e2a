"""The table of data sets."""

from html import escape

from data_fetch import cache
from data_fetch.registry import DATASETS, find

COLUMNS = ("name", "what", "shape (z, y, x)", "voxel (µm)", "licence", "source", "size", "here")


def datasets():
    """Every known data set: iterate for the names, index by name for the facts, or display it as a table."""
    return Catalogue()


class Catalogue:
    """The known data sets, as names and as a table."""

    def __iter__(self):
        return iter(DATASETS)

    def __len__(self):
        return len(DATASETS)

    def __contains__(self, name):
        return name in DATASETS

    def __getitem__(self, name):
        return find(name)

    def rows(self):
        """One tuple of texts a data set, in the order of COLUMNS."""
        return [_row(dataset) for dataset in DATASETS.values()]

    def __repr__(self):
        table = [COLUMNS, *self.rows()]
        # what it is and where it is from are long: the notebook's table has them, the text ends with the source
        keep = [0, 2, 3, 6, 7, 4, 5]
        widths = [max(len(row[i]) for row in table) for i in keep]
        lines = ("  ".join(row[i].ljust(w) for i, w in zip(keep, widths, strict=True)).rstrip() for row in table)
        return "\n".join(lines)

    def _repr_html_(self):
        head = "".join(f"<th>{escape(c)}</th>" for c in COLUMNS)
        body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in self.rows())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text):
    """A cell of the notebook's table: an address as a link called by its site, so that it leaves room for the rest."""
    shown = escape(text)
    if text.startswith("http"):
        address, _, rest = text.partition(" ")
        shown = f'<a href="{escape(address)}">{escape(address.split("/")[2])}</a> {escape(rest)}'
    return f"<td style='text-align:left'>{shown}</td>"


def _row(dataset):
    voxel = " × ".join("?" if d is None else f"{d:g}" for d in dataset.voxel_size)
    first = "simulated" if dataset.kind == "simulated" else "fetched"
    here = "yes" if cache.is_here(dataset) else f"no: {first} on first use"
    shape = " × ".join(map(str, dataset.shape))
    size = f"{dataset.size / 1e6:.1f} MB" if dataset.files else "computed"
    return dataset.name, dataset.title, shape, voxel, dataset.licence, dataset.source, size, here
