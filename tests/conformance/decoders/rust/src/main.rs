//! The decoder test protocol of Appendix C.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let result = match arguments.as_slice() {
        [] => once(),
        [mode] if mode == "--jsonl" => lines(),
        _ => Err(io::Error::other("usage: hstamp-decode [--jsonl] < input")),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("hstamp-decode: {error}");
            ExitCode::from(3)
        }
    }
}

/// Exit status, name, and the members of the answer.
fn answer(input: &[u8]) -> (u8, &'static str, String) {
    if input.starts_with(b"Obj\x01") {
        return (2, "unsupported", String::new()); // an object container file
    }
    match hstamp::decode(input) {
        Ok(stamp) => (0, "decoded", stamp_members(&stamp)),
        Err(error) => (1, "rejected", format!("\"error\": \"{error}\"")),
    }
}

fn once() -> io::Result<u8> {
    let mut stdin = io::stdin().lock();
    let mut input = Vec::new();
    // One byte over the limit tells all: the rest is read but not kept.
    stdin.by_ref().take(hstamp::MAX_BLOB as u64 + 1).read_to_end(&mut input)?;
    io::copy(&mut stdin, &mut io::sink())?;
    let (status, _, members) = answer(&input);
    writeln!(io::stdout(), "{{{members}}}")?;
    Ok(status)
}

fn lines() -> io::Result<u8> {
    let mut stdin = io::stdin().lock();
    let mut stdout = io::stdout().lock();
    let mut line = Vec::new();
    while stdin.read_until(b'\n', &mut line)? > 0 {
        if !line.trim_ascii().is_empty() {
            let (id, input) = parse_request(line.trim_ascii())
                .ok_or_else(|| io::Error::other("a line is not a request"))?;
            let (_, status, members) = answer(&input);
            let comma = if members.is_empty() { "" } else { ", " };
            stdout.write_all(b"{\"id\": \"")?;
            stdout.write_all(id)?;
            writeln!(stdout, "\", {members}{comma}\"status\": \"{status}\"}}")?;
            stdout.flush()?;
        }
        line.clear();
    }
    Ok(0)
}

// ---- Input ----

/// The raw inside of `id`, and the bytes of `data`, of a flat JSON object of strings.
fn parse_request(line: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let (mut id, mut data) = (None, None);
    let mut rest = line.strip_prefix(b"{")?;
    loop {
        let (key, after) = scan_string(rest.trim_ascii_start())?;
        let after = after.trim_ascii_start().strip_prefix(b":")?;
        let (value, after) = scan_string(after.trim_ascii_start())?;
        match key {
            b"id" => id = Some(value),
            b"data" => data = Some(value),
            _ => {}
        }
        rest = after.trim_ascii_start();
        match rest.strip_prefix(b",") {
            Some(next) => rest = next,
            None => break,
        }
    }
    (rest == b"}").then_some(())?;
    Some((id?, from_base64(data?)?))
}

/// A JSON string at the start of `text`: its raw inside, and what follows it.
fn scan_string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let mut i = 0;
    loop {
        match text.get(i)? {
            b'"' => return Some((&text[..i], &text[i + 1..])),
            0..=0x1F => return None,
            b'\\' if *text.get(i + 1)? < 0x20 => return None,
            b'\\' => i += 2,
            _ => i += 1,
        }
    }
}

fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut digits = Vec::with_capacity(text.len());
    let mut padding = 0;
    for (i, &byte) in text.iter().enumerate() {
        match byte {
            b'\\' if text.get(i + 1) == Some(&b'/') => {} // JSON may write "/" as "\/"
            b'=' => padding += 1,
            _ if padding > 0 => return None,
            b'A'..=b'Z' => digits.push(byte - b'A'),
            b'a'..=b'z' => digits.push(byte - b'a' + 26),
            b'0'..=b'9' => digits.push(byte - b'0' + 52),
            b'+' => digits.push(62),
            b'/' => digits.push(63),
            _ => return None,
        }
    }
    if padding > 2 || (digits.len() + padding) % 4 != 0 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let bits = (0..4).fold(0u32, |v, i| v << 6 | u32::from(*group.get(i).unwrap_or(&0)));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

// ---- Output ----

fn stamp_members(stamp: &hstamp::Stamp) -> String {
    let wcs = optional(stamp.wcs.as_ref(), |w| {
        let [a, b, c, d] = w.cd.map(f64::from);
        // {:?} is the shortest text that a binary64 parser reads back exactly, with -0.0 kept.
        format!(
            "{{\"ra\": {:?}, \"dec\": {:?}, \"cd\": [{a:?}, {b:?}, {c:?}, {d:?}]}}",
            w.ra, w.dec
        )
    });
    let mask = optional(stamp.mask.as_ref(), |m| {
        let names: Vec<String> = m.planes.iter().map(|name| quote(name)).collect();
        let data = base64(m.data.iter().flat_map(|v| v.to_le_bytes()));
        format!("{{\"planes\": [{}], \"data\": {data}}}", names.join(", "))
    });
    let psf = optional(stamp.psf.as_ref(), |p| {
        format!("{{\"size\": {}, \"data\": {}}}", p.size, base64_f4(&p.data))
    });
    format!(
        "\"stamps\": [{{\"field\": null, \"version\": {}, \"levels\": {}, \"id\": {}, \
         \"band\": {}, \"fluxUnit\": {}, \"dx\": {:?}, \"dy\": {:?}, \"wcs\": {wcs}, \
         \"image\": {}, \"variance\": {}, \"mask\": {mask}, \"psf\": {psf}}}]",
        stamp.version,
        stamp.levels,
        optional(stamp.id.as_deref(), quote),
        optional(stamp.band.as_deref(), quote),
        quote(&stamp.flux_unit),
        f64::from(stamp.dx),
        f64::from(stamp.dy),
        base64_f4(&stamp.image),
        optional(stamp.variance.as_deref(), base64_f4),
    )
}

fn optional<T>(value: Option<T>, write: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "null".to_owned(), write)
}

/// Texts are printable ASCII [EN-10], [EN-7].
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn base64_f4(values: &[f32]) -> String {
    base64(values.iter().flat_map(|v| v.to_le_bytes()))
}

fn base64(bytes: impl Iterator<Item = u8>) -> String {
    let bytes: Vec<u8> = bytes.collect();
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 6);
    text.push('"');
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |v, i| v << 8 | u32::from(*group.get(i).unwrap_or(&0)));
        for i in 0..=group.len() {
            text.push(char::from(BASE64[(bits >> (18 - 6 * i) & 63) as usize]));
        }
        let _ = write!(text, "{}", &"=="[..3 - group.len()]);
    }
    text.push('"');
    text
}
