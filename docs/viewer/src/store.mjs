// SPDX-License-Identifier: BSD-3-Clause
// Labels kept by the browser, so that they survive closing the page: IndexedDB, one object for each label.

const request = (made) => new Promise((resolve, reject) => {
  made.onsuccess = () => resolve(made.result);
  made.onerror = () => reject(made.error);
});

/** Resolves when a transaction is kept: a request that succeeded may still be lost with its page. */
const kept = (transaction) => new Promise((resolve, reject) => {
  transaction.oncomplete = resolve;
  transaction.onerror = transaction.onabort = () => reject(transaction.error);
});

export class Store {
  #db = null;
  #others = typeof BroadcastChannel === "function" ? new BroadcastChannel("hstamp-viewer") : null;

  /** Calls a function when another page of this browser has added or removed a label. */
  onOthers(changed) { if (this.#others) this.#others.onmessage = changed; }

  /** Whether the browser keeps labels; without (private windows of some) they live as long as the page. */
  get keeps() { return this.#db !== null; }

  async open() {
    try {
      const opening = indexedDB.open("hstamp-viewer", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("labels", { autoIncrement: true }).createIndex("file", "file_sha256");
      this.#db = await request(opening);
    } catch {
      this.#db = null;
    }
    return this;
  }

  #labels(mode) { return this.#db.transaction("labels", mode).objectStore("labels"); }

  /** Labels of a file in the order in which they were given, each with its key under the symbol KEY. */
  async of(file) {
    if (!this.#db) return [];
    const index = this.#labels("readonly").index("file");
    const [labels, keys] = await Promise.all([request(index.getAll(file)), request(index.getAllKeys(file))]);
    labels.forEach((label, i) => { label[KEY] = keys[i]; });
    return labels;
  }

  async add(label) {
    if (!this.#db) return;
    const labels = this.#labels("readwrite"), adding = request(labels.add({ ...label }));
    await kept(labels.transaction);
    label[KEY] = await adding;
    this.#others?.postMessage("changed");
  }

  async remove(label) {
    if (!this.#db || label[KEY] === undefined) return;
    const labels = this.#labels("readwrite");
    labels.delete(label[KEY]);
    await kept(labels.transaction);
    this.#others?.postMessage("changed");
  }
}

export const KEY = Symbol("key");
