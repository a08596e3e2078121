// Putting money into the wallet.

import { command } from "./api.js";
import { money, t } from "./i18n.js";
import { Field, Note, Trouble, fieldErrors, html, useState, useTrouble } from "./ui.js";

/** Sums that are offered, as parts of the least charge. */
const STEPS = [10, 50, 100, 200];

/** @param {{wallet: any, suggested?: number, onCharged: (balance: number) => void}} props */
export function ChargeForm({ wallet, suggested = 0, onCharged }) {
  const { chargeMin, chargeMax } = wallet.limits;
  const [amount, setAmount] = useState(suggested ? String(Math.max(chargeMin, suggested)) : "");
  const [method, setMethod] = useState("card");
  const [isBusy, setBusy] = useState(false);
  const [isLost, setLost] = useState(false);
  const [error, attempt] = useTrouble();
  const [wrong, setWrong] = useState("");
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const whole = Number(amount);
    if (!Number.isInteger(whole) || whole < chargeMin || whole > chargeMax) {
      return setWrong(t("charge.range", { min: money(chargeMin, wallet.currency), max: money(chargeMax, wallet.currency) }));
    }
    if (isBusy) return undefined;
    setWrong("");
    setBusy(true);
    await attempt(async () => {
      const done = await command("POST", "/users/me/charge", { body: { amount: whole, method }, name: "charge", onTrouble: setLost });
      setAmount("");
      onCharged(done.balance);
    });
    setBusy(false);
    return undefined;
  };
  const offers = STEPS.map((step) => step * chargeMin).filter((sum) => sum <= chargeMax);
  return html`<form class="stack" onSubmit=${submit} novalidate aria-label=${t("charge.title")}>
    <${Field} label=${t("charge.amount")} name="amount" type="number" inputmode="numeric" min=${chargeMin} max=${chargeMax} step="1" value=${amount}
      hint=${amount && Number(amount) > 0 ? money(Number(amount), wallet.currency) : t("charge.hint", { min: money(chargeMin, wallet.currency), max: money(chargeMax, wallet.currency) })}
      wrong=${wrong || fieldErrors(error).amount}
      onInput=${(/** @type {any} */ event) => setAmount(event.target.value)} />
    <div class="row">${offers.map((sum) => html`
      <button type="button" class="button" onClick=${() => setAmount(String(sum))}>${money(sum, wallet.currency)}</button>`)}</div>
    <div class="choice" role="group" aria-label=${t("charge.method")}>
      ${["card", "cash"].map((one) => html`<button type="button" aria-pressed=${String(method === one)} onClick=${() => setMethod(one)}>${t(`charge.method.${one}`)}</button>`)}
    </div>
    ${isLost && html`<${Note} kind="warn" role="status">${t("command.trouble")}<//>`}
    <${Trouble} error=${error} />
    <button class="button main wide" aria-disabled=${isBusy ? "true" : undefined}>${t("charge.submit")}</button>
  </form>`;
}
