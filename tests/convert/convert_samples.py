"""Small alerts and images made for the tests, by astropy and fastavro alone."""

import gzip
import io

import fastavro
import numpy as np
from astropy.io import fits

KINDS = ("Difference", "Science", "Template")

LSST_SCHEMA = {
    "type": "record",
    "namespace": "lsst.v11_1",
    "name": "alert",
    "doc": "Rubin Avro alert schema v11.1",
    "fields": [
        {"name": "diaSourceId", "type": "long"},
        {
            "name": "diaSource",
            "type": {
                "type": "record",
                "name": "diaSource",
                "fields": [
                    {"name": "diaSourceId", "type": "long"},
                    {"name": "ra", "type": "double"},
                    {"name": "dec", "type": "double"},
                    {"name": "band", "type": ["null", "string"], "default": None},
                ],
            },
        },
        *({"name": f"cutout{kind}", "type": ["null", "bytes"], "default": None} for kind in KINDS),
    ],
}

ZTF_SCHEMA = {
    "type": "record",
    "namespace": "ztf",
    "name": "alert",
    "fields": [
        {
            "name": "candidate",
            "type": {
                "type": "record",
                "name": "candidate",
                "fields": [
                    {"name": "candid", "type": "long"},
                    {"name": "fid", "type": "int"},
                    *({"name": name, "type": "double"} for name in ("ra", "dec", "xpos", "ypos")),
                ],
            },
        },
        *(
            {
                "name": f"cutout{kind}",
                "type": [
                    "null",
                    {
                        "type": "record",
                        "name": "cutout",
                        "fields": [
                            {"name": "fileName", "type": "string"},
                            {"name": "stampData", "type": "bytes"},
                        ],
                    }
                    if kind == "Difference"
                    else "cutout",
                ],
                "default": None,
            }
            for kind in KINDS
        ),
    ],
}


def fits_bytes(hdus):
    out = io.BytesIO()
    fits.HDUList(hdus).writeto(out)
    return out.getvalue()


def lsst_cutout(
    image, x, y, ra=150.0, dec=2.0, *, psf_shape=(41, 41), variance=True, ctype=False, mask=None
):
    """Cutout laid out as LSST's: source at 0-based (x, y), no CTYPE unless asked."""
    primary = fits.PrimaryHDU(np.asarray(image, dtype=np.float32))
    header = primary.header
    header["BUNIT"] = "nJy"
    if ctype:
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRPIX1"], header["CRPIX2"] = x + 1.0, y + 1.0
    header["PC1_1"], header["PC1_2"] = -4.8903e-05, -2.6200e-05
    header["PC2_1"], header["PC2_2"] = -2.6301e-05, 4.8858e-05
    header["CDELT1"], header["CDELT2"] = 1.0, 1.0
    header["CRVAL1"], header["CRVAL2"] = ra, dec
    hdus = [primary]
    if variance:
        plane = np.full_like(np.asarray(image, dtype=np.float32), 4.0)
        hdus.append(fits.ImageHDU(plane, name="UNCERT"))
        hdus[-1].header["UTYPE"] = "VarianceUncertainty"
    if mask is not None:
        values, planes = mask
        hdus.append(fits.ImageHDU(values.astype(np.int32), name="MASK"))
        for bit, name in enumerate(planes):
            hdus[-1].header[f"HIERARCH MP_{name}"] = bit
    if psf_shape is not None:
        hdus.append(fits.ImageHDU(gauss(psf_shape), name="PSFIMAGE"))
    return fits_bytes(hdus)


def gauss(shape, sigma=2.0):
    rows, columns = np.indices(shape)
    r2 = (rows - shape[0] // 2) ** 2 + (columns - shape[1] // 2) ** 2
    return np.exp(-r2 / (2 * sigma**2))


def noise(side, seed=0, sigma=2.0):
    return np.random.default_rng(seed).normal(10.0, sigma, (side, side)).astype(np.float32)


def lsst_alert(number=1, cutouts=None, **overrides):
    """Alert record; every cutout is 30x30 with the source in the middle unless given."""
    default = lsst_cutout(noise(30, number), 14.3, 14.6)
    record = {
        "diaSourceId": 170000 + number,
        "diaSource": {"diaSourceId": 170000 + number, "ra": 150.0, "dec": 2.0, "band": "r"},
        **{f"cutout{kind}": default for kind in KINDS},
    }
    record.update(cutouts or {})
    record.update(overrides)
    return record


def ztf_cutout(image):
    hdu = fits.PrimaryHDU(np.asarray(image, dtype=np.float32))
    hdu.header["BUNIT"] = "DN"
    return {"fileName": "x.fits.gz", "stampData": gzip.compress(fits_bytes([hdu]), mtime=0)}


def ztf_alert(number=1, xpos=1000.3, ypos=200.8, dec=2.0, side=63):
    return {
        "candidate": {
            "candid": number,
            "fid": 2,
            "ra": 150.0,
            "dec": dec,
            "xpos": xpos,
            "ypos": ypos,
        },
        **{f"cutout{kind}": ztf_cutout(noise(side, number)) for kind in KINDS},
    }


def write_ocf(path, schema, records, **options):
    with open(path, "wb") as stream:
        fastavro.writer(stream, fastavro.parse_schema(schema), records, **options)
    return path


def read_ocf(path):
    with open(path, "rb") as stream:
        return list(fastavro.reader(stream))


def wire(schema_id, schema, record):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return b"\x00" + schema_id.to_bytes(4, "big") + out.getvalue()
