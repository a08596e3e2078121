// Says when the server cannot be reached, and takes it back when it can. Pages go on trying by themselves.

import { t } from "./i18n.js";

/** Failures in a row until it is said: one may be a hiccup of the network. */
const ENOUGH = 2;
let failures = 0;

function bar() {
  return /** @type {HTMLElement} */ (document.getElementById("outage"));
}

/** No answer came. */
export function unreachable() {
  failures += 1;
  if (failures < ENOUGH) return;
  bar().textContent = t("outage.bar");
  bar().hidden = false;
}

/** An answer came. */
export function reachable() {
  failures = 0;
  bar().hidden = true;
}
