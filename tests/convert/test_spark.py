"""What Spark writes and reads: one small session, where pyspark and Java are."""

import datetime
import os
import shutil

import pytest

pa = pytest.importorskip("pyarrow", reason="needs pyarrow (pip install 'hstamp[parquet]')")
pq = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow (hstamp[parquet])")
pytest.importorskip("pyspark", reason="needs pyspark (pip install 'hstamp[spark]')")
if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    pytest.skip("Spark needs Java", allow_module_level=True)

from parquet_samples import lsst_table, ztf_table  # noqa: E402

from hstamp import Stamp  # noqa: E402
from hstamp.alerts.fields import STAMP_FIELDS  # noqa: E402

NEW = list(STAMP_FIELDS.values())
TIMES = [datetime.datetime(2026, 2, 2, 15, 28, 49, 123456), datetime.datetime(1582, 1, 1)]


@pytest.fixture(scope="module")
def spark():
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.parquet.outputTimestampType", "INT96")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.mark.filterwarnings("ignore")
def test_tables_that_spark_wrote(spark, tmp_path, convert):
    """Its own columns, INT96 timestamps beyond nanoseconds too, and the new ones beside them."""
    rows = [
        {**row, "brokerTime": time}
        for row, time in zip(lsst_table(2).to_pylist(), TIMES, strict=True)
    ]
    schema = (
        "diaSourceId long, diaSource struct<diaSourceId: long, ra: double, dec: double,"
        " band: string>, cutoutDifference binary, cutoutScience binary, cutoutTemplate binary,"
        " brokerTime timestamp"
    )
    spark.createDataFrame(rows, schema).coalesce(1).write.parquet(str(tmp_path / "in"))
    (source,) = (tmp_path / "in").glob("*.parquet")
    assert convert(source, tmp_path / "out.parquet").ok
    old = spark.read.parquet(str(source))
    new = spark.read.parquet(str(tmp_path / "out.parquet"))
    assert new.columns == [*old.columns, *NEW]
    assert new.select(old.columns).collect() == old.collect()
    assert old.schema.fields == new.schema.fields[: len(old.columns)]
    stamps = [Stamp.from_bytes(bytes(row.hstampScience)) for row in new.collect()]
    assert [stamp.id for stamp in stamps] == ["170000/science", "170001/science"]


@pytest.mark.filterwarnings("ignore")
def test_tables_that_pyarrow_wrote(spark, tmp_path, convert):
    """Spark finds rows by the page index, whose offsets moved with the pages."""
    table = ztf_table(12, row=pa.array(range(12)))
    pq.write_table(
        table, tmp_path / "in.parquet", write_page_index=True, data_page_size=1, write_batch_size=1
    )
    for drop in (False, True):
        out = tmp_path / f"{drop}.parquet"
        assert convert(tmp_path / "in.parquet", out, drop_cutouts=drop).ok
        found = spark.read.parquet(str(out)).where("row = 7").collect()
        assert [(row.candid, row.objectId) for row in found] == [(7, "ZTF18aaaaaah")]
        assert Stamp.from_bytes(bytes(found[0].hstampTemplate)).id == "7/template"
        assert (found[0].cutoutTemplate is None) == drop
