// Events that could not be delivered: what they were, who did not take them and why, and another try.

import { call, get } from "../app/api.js";
import { date, t } from "../app/i18n.js";
import { mountFor } from "../app/staff.js";
import { Action, Empty, Failed, Skeleton, Trouble, html, usePages, useTitle, useTrouble } from "../app/ui.js";

const path = "/admin/events/dead-letters";

function Letters() {
  const list = usePages((cursor, signal) => get(`${path}${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`, { signal }));
  useTitle(t("letters.title"));
  return html`<div class="stack tight"><h1>${t("letters.title")}</h1><p class="soft">${t("letters.lead")}</p></div><${List} list=${list} />`;
}

/** @param {any} props */
function List({ list }) {
  if (!list.value && list.error) return html`<${Failed} error=${list.error} isTrying=${list.isTrying} retry=${list.reload} />`;
  if (!list.value) return html`<${Skeleton} />`;
  if (list.items.length === 0) return html`<${Empty} title=${t("letters.none")}><p>${t("letters.noneText")}</p><//>`;
  return html`<ul class="stack" role="list">
    ${list.items.map((/** @type {any} */ one) => html`<${Letter} key=${one.deadLetterId} one=${one} reload=${list.reload} />`)}</ul>
    ${list.hasMore && html`<button class="button" onClick=${list.loadMore}>${t("state.more")}</button>`}`;
}

/** @param {any} props */
function Letter({ one, reload }) {
  const [error, attempt] = useTrouble();
  const replay = () => attempt(async () => {
    await call("POST", `${path}/${one.deadLetterId}/replay`);
    reload();
  });
  return html`<li class="card flat stack tight letter">
    <div class="row apart"><h2><code>${one.eventType}</code></h2><${Action} kind="main" onClick=${replay}>${t("letters.replay")}<//></div>
    <p><bdi>${one.reason}</bdi></p>
    <p class="small soft">${date(one.at, { style: "short" })} · ${t("letters.to", { consumer: one.consumer })} · ${t("letters.tries", { n: one.tries })}</p>
    <${Trouble} error=${error} />
    <details><summary>${t("letters.event")}</summary><pre class="event" tabindex="0">${JSON.stringify(one.event, null, 2)}</pre></details>
  </li>`;
}

mountFor(Letters);
