"""The form in which one says how a stack was taken: what it asks, and what it makes of the answers.

Pure state; `widgets.form` shows it.
"""

import re
from dataclasses import replace
from typing import Any, NamedTuple

from course_utils.optics import nyquist
from course_utils.optics.measured_psf import um
from course_utils.report import Report
from course_utils.your_data.settings import ASSUMED, MICROSCOPES, Settings

UNKNOWN = "not known"  # in a menu, what an empty field is elsewhere


class Field(NamedTuple):
    """One question: the Settings' name for it, the label, how to read the answer; the answers if they are given."""

    name: str
    label: str
    read: Any
    choices: tuple = ()


def _number(text):
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"expected a number such as 1.4 (with a point); got {text!r}.") from None


def _choice(text):
    return text or None


def _voxel(text):
    return tuple(_number(part) for part in re.split(r"[,;×\s]+", text.strip())) if text.strip() else None


FIELDS = (
    Field("voxel_size", "voxel z, y, x (µm)", _voxel),
    Field("microscope", "microscope", _choice, (UNKNOWN, *MICROSCOPES)),
    Field("NA", "NA", _number),
    Field("wavelength", "emission (µm)", _number),
    Field("n_immersion", "index, immersion", _number),
    Field("n_specimen", "index, specimen", _number),
    Field("depth", "depth (µm)", _number),
    Field("excitation", "excitation (µm)", _number),
    Field("pinhole", "pinhole (Airy units)", _number),
    Field("sheet", "sheet FWHM (µm)", _number),
    Field("gain", "gain (counts/photon)", _number),
    Field("offset", "offset (counts)", _number),
    Field("read_noise", "read noise (counts)", _number),
)


class Form:
    """The Settings, changed one answer at a time. An answer that cannot be right changes nothing, and is explained."""

    fields = FIELDS

    def __init__(self, settings):
        self.settings = settings
        self.problems = {}
        self._pending = {}  # answers that do not fit the others yet

    def text(self, name):
        """What the form shows for one of its questions; empty where the answer is not known, UNKNOWN in a menu."""
        value = getattr(self.settings, name)
        if name in self.settings.assumed:
            return UNKNOWN if _question(name).choices else ""
        if isinstance(value, tuple):
            return ", ".join(f"{v:.6g}" for v in value)
        return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)

    def answer(self, name, text):
        """Take an answer to one question, as it was typed or chosen."""
        self._pending.pop(name, None)  # the newest answer comes last
        self._pending[name] = "" if text == UNKNOWN else text
        self.problems = {}
        for waiting in list(reversed(self._pending)):  # the newest may be what the others waited for
            try:
                text = self._pending[waiting]
                assumed = {*self.settings.assumed} - {waiting} | ({waiting} & {*ASSUMED} if not text.strip() else set())
                new = {waiting: _read(waiting, text), "assumed": tuple(n for n in ASSUMED if n in assumed)}
                self.settings = replace(self.settings, **new)
                del self._pending[waiting]
            except ValueError as error:
                self.problems[waiting] = str(error)

    def report(self):
        """All questions and answers, as a Report."""
        return Report(tuple((field.label, self._told(field.name), "") for field in FIELDS))

    def _told(self, name):
        if name in self.settings.assumed:
            return f"not known, taken as {getattr(self.settings, name)}"
        return self.text(name) or UNKNOWN

    def summary(self):
        """Lines for the reader: what is wrong with the answers, and what follows from those that are right."""
        labels = {field.name: field.label for field in FIELDS}
        lines = [f"✗ {labels[name]}: {problem}" for name, problem in self.problems.items()]
        optics, voxel = self.settings.optics, self.settings.voxel_size
        if optics is None:
            lines.append("NA or emission unknown: no PSF can be computed, a measured one is needed.")
        else:
            axial, lateral = nyquist(optics)
            lines.append(f"Nyquist asks for voxels of at most {um((axial, lateral, lateral))}.")
            if optics.n_specimen < optics.NA:
                lines.append(f"Of NA {optics.NA}, light fills {optics.passed_NA}: the index of the specimen.")
        if voxel is None:
            lines.append("The voxel is unknown.")
        elif optics is not None:
            across, along = max(voxel[1:]) / lateral, voxel[0] / axial
            lines.append(f"Yours is {um(voxel)}: {along:.2f} of that along z, {across:.2f} across.")
        idle = () if self.settings.microscope == "confocal" else ("pinhole",)
        assumed = [name for name in self.settings.assumed if name not in idle]
        if assumed:
            taken = ", ".join(f"{labels[name]} {getattr(self.settings, name)}" for name in assumed)
            lines.append(f"Not known, and taken as: {taken}. Say so in the form or in GIVEN if you know.")
        if self.settings.gain is None:
            lines.append("Gain unknown: the noise itself must say how many photons the counts are.")
        return lines


def _question(name):
    return next(field for field in FIELDS if field.name == name)


def _read(name, text):
    """The answer as a value; of an empty one, what Settings takes where nothing is said."""
    value = _question(name).read(text)
    return Settings.__dataclass_fields__[name].default if value is None else value
