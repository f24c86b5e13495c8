//! Where values go [GE-3] to [GE-7], and how holes are computed [VA-3], [PL-3], [PL-4].

use crate::SIDE;

const CORE_SIDE: usize = 14;
const CORE: usize = CORE_SIDE * CORE_SIDE;
const HOLE: std::ops::Range<usize> = 4..11;
const RING: usize = SIDE * SIDE - 49;

/// A missing value [VA-1]: one NaN for all, so that equal stamps have equal bits.
pub const MISSING: f32 = f32::from_bits(0x7FC0_0000);

/// N(n) [GE-6]
pub fn value_count(n: usize) -> usize {
    CORE + RING * (n - 1)
}

/// The level of the i-th value in stamp order.
pub fn value_level(i: usize) -> usize {
    if i < CORE {
        0
    } else {
        1 + (i - CORE) / RING
    }
}

pub fn index(level: usize, row: usize, column: usize) -> usize {
    (level * SIDE + row) * SIDE + column
}

/// The indices of the stored values, in stamp order [GE-6].
fn stamp_order(n: usize) -> impl Iterator<Item = usize> {
    (0..n)
        .flat_map(|k| (0..SIDE).flat_map(move |row| (0..SIDE).map(move |column| (k, row, column))))
        .filter(|&(k, row, column)| {
            if k == 0 {
                row < CORE_SIDE && column < CORE_SIDE
            } else {
                !(HOLE.contains(&row) && HOLE.contains(&column))
            }
        })
        .map(|(k, row, column)| index(k, row, column))
}

/// Levels from stored values, steps 3 to 5 of [DE-1].
pub fn assemble<T: Copy>(
    n: usize,
    empty: T,
    value: impl Fn(usize) -> T,
    parent_of: impl Fn([T; 4]) -> T,
) -> Vec<T> {
    let mut pixels = vec![empty; n * SIDE * SIDE];
    for (i, at) in stamp_order(n).enumerate() {
        pixels[at] = value(i);
    }
    for k in 1..n {
        let c = (k - 1) % 2; // [GE-4]
        for row in HOLE {
            for column in HOLE {
                let first = index(k - 1, c + 2 * (row - 4), c + 2 * (column - 4));
                let children = [first, first + 1, first + SIDE, first + SIDE + 1];
                pixels[index(k, row, column)] = parent_of(children.map(|at| pixels[at]));
            }
        }
    }
    for i in 0..SIDE {
        // [GE-7]
        pixels[index(0, 14, i)] = pixels[index(1, 11, 4 + i / 2)];
        pixels[index(0, i, 14)] = pixels[index(1, 4 + i / 2, 11)];
    }
    pixels
}

fn sum_finite(children: [f32; 4]) -> (f64, u32) {
    let mut sum = 0.0;
    let mut m = 0;
    for child in children.into_iter().filter(|v| !v.is_nan()) {
        sum += f64::from(child);
        m += 1;
    }
    (sum, m)
}

/// [VA-3]
pub fn mean(children: [f32; 4]) -> f32 {
    match sum_finite(children) {
        (_, 0) => MISSING,
        (sum, m) => (sum / f64::from(m)) as f32,
    }
}

/// [PL-3]
pub fn variance_of_mean(children: [f32; 4]) -> f32 {
    match sum_finite(children) {
        (_, 0) => MISSING,
        (sum, m) => (sum / f64::from(m * m)) as f32,
    }
}

/// [PL-4]
pub fn union(children: [u16; 4]) -> u16 {
    children.into_iter().fold(0, |a, b| a | b)
}
