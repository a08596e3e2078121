// Finding a fan's reservation, by whom or by what seat, and giving money back.

import { command, get } from "../app/api.js";
import { date, money, t } from "../app/i18n.js";
import { session } from "../app/session.js";
import { mountFor } from "../app/staff.js";
import { Action, Empty, Failed, Field, Sheet, Skeleton, Status, Trouble, fieldErrors, html, usePages, useState, useTitle, useTrouble } from "../app/ui.js";
import { Accounts } from "../app/accounts.js";
import { withZones } from "../app/zones.js";

const FIELDS = ["email", "concertId", "scheduleId", "seat", "status"];
const STATES = ["", "pending", "confirmed", "cancelled", "expired", "refunded"];

function Find() {
  const asked = Object.fromEntries(new URLSearchParams(location.search));
  const [form, setForm] = useState(/** @type {any} */ (asked));
  const [search, setSearch] = useState(new URLSearchParams(location.search).toString());
  useTitle(t("find.title"));
  const list = usePages(async (cursor, signal) => {
    const query = new URLSearchParams(search);
    if (cursor) query.set("cursor", cursor);
    return withZones(await get(`/admin/reservations?${query}`, { signal }));
  }, [search]);
  const set = (/** @type {any} */ event) => setForm({ ...form, [event.target.name]: event.target.value });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const query = new URLSearchParams(FIELDS.filter((name) => form[name]?.trim()).map((name) => [name, form[name].trim()]));
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
    setSearch(query.toString());
  };
  return html`<h1>${t("find.title")}</h1>
    <form class="card stack" role="search" onSubmit=${submit} novalidate>
      <div class="grid2">
        <${Field} label=${t("account.email")} name="email" type="email" value=${form.email ?? ""} onInput=${set} />
        <${Field} label=${t("find.schedule")} name="scheduleId" inputmode="numeric" value=${form.scheduleId ?? ""} onInput=${set} />
        <${Field} label=${t("find.seat")} name="seat" inputmode="numeric" hint=${t("find.seatHint")} value=${form.seat ?? ""} onInput=${set} />
        <${Field} label=${t("find.status")} name="status" value=${form.status ?? ""} onChange=${set}>
          ${(/** @type {any} */ rest) => html`<select ...${rest}>${STATES.map((one) => html`<option value=${one}>${t(one ? `status.${one}` : "concerts.all")}</option>`)}</select>`}<//>
      </div>
      <button class="button main">${t("find.submit")}</button>
    </form>
    <${List} list=${list} />
    ${session()?.role === "admin" && html`<${Accounts} />`}`;
}

/** @param {any} props */
function List({ list }) {
  if (!list.value && list.error) return html`<${Failed} error=${list.error} isTrying=${list.isTrying} retry=${list.reload} />`;
  if (!list.value) return html`<${Skeleton} />`;
  if (list.items.length === 0) return html`<${Empty} title=${t("concerts.nothingFound")}><p>${t("find.noneText")}</p><//>`;
  return html`<ul class="stack" role="list">
    ${list.items.map((/** @type {any} */ one) => html`<${Found} key=${one.reservationId} one=${one} reload=${list.reload} />`)}</ul>
    ${list.hasMore && html`<button class="button" onClick=${list.loadMore}>${t("state.more")}</button>`}`;
}

/** @param {any} props */
function Found({ one, reload }) {
  const [isAsked, setAsked] = useState(false);
  return html`<li class="card flat reservation">
    <div class="reservation-head"><h2><bdi>${one.fan.name ?? t("find.erased")}</bdi> <span class="small soft"><bdi>${one.fan.email ?? ""}</bdi></span></h2><${Status} kind="status" status=${one.status} /></div>
    <p><bdi>${one.concertTitle}</bdi> · ${date(one.startsAt, { zone: one.zone, style: "short" })}</p>
    <div class="row apart"><p class="clip"><bdi>${one.seats.map((/** @type {any} */ seat) => seat.label).join(", ")}</bdi></p><strong>${money(one.amount, one.currency)}</strong></div>
    <p class="small soft">${date(one.createdAt, { style: "short" })} · <code>${one.reservationId}</code></p>
    ${one.refund && html`<p class="small">${t("find.refunded", { amount: money(one.refund.amount, one.currency) })}</p>`}
    ${one.status === "confirmed" && html`<div><button class="button danger" onClick=${() => setAsked(true)}>${t("find.refund")}</button></div>`}
    ${isAsked && html`<${Refund} one=${one} onClose=${() => { setAsked(false); reload(); }} />`}
  </li>`;
}

/** @param {any} props */
function Refund({ one, onClose }) {
  const [percent, setPercent] = useState("100");
  const [reason, setReason] = useState("");
  const [error, attempt] = useTrouble();
  const wrong = fieldErrors(error);
  const refund = () => attempt(async () => {
    await command("POST", `/admin/reservations/${one.reservationId}/refund`, { body: { percent: Number(percent), reason }, name: `refund.${one.reservationId}` });
    onClose();
  });
  const amount = money(Math.floor((one.amount * Number(percent)) / 100), one.currency);
  return html`<${Sheet} title=${t("find.refund")} onClose=${onClose}>
    <${Field} label=${t("find.percent")} name="percent" type="number" min="0" max="100" value=${percent} wrong=${wrong.percent} onInput=${(/** @type {any} */ event) => setPercent(event.target.value)} />
    <${Field} label=${t("night.reason")} name="reason" maxlength="500" value=${reason} wrong=${wrong.reason} onInput=${(/** @type {any} */ event) => setReason(event.target.value)} />
    <${Trouble} error=${error} />
    <div class="row"><button class="button" onClick=${onClose}>${t("state.keep")}</button>
    <${Action} kind="danger" disabled=${!reason.trim()} onClick=${refund}>${t("tickets.giveBackFor", { amount })}<//></div><//>`;
}

mountFor(Find);
