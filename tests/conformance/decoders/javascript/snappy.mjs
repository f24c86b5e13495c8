// SPDX-License-Identifier: BSD-3-Clause
// Avro's codec "snappy": raw Snappy (format description of 2011), then the CRC-32 of what it stands for, big-endian.
import { check, fail } from "./avro.mjs";

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

/** CRC-32 of ISO 3309, as in zlib. */
export function crc32(bytes) {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = TABLE[(c ^ bytes[i]) & 255] ^ (c >>> 8);
  return ~c >>> 0;
}

/** Decompresses a block, giving up above `limit` bytes of output. */
export function unsnap(block, limit) {
  const ends = "a block is not valid snappy";
  check(block.length > 4, "E_AVRO", ends);
  const data = block.subarray(0, block.length - 4);
  let pos = 0, size = 0;
  for (let shift = 0; ; shift += 7) {
    check(pos < data.length && shift < 35, "E_AVRO", ends);
    size += (data[pos] & 127) * 2 ** shift;
    if (data[pos++] < 128) break;
  }
  check(size <= limit, "E_LIMIT", "a block decompresses to more than 64 MiB, or its file to too much");
  check(size <= 64 * data.length, "E_AVRO", ends); // a copy of 3 bytes gives 64 at most, so nothing larger is allocated
  const out = new Uint8Array(size);
  let at = 0;
  const little = (count) => {
    check(pos + count <= data.length, "E_AVRO", ends);
    let value = 0;
    for (let i = 0; i < count; i++) value += data[pos++] * 2 ** (8 * i);
    return value;
  };
  while (pos < data.length) {
    const tag = data[pos++];
    let length, offset;
    switch (tag & 3) {
      case 0:
        length = (tag >> 2) + 1;
        if (length > 60) length = little(length - 60) + 1;
        check(length <= data.length - pos && length <= size - at, "E_AVRO", ends);
        out.set(data.subarray(pos, pos + length), at);
        pos += length;
        at += length;
        continue;
      case 1: length = ((tag >> 2) & 7) + 4; offset = (tag >> 5) * 256 + little(1); break;
      case 2: length = (tag >> 2) + 1; offset = little(2); break;
      default: length = (tag >> 2) + 1; offset = little(4);
    }
    check(offset > 0 && offset <= at && length <= size - at, "E_AVRO", ends);
    for (const end = at + length; at < end; at++) out[at] = out[at - offset]; // source and target may overlap
  }
  if (at !== size) fail("E_AVRO", ends);
  const crc = new DataView(block.buffer, block.byteOffset + data.length, 4).getUint32(0);
  check(crc === crc32(out), "E_AVRO", "a block's checksum differs");
  return out;
}
