"""One's own data, from a TIFF to a report: what was measured, whether it is fit, a preview, the run, the telling of it.

Each step has a module of its own; notebook 09 goes through them in this order.
"""

from course_utils.your_data.findings import Finding, Suitability
from course_utils.your_data.form import Form
from course_utils.your_data.methods import missing, paragraph, versions
from course_utils.your_data.page import write_page
from course_utils.your_data.photons import dark_level, fill, measured, settle
from course_utils.your_data.planes import even_planes
from course_utils.your_data.preview import Trial, busiest, try_methods, weight_of, with_margin
from course_utils.your_data.run import cost, fingerprint, repeat, run
from course_utils.your_data.settings import Settings, given_settings, read_settings
from course_utils.your_data.source import Source, find, make_psf
from course_utils.your_data.suitability import examine, verdicts

__all__ = [
    "Finding", "Form", "Settings", "Source", "Suitability", "Trial", "busiest", "cost", "dark_level", "even_planes",
    "examine", "fill", "find", "fingerprint", "given_settings", "make_psf", "measured", "missing", "paragraph",
    "read_settings", "repeat", "run", "settle", "try_methods", "verdicts", "versions", "weight_of", "with_margin",
    "write_page",
]  # fmt: skip
