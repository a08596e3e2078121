// What this fan has held and bought.

import { get } from "../app/api.js";
import { clock, date, money, t } from "../app/i18n.js";
import { mustLogIn } from "../app/session.js";
import { Empty, Failed, Skeleton, Status, html, mount, useCountdown, usePages, useState, useTitle } from "../app/ui.js";
import { withZones } from "../app/zones.js";

const STATES = ["", "pending", "confirmed", "refunded", "cancelled", "expired"];

function Reservations() {
  const [status, setStatus] = useState("");
  const list = usePages(async (cursor, signal) => {
    const search = new URLSearchParams({ ...(status && { status }), ...(cursor && { cursor }) });
    return withZones(await get(`/reservations?${search}`, { signal }));
  }, [status]);
  useTitle(t("reservations.title"));
  return html`<h1>${t("reservations.title")}</h1>
    <div class="scroll"><div class="choice" role="group" aria-label=${t("reservations.filter")}>
      ${STATES.map((one) => html`<button aria-pressed=${String(status === one)} onClick=${() => setStatus(one)}>${t(one ? `status.${one}` : "concerts.all")}</button>`)}
    </div></div>
    <${List} list=${list} />`;
}

/** @param {any} props */
function List({ list }) {
  if (!list.value && list.error) return html`<${Failed} error=${list.error} isTrying=${list.isTrying} retry=${list.reload} />`;
  if (!list.value) return html`<${Skeleton} />`;
  if (list.items.length === 0) {
    return html`<${Empty} title=${t("reservations.none")}><p>${t("reservations.noneText")}</p><a class="button main" href="/">${t("nav.concerts")}</a><//>`;
  }
  return html`<ul class="stack" role="list">
    ${list.items.map((/** @type {any} */ one) => html`<${Reservation} key=${one.reservationId} one=${one} />`)}</ul>
    ${list.hasMore && html`<button class="button" onClick=${list.loadMore}>${t("state.more")}</button>`}`;
}

/** @param {any} props */
function Reservation({ one }) {
  const isPending = one.status === "pending";
  const isPaid = one.status === "confirmed" || one.status === "refunded";
  const address = isPaid ? `/tickets/${one.reservationId}` : `/checkout/${one.reservationId}`;
  return html`<li class="card flat reservation">
    <div class="reservation-head"><h2><a href=${address}><bdi>${one.concertTitle}</bdi></a></h2><${Status} kind="status" status=${one.status} /></div>
    <p class="soft">${date(one.startsAt, { zone: one.zone, style: "short" })} · <bdi>${one.venue}</bdi></p>
    <div class="row apart"><p class="clip"><bdi>${one.seats.map((/** @type {any} */ seat) => seat.label).join(", ")}</bdi></p>
      <strong>${money(one.amount, one.currency)}</strong></div>
    ${isPending && html`<div class="row apart"><${Left} until=${one.expiresAt} /><a class="button main" href=${address}>${t("seats.toPay")}</a></div>`}
    ${one.refund && html`<p class="small">${t("tickets.refunded", { amount: money(one.refund.amount, one.currency) })}</p>`}
  </li>`;
}

/** @param {{until: string}} props */
function Left({ until }) {
  return html`<span role="timer">${t("reservations.left", { time: clock(useCountdown(until)) })}</span>`;
}

if (!mustLogIn()) mount(Reservations);
