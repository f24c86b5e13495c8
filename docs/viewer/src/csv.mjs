// SPDX-License-Identifier: BSD-3-Clause
// Comma-separated values, RFC 4180.

/** Rows of texts; lines that begin with # are comments. */
export function parseCsv(text) {
  const rows = [];
  let row = [], cell = "", quoted = false, begun = false;
  const endRow = () => {
    if (begun || row.length || cell) { row.push(cell); rows.push(row); }
    row = []; cell = ""; begun = false;
  };
  for (let i = text.charCodeAt(0) === 0xfeff ? 1 : 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') { cell += c; i++; } else quoted = false;
    } else if (c === '"') { quoted = true; begun = true; } else if (c === ",") { row.push(cell); cell = ""; begun = true; } else if (c === "\n") endRow();
    else if (c === "#" && !begun && !row.length && !cell) { while (i + 1 < text.length && text[i + 1] !== "\n") i++; } else if (c !== "\r") cell += c;
  }
  endRow();
  return rows;
}

/** Objects of a table whose first row names its columns. */
export function parseTable(text) {
  const [names = [], ...rows] = parseCsv(text);
  return { names: names.map((n) => n.trim()), rows: rows.map((row) => Object.fromEntries(names.map((n, i) => [n.trim(), row[i] ?? ""]))) };
}

/** A spreadsheet takes what begins with these signs for a formula; a number may have them. */
const safe = (text) => (/^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text);

export function formatCsv(names, objects) {
  const cell = (value) => {
    const words = value === null || value === undefined ? "" : typeof value === "number" ? String(value) : safe(String(value));
    return /[",\r\n]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;
  };
  return [names, ...objects.map((o) => names.map((n) => o[n]))].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
