// The seats that somebody has chosen, and what to do when one of them is gone.

import { money, t } from "../i18n.js";
import { Action, Sheet, html } from "../ui.js";

/** @param {{hall: import("./model.js").Hall, schedule: any, chosen: number[], onDrop: (i: number) => void, onHold: () => Promise<void>}} props */
export function Choice({ hall, schedule, chosen, onDrop, onHold }) {
  const total = chosen.reduce((sum, i) => sum + hall.price(i), 0);
  return html`<section class="card choice-card" aria-labelledby="choice">
    <h2 id="choice">${t("choice.title")}</h2>
    ${chosen.length === 0 && html`<p class="soft">${t("choice.none", { max: schedule.maxSeatsPerFan })}</p>`}
    <ul class="chosen" role="list">
      ${chosen.map((i) => html`<li key=${i}>
        <span><bdi>${hall.labels[i]}</bdi> <span class="tag">${hall.grades[hall.grade[i]].grade}</span></span>
        <span>${money(hall.price(i), schedule.currency)}</span>
        <button class="button quiet" aria-label=${t("choice.drop", { label: hall.labels[i] })} onClick=${() => onDrop(i)}>✕</button>
      </li>`)}
    </ul>
    ${chosen.length > 0 && html`
      <dl class="facts"><dt class="total">${t("choice.total")}</dt><dd class="total">${money(total, schedule.currency)}</dd></dl>
      <${Action} kind="main big wide" onClick=${onHold}>${t("choice.hold", { n: chosen.length })}<//>
      <p class="small soft">${t("choice.holdText", { minutes: Math.round(schedule.holdSeconds / 60) })}</p>`}
  </section>`;
}

/**
 * Says which seats went, and offers those nearest to them.
 * @param {{hall: import("./model.js").Hall, schedule: any, gone: number[], offers: number[], onTake: () => void, onClose: () => void}} props
 */
export function Gone({ hall, schedule, gone, offers, onTake, onClose }) {
  const names = (/** @type {number[]} */ seats) => seats.map((i) => hall.labels[i]).join(", ");
  const price = offers.reduce((sum, i) => sum + hall.price(i), 0);
  return html`<${Sheet} title=${t("gone.title", { n: gone.length })} onClose=${onClose}>
    <p>${t("gone.text", { labels: names(gone) })}</p>
    ${offers.length === gone.length
      ? html`<p class="lead">${t("gone.offer")} <strong><bdi>${names(offers)}</bdi></strong> · ${money(price, schedule.currency)}</p>`
      : html`<p>${t("gone.nothing")}</p>`}
    <div class="row">
      <button class="button" onClick=${onClose}>${t("gone.choose")}</button>
      ${offers.length === gone.length && html`<button class="button main" onClick=${onTake}>${t("gone.take")}</button>`}
    </div>
  <//>`;
}
