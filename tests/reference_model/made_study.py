"""Hand-made truths and answers for the tests of the study's results."""

import numpy as np

from reference_model.evaluation.results import RESULT, write_method
from reference_model.evaluation.tables import Study
from reference_model.scenes.place import TRANSIENT


def truth(n, **columns):
    rows = np.zeros(n, TRANSIENT)
    rows["stratum"], rows["visible"], rows["host_re"] = 1, True, 3.0
    rows["host_dx"], rows["offset"], rows["host_z"] = 10.0, 10.0, 0.05
    for name, values in columns.items():
        rows[name] = values
    return rows


def answer(rows, right, error=0.0, none=0.1):
    """Results whose galaxy is right or wrong, at a distance from the host."""
    out = np.zeros(rows.size, RESULT)
    out["right"] = right
    out["dx"], out["dy"] = rows["host_dx"] + np.asarray(error), rows["host_dy"]
    out["none"], out["region"] = none, np.nan
    out["host_z"] = np.where(out["right"], rows["host_z"], 0.9)
    return out


def wrong(rows, start, count):
    """Results of which so many in a row are wrong, and far off."""
    right = np.ones(rows.size, bool)
    right[start : start + count] = False
    return answer(rows, right, np.where(right, 0.0, 50.0))


def study():
    rows = truth(8)
    result = np.zeros((2, 8), RESULT)
    result["dx"][0] = [10.0, 10.5, 12.0, 14.0, 10.0, 10.0, 10.0, np.nan]
    result["right"][0] = [1, 1, 1, 0, 1, 1, 1, 0]
    result["dx"][1], result["right"][1] = 0.0, False
    result["host_z"] = 0.05
    result["host_z"][0, 3], result["host_z"][0, 7] = 0.5, np.nan
    methods = {"net_any5": result[0], "own_position": result[1]}
    return Study(rows, np.arange(8) // 2, methods, {"net_any5": {}, "own_position": {}})


def made_of(rows, field, **methods):
    return Study(rows, np.asarray(field), methods, {name: {} for name in methods})


def folder_of(path, n_fields=4, n=60):
    """A results folder of made-up answers, as the study leaves it."""
    rng = np.random.default_rng(11)
    total = n_fields * n
    rows = truth(total, stratum=rng.integers(0, 2, total), host_dx=rng.uniform(-30, 30, total),
                 host_re=rng.uniform(0.3, 8.0, total), kind=rng.choice(3, total, p=[0.8, 0.1, 0.1]),
                 template_visits=rng.choice([3, 150], total), template_fwhm=0.8)  # fmt: skip
    rows["offset"] = np.abs(rows["host_dx"])
    for column in ("host_dx", "host_dy", "host_z", "host_re"):
        rows[column][rows["kind"] > 0] = np.nan
    rows["visible"] = rows["kind"] == 0
    (path / "truth").mkdir(parents=True)
    np.save(path / "truth" / "rows.npy", rows)
    np.save(path / "truth" / "field.npy", np.repeat(np.arange(n_fields), n))
    for name in ("sep_dlr", "delight", "net_stamp30", "net_any5", "net_any5_seed2"):
        right = rng.uniform(size=total) < 0.8
        result = answer(rows, right, rng.exponential(1.0, total), rng.uniform(size=total))
        if name in ("sep_dlr", "delight"):
            result["none"] = 0.0
        write_method(path, name, result, {})
    return rows
