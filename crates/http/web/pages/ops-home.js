// All concerts, for those who run them.

import { get } from "../app/api.js";
import { date, t } from "../app/i18n.js";
import { mountFor } from "../app/staff.js";
import { Empty, Failed, Skeleton, Status, html, usePages, useTitle } from "../app/ui.js";

function Home() {
  const list = usePages((cursor, signal) => get(`/admin/concerts${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`, { signal }));
  useTitle(t("ops.title"));
  return html`<div class="row apart"><h1>${t("ops.title")}</h1><a class="button main" href="/ops/concerts/new">${t("ops.new")}</a></div>
    <${List} list=${list} />`;
}

/** @param {any} props */
function List({ list }) {
  if (!list.value && list.error) return html`<${Failed} error=${list.error} isTrying=${list.isTrying} retry=${list.reload} />`;
  if (!list.value) return html`<${Skeleton} />`;
  if (list.items.length === 0) return html`<${Empty} title=${t("concerts.none")}><p>${t("ops.noneText")}</p><//>`;
  return html`<div class="card scroll" tabindex="0" role="region" aria-label=${t("ops.title")}><table class="table"><caption class="only-heard">${t("ops.title")}</caption>
    <thead><tr><th scope="col">${t("ops.concert")}</th><th scope="col">${t("ops.state")}</th><th scope="col">${t("concerts.opens")}</th>
      <th scope="col" class="number">${t("ops.dates")}</th><th scope="col" class="number">${t("queue.seatsLeft")}</th></tr></thead>
    <tbody>${list.items.map((/** @type {any} */ one) => html`<tr key=${one.concertId}>
      <td class="main-cell"><a href="/ops/concerts/${one.concertId}"><bdi>${one.title}</bdi></a><br /><span class="small soft clip"><bdi>${one.artist}</bdi></span></td>
      <td><${Status} kind="concertStatus" status=${one.status} /> ${!one.published && html`<span class="tag warn">${t("ops.hidden")}</span>`}</td>
      <td>${one.bookingStart ? date(one.bookingStart, { style: "short" }) : "–"}</td>
      <td class="number">${one.schedules}</td><td class="number">${t("concert.seats", { n: one.seatsLeft })}</td></tr>`)}</tbody></table></div>
    ${list.hasMore && html`<button class="button" onClick=${list.loadMore}>${t("state.more")}</button>`}`;
}

mountFor(Home);
