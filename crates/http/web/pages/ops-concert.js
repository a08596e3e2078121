// Making a concert, and editing it.

import { call, command, get } from "../app/api.js";
import { t } from "../app/i18n.js";
import { mountFor } from "../app/staff.js";
import { forInput, fromInput } from "../app/time.js";
import { Field, Loaded, Trouble, fieldErrors, fromAddress, html, numberIn, useLoad, useState, useTitle, useTrouble } from "../app/ui.js";

const [concertId] = fromAddress(/^\/ops\/concerts\/(\d+)\/edit/);
const NEW = { title: "", artist: "", description: "", published: true, waitingRoom: { enabled: true, maxActive: 500, admitPerSecond: 20, sessionSeconds: 300, lobbyOpensAt: null } };

function Edit() {
  const loaded = useLoad(async (signal) => (concertId ? get(`/admin/concerts/${concertId}`, { signal }) : NEW));
  useTitle(t(concertId ? "opsConcert.editTitle" : "opsConcert.newTitle"));
  return html`<nav aria-label=${t("nav.back")}><a href=${concertId ? `/ops/concerts/${concertId}` : "/ops"}>← ${t("nav.ops")}</a></nav>
    <h1>${t(concertId ? "opsConcert.editTitle" : "opsConcert.newTitle")}</h1>
    <${Loaded} of=${loaded}>${(/** @type {any} */ concert) => html`<${Form} concert=${concert} />`}<//>`;
}

/** @param {any} props */
function Form({ concert }) {
  const [form, setForm] = useState(concert);
  const [room, setRoom] = useState(concert.waitingRoom);
  const [isBusy, setBusy] = useState(false);
  const [error, attempt] = useTrouble();
  const wrong = fieldErrors(error);
  const set = (/** @type {any} */ event) => setForm({ ...form, [event.target.name]: event.target.value });
  const setNumber = (/** @type {any} */ event) => setRoom({ ...room, [event.target.name]: numberIn(event) });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    const { enabled, maxActive, admitPerSecond, sessionSeconds, lobbyOpensAt } = room;
    const body = {
      title: form.title, artist: form.artist, description: form.description, published: form.published,
      waitingRoom: { enabled, maxActive, admitPerSecond, sessionSeconds, lobbyOpensAt },
    };
    await attempt(async () => {
      const made = concertId
        ? await call("PATCH", `/admin/concerts/${concertId}`, { body })
        : await command("POST", "/admin/concerts", { body, name: "concert.new" });
      location.assign(concertId ? `/ops/concerts/${concertId}` : `/ops/concerts/${made.concertId}/schedules/new`);
    });
    setBusy(false);
  };
  return html`<form class="card stack form" onSubmit=${submit} novalidate>
    <${Field} label=${t("opsConcert.name")} name="title" maxlength="200" required value=${form.title} onInput=${set} wrong=${wrong.title} />
    <${Field} label=${t("opsConcert.artist")} name="artist" maxlength="200" value=${form.artist} onInput=${set} wrong=${wrong.artist} />
    <${Field} label=${t("opsConcert.description")} name="description" maxlength="20000" value=${form.description} onInput=${set} wrong=${wrong.description}>
      ${(/** @type {any} */ rest) => html`<textarea rows="4" ...${rest}></textarea>`}<//>
    <label class="check"><input type="checkbox" checked=${form.published} onChange=${() => setForm({ ...form, published: !form.published })} /> ${t("opsConcert.published")}</label>
    <fieldset class="plain stack"><legend class="strong">${t("queue.title")}</legend>
      <label class="check"><input type="checkbox" checked=${room.enabled} onChange=${() => setRoom({ ...room, enabled: !room.enabled })} /> ${t("opsConcert.hasRoom")}</label>
      ${room.enabled && html`<div class="grid2">
        <${Field} label=${t("steer.maxActive")} name="maxActive" type="number" min="0" value=${room.maxActive} onInput=${setNumber} wrong=${wrong["waitingRoom.maxActive"]} />
        <${Field} label=${t("steer.rate")} name="admitPerSecond" type="number" min="0" step="any" value=${room.admitPerSecond} onInput=${setNumber} wrong=${wrong["waitingRoom.admitPerSecond"]} />
        <${Field} label=${t("steer.session")} name="sessionSeconds" type="number" min="10" value=${room.sessionSeconds} onInput=${setNumber} wrong=${wrong["waitingRoom.sessionSeconds"]} />
        <${Field} label=${t("opsConcert.lobby")} name="lobbyOpensAt" type="datetime-local" hint=${t("opsConcert.lobbyHint")} value=${room.lobbyOpensAt ? forInput(room.lobbyOpensAt) : ""}
          onInput=${(/** @type {any} */ event) => setRoom({ ...room, lobbyOpensAt: fromInput(event.target.value) })} wrong=${wrong["waitingRoom.lobbyOpensAt"]} />
      </div>`}
    </fieldset>
    <${Trouble} error=${error} />
    <button class="button main big" aria-disabled=${isBusy ? "true" : undefined}>${t(concertId ? "opsConcert.save" : "opsConcert.create")}</button>
  </form>`;
}

mountFor(Edit);
