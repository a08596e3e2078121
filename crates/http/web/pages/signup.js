// A new account, which is logged in at once.

import { logIn } from "../app/account-form.js";
import { call } from "../app/api.js";
import { t } from "../app/i18n.js";
import { Field, Trouble, fieldErrors, html, mount, useState, useTrouble } from "../app/ui.js";

function SignUp() {
  const [form, setForm] = useState({ name: "", email: "", password: "" });
  const [isBusy, setBusy] = useState(false);
  const [error, attempt] = useTrouble();
  const wrong = fieldErrors(error);
  const set = (/** @type {any} */ event) => setForm({ ...form, [event.target.name]: event.target.value });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    await attempt(async () => {
      const { name, email, password } = form;
      await call("POST", "/auth/signup", { body: { name: name.trim(), email: email.trim(), password }, anonymous: true });
      await logIn(email.trim(), password);
    });
    setBusy(false);
  };
  return html`<div class="narrow stack">
    <h1>${t("signup.title")}</h1>
    <form class="card stack" onSubmit=${submit} novalidate>
      <${Field} label=${t("account.name")} name="name" autocomplete="name" required value=${form.name} onInput=${set} wrong=${wrong.name} />
      <${Field} label=${t("account.email")} name="email" type="email" autocomplete="username" required value=${form.email} onInput=${set} wrong=${wrong.email} />
      <${Field} label=${t("account.password")} name="password" type="password" autocomplete="new-password" required value=${form.password}
        onInput=${set} wrong=${wrong.password} hint=${t("signup.passwordHint")} />
      <${Trouble} error=${error} />
      <button class="button main big wide" aria-disabled=${isBusy ? "true" : undefined}>${t("signup.submit")}</button>
    </form>
    <p>${t("signup.known")} <a href="/login${location.search}">${t("login.title")}</a></p>
  </div>`;
}

mount(SignUp);
