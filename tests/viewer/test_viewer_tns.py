"""Bulk reports for the Transient Name Server, against its published list of fields."""

import json

import numpy as np
import pytest
from astropy.time import Time
from chromium import SAMPLE, until
from convert_samples import ZTF_SCHEMA, write_ocf, ztf_alert

# Members of an AT report of TNS 2.0. The manual, TNS2.0_bulk_reports_manual.pdf of January 2025
# (https://www.wis-tns.org/sites/default/files/api/tns2_manuals/), is repeated in two places that
# do not know of each other, and both agree with what follows:
# - its sample, in LasairVRAs/lvra, data/test/tns_example.json (commit cfd3681, 2026);
# - a program that writes reports by it ("make_json.py", "Create Input JSON for TNS AT Report").
# Names of TNS 1 (reporting_group_id, discovery_data_source_id, flux_units, filter_value,
# instrument_value, photometry_group), as in skyportal/skyportal, skyportal/utils/tns_submission.py,
# are those of reports before it.
PUBLISHED = {
    "ra", "dec", "reporting_groupid", "data_source_groupid", "reporter", "discovery_datetime",
    "at_type", "host_name", "host_redshift", "internal_name", "internal_name_format", "auto_class",
    "remarks", "end_prop_period", "prop_period_groups", "non_detection", "photometry",
    "related_files", "internal_ids",
}  # fmt: skip
COMPULSORY = {
    "ra", "dec", "reporting_groupid", "data_source_groupid", "reporter", "discovery_datetime",
    "at_type", "non_detection", "photometry",
}  # fmt: skip
"""What each of those programs, and ALeRCE's (alercebroker/TNS_upload), fills in always."""
PHOTOMETRY = {
    "obsdate", "flux", "flux_error", "limiting_flux", "flux_unitid", "filterid", "instrumentid",
    "exptime", "observer", "comments",
}  # fmt: skip
NON_DETECTION = (PHOTOMETRY - {"flux", "flux_error"}) | {"archiveid", "archival_remarks"}


def start(browser, path):
    page = browser.open()
    browser.drop(path)
    browser.settled()
    page.check("#labelling")
    page.fill("#labeller", "ada")
    page.locator("#labeller").blur()
    return page


def answer(page, key, record):
    until(page, f"window.hstampViewer.current().loaded.parts[0]?.record === {record}")
    page.keyboard.press(key)
    until(page, f"window.hstampViewer.labelling.labels.all.length === {record + 1}")


def reports(page, tmp_path, **filled):
    page.click("#save-tns")
    for name, value in filled.items():
        if name == "at_type":
            page.select_option("#at_type", value)
        else:
            page.fill(f"#{name}", value)
    with page.expect_download() as download:
        page.click("#tns-save")
    download.value.save_as(tmp_path / "saved.json")
    return json.loads((tmp_path / "saved.json").read_text())["at_report"]


def test_members_are_those_of_the_manual(browser, tmp_path):
    page = start(browser, SAMPLE)
    page.keyboard.press("ArrowUp")
    for record, key in enumerate(["Enter", "n", "u"]):
        answer(page, key, record)
    common = {"reporting_groupid": "7", "data_source_groupid": "165", "reporter": "A. Lovelace",
              "at_type": "4"}  # fmt: skip
    found = reports(page, tmp_path, **common)
    # An alert on which the labeller is unsure is not reported.
    assert list(found) == ["0", "1"]
    for report in found.values():
        assert COMPULSORY <= set(report) <= PUBLISHED
        assert list(report["photometry"]) == ["0"]
        assert set(report["photometry"]["0"]) == PHOTOMETRY
        assert set(report["non_detection"]) == NON_DETECTION
        assert set(report["non_detection"].values()) == {""}
        assert report["host_name"] == report["host_redshift"] == ""
        assert {name: report[name] for name in common} == common
    # What is the same for all reports is asked for once, and remembered.
    page.click("#save-tns")
    assert page.input_value("#reporter") == "A. Lovelace"
    assert page.input_value("#at_type") == "4"


