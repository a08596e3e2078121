// The tickets of a reservation: to be shown at the door, printed, and put into a calendar.

import { Problem, ask, call, get } from "../app/api.js";
import { calendarFile } from "../app/calendar.js";
import { date, money, t } from "../app/i18n.js";
import { mustLogIn } from "../app/session.js";
import { Action, Empty, Loaded, Note, Sheet, Status, Trouble, fromAddress, html, mount, useEffect, useLoad, useState, useTitle, useTrouble } from "../app/ui.js";

const [id] = fromAddress(/^\/tickets\/([^/]+)/);

function Tickets() {
  const loaded = useLoad(async (signal) => {
    const reservation = await get(`/reservations/${id}`, { signal });
    if (reservation.status === "pending") {
      location.replace(`/checkout/${id}`);
      return new Promise(() => {});
    }
    const concert = await get(`/concerts/${reservation.concertId}`, { signal }).catch((error) => {
      // A concert that is not shown any more leaves the tickets as they are.
      if (error instanceof Problem && error.status === 404) return { schedules: [] };
      throw error;
    });
    const schedule = concert.schedules.find((/** @type {any} */ one) => one.scheduleId === reservation.scheduleId);
    return { reservation, schedule };
  });
  useTitle(loaded.value?.reservation.concertTitle);
  return html`<h1>${t("tickets.title")}</h1>
    <${Loaded} of=${loaded}>${(/** @type {any} */ all) => html`<${Reservation} ...${all} reload=${loaded.reload} />`}<//>`;
}

/** @param {any} props */
function Reservation({ reservation, schedule, reload }) {
  const isNew = new URLSearchParams(location.search).has("paid");
  const tickets = reservation.tickets ?? [];
  const zone = schedule?.timeZone;
  return html`
    ${isNew && html`<${Note} kind="good" role="status">${t("tickets.paid")}<//>`}
    <section class="card no-print">
      <div class="row apart"><h2><bdi>${reservation.concertTitle}</bdi></h2><${Status} kind="status" status=${reservation.status} /></div>
      <p><time datetime=${reservation.startsAt}>${date(reservation.startsAt, { zone })}</time><br /><bdi class="soft">${reservation.venue}</bdi></p>
      <div class="row">
        ${tickets.length > 0 && html`<button class="button" onClick=${() => print()}>${t("tickets.print")}</button>
        <button class="button" onClick=${() => calendarFile(reservation, schedule)}>${t("tickets.calendar")}</button>`}
        ${reservation.status === "confirmed" && html`<${GiveBack} reservation=${reservation} reload=${reload} />`}
      </div>
      ${reservation.refund && html`<p>${t("tickets.refunded", { amount: money(reservation.refund.amount, reservation.currency) })}</p>`}
    </section>
    ${tickets.length === 0 && html`<${Empty} title=${t("tickets.none")}><p>${t("tickets.noneText")}</p><//>`}
    <ul class="tickets" role="list">
      ${tickets.map((/** @type {any} */ ticket) => html`<${Ticket} key=${ticket.ticketId} ticket=${ticket} reservation=${reservation} zone=${zone} />`)}
    </ul>`;
}

/** @param {any} props */
function Ticket({ ticket, reservation, zone }) {
  const seat = reservation.seats.find((/** @type {any} */ one) => one.no === ticket.seat);
  const isGood = ticket.status === "valid";
  return html`<li class="ticket ${isGood ? "" : "spent"}">
    <div class="ticket-words">
      <p class="small soft"><bdi>${reservation.venue}</bdi></p>
      <h3><bdi>${reservation.concertTitle}</bdi></h3>
      <p><time datetime=${reservation.startsAt}>${date(reservation.startsAt, { zone })}</time></p>
      <p class="ticket-seat">${t("tickets.seat")} <bdi>${seat?.label ?? ticket.seat}</bdi></p>
      <p class="row"><span class="tag accent"><bdi>${seat?.grade}</bdi></span>${!isGood && html`<${Status} kind="ticketStatus" status=${ticket.status} />`}
        ${ticket.usedAt && html`<span class="small soft">${date(ticket.usedAt, { zone, style: "short" })}</span>`}</p>
    </div>
    <${Code} ticket=${ticket} label=${seat?.label ?? ""} />
  </li>`;
}

/** The code, fetched with the fan's token: an address of an image could not carry it. @param {any} props */
function Code({ ticket, label }) {
  const image = useLoad(async (signal) => {
    const response = await ask("GET", `/tickets/${ticket.ticketId}/qr.svg`, { signal });
    if (!response.ok) throw new Problem(response.status, await response.json().catch(() => null));
    return URL.createObjectURL(await response.blob());
  });
  useEffect(() => () => image.value && URL.revokeObjectURL(image.value), [image.value]);
  const [isShown, setShown] = useState(false);
  return html`<div class="ticket-code">
    ${image.value ? html`<img src=${image.value} width="220" height="220" alt=${t("tickets.code", { label })} />` : html`<div class="qr-place">${image.error ? t("tickets.noCode") : ""}</div>`}
    <button class="button quiet small no-print" aria-expanded=${String(isShown)} onClick=${() => setShown(!isShown)}>${t("tickets.asText")}</button>
    ${isShown && html`<p class="code-text" data-code>${ticket.code}</p>`}
  </div>`;
}

/** @param {any} props */
function GiveBack({ reservation, reload }) {
  const [isAsked, setAsked] = useState(false);
  const [error, attempt] = useTrouble();
  if (!reservation.refundableAmount) return html`<span class="small soft">${t("tickets.noRefund")}</span>`;
  const amount = money(reservation.refundableAmount, reservation.currency);
  const refund = () => attempt(async () => {
    await call("DELETE", `/reservations/${id}`);
    setAsked(false);
    reload();
  });
  return html`<button class="button danger" onClick=${() => setAsked(true)}>${t("tickets.giveBack")}</button>
    ${isAsked && html`<${Sheet} title=${t("tickets.giveBack")} onClose=${() => setAsked(false)}>
      <p>${t("tickets.giveBackText", { amount, paid: money(reservation.amount, reservation.currency) })}</p>
      <${Trouble} error=${error} />
      <div class="row"><button class="button" onClick=${() => setAsked(false)}>${t("state.keep")}</button>
      <${Action} kind="danger" onClick=${refund}>${t("tickets.giveBackFor", { amount })}<//></div><//>`}`;
}

if (!mustLogIn()) mount(Tickets);
