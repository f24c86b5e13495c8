import pytest

from hstamp.convert.job import run
from hstamp.convert.plan import Job, expand
from hstamp.convert.report import Report
from hstamp.convert.sinks import AvroAlertSink


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


@pytest.fixture
def third_unwritable(monkeypatch):
    """Records of the number 2 cannot be encoded."""
    encode = AvroAlertSink.encode

    def faulty(self, item, stamps):
        if item.number == 2:
            raise TypeError("cannot")
        return encode(self, item, stamps)

    monkeypatch.setattr(AvroAlertSink, "encode", faulty)
