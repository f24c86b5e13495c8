//! Decoder of hierarchical stamps: hstamp 1.0, profile `full`.
//!
//! [`decode`] turns one blob into a [`Stamp`] or the first [`Error`] that applies.
//! Identifiers in square brackets are clauses of the hstamp 1.0 specification.

#![forbid(unsafe_code)]

mod geometry;
mod planes;
mod record;

use record::{Fields, Record};

/// The longest blob in bytes [CO-3].
pub const MAX_BLOB: usize = 65_536;
/// Pixels along each side of a level [GE-3].
pub const SIDE: usize = 15;

/// The codes of [LI-1] that a blob can cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    Limit,
    Magic,
    Fingerprint,
    Avro,
    Trailing,
    Version,
    Levels,
    Text,
    Offset,
    Wcs,
    Encoding,
    Mask,
    Psf,
    Length,
    Scale,
    Value,
}

impl Error {
    /// The code as the specification writes it, for example `E_LIMIT`.
    pub fn code(self) -> &'static str {
        match self {
            Error::Limit => "E_LIMIT",
            Error::Magic => "E_MAGIC",
            Error::Fingerprint => "E_FINGERPRINT",
            Error::Avro => "E_AVRO",
            Error::Trailing => "E_TRAILING",
            Error::Version => "E_VERSION",
            Error::Levels => "E_LEVELS",
            Error::Text => "E_TEXT",
            Error::Offset => "E_OFFSET",
            Error::Wcs => "E_WCS",
            Error::Encoding => "E_ENCODING",
            Error::Mask => "E_MASK",
            Error::Psf => "E_PSF",
            Error::Length => "E_LENGTH",
            Error::Scale => "E_SCALE",
            Error::Value => "E_VALUE",
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for Error {}

/// A decoded stamp [DE-1].
///
/// Planes hold `levels * 225` values in the order level, row, column; missing values are NaN.
#[derive(Clone, Debug)]
pub struct Stamp {
    pub version: i32,
    /// Number of levels n, 2 to 8.
    pub levels: usize,
    pub id: Option<String>,
    pub band: Option<String>,
    pub flux_unit: String,
    /// Source minus reference corner along x and y, -0.5 to 0.5 \[base pixel\].
    pub dx: f32,
    pub dy: f32,
    pub wcs: Option<Wcs>,
    /// In `flux_unit` per base pixel.
    pub image: Vec<f32>,
    /// In `flux_unit` squared.
    pub variance: Option<Vec<f32>>,
    pub mask: Option<Mask>,
    pub psf: Option<Psf>,
}

/// Tangent plane whose tangent point is the source [PL-7].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wcs {
    /// ICRS position of the source \[deg\].
    pub ra: f64,
    pub dec: f64,
    /// cd1_1, cd1_2, cd2_1, cd2_2 \[deg per base pixel\].
    pub cd: [f32; 4],
}

/// Mask plane: bit b of a value is the plane `planes[b]` [PL-4].
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    pub planes: Vec<String>,
    pub data: Vec<u16>,
}

/// Point-spread function on base pixels: `size * size` values, row-major [PL-5].
#[derive(Clone, Debug, PartialEq)]
pub struct Psf {
    pub size: usize,
    pub data: Vec<f32>,
}

impl Stamp {
    /// The image value of a pixel; panics unless `level < levels` and `row`, `column` < 15.
    pub fn pixel(&self, level: usize, row: usize, column: usize) -> f32 {
        assert!(row < SIDE && column < SIDE);
        self.image[geometry::index(level, row, column)]
    }
}

/// Marker and fingerprint of the 1.0 schema [CO-2].
const HEAD: [u8; 10] = [0xC3, 0x01, 0x43, 0x6E, 0xB4, 0xBE, 0xBC, 0xEE, 0xDC, 0x4C];

/// Decodes one blob, or tells the first of the checks of [LI-1] that it fails.
pub fn decode(blob: &[u8]) -> Result<Stamp, Error> {
    if blob.len() > MAX_BLOB {
        return Err(Error::Limit);
    }
    if !blob.starts_with(&HEAD[..2]) {
        return Err(Error::Magic);
    }
    // Check 3 asks for 10 bytes: with fewer, they end early.
    let head = blob.get(..HEAD.len()).ok_or(Error::Avro)?;
    if head != HEAD {
        return Err(Error::Fingerprint);
    }
    let mut fields = Fields::new(&blob[HEAD.len()..]);
    let record = Record::read(&mut fields)?;
    if !fields.is_empty() {
        return Err(Error::Trailing);
    }
    build(&record)
}

/// Checks 8 to 20 in the order of [LI-2], each plane decoded once it is checked.
fn build(record: &Record) -> Result<Stamp, Error> {
    if !(100..=199).contains(&record.version) {
        return Err(Error::Version);
    }
    if !(2..=8).contains(&record.levels) {
        return Err(Error::Levels);
    }
    let n = record.levels as usize;
    let id = record.id.map(|t| text(t, 0..=128)).transpose()?;
    let band = record.band.map(|t| text(t, 0..=32)).transpose()?;
    let flux_unit = text(record.flux_unit, 1..=32)?;
    for offset in [record.dx, record.dy] {
        if !(-0.5..=0.5).contains(&offset) {
            return Err(Error::Offset);
        }
    }
    if let Some(wcs) = &record.wcs {
        check_wcs(wcs)?;
    }
    Ok(Stamp {
        version: record.version,
        levels: n,
        id,
        band,
        flux_unit,
        dx: record.dx,
        dy: record.dy,
        wcs: record.wcs,
        image: planes::image(&record.image, n)?,
        variance: record.variance.as_ref().map(|v| planes::variance(v, n)).transpose()?,
        mask: record.mask.as_ref().map(|m| planes::mask(m, n)).transpose()?,
        psf: record.psf.as_ref().map(planes::psf).transpose()?,
    })
}

/// [EN-10]
fn text(bytes: &[u8], length: std::ops::RangeInclusive<usize>) -> Result<String, Error> {
    printable(bytes, length, 0x20).ok_or(Error::Text)
}

/// The text if its length and each of its bytes (`lowest` to 7E hex) are valid.
fn printable(bytes: &[u8], length: std::ops::RangeInclusive<usize>, lowest: u8) -> Option<String> {
    let valid = length.contains(&bytes.len()) && bytes.iter().all(|b| (lowest..=0x7E).contains(b));
    valid.then(|| bytes.iter().map(|&b| char::from(b)).collect())
}

/// [EN-11]; NaN lies in no range.
fn check_wcs(wcs: &Wcs) -> Result<(), Error> {
    let [cd1_1, cd1_2, cd2_1, cd2_2] = wcs.cd.map(f64::from);
    let valid = (0.0..360.0).contains(&wcs.ra)
        && (-90.0..=90.0).contains(&wcs.dec)
        && wcs.cd.iter().all(|v| v.is_finite())
        && cd1_1 * cd2_2 - cd1_2 * cd2_1 != 0.0;
    if valid {
        Ok(())
    } else {
        Err(Error::Wcs)
    }
}

#[cfg(test)]
mod tests;
