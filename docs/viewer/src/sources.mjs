// SPDX-License-Identifier: BSD-3-Clause
// Where bytes come from: files that were dropped, files that `hstamp view` serves, bytes in the page.

/** A file of the user's; it is read in the pieces that are asked for. */
export const fileSource = (file) => ({
  name: file.name, size: file.size,
  read: async (start, end) => new Uint8Array(await file.slice(start, end).arrayBuffer()),
});

/** A file that the local server names; its size is known from the list of files. */
export const servedSource = ({ name, size, url }) => ({
  name, size,
  async read(start, end) {
    if (end <= start) return new Uint8Array(0);
    const answer = await fetch(url, { headers: { Range: `bytes=${start}-${end - 1}` } });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if (answer.status !== 206 || bytes.length !== end - start) throw new Error(`${name} has changed or cannot be read`);
    return bytes;
  },
});

export const memorySource = (name, bytes) => ({ name, size: bytes.length, read: async (start, end) => bytes.subarray(start, end) });

const channel = new MessageChannel();
const waiting = [];
channel.port1.onmessage = () => waiting.shift()();

/** Lets the browser draw and answer. */
export const pause = () => new Promise((resolve) => { waiting.push(resolve); channel.port2.postMessage(0); });

const SLICE = 12; // milliseconds of work between two pauses
/** A function that pauses when work has gone on for long. */
export function pacer() {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < SLICE) return;
    await pause();
    since = performance.now();
  };
}
