// Accounts, for admins: who they are, what they may do, and stopping them.

import { call, get } from "./api.js";
import { t } from "./i18n.js";
import { Action, Empty, Field, Trouble, html, useState, useTrouble } from "./ui.js";

export function Accounts() {
  const [query, setQuery] = useState("");
  const [found, setFound] = useState(/** @type {any[] | null} */ (null));
  const [error, attempt] = useTrouble();
  const search = (/** @type {Event} */ event) => {
    event.preventDefault();
    void attempt(async () => setFound((await get(`/admin/users?query=${encodeURIComponent(query.trim())}`)).items));
  };
  const change = (/** @type {any} */ user, /** @type {any} */ body) => attempt(async () => {
    const changed = await call("PATCH", `/admin/users/${user.userId}`, { body });
    setFound((found ?? []).map((one) => (one.userId === changed.userId ? changed : one)));
  });
  return html`<section class="card stack" aria-labelledby="accounts"><h2 id="accounts">${t("accounts.title")}</h2>
    <form class="row" role="search" aria-label=${t("accounts.title")} onSubmit=${search}>
      <${Field} label=${t("accounts.query")} name="account" value=${query} onInput=${(/** @type {any} */ event) => setQuery(event.target.value)} />
      <button class="button">${t("find.submit")}</button></form>
    <${Trouble} error=${error} />
    ${found?.length === 0 && html`<${Empty} title=${t("concerts.nothingFound")} />`}
    ${found && found.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label=${t("accounts.title")}><table class="table"><caption class="only-heard">${t("accounts.title")}</caption>
      <thead><tr><th scope="col">${t("account.name")}</th><th scope="col">${t("accounts.role")}</th><th scope="col"></th></tr></thead>
      <tbody>${found.map((user) => html`<tr key=${user.userId}><td><bdi>${user.name}</bdi><br /><span class="small soft"><bdi>${user.email ?? ""}</bdi></span></td>
        <td>${user.role}</td><td class="number"><${Action} kind=${user.blocked ? "" : "danger"} onClick=${() => change(user, { blocked: !user.blocked })}>
          ${t(user.blocked ? "accounts.unblock" : "accounts.block")}<//></td></tr>`)}</tbody></table></div>`}
  </section>`;
}
