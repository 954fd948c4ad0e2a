"""What was found of a stack, a row a question, and the verdict over all."""

from typing import NamedTuple

from course_utils.report import Report

OK, CAREFUL, REFUSED = "OK", "careful", "refused"


class Finding(NamedTuple):
    """One row: what was looked at, what was found, the verdict, and what that means."""

    what: str
    found: str
    verdict: str = OK
    meaning: str = ""


class Suitability(NamedTuple):
    """All findings; a table in a notebook."""

    findings: tuple

    @property
    def verdict(self):
        """The worst of all."""
        return max((finding.verdict for finding in self.findings), key=(OK, CAREFUL, REFUSED).index)

    def of(self, verdict):
        """What was looked at in the findings of that verdict."""
        return [finding.what for finding in self.findings if finding.verdict == verdict]

    def decisive(self):
        """The findings that made the verdict; none if all are OK."""
        return [finding for finding in self.findings if finding.verdict == self.verdict != OK]

    def report(self):
        """As a Report."""
        return Report(tuple((f.what, f.found, ": ".join(filter(None, f[2:]))) for f in self.findings))

    def __str__(self):
        """The verdict, and what it is due to."""
        due = ", ".join(finding.what for finding in self.decisive())
        return ": ".join(filter(None, (self.verdict, due)))

    def refuse(self):
        """Raise ValueError, with all reasons, where a finding refuses the stack."""
        reasons = [f"{f.what}, {f.found}: {f.meaning}." for f in self.findings if f.verdict == REFUSED]
        if reasons:
            raise ValueError(" ".join(["this stack is not fit for deconvolution.", *reasons]))

    def __repr__(self):
        return str(self.report())

    def _repr_html_(self):
        return self.report()._repr_html_()
