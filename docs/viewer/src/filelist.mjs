// SPDX-License-Identifier: BSD-3-Clause
// The list of files: what was found in each, and what is at fault.
import { $, make } from "./dom.mjs";
import { advised } from "./forms.mjs";
import { report } from "./sources.mjs";

const FAULTS_SHOWN = 50; // of a file

const some = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
const placeOf = ({ record, member, field }) => [member ?? (record === null ? null : `record ${record}`), field].filter(Boolean).join(", ");

export class FileList {
  #listed = new WeakSet();
  #said = 0;

  /** @param {object} library @param {function(string)} say */
  constructor(library, say) { Object.assign(this, { library, say }); }

  /** One line for each file, and words about all of them. */
  refresh() {
    const { files, alerts } = this.library, sum = (name) => files.reduce((total, file) => total + file[name], 0);
    const faults = sum("faultCount"), reading = files.find((file) => file.open);
    $("summary").replaceChildren(`${some(files.length, "file")}: ${some(alerts.length, "alert")}, ${some(sum("stamps"), "stamp")}`,
      ...(faults ? [", ", make("span", { class: "fault" }, some(faults, "fault"))] : []));
    if (reading) this.say(`reading ${reading.name}: ${Math.round((100 * reading.done) / Math.max(1, reading.size))} %`);
    else if (faults > this.#said || /^(reading|\d+ alerts?|$)/.test($("status").textContent))
      this.say(`${some(alerts.length, "alert")}${faults ? `, ${some(faults, "fault")}: the list of files says which` : ""}`);
    if (!reading) this.#said = faults;
    for (const file of files.filter((each) => !each.open && !this.#listed.has(each))) {
      this.#listed.add(file);
      $("files").append(rowOf(file));
    }
  }
}

function rowOf(file) {
  const { name, stamps, faults, faultCount } = file, [first] = faults;
  const words = (fault) => { const where = placeOf(fault); return where ? ` ${fault.message} (${where})` : ` ${advised(fault, name, file.head, file.source.served)}`; };
  const line = (fault) => [make("span", { class: "fault" }, ` ${fault.code}`), words(fault)];
  return make("li", { data: { name, code: first?.code ?? "" } }, make("b", {}, name), ` ${some(stamps, "stamp")}`,
    ...(first ? line(first) : []),
    faultCount > 1 ? make("details", {}, make("summary", {}, `${faultCount} faults`), make("ul", {}, ...faults.slice(0, FAULTS_SHOWN).map((fault) => make("li", {}, ...line(fault))))) : "");
}

/** What a file that was read here has at fault, for the terminal of `hstamp view`. */
export function tell(file) {
  if (!file.source.served || file.source.piece || !file.faults.length) return;
  report(file.faults.slice(0, FAULTS_SHOWN).map((fault) => `${[file.name, placeOf(fault)].filter(Boolean).join(", ")}: ${fault.code}: ${fault.message}`));
}
