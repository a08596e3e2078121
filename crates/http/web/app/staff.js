// What the pages of staff have in common: who may see them, and commands with a word of why.

import { t } from "./i18n.js";
import { mustLogIn, session } from "./session.js";
import { html, mount } from "./ui.js";

/** Shows a page to those who may see it. @param {any} Page @param {string[]} roles */
export function mountFor(Page, roles = ["operator", "admin"]) {
  if (mustLogIn()) return;
  const isAllowed = roles.includes(session()?.role ?? "");
  mount(isAllowed ? Page : () => html`<div class="empty"><h1>${t("staff.notAllowed")}</h1><p>${t("staff.notAllowedText")}</p>
    <a class="button" href="/">${t("missing.home")}</a></div>`);
}