def test_values_of_an_alert_of_lsst(browser, tmp_path):
    page = start(browser, SAMPLE)
    page.keyboard.press("ArrowUp")
    answer(page, "Enter", 0)
    report = reports(page, tmp_path)["0"]
    (label,) = page.evaluate("window.hstampViewer.labelling.labels.all")
    # The value is in degrees; units are those of the error.
    assert report["ra"] == {"value": f"{label['source_ra']:.6f}", "error": "", "units": "arcsec"}
    assert report["internal_name"] == "170000000000010000"
    assert report["internal_ids"] == {
        "alert_id": "170000000000000000", "object_id": "170000000000010000",
    }  # fmt: skip
    # Midpoint of the first alert of the sample: MJD 61131.2, TAI.
    utc = Time(61131.2, format="mjd", scale="tai").utc
    assert abs(Time(report["discovery_datetime"]) - utc).sec < 0.01
    photometry = report["photometry"]["0"]
    assert photometry["obsdate"] == report["discovery_datetime"]
    flux = page.evaluate("window.hstampViewer.library.alerts[0].psfFlux")
    assert float(photometry["flux"]) == pytest.approx(31.4 - 2.5 * np.log10(flux), abs=0.001)
    assert float(photometry["flux_error"]) == pytest.approx(2.5 / np.log(10) / 40, abs=0.001)
    # TNS's ids of AB magnitudes, LSSTCam and its g, as in LasairVRAs/lvra, lvra/utils/tns.py.
    ids = {"flux_unitid": "1", "instrumentid": "287", "filterid": "161"}
    assert {name: photometry[name] for name in ids} == ids
    assert f"{label['ra']:.6f}" in report["remarks"]


def test_ids_of_ztf(served, tmp_path):
    schema = json.loads(json.dumps(ZTF_SCHEMA))
    schema["fields"].insert(0, {"name": "objectId", "type": "string"})
    candidate = schema["fields"][1]["type"]["fields"]
    candidate += [{"name": name, "type": "double"} for name in ("jd", "magpsf", "sigmapsf")]
    alerts = []
    for fid in (1, 2, 3):
        alert = ztf_alert(fid)
        alert["candidate"] |= {"fid": fid, "jd": 2460000.5, "magpsf": 18.25, "sigmapsf": 0.125}
        alerts.append({"objectId": "ZTF23aaaaaaa", **alert})
    write_ocf(tmp_path / "ztf.avro", schema, alerts)
    page, said = served(tmp_path / "ztf.avro")
    assert said == []
    page.check("#labelling")
    page.fill("#labeller", "ada")
    page.locator("#labeller").blur()
    for record in range(3):
        answer(page, "n", record)
    found = [report["photometry"]["0"] for report in reports(page, tmp_path).values()]
    # As in skyportal/skyportal, skyportal/utils/tns.py, and in alercebroker/TNS_upload.
    assert [one["filterid"] for one in found] == ["110", "111", "112"]
    assert {one["instrumentid"] for one in found} == {"196"}
    # JD 2460000.5 is midnight at the beginning of 2023-02-25.
    assert found[0]["obsdate"] == "2023-02-25 00:00:00.000"
    assert (found[0]["flux"], found[0]["flux_error"]) == ("18.250", "0.125")


def test_a_file_has_as_many_reports_as_are_taken_at_once(browser, tmp_path):
    page = browser.open(sample=True)
    sizes = page.evaluate(
        """() => {
          const { library, bulkReports } = window.hstampViewer;
          const label = { label: "none", ra: null, labeller: "ada" };
          const many = Array(250).fill({ alert: library.alerts[0], label });
          return bulkReports(many).map(({ at_report: found }) => Object.keys(found).length);
        }"""
    )
    assert sizes == [100, 100, 50]
