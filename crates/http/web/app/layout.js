// What all pages share: who is logged in, the language, how bright it is, and the worker for times without a network.

import { html, render, useEffect, useState } from "../vendor/preact.js";
import { call } from "./api.js";
import { language, t } from "./i18n.js";
import { forget, loginAddress, session } from "./session.js";

const YEAR = 365 * 24 * 60 * 60;

/** Fills header and footer. */
export function showLayout() {
  const who = document.getElementById("who");
  const choices = document.getElementById("choices");
  if (who) render(html`<${Who} />`, who);
  if (choices) render(html`<${Choices} />`, choices);
  startWorker();
}

function Who() {
  const [fan, setFan] = useState(session());
  useEffect(() => {
    // Another tab may log in or out.
    const look = () => setFan(session());
    addEventListener("storage", look);
    return () => removeEventListener("storage", look);
  }, []);
  if (!fan) {
    const isLogin = ["login", "signup"].includes(document.body.dataset.page ?? "");
    return isLogin ? null : html`<a class="button" href=${loginAddress()}>${t("nav.login")}</a>`;
  }
  const isStaff = fan.role === "operator" || fan.role === "admin";
  const area = document.body.dataset.area;
  return html`
    ${isStaff && area === "fan" && html`<a class="small" href="/ops">${t("nav.ops")}</a>`}
    ${isStaff && area === "ops" && html`<a class="small" href="/">${t("nav.fans")}</a>`}
    ${fan.role === "gate" && area !== "gate" && html`<a class="small" href="/gate">${t("nav.gate")}</a>`}
    <bdi class="name" title=${fan.name}>${fan.name}</bdi>
    <button class="button quiet" onClick=${logOut}>${t("nav.logout")}</button>`;
}

async function logOut() {
  const refreshToken = session()?.refreshToken;
  try {
    await call("POST", "/auth/logout", { body: { refreshToken }, anonymous: true });
  } catch {
    // Logged out here in any case; what the server still believes runs out by itself.
  }
  forget();
  location.assign("/");
}

/** @param {string} name @param {string} value */
function choose(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=${YEAR}; samesite=lax`;
}

function Choices() {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "auto");
  const speak = (/** @type {string} */ code) => {
    choose("lang", code);
    location.reload();
  };
  const light = (/** @type {string} */ name) => {
    choose("theme", name);
    document.documentElement.dataset.theme = name;
    setTheme(name);
    dispatchEvent(new Event("frontrow:theme"));
  };
  const languages = [["en", "English"], ["ko", "한국어"]];
  return html`
    <div class="choice" role="group" aria-label=${t("choice.theme")}>
      ${["auto", "light", "dark"].map((name) => html`
        <button aria-pressed=${String(theme === name)} onClick=${() => light(name)}>${t(`theme.${name}`)}</button>`)}
    </div>
    <div class="choice" role="group" aria-label=${t("choice.language")}>
      ${languages.map(([code, name]) => html`
        <button lang=${code} aria-pressed=${String(language === code)} onClick=${() => speak(code)}>${name}</button>`)}
    </div>`;
}

/** The worker answers when the network does not. Where there can be none, pages work without it. */
function startWorker() {
  if (!("serviceWorker" in navigator)) return;
  // The one address that this site lets become a script by its name.
  const trusted = /** @type {any} */ (window).trustedTypes;
  const address = "/worker.js";
  const policy = trusted?.createPolicy("frontrow", {
    createScriptURL: (/** @type {string} */ text) => {
      if (text !== address) throw new TypeError("not a script of ours");
      return text;
    },
  });
  navigator.serviceWorker.register(policy ? policy.createScriptURL(address) : address).catch(() => {
    // A private window may refuse it.
  });
}
