// The same seats as a list, for keyboard and screen reader: a section, its rows, the seats of a row as buttons.

import { money, t } from "../i18n.js";
import { html, useState } from "../ui.js";
import { AVAILABLE } from "./model.js";

const STATES = ["available", "held", "sold", "blocked"];
/** Rows that are shown at once: a stand may have hundreds, and a plain plan is one. */
const ROWS = 12;
/** Seats of a row that are shown at once. */
const SEATS = 100;
const FREE = [AVAILABLE];

/**
 * @param {{hall: import("./model.js").Hall, currency: string, chosen: number[], onSeat: (i: number) => void, mayTake?: number[]}} props
 *   `mayTake` are the states of seats that can be chosen
 */
export function SeatList({ hall, currency, chosen, onSeat, mayTake = FREE }) {
  const [sectionAt, setSection] = useState(firstFree(hall));
  const [from, setFrom] = useState(0);
  const section = hall.sections[sectionAt];
  const choose = (/** @type {any} */ event) => {
    setSection(Number(event.target.value));
    setFrom(0);
  };
  return html`<div class="stack seat-list">
    ${hall.sections.length > 1 && html`<div class="field">
      <label for="section">${t("seats.section")}</label>
      <select id="section" value=${sectionAt} onChange=${choose}>
        ${hall.sections.map((one, at) => html`<option value=${at}>${one.name ?? t("seats.noName")}: ${t("seats.free", { n: one.free })}</option>`)}
      </select></div>`}
    ${section.rows.slice(from, from + ROWS).map((row) => html`
      <${Row} key=${row.first} hall=${hall} row=${row} currency=${currency} chosen=${chosen} onSeat=${onSeat} mayTake=${mayTake} />`)}
    <div class="row">
      ${from > 0 && html`<button class="button" onClick=${() => setFrom(from - ROWS)}>${t("seats.rowsBefore")}</button>`}
      ${from + ROWS < section.rows.length && html`<button class="button" onClick=${() => setFrom(from + ROWS)}>${t("seats.rowsAfter")}</button>`}
    </div>
  </div>`;
}

/** @param {any} props */
function Row({ hall, row, currency, chosen, onSeat, mayTake }) {
  const [shown, setShown] = useState(SEATS);
  const seats = [];
  for (let i = row.first; i <= Math.min(row.last, row.first + shown - 1); i += 1) seats.push(i);
  const name = row.name ? t("seats.row", { row: row.name }) : t("seats.allSeats");
  return html`<fieldset><legend>${name}</legend>
    <div class="seat-buttons">
      ${seats.map((i) => html`<${Seat} key=${i} hall=${hall} i=${i} currency=${currency} isChosen=${chosen.includes(i)} onSeat=${onSeat} mayTake=${mayTake} />`)}
    </div>
    ${row.first + shown <= row.last && html`<button class="button quiet" onClick=${() => setShown(shown + SEATS)}>${t("state.more")}</button>`}
  </fieldset>`;
}

/** @param {any} props */
function Seat({ hall, i, currency, isChosen, onSeat, mayTake }) {
  const state = STATES[hall.state[i]];
  const isFree = mayTake.includes(hall.state[i]);
  const said = t("seats.said", {
    label: hall.labels[i],
    grade: hall.grades[hall.grade[i]].grade,
    price: money(hall.price(i), currency),
    state: t(isChosen ? "seats.state.chosen" : `seats.state.${state}`),
  });
  const label = /[^\s-]+$/.exec(hall.labels[i])?.[0] ?? hall.labels[i];
  return html`<button class="button seat" aria-pressed=${String(isChosen)} aria-disabled=${isFree || isChosen ? undefined : "true"}
    aria-label=${hall.accessible[i] ? `${said}, ${t("seats.wheelchair")}` : said}
    onClick=${() => (isFree || isChosen) && onSeat(i)}>${label}${hall.accessible[i] ? " ♿" : ""}</button>`;
}

/** @param {import("./model.js").Hall} hall */
function firstFree(hall) {
  return Math.max(0, hall.sections.findIndex((section) => section.free > 0));
}
