// Logging in. Whoever was sent here goes back to where they were.

import { logIn } from "../app/account-form.js";
import { t } from "../app/i18n.js";
import { Field, Note, Trouble, html, mount, useState, useTrouble } from "../app/ui.js";

function LogIn() {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, attempt] = useTrouble();
  const hasEnded = new URLSearchParams(location.search).has("ended");
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    await attempt(() => logIn(email.trim(), password));
    setBusy(false);
  };
  return html`<div class="narrow stack">
    <h1>${t("login.title")}</h1>
    ${hasEnded && html`<${Note} kind="warn" role="status">${t("login.ended")}<//>`}
    <form class="card stack" onSubmit=${submit} novalidate>
      <${Field} label=${t("account.email")} name="email" type="email" autocomplete="username" required value=${email}
        onInput=${(/** @type {any} */ event) => setEmail(event.target.value)} />
      <${Field} label=${t("account.password")} name="password" type="password" autocomplete="current-password" required value=${password}
        onInput=${(/** @type {any} */ event) => setPassword(event.target.value)} />
      <${Trouble} error=${error} />
      <button class="button main big wide" aria-disabled=${isBusy ? "true" : undefined}>${t("login.submit")}</button>
    </form>
    <p>${t("login.new")} <a href="/signup${location.search}">${t("signup.title")}</a></p>
  </div>`;
}

mount(LogIn);
