use super::*;

/// A blob of the record fields between `fluxUnit` and the optional planes.
struct Blob {
    levels: u8,
    wcs: Vec<u8>,
    image: Vec<u8>,
    rest: Vec<u8>,
}

impl Blob {
    fn f4(levels: u8, values: impl Fn(usize) -> f32) -> Self {
        let count = geometry::value_count(levels.into());
        let mut image = vec![4, b'f', b'4', 0, 0];
        image.extend(long(4 * count as i64));
        image.extend((0..count).flat_map(|i| values(i).to_le_bytes()));
        Blob { levels, wcs: vec![0], image, rest: vec![0, 0, 0] }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = HEAD.to_vec();
        bytes.extend([0xC8, 0x01, 2 * self.levels, 0, 0, 6, b'n', b'J', b'y']);
        bytes.extend([0; 8]);
        bytes.extend(&self.wcs);
        bytes.extend(&self.image);
        bytes.extend(&self.rest);
        bytes
    }

    fn decode(&self) -> Result<Stamp, Error> {
        decode(&self.bytes())
    }

    fn error(&self) -> Error {
        self.decode().expect_err("must be rejected")
    }
}

fn long(value: i64) -> Vec<u8> {
    let mut rest = (value << 1 ^ value >> 63) as u64;
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

#[test]
fn example_b1() {
    let stamp = Blob::f4(2, |i| if i < 196 { 1.0 } else { 2.0 }).decode().unwrap();
    assert_eq!((stamp.version, stamp.levels, stamp.flux_unit.as_str()), (100, 2, "nJy"));
    for row in 0..15 {
        for column in 0..15 {
            let derived = row == 14 || column == 14;
            assert_eq!(stamp.pixel(0, row, column), if derived { 2.0 } else { 1.0 });
            let hole = (4..11).contains(&row) && (4..11).contains(&column);
            assert_eq!(stamp.pixel(1, row, column), if hole { 1.0 } else { 2.0 });
        }
    }
}

/// The parent value at each base offset is linear, so every level-k pixel is its value at the
/// centre: this fixes the offsets o_k of [GE-3] and with them the children of every hole.
#[test]
fn linear_parent_fills_every_hole() {
    const START: [i32; 8] = [-7, -15, -29, -61, -117, -245, -469, -981];
    let value = |k: usize, row: usize, column: usize| {
        let centre = |a: usize| f64::from(START[k] + (a << k) as i32) + ((1 << k) - 1) as f64 / 2.0;
        (centre(column) + 4096.0 * centre(row)) as f32
    };
    for n in 2..=8u8 {
        let mut stored = Vec::new();
        for k in 0..n.into() {
            for row in 0..15 {
                for column in 0..15 {
                    let core = row < 14 && column < 14;
                    let hole = (4..11).contains(&row) && (4..11).contains(&column);
                    if if k == 0 { core } else { !hole } {
                        stored.push(value(k, row, column));
                    }
                }
            }
        }
        let stamp = Blob::f4(n, |i| stored[i]).decode().unwrap();
        for k in 0..n.into() {
            for row in 0..15 {
                for column in 0..15 {
                    let expected = if k == 0 && (row == 14 || column == 14) {
                        value(1, 4 + row / 2, 4 + column / 2)
                    } else {
                        value(k, row, column)
                    };
                    assert_eq!(stamp.pixel(k, row, column), expected, "{n} {k} {row} {column}");
                }
            }
        }
    }
}

#[test]
fn means_skip_missing_children() {
    assert!(geometry::mean([f32::NAN; 4]).is_nan());
    assert_eq!(geometry::mean([f32::NAN, 100.5, 99.5, 99.5]).to_bits(), 0x42C7_AAAB);
    assert_eq!(geometry::mean([-0.0; 4]).to_bits(), 0);
    assert_eq!(geometry::variance_of_mean([4.0, 4.0, 4.0, f32::NAN]).to_bits(), 0x3FAA_AAAB);
    assert_eq!(geometry::union([1, 2, 8, 0]), 11);
}

#[test]
fn longs() {
    let read = |bytes: &[u8]| Fields::new(bytes).long();
    for value in [0, -1, 1, 63, -64, 64, i64::MAX, i64::MIN] {
        assert_eq!(read(&long(value)), Ok(value));
    }
    assert_eq!(read(&[0x82, 0x80, 0x00]), Ok(1)); // not the shortest form, but valid
    assert_eq!(read(&[0xFF; 11]), Err(Error::Avro));
    assert_eq!(read(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2]), Err(Error::Avro));
    assert_eq!(read(&[0x80]), Err(Error::Avro));
}

#[test]
fn truncation_never_decodes() {
    let bytes = Blob::f4(2, |i| i as f32).bytes();
    for end in 0..bytes.len() {
        let expected = if end < 2 { Error::Magic } else { Error::Avro };
        assert_eq!(decode(&bytes[..end]).unwrap_err(), expected);
    }
}

#[test]
fn errors_in_order() {
    assert_eq!(decode(&vec![0; MAX_BLOB + 1]).unwrap_err(), Error::Limit);
    assert_eq!(decode(b"Obj\x01").unwrap_err(), Error::Magic);
    let mut bytes = Blob::f4(2, |_| 0.0).bytes();
    bytes[9] ^= 1;
    assert_eq!(decode(&bytes).unwrap_err(), Error::Fingerprint);
    bytes[9] ^= 1;
    bytes.push(0);
    bytes[10] = 0xC6; // version 99, but the byte too many comes first
    assert_eq!(decode(&bytes).unwrap_err(), Error::Trailing);
    bytes.pop();
    assert_eq!(decode(&bytes).unwrap_err(), Error::Version);

    let mut blob = Blob::f4(2, |_| f32::INFINITY);
    blob.rest = vec![2, 2, b'?', 0, 0, 0, 0, 0, 0, 0]; // an unknown encoding of the next plane
    assert_eq!(blob.error(), Error::Value);
    blob.image[3..5].copy_from_slice(&[2, 0]); // one zero, which swallows the length
    assert_eq!(blob.error(), Error::Avro);
    blob.levels = 9;
    assert_eq!(blob.error(), Error::Avro);
    let mut blob = Blob::f4(8, |_| 0.0);
    blob.levels = 7;
    assert_eq!(blob.error(), Error::Length);
    blob.wcs = std::iter::once(2).chain([0; 32]).collect();
    assert_eq!(blob.error(), Error::Wcs);
}
