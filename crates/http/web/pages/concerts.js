// The concerts: what there is, when, for how much, and whether it can still be had.

import { call, get } from "../app/api.js";
import { date, money, t } from "../app/i18n.js";
import { Empty, Failed, Skeleton, Status, html, mount, useEffect, usePages, useState } from "../app/ui.js";

/** Milliseconds without a key after which a search is asked for. */
const TYPING = 250;
const STATES = ["", "on_sale", "upcoming", "sold_out"];

function Concerts() {
  const asked = new URLSearchParams(location.search);
  const [typed, setTyped] = useState(asked.get("query") ?? "");
  const [query, setQuery] = useState(typed);
  const [status, setStatus] = useState(asked.get("status") ?? "");
  useEffect(() => {
    const timer = setTimeout(() => setQuery(typed.trim()), TYPING);
    return () => clearTimeout(timer);
  }, [typed]);
  useEffect(() => {
    const search = new URLSearchParams({ ...(query && { query }), ...(status && { status }) }).toString();
    history.replaceState(null, "", search ? `?${search}` : location.pathname);
  }, [query, status]);
  const list = usePages((cursor, signal) => {
    const search = new URLSearchParams({ ...(query && { query }), ...(status && { status }), ...(cursor && { cursor }) });
    return get(`/concerts?${search}`, { signal });
  }, [query, status]);
  return html`
    <div class="stack tight">
      <h1>${t("concerts.title")}</h1>
      <p class="soft">${t("concerts.lead")}</p>
    </div>
    <form class="finder" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <label class="only-heard" for="query">${t("concerts.search")}</label>
      <input class="input" id="query" type="search" maxlength="200" placeholder=${t("concerts.search")} value=${typed}
        onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} />
      <div class="choice" role="group" aria-label=${t("concerts.filter")}>
        ${STATES.map((one) => html`<button type="button" aria-pressed=${String(status === one)} onClick=${() => setStatus(one)}>
          ${one ? t(`concertStatus.${one}`) : t("concerts.all")}</button>`)}
      </div>
    </form>
    <${List} list=${list} isSearch=${Boolean(query || status)} />`;
}

/** @param {any} props */
function List({ list, isSearch }) {
  if (!list.value && list.error) return html`<${Failed} error=${list.error} isTrying=${list.isTrying} retry=${list.reload} />`;
  if (!list.value) return html`<${Skeleton} lines=${4} />`;
  if (list.items.length === 0) {
    return html`<${Empty} title=${isSearch ? t("concerts.nothingFound") : t("concerts.none")}>
      <p>${isSearch ? t("concerts.nothingFoundText") : t("concerts.noneText")}</p><//>`;
  }
  return html`
    <ul class="concerts" role="list" aria-label=${t("concerts.title")}>
      ${list.items.map((/** @type {any} */ one) => html`<${Card} key=${one.concertId} concert=${one} />`)}
    </ul>
    ${list.hasMore && html`<button class="button" onClick=${list.loadMore}>${t("state.more")}</button>`}`;
}

/** @param {any} props */
function Card({ concert }) {
  const [details, setDetails] = useState(/** @type {any} */ (null));
  useEffect(() => {
    const stop = new AbortController();
    // Dates and prices are of the schedules. Without them the card still says what it is.
    call("GET", `/concerts/${concert.concertId}`, { signal: stop.signal, anonymous: true }).then(setDetails, () => {});
    return () => stop.abort();
  }, [concert.concertId]);
  return html`<li class="card concert">
    <div class="row apart"><${Status} kind="concertStatus" status=${concert.status} />
      <span class="small soft">${t("concerts.seatsLeft", { n: concert.seatsLeft })}</span></div>
    <h2><a href="/concerts/${concert.concertId}"><bdi>${concert.title}</bdi></a></h2>
    <p class="soft clip"><bdi>${concert.artist}</bdi></p>
    <dl class="facts small">
      <dt>${t("concerts.when")}</dt><dd>${details ? when(details.schedules) : html`<span class="blank">…</span>`}</dd>
      <dt>${t("concerts.price")}</dt><dd>${details ? prices(details.schedules) : html`<span class="blank">…</span>`}</dd>
      ${concert.status === "upcoming" && concert.bookingStart && html`
        <dt>${t("concerts.opens")}</dt><dd>${date(concert.bookingStart, { style: "short" })}</dd>`}
    </dl>
  </li>`;
}

/** @param {any[]} schedules */
function when(schedules) {
  if (schedules.length === 0) return t("concerts.noDate");
  const first = [...schedules].sort((a, b) => Date.parse(a.startsAt) - Date.parse(b.startsAt))[0];
  const day = date(first.startsAt, { zone: first.timeZone, style: "short" });
  return schedules.length > 1 ? t("concerts.andMore", { first: day, n: schedules.length - 1 }) : day;
}

/** @param {any[]} schedules */
function prices(schedules) {
  const all = schedules.flatMap((one) => one.grades.map((/** @type {any} */ grade) => grade.price));
  if (all.length === 0) return "–";
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const currency = schedules[0].currency;
  return low === high ? money(low, currency) : `${money(low, currency)} – ${money(high, currency)}`;
}

mount(Concerts);
