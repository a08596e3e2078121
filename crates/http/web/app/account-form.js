// Logging in, by whom and back to where.

import { call } from "./api.js";
import { begin, nextAddress } from "./session.js";

/** Logs in and goes on to where the fan was. @param {string} email @param {string} password */
export async function logIn(email, password) {
  const pair = await call("POST", "/auth/login", { body: { email, password }, anonymous: true });
  begin(pair, { name: "", role: "fan" });
  const who = await call("GET", "/users/me");
  begin(pair, { name: who.name, role: who.role });
  const next = nextAddress();
  location.replace(next === "/" ? home(who.role) : next);
}

/** Where each role begins. @param {string} role */
function home(role) {
  if (role === "gate") return "/gate";
  return role === "operator" || role === "admin" ? "/ops" : "/";
}
