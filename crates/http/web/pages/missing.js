// Shown where nothing is.

import { t } from "../app/i18n.js";
import { html, mount } from "../app/ui.js";

mount(() => html`<div class="empty"><h1>${t("missing.title")}</h1><p>${t("missing.text")}</p><a class="button main" href="/">${t("missing.home")}</a></div>`);
