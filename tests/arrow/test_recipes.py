"""The recipes of docs/arrow.md run with the packages that they are for."""

import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from arrow_samples import alerts

from hstamp import Stamp

pa = pytest.importorskip("pyarrow", reason="needs pyarrow (pip install 'hstamp[parquet]')")
pq = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow (hstamp[parquet])")
from hstamp import arrow as ha  # noqa: E402

PAGE = Path(__file__).resolve().parents[2] / "docs" / "arrow.md"


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = pa.table(alerts())
    pq.write_table(made, "alerts.parquet")
    return made


@pytest.fixture
def levels(table):
    return np.array([Stamp.from_bytes(blob).levels for blob in table["hstampScience"].to_pylist()])


def run(name, **names):
    found = re.search(
        rf"<!-- test: {name} -->\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S
    )
    exec(compile(found[1], f"{PAGE.name}: {name}", "exec"), names)
    return names


def test_pyarrow(table, levels):
    made = run("pyarrow")
    np.testing.assert_array_equal(made["images"], levels)
    assert made["again"].to_pydict() == table.to_pydict()
    about = pq.read_schema("tensors.parquet").field("hstampScience_image")
    assert about.type.shape == [5, 15, 15]
    assert about.metadata[b"unit"] == b"fluxUnit"


def test_pandas(levels):
    pytest.importorskip("pandas", reason="needs pandas")
    made = run("pandas")
    np.testing.assert_array_equal(made["images"], levels)
    assert str(made["wide"]["hstampScience_dx"].dtype) == "float[pyarrow]"
    # Back from the data frame, and from one of numpy's types.
    blobs = ha.encode(made["wide"], prefix="hstampScience_").to_pylist()
    np.testing.assert_array_equal([Stamp.from_bytes(blob).levels for blob in blobs], levels)
    objects = pa.table(alerts()).to_pandas()
    found = ha.as_numpy(ha.decode(objects["hstampScience"])["image"])
    np.testing.assert_array_equal(found, levels)


def test_polars(levels):
    pl = pytest.importorskip("polars", reason="needs polars")
    made = run("polars")
    np.testing.assert_array_equal(made["images"], levels)
    back = ha.collapse(made["frame"])
    found = [Stamp.from_bytes(blob).levels for blob in back["hstampScience"].to_pylist()]
    np.testing.assert_array_equal(found, levels)
    with_null = pl.Series([None, *alerts()["hstampScience"]], dtype=pl.Binary)
    assert ha.decode(with_null)["n"].to_pylist() == [None, *[5] * 5]


def test_duckdb(levels):
    pytest.importorskip("duckdb", reason="needs duckdb")
    made = run("duckdb")
    np.testing.assert_array_equal(made["images"], levels)
    # Element 113 of 225, counted from 1, is row 7 and column 7 of level 0.
    centre = np.array(made["found"]["centre"].to_pylist(), dtype=float)
    np.testing.assert_array_equal(centre, levels[:, 0, 7, 7])


@pytest.mark.filterwarnings("ignore")
def test_nested_pandas(levels):
    pytest.importorskip("nested_pandas", reason="needs nested-pandas")
    made = run("nested")
    assert made["alerts"].index.tolist() == [1, 1, 2, 2, 3]
    np.testing.assert_array_equal(made["images"], levels)
    made["objects"].to_parquet("objects.parquet")
    import nested_pandas as npd

    again = npd.read_parquet("objects.parquet")["alerts"].nest.to_flat()
    np.testing.assert_array_equal(ha.as_numpy(again["hstampScience_image"]), levels)


@pytest.mark.filterwarnings("ignore")
def test_spark(table, levels, monkeypatch):
    pytest.importorskip("pyspark", reason="needs pyspark (pip install 'hstamp[spark]')")
    pytest.importorskip("pandas", reason="pandas_udf needs pandas")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java")
    from pyspark.sql import SparkSession

    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    try:
        session.sparkContext.setLogLevel("OFF")
        made = run("spark", spark=session)
        inner = [row.level0 for row in made["inner"].collect()]
        whole = [row.image for row in made["whole"].collect()]
    finally:
        session.stop()
    found = np.array(inner, np.float32).reshape(-1, 15, 15)
    np.testing.assert_array_equal(found, levels[:, 0])
    np.testing.assert_array_equal(np.array(whole, np.float32).reshape(levels.shape), levels)
