// The night of a sale: what happens, as it happens, and the levers.

import { call, command, get } from "../app/api.js";
import { Chart } from "../app/chart.js";
import { useLine } from "../app/draw.js";
import { date, money, number, shortMoney, t } from "../app/i18n.js";
import { mountFor } from "../app/staff.js";
import { Steer } from "../app/steer.js";
import { pause, until } from "../app/time.js";
import { Action, Empty, Field, Loaded, Note, Sheet, Status, Trouble, fromAddress, html, useEffect, useLoad, useMemo, useState, useTitle, useTrouble } from "../app/ui.js";

const [concertId] = fromAddress(/^\/ops\/concerts\/(\d+)$/);
/** Milliseconds between two looks. */
const LOOK = 2_000;
/** Looks that a live chart goes back: ten minutes. */
const KEPT = 300;
const BACK = (KEPT * LOOK) / 1000;

function Night() {
  const concert = useLoad((signal) => get(`/admin/concerts/${concertId}`, { signal }));
  const [sales, setSales] = useState(/** @type {any} */ (null));
  const [looks, setLooks] = useState(/** @type {{at: number, sales: any}[]} */ ([]));
  useTitle(concert.value?.title);
  useEffect(() => {
    const stop = new AbortController();
    (async () => {
      while (!stop.signal.aborted) {
        const latest = await get(`/admin/concerts/${concertId}/sales`, { signal: stop.signal }).catch(() => null);
        if (latest && !stop.signal.aborted) {
          setSales(latest);
          setLooks((before) => [...before, { at: Date.now() / 1000, sales: latest }].slice(-KEPT));
        }
        await pause(LOOK, stop.signal);
      }
    })();
    return () => stop.abort();
  }, []);
  return html`<nav aria-label=${t("nav.back")}><a href="/ops">← ${t("nav.ops")}</a></nav>
    <${Loaded} of=${concert}>${(/** @type {any} */ one) => html`
      <header class="row apart"><div class="stack tight"><h1><bdi>${one.title}</bdi></h1>
        <p class="row"><${Status} kind="concertStatus" status=${one.status} />${!one.published && html`<span class="tag warn">${t("ops.hidden")}</span>`}</p></div>
        <div class="row"><a class="button" href="/ops/concerts/${concertId}/edit">${t("opsConcert.editTitle")}</a>
        <a class="button" href="/ops/concerts/${concertId}/schedules/new">${t("opsSchedule.title")}</a></div></header>
      ${one.waitingRoom.enabled && one.waitingRoom.lobbyOpensAt && one.published && html`<${LobbyNote} />`}
      ${sales && html`<${Figures} sales=${sales} />`}
      <div class="night-layout">
        ${sales && html`<${Charts} sales=${sales} looks=${looks} />`}
        ${one.waitingRoom.enabled && html`<${Steer} concertId=${concertId} />`}
      </div>
      <${Schedules} concert=${one} sales=${sales} reload=${concert.reload} />`}<//>`;
}

/** Where the lobby stands, and what came of it. */
function LobbyNote() {
  const line = useLine(concertId);
  if (!line?.lobbyOpensAt) return null;
  const [lobby, sale] = [line.lobbyOpensAt, line.opensAt].map((time) => (time ? date(time, { style: "short" }) : "–"));
  const count = line.draw?.entryCount;
  if (count !== undefined) {
    return html`<${Note}><p data-lobby="drawn">${t("night.drawn", { n: count })} <a href="/api/v1/concerts/${concertId}/queue/draw" download="draw.json">${t("draw.list")}</a></p><//>`;
  }
  if (line.state !== "lobby") return html`<${Note}><p data-lobby="closed">${t("night.lobbyOpens", { lobby, sale })}</p><//>`;
  const isDue = until(line.opensAt) <= 0;
  return html`<${Note} kind="good"><p data-lobby="open">${t(isDue ? "night.drawing" : "night.lobby", { n: line.waiting, sale })}</p><//>`;
}

