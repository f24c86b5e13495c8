import pytest

from hstamp.convert.job import run
from hstamp.convert.plan import Job, expand
from hstamp.convert.report import Report


@pytest.fixture
def convert():
    """Run a conversion; returns the report."""

    def go(inputs, out, **options):
        report = Report()
        job = Job(inputs=expand([inputs] if not isinstance(inputs, list) else inputs), out=out,
                  **options)  # fmt: skip
        run(job, report)
        return report

    return go
