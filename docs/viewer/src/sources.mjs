// SPDX-License-Identifier: BSD-3-Clause
// Where bytes come from: files that were dropped, files that `hstamp view` serves, bytes in the page.

/** A file of the user's; it is read in the pieces that are asked for. */
export const fileSource = (file) => ({
  name: file.name, size: file.size,
  read: async (start, end) => new Uint8Array(await file.slice(start, end).arrayBuffer()),
});

/**
 * A file that the local server names; its size is known from the list of files. One that this page cannot read comes
 * in pieces instead: containers of some alerts each, `piece(number)`, null behind the last.
 */
export const servedSource = ({ name, size, url, fingerprint, pieces }) => ({
  name, size, fingerprint, served: true,
  piece: pieces ? pieceOf(name, url) : null,
  async read(start, end) {
    if (end <= start) return new Uint8Array(0);
    const answer = await fetch(url, { headers: { Range: `bytes=${start}-${end - 1}` } });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if (answer.status !== 206 || bytes.length !== end - start) throw new Error(`${name} has changed or cannot be read`);
    return bytes;
  },
});

/** Says lines in the terminal of `hstamp view`; that it has gone does no harm. */
export const report = (lines) => fetch("faults", { method: "POST", body: lines.map((line) => line.slice(0, 300).replaceAll("\n", " ")).slice(0, 40).join("\n") }).catch(() => {});

const PIECES_KEPT = 3; // of a file, each 4 MiB and less

function pieceOf(name, url) {
  const kept = new Map();
  return async (number) => {
    const known = kept.get(number);
    if (known) return known;
    const answer = await fetch(`${url}/${number}`);
    if (answer.status === 204) return null;
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status === 507 ? await answer.text() : "it cannot be read any more"}`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    kept.set(number, bytes);
    if (kept.size > PIECES_KEPT) kept.delete(kept.keys().next().value);
    return bytes;
  };
}

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
