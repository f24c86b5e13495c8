// SPDX-License-Identifier: BSD-3-Clause
/**
 * Decoder of hierarchical stamps (hstamp 1.0), profile `container`.
 * Runs in browsers and in Node >= 20.12; no dependency.
 * @module hstamp
 */
import { HstampError } from "./avro.mjs";
import { isContainer, openContainer, readContainer } from "./container.mjs";
import { decodeBlob, levelOf, levelOrigin, mosaic, pixelSide, storedCount, wcsForLevel } from "./stamp.mjs";

export {
  HstampError, decodeBlob, isContainer, levelOf, levelOrigin, mosaic, openContainer, pixelSide, readContainer, storedCount, wcsForLevel,
};

/**
 * Decodes a blob or an object container file into its stamps, all or none.
 * @param {Uint8Array} bytes
 * @returns {Promise<Stamp[]>}
 * @throws {HstampError}
 */
export async function decode(bytes) {
  if (!isContainer(bytes)) return [decodeBlob(bytes)];
  const stamps = [];
  for await (const stamp of readContainer(bytes)) stamps.push(stamp);
  return stamps;
}