/** @param {any} props */
function Figures({ sales }) {
  const sum = (/** @type {string} */ name) => sales.schedules.reduce((/** @type {number} */ all, /** @type {any} */ one) => all + one[name], 0);
  const tiles = [
    ["waiting", number(sales.waiting)], ["active", number(sales.active)], ["admitted", number(sales.admittedPerSecond)],
    ["held", number(sum("held"))], ["sold", number(sum("sold"))], ["left", number(sum("available"))],
    ["revenue", money(sum("gross") - sum("refunded"), sales.currency)],
  ];
  return html`<dl class="tiles">${tiles.map(([name, value]) => html`<div class="tile"><dt>${t(`night.${name}`)}</dt><dd data-figure=${name}>${value}</dd></div>`)}</dl>`;
}

/** @param {any} props */
function Charts({ sales, looks }) {
  const live = useMemo(() => [
    looks.map((/** @type {any} */ look) => look.at),
    ...["waiting", "active"].map((name) => looks.map((/** @type {any} */ look) => look.sales[name])),
    looks.map((/** @type {any} */ look) => look.sales.schedules.reduce((/** @type {number} */ all, /** @type {any} */ one) => all + one.held, 0)),
  ], [looks]);
  const rate = useMemo(() => [looks.map((/** @type {any} */ look) => look.at), looks.map((/** @type {any} */ look) => look.sales.admittedPerSecond)], [looks]);
  const minutes = useMemo(() => perMinute(sales.perMinute), [sales]);
  const revenue = useMemo(() => [minutes[0], minutes[3]], [minutes]);
  return html`<section class="stack charts" aria-label=${t("night.charts")}>
    <${Chart} title=${t("night.chartLine")} seconds=${BACK} data=${live} series=${[{ label: t("night.waiting"), token: "--accent" },
      { label: t("night.active"), token: "--good", dash: [6, 3] }, { label: t("night.held"), token: "--warn", dash: [2, 3] }]} />
    <${Chart} title=${t("night.chartRate")} seconds=${BACK} data=${rate} series=${[{ label: t("night.admitted"), token: "--accent" }]} />
    <${Chart} title=${t("night.chartSold")} data=${[minutes[0], minutes[2]]} series=${[{ label: t("night.sold"), token: "--good", isBars: true }]} />
    <${Chart} title=${t("night.chartRevenue")} data=${revenue} series=${[{ label: t("night.revenue"), token: "--accent", isBars: true }]}
      show=${(/** @type {number} */ value) => shortMoney(value, sales.currency)} />
    <details><summary>${t("night.asTable")}</summary><div class="scroll" tabindex="0" role="region" aria-label=${t("night.asTable")}><table class="table small"><caption class="only-heard">${t("night.charts")}</caption>
      <thead><tr><th scope="col">${t("night.minute")}</th><th scope="col" class="number">${t("night.letIn")}</th><th scope="col" class="number">${t("night.sold")}</th><th scope="col" class="number">${t("night.revenue")}</th></tr></thead>
      <tbody>${[...sales.perMinute].reverse().map((/** @type {any} */ one) => html`<tr key=${one.at}><td>${date(one.at, { style: "short" })}</td>
        <td class="number">${number(one.admitted)}</td><td class="number">${number(one.sold)}</td><td class="number">${money(one.revenue, sales.currency)}</td></tr>`)}</tbody></table></div></details>
  </section>`;
}

/** The last hour minute by minute, those without anything as well. @param {any[]} known @returns {number[][]} */
function perMinute(known) {
  const byMinute = new Map(known.map((one) => [Date.parse(one.at) / 60_000, one]));
  const now = Math.floor(Date.now() / 60_000);
  const minutes = Array.from({ length: 60 }, (_, at) => now - 59 + at);
  const of = (/** @type {string} */ name) => minutes.map((minute) => byMinute.get(minute)?.[name] ?? 0);
  return [minutes.map((minute) => minute * 60), of("admitted"), of("sold"), of("revenue")];
}

/** @param {any} props */
function Schedules({ concert, sales, reload }) {
  if (concert.schedules.length === 0) {
    return html`<${Empty} title=${t("concert.noDates")}><a class="button main" href="/ops/concerts/${concertId}/schedules/new">${t("opsSchedule.title")}</a><//>`;
  }
  return html`<section class="stack" aria-labelledby="dates"><h2 id="dates">${t("concert.dates")}</h2>
    ${concert.schedules.map((/** @type {any} */ one) => html`<${Schedule} key=${one.scheduleId} one=${one} reload=${reload}
      figures=${sales?.schedules.find((/** @type {any} */ figure) => figure.scheduleId === one.scheduleId)} currency=${sales?.currency ?? one.currency} />`)}
  </section>`;
}

