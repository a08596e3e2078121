// Shown by the worker in the place of a page that could not be had. It goes on trying, and gives way to that page.

import { t } from "../app/i18n.js";
import { html, mount, useEffect, useState } from "../app/ui.js";

/** Milliseconds between two tries. */
const AGAIN = 3_000;

function Offline() {
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const timer = setInterval(async () => {
      setTries((before) => before + 1);
      try {
        // Not the page itself: the worker would answer for it.
        const response = await fetch("/health/live", { cache: "no-store" });
        if (response.ok && location.pathname !== "/offline") location.reload();
      } catch {
        // Still away.
      }
    }, AGAIN);
    return () => clearInterval(timer);
  }, []);
  return html`<div class="empty" role="alert"><h1>${t("offline.title")}</h1><p>${t("outage.text")}</p>
    <p class="small" aria-live="off">${t("offline.tries", { n: tries })}</p>
    <button class="button" onClick=${() => location.reload()}>${t("state.retry")}</button></div>`;
}

mount(Offline);
