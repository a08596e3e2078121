// The wallet: what is in it, where it came from and went, and a way to put more in.

import { get } from "../app/api.js";
import { ChargeForm } from "../app/charge.js";
import { date, has, money, t } from "../app/i18n.js";
import { mustLogIn } from "../app/session.js";
import { Empty, Failed, Loaded, Note, Skeleton, html, mount, useLoad, usePages, useState, useTitle } from "../app/ui.js";

function Wallet() {
  const wallet = useLoad((signal) => get("/users/me/balance", { signal }));
  const [charged, setCharged] = useState(0);
  const list = usePages((cursor, signal) => get(`/users/me/transactions${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`, { signal }), [charged]);
  useTitle(t("wallet.title"));
  const onCharged = () => {
    setCharged(charged + 1);
    wallet.reload();
  };
  return html`<h1>${t("wallet.title")}</h1>
    <${Loaded} of=${wallet}>${(/** @type {any} */ one) => html`<div class="wallet-layout">
      <section class="card">
        <p class="soft">${t("wallet.balance")}</p><p class="big-number" data-balance>${money(one.balance, one.currency)}</p>
        ${charged > 0 && html`<${Note} kind="good" role="status">${t("wallet.charged")}<//>`}
        <h2>${t("charge.title")}</h2>
        <${ChargeForm} wallet=${one} onCharged=${onCharged} />
      </section>
      <section class="card" aria-labelledby="history"><h2 id="history">${t("wallet.history")}</h2>
        <${History} list=${list} currency=${one.currency} /></section>
    </div>`}<//>`;
}

/** @param {any} props */
function History({ list, currency }) {
  if (!list.value && list.error) return html`<${Failed} error=${list.error} isTrying=${list.isTrying} retry=${list.reload} />`;
  if (!list.value) return html`<${Skeleton} />`;
  if (list.items.length === 0) return html`<${Empty} title=${t("wallet.none")}><p>${t("wallet.noneText")}</p><//>`;
  return html`<table class="table"><caption class="only-heard">${t("wallet.history")}</caption>
    <thead><tr><th scope="col">${t("wallet.what")}</th><th scope="col" class="number">${t("wallet.amount")}</th></tr></thead>
    <tbody>${list.items.map((/** @type {any} */ entry) => html`<tr key=${entry.transactionId}>
      <td>${entry.reservationId ? html`<a href="/tickets/${entry.reservationId}">${kind(entry)}</a>` : kind(entry)}<br />
        <span class="small soft">${date(entry.createdAt, { style: "short" })}</span></td>
      <td class="number"><span class=${entry.amount > 0 ? "plus" : "strong"}>${entry.amount > 0 ? "+" : ""}${money(entry.amount, currency)}</span><br />
        <span class="small soft">${t("wallet.after", { balance: money(entry.balanceAfter, currency) })}</span></td></tr>`)}</tbody></table>
    ${list.hasMore && html`<button class="button" onClick=${list.loadMore}>${t("state.more")}</button>`}`;
}

/** @param {any} entry */
function kind(entry) {
  const key = `entry.${entry.type}`;
  return has(key) ? t(key) : entry.type;
}

if (!mustLogIn()) mount(Wallet);
