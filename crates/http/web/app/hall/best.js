// For those in a hurry: the best seats together, chosen and held in one step.

import { money, t } from "../i18n.js";
import { Action, html, useState } from "../ui.js";

/** @param {{schedule: any, onBest: (wish: any) => Promise<void>}} props */
export function BestSeats({ schedule, onBest }) {
  const [quantity, setQuantity] = useState(Math.min(2, schedule.maxSeatsPerFan));
  const [grade, setGrade] = useState("");
  const [isTogether, setTogether] = useState(true);
  const [isAccessible, setAccessible] = useState(false);
  const most = Math.min(schedule.maxSeatsPerFan, 20);
  const step = (/** @type {number} */ by) => setQuantity(Math.max(1, Math.min(most, quantity + by)));
  const wish = { quantity, ...(grade && { grade }), adjacent: isTogether, accessible: isAccessible };
  return html`<section class="card best" aria-labelledby="best">
    <h2 id="best">${t("best.title")}</h2>
    <div class="row apart">
      <span id="how-many">${t("best.quantity")}</span>
      <div class="stepper" role="group" aria-labelledby="how-many">
        <button class="button" aria-label=${t("best.fewer")} disabled=${quantity <= 1} onClick=${() => step(-1)}>−</button>
        <output aria-live="polite">${quantity}</output>
        <button class="button" aria-label=${t("best.more")} disabled=${quantity >= most} onClick=${() => step(1)}>+</button>
      </div>
    </div>
    ${schedule.grades.length > 1 && html`<div class="field">
      <label for="grade">${t("best.grade")}</label>
      <select id="grade" value=${grade} onChange=${(/** @type {any} */ event) => setGrade(event.target.value)}>
        <option value="">${t("best.anyGrade")}</option>
        ${schedule.grades.map((/** @type {any} */ one) => html`<option value=${one.grade} disabled=${one.seatsLeft === 0}>
          ${one.grade} · ${money(one.price, schedule.currency)}</option>`)}
      </select></div>`}
    <details>
      <summary>${t("best.options")}</summary>
      <label class="check"><input type="checkbox" checked=${isTogether} onChange=${() => setTogether(!isTogether)} /> ${t("best.together")}</label>
      <label class="check"><input type="checkbox" checked=${isAccessible} onChange=${() => setAccessible(!isAccessible)} /> ${t("best.accessible")}</label>
    </details>
    <${Action} kind="main big wide" onClick=${() => onBest(wish)}>${t("best.submit", { n: quantity })}<//>
  </section>`;
}
