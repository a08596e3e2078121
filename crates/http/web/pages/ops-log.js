// What staff did: who, when, to what, and what was there before.

import { get } from "../app/api.js";
import { date, t } from "../app/i18n.js";
import { mountFor } from "../app/staff.js";
import { Empty, Failed, Skeleton, html, usePages, useTitle } from "../app/ui.js";

function Log() {
  const list = usePages((cursor, signal) => get(`/admin/audit-log${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`, { signal }));
  useTitle(t("log.title"));
  return html`<h1>${t("log.title")}</h1><${List} list=${list} />`;
}

/** @param {any} props */
function List({ list }) {
  if (!list.value && list.error) return html`<${Failed} error=${list.error} isTrying=${list.isTrying} retry=${list.reload} />`;
  if (!list.value) return html`<${Skeleton} />`;
  if (list.items.length === 0) return html`<${Empty} title=${t("log.none")}><p>${t("log.noneText")}</p><//>`;
  return html`<div class="card scroll" tabindex="0" role="region" aria-label=${t("log.title")}><table class="table small"><caption class="only-heard">${t("log.title")}</caption>
    <thead><tr><th scope="col">${t("log.when")}</th><th scope="col">${t("log.who")}</th><th scope="col">${t("log.what")}</th><th scope="col">${t("log.change")}</th></tr></thead>
    <tbody>${list.items.map((/** @type {any} */ one) => html`<tr key=${one.entryId}>
      <td>${date(one.at, { style: "short" })}</td>
      <td><bdi>${one.actor?.name ?? t("find.erased")}</bdi><br /><span class="soft">${one.actor?.role ?? ""}</span></td>
      <td><strong>${one.action}</strong><br /><code>${one.target}</code></td>
      <td class="main-cell"><${Change} before=${one.before} after=${one.after} /></td></tr>`)}</tbody></table></div>
    ${list.hasMore && html`<button class="button" onClick=${list.loadMore}>${t("state.more")}</button>`}`;
}

/** @param {{before: any, after: any}} props */
function Change({ before, after }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return html`<ul class="changes" role="list">${names.map((name) => html`<li><code>${name}</code>
    ${before && name in before && html` <del><bdi>${word(before[name])}</bdi></del>`}
    ${after && name in after && html` <ins><bdi>${word(after[name])}</bdi></ins>`}</li>`)}</ul>`;
}

/** @param {unknown} value */
function word(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

mountFor(Log);
