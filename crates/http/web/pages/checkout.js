// Paying what is held: how long it is held, what it costs, what is in the wallet, and a way out of everything that can
// go wrong.

import { Problem, call, command, get } from "../app/api.js";
import { ChargeForm } from "../app/charge.js";
import { clock, date, money, t } from "../app/i18n.js";
import { mustLogIn } from "../app/session.js";
import { Action, Loaded, Note, Trouble, fromAddress, html, mount, useCountdown, useEffect, useLoad, useState, useTitle, useTrouble } from "../app/ui.js";

const [id] = fromAddress(/^\/checkout\/([^/]+)/);
/** Seconds below which the time is running out. */
const SHORT = 60;
/** Milliseconds between two questions whether it is over. */
const ASK_AGAIN = 500;

function Checkout() {
  const loaded = useLoad(async (signal) => {
    const reservation = await get(`/reservations/${id}`, { signal });
    if (reservation.status === "confirmed") {
      location.replace(`/tickets/${id}`);
      return new Promise(() => {});
    }
    const [wallet, concert] = await Promise.all([get("/users/me/balance", { signal }), get(`/concerts/${reservation.concertId}`, { signal })]);
    const schedule = concert.schedules.find((/** @type {any} */ one) => one.scheduleId === reservation.scheduleId);
    return { reservation, wallet, zone: schedule?.timeZone };
  });
  useTitle(t("checkout.title"));
  return html`<h1>${t("checkout.title")}</h1>
    <${Loaded} of=${loaded}>${(/** @type {any} */ all) => html`<${Held} ...${all} reload=${loaded.reload} />`}<//>`;
}

/** @param {any} props */
function Held({ reservation, wallet, zone, reload }) {
  const left = useCountdown(reservation.status === "pending" ? reservation.expiresAt : null);
  const isOver = reservation.status !== "pending" || left <= 0;
  useEffect(() => {
    if (reservation.status !== "pending" || left > 0) return undefined;
    // The server says whether it is over. Our count only says when to ask, and may be ahead.
    const timer = setInterval(reload, ASK_AGAIN);
    return () => clearInterval(timer);
  }, [left <= 0, reservation.status]);
  if (reservation.status !== "pending") return html`<${Over} reservation=${reservation} />`;
  return html`
    <div class="card timer ${left < SHORT ? "short" : ""}">
      <p role="timer" class="timer-left">${clock(left)}</p>
      <p>${t("checkout.heldFor")}</p>
      ${reservation.extendable && html`<${Extend} reload=${reload} />`}
      <p class="only-heard" role="status">${left < SHORT ? t("checkout.short") : ""}</p>
    </div>
    <div class="checkout-layout">
      <${What} reservation=${reservation} zone=${zone} />
      <${Pay} reservation=${reservation} wallet=${wallet} isOver=${isOver} reload=${reload} />
    </div>`;
}

/** @param {any} props */
function Extend({ reload }) {
  const [error, attempt] = useTrouble();
  const extend = () => attempt(async () => {
    await command("POST", `/reservations/${id}/extend`, { name: `extend.${id}` });
    reload();
  });
  return html`<${Action} onClick=${extend}>${t("checkout.extend")}<//><${Trouble} error=${error} />`;
}

/** @param {any} props */
function What({ reservation, zone }) {
  return html`<section class="card" aria-labelledby="what">
    <h2 id="what"><bdi>${reservation.concertTitle}</bdi></h2>
    <p><time datetime=${reservation.startsAt}>${date(reservation.startsAt, { zone })}</time><br /><bdi class="soft">${reservation.venue}</bdi></p>
    <table class="table"><caption class="only-heard">${t("checkout.seats")}</caption>
      <thead><tr><th scope="col">${t("checkout.seat")}</th><th scope="col" class="number">${t("checkout.price")}</th></tr></thead>
      <tbody>${reservation.seats.map((/** @type {any} */ seat) => html`<tr>
        <td><bdi>${seat.label}</bdi> <span class="tag"><bdi>${seat.grade}</bdi></span></td>
        <td class="number">${money(seat.price, reservation.currency)}</td></tr>`)}</tbody>
      <tfoot><tr><th scope="row" class="strong">${t("checkout.total")}</th>
        <td class="number strong lead" data-total>${money(reservation.amount, reservation.currency)}</td></tr></tfoot>
    </table>
  </section>`;
}

/** @param {any} props */
function Pay({ reservation, wallet, isOver, reload }) {
  const [balance, setBalance] = useState(wallet.balance);
  const [isLost, setLost] = useState(false);
  const [error, attempt] = useTrouble();
  const lacking = reservation.amount - balance;
  const pay = () => attempt(async () => {
    try {
      await command("POST", "/payments", { body: { reservationId: id }, name: `pay.${id}`, onTrouble: setLost });
      location.replace(`/tickets/${id}?paid=1`);
    } catch (refusal) {
      if (!(refusal instanceof Problem)) throw refusal;
      if (refusal.code === "already_paid") return location.replace(`/tickets/${id}`);
      if (["reservation_expired", "reservation_not_pending"].includes(refusal.code)) return reload();
      if (refusal.code === "insufficient_balance") setBalance(refusal.body.balance ?? balance);
      throw refusal;
    }
    return undefined;
  });
  return html`<section class="card" aria-labelledby="pay">
    <h2 id="pay">${t("checkout.payment")}</h2>
    <dl class="facts">
      <dt>${t("wallet.balance")}</dt><dd data-balance>${money(balance, wallet.currency)}</dd>
      <dt>${t("checkout.total")}</dt><dd>${money(reservation.amount, reservation.currency)}</dd>
      <dt class="strong">${t(lacking > 0 ? "checkout.lacking" : "checkout.after")}</dt>
      <dd class="strong">${money(Math.abs(lacking), wallet.currency)}</dd>
    </dl>
    ${isLost && html`<${Note} kind="warn" role="status">${t("command.trouble")}<//>`}
    <${Trouble} error=${error} />
    ${lacking > 0
      ? html`<${Note} kind="warn">${t("checkout.tooLittle")}<//>
          <${ChargeForm} wallet=${wallet} suggested=${lacking} onCharged=${setBalance} />`
      : html`<${Action} kind="main big wide" disabled=${isOver} onClick=${pay}>${t("checkout.pay", { amount: money(reservation.amount, reservation.currency) })}<//>`}
    <${GiveUp} reload=${reload} />
  </section>`;
}

/** @param {any} props */
function GiveUp({ reload }) {
  const [error, attempt] = useTrouble();
  const cancel = () => attempt(async () => {
    await call("DELETE", `/reservations/${id}`);
    reload();
  });
  return html`<div><${Action} kind="quiet" onClick=${cancel}>${t("checkout.cancel")}<//></div><${Trouble} error=${error} />`;
}

/** @param {any} props */
function Over({ reservation }) {
  const seats = `/concerts/${reservation.concertId}/schedules/${reservation.scheduleId}`;
  return html`<section class="card stack">
    <h2>${t(`checkout.over.${reservation.status}`)}</h2>
    <p>${t(`checkout.overText.${reservation.status}`)}</p>
    <div class="row"><a class="button main" href=${seats}>${t("checkout.again")}</a>
    <a class="button" href="/reservations">${t("nav.reservations")}</a></div>
  </section>`;
}

if (!mustLogIn()) mount(Checkout);