/** @param {any} props */
function Schedule({ one, figures, currency, reload }) {
  const [error, attempt] = useTrouble();
  const [isCancelling, setCancelling] = useState(false);
  const isPaused = one.status === "paused";
  const pauseSales = () => attempt(async () => {
    await call("PATCH", `/admin/schedules/${one.scheduleId}`, { body: { salesPaused: !isPaused } });
    reload();
  });
  return html`<article class="card">
    <div class="row apart"><h3><time datetime=${one.startsAt}>${date(one.startsAt, { zone: one.timeZone })}</time></h3><${Status} kind="concertStatus" status=${one.status} /></div>
    <p class="soft"><bdi>${one.venue}</bdi></p>
    ${figures && html`<${Bar} figures=${figures} currency=${currency} />`}
    <div class="row"><a class="button" href="/ops/concerts/${concertId}/schedules/${one.scheduleId}">${t("opsSeats.title")}</a>
      <a class="button" href="/ops/find?scheduleId=${one.scheduleId}">${t("night.reservations")}</a>
      ${["on_sale", "upcoming", "paused", "sold_out"].includes(one.status) && html`
        <${Action} onClick=${pauseSales}>${t(isPaused ? "night.resumeSales" : "night.pauseSales")}<//>
        <button class="button danger" onClick=${() => setCancelling(true)}>${t("night.cancel")}</button>`}</div>
    <${Trouble} error=${error} />
    ${isCancelling && html`<${Cancelling} one=${one} currency=${currency} onClose=${() => { setCancelling(false); reload(); }} />`}
  </article>`;
}

/** @param {any} props */
function Bar({ figures, currency }) {
  const all = figures.available + figures.held + figures.sold + figures.blocked || 1;
  const parts = ["sold", "held", "blocked", "available"];
  return html`<div class="bar" aria-hidden="true">${parts.map((name) => html`<i class=${name} style=${{ flexGrow: figures[name] / all }}></i>`)}</div>
    <dl class="bar-words">${parts.map((name) => html`<div><dt><i class=${name}></i>${t(`night.${name}`)}</dt><dd>${number(figures[name])}</dd></div>`)}
      <div><dt>${t("night.gross")}</dt><dd>${money(figures.gross, currency)}</dd></div>
      ${figures.refunded > 0 && html`<div><dt>${t("night.refunded")}</dt><dd>${money(figures.refunded, currency)}</dd></div>`}</dl>`;
}

/** @param {any} props */
function Cancelling({ one, currency, onClose }) {
  const [reason, setReason] = useState("");
  const [error, attempt] = useTrouble();
  const path = `/admin/schedules/${one.scheduleId}/cancel`;
  const outlook = useLoad(() => command("POST", path, { body: { reason: "–", dryRun: true }, name: `cancel.${one.scheduleId}.dry` }));
  const cancel = () => attempt(async () => {
    await command("POST", path, { body: { reason }, name: `cancel.${one.scheduleId}` });
    onClose();
  });
  const withdrawal = outlook.value?.withdrawal;
  return html`<${Sheet} title=${t("night.cancelTitle")} onClose=${onClose}>
    <p>${t("night.cancelText")}</p>
    ${withdrawal && html`<p><strong>${summary(withdrawal, currency)}</strong></p>`}
    <${Field} label=${t("night.reason")} name="reason" maxlength="500" value=${reason} onInput=${(/** @type {any} */ event) => setReason(event.target.value)} />
    <${Trouble} error=${error} />
    <div class="row"><button class="button" onClick=${onClose}>${t("state.keep")}</button>
    <${Action} kind="danger" disabled=${!reason.trim()} onClick=${cancel}>${t("night.cancel")}<//></div><//>`;
}

/** @param {any} withdrawal @param {string} currency */
function summary(withdrawal, currency) {
  return t("night.withdrawal", { holds: withdrawal.pending, paid: withdrawal.confirmed, amount: money(withdrawal.amount, currency) });
}

mountFor(Night);
