//! Checks 13 to 20 of one plane, then its values (Section 7).

use crate::geometry::{assemble, mean, union, value_count, value_level, variance_of_mean, MISSING};
use crate::{printable, record, Error, Mask, Psf};

const FLT_MAX: f64 = f32::MAX as f64;

/// [EN-5]
const M: [u32; 16] = [
    32768, 34219, 35734, 37316, 38968, 40693, 42495, 44376, 46341, 48393, 50535, 52773, 55109,
    57549, 60097, 62757,
];

fn check(valid: bool, error: Error) -> Result<(), Error> {
    if valid {
        Ok(())
    } else {
        Err(error)
    }
}

/// Little-endian f4 [NO-1], every NaN the same.
fn f4(bytes: &[u8]) -> f32 {
    let value = f32::from_bits(bytes.iter().rev().fold(0, |v, &b| v << 8 | u32::from(b)));
    if value.is_nan() {
        MISSING
    } else {
        value
    }
}

fn u2(bytes: &[u8]) -> u16 {
    u16::from(bytes[0]) | u16::from(bytes[1]) << 8
}

fn i2(bytes: &[u8]) -> i16 {
    u2(bytes) as i16
}

/// The i-th of items of `size` bytes.
fn at(data: &[u8], size: usize, i: usize) -> &[u8] {
    &data[i * size..(i + 1) * size]
}

pub fn image(plane: &record::Image, n: usize) -> Result<Vec<f32>, Error> {
    let (size, elements) = match plane.encoding {
        b"f4" => (4, 0),
        b"i2" => (2, n),
        _ => return Err(Error::Encoding),
    };
    check(plane.data.len() == size * value_count(n), Error::Length)?;
    check(plane.zero.count == elements && plane.scale.count == elements, Error::Scale)?;
    let lines: Vec<(f64, f64)> = std::iter::zip(&plane.zero.kept, &plane.scale.kept)
        .map(|(zero, scale)| (f64::from(f4(zero)), f64::from(f4(scale))))
        .collect();
    for (zero, scale) in &lines {
        // [EN-3]; an infinite or NaN sum fails as well.
        let bound = zero.abs() + 32767.0 * scale;
        check(*scale > 0.0 && bound <= FLT_MAX, Error::Scale)?;
    }
    if elements == 0 {
        let values: Vec<f32> = plane.data.chunks_exact(4).map(f4).collect();
        check(values.iter().all(|v| !v.is_infinite()), Error::Value)?;
        return Ok(assemble(n, MISSING, |i| values[i], mean));
    }
    let value = |i| match i2(at(plane.data, 2, i)) {
        i16::MIN => MISSING,
        q => {
            let (zero, scale) = lines[value_level(i)];
            (zero + scale * f64::from(q)) as f32 // [EN-2]
        }
    };
    Ok(assemble(n, MISSING, value, mean))
}

pub fn variance(plane: &record::Variance, n: usize) -> Result<Vec<f32>, Error> {
    let size = match plane.encoding {
        b"f4" => 4,
        b"log8" => 1,
        _ => return Err(Error::Encoding),
    };
    check(plane.data.len() == size * value_count(n), Error::Length)?;
    if size == 4 {
        // The unit of f4 is not used [EN-4], so it is not checked either.
        let values: Vec<f32> = plane.data.chunks_exact(4).map(f4).collect();
        let valid = values.iter().all(|v| v.is_nan() || (0.0..=f32::MAX).contains(v));
        check(valid, Error::Value)?;
        return Ok(assemble(n, MISSING, |i| values[i], variance_of_mean));
    }
    let unit = f64::from(plane.unit);
    check(unit > 0.0 && unit * f64::from(M[13]) <= FLT_MAX, Error::Scale)?; // [EN-6]
    let value = |i| match usize::from(plane.data[i]) {
        255 => MISSING,
        0 => 0.0,
        c => {
            // [EN-5]; a ratio of powers of two is exact, so only the conversion rounds.
            let power =
                f64::from(1u32 << ((c - 1) / 16)) / f64::from(1u32 << (15 + 2 * value_level(i)));
            (unit * f64::from(M[(c - 1) % 16]) * power) as f32
        }
    };
    Ok(assemble(n, MISSING, value, variance_of_mean))
}

pub fn mask(plane: &record::Mask, n: usize) -> Result<Mask, Error> {
    let (size, most) = match plane.encoding {
        b"u1" => (1, 8),
        b"u2" => (2, 16),
        _ => return Err(Error::Encoding),
    };
    let count = plane.planes.count;
    check((1..=most).contains(&count), Error::Mask)?; // [EN-7]
    let mut planes = Vec::with_capacity(count);
    for name in &plane.planes.kept {
        let name = printable(name, 1..=32, 0x21).ok_or(Error::Mask)?;
        check(!planes.contains(&name), Error::Mask)?;
        planes.push(name);
    }
    let stored = value_count(n);
    // Empty data stands for zeros [EN-8].
    check(plane.data.is_empty() || plane.data.len() == size * stored, Error::Length)?;
    let values: Vec<u16> = match (plane.data.is_empty(), size) {
        (true, _) => vec![0; stored],
        (false, 1) => plane.data.iter().map(|&v| u16::from(v)).collect(),
        (false, _) => plane.data.chunks_exact(2).map(u2).collect(),
    };
    check(values.iter().all(|&v| u32::from(v) >> count == 0), Error::Mask)?;
    Ok(Mask { planes, data: assemble(n, 0, |i| values[i], union) })
}

pub fn psf(plane: &record::Psf) -> Result<Psf, Error> {
    check(plane.encoding == b"i2", Error::Encoding)?;
    check((1..=127).contains(&plane.size) && plane.size % 2 == 1, Error::Psf)?; // [EN-9]
    let size = plane.size as usize;
    check(plane.data.len() == 2 * size * size, Error::Length)?;
    let values: Vec<i16> = plane.data.chunks_exact(2).map(i2).collect();
    let sum: i64 = values.iter().map(|&q| i64::from(q)).sum();
    check(!values.contains(&i16::MIN) && sum > 0, Error::Psf)?;
    let data = values.iter().map(|&q| (f64::from(q) / sum as f64) as f32).collect();
    Ok(Psf { size, data })
}
