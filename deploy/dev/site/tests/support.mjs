// What the browser tests stand on: a server of their own on a free port, a browser, and eyes for what no page may do.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const BINARY = process.env.FRONTROW_BINARY;
assert.ok(BINARY, "FRONTROW_BINARY says which binary is tested; `make browser` sets it");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** The password of everybody in the demo. */
export const PASSWORD = "frontrow-demo";
/** Milliseconds that anything may take on a busy machine. */
export const PATIENCE = 15_000;

/** Cheap passwords: what is tested here is not how they are kept. */
const CHEAP = { FRONTROW__AUTH__ARGON2_MEMORY_KIB: "8", FRONTROW__AUTH__ARGON2_ITERATIONS: "1", FRONTROW__LOG__FILTER: "warn" };

/** Starts a server with the demo in it. */
export async function startServer({ folder, listen = "127.0.0.1:0", settings = {} } = {}) {
  const data = folder ?? (await mkdtemp(join(tmpdir(), "frontrow-site-")));
  const child = spawn(BINARY, ["serve", "--demo", "--data", data, "--listen", listen], {
    env: { ...process.env, ...CHEAP, ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (part) => { log += part; });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const base = await new Promise((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (part) => {
      said += part;
      const found = /http:\/\/([\d.:]+)/.exec(said);
      if (found) resolve(`http://${found[1]}`);
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
  });
  const stop = async ({ keep = false, signal = "SIGKILL" } = {}) => {
    child.kill(signal);
    await ended;
    if (!keep) await rm(data, { recursive: true, force: true });
  };
  return { base, data, stop, log: () => log };
}

export function startBrowser(args = []) {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", ...args] });
}

/** Asks the API as somebody, beside the browser. */
export async function client(server, email) {
  const ask = async (method, path, body, headers = {}) => {
    const response = await fetch(`${server.base}/api/v1${path}`, {
      method,
      headers: { "content-type": "application/json", "idempotency-key": crypto.randomUUID(), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const answer = text ? JSON.parse(text) : null;
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return answer;
  };
  const { accessToken } = await ask("POST", "/auth/login", { email, password: PASSWORD });
  return (method, path, body, headers = {}) => ask(method, path, body, { authorization: `Bearer ${accessToken}`, ...headers });
}

const days = (n) => new Date(Date.now() + n * 86_400_000).toISOString();

/** Makes a concert with one date. */
export async function makeConcert(server, { title = "A night of the tests", seats = 50, room = { enabled: false }, seatPlan, ...schedule } = {}) {
  const operator = await client(server, "operator@demo.frontrow");
  const concert = await operator("POST", "/admin/concerts", { title, artist: schedule.artist ?? "The Testers", description: schedule.description ?? "For the tests.", waitingRoom: room });
  delete schedule.artist;
  delete schedule.description;
  const made = await operator("POST", `/admin/concerts/${concert.concertId}/schedules`, {
    venue: "Test Hall", startsAt: days(20), timeZone: "Asia/Seoul", durationMinutes: 90,
    bookingStart: days(-1), bookingEnd: days(10), seatPlan: seatPlan ?? { plain: { seats, price: 50_000 } }, ...schedule,
  });
  const { concertId } = concert;
  // A room opens with the next tick, and not with the answer.
  const isOpen = async () => (await operator("GET", `/concerts/${concertId}/queue`)).state === "open";
  if (room.enabled && Date.parse(made.bookingStart) < Date.now()) await until("the room is open", isOpen);
  return { concertId, scheduleId: made.scheduleId };
}

const hours = (n) => new Date(Date.now() + n * 3_600_000).toISOString();

/** Makes a concert whose lobby is open; its sale opens when somebody says so. */
export async function makeLobby(server, { room = {}, ...options } = {}) {
  const lobby = { ...ROOM, lobbyOpensAt: hours(-1), ...room };
  const night = await makeConcert(server, { bookingStart: hours(3), ...options, room: lobby });
  const operator = await client(server, "operator@demo.frontrow");
  await until("the lobby is open", async () => (await operator("GET", `/concerts/${night.concertId}/queue`)).state === "lobby");
  return { ...night, openSale: () => operator("PATCH", `/admin/schedules/${night.scheduleId}`, { bookingStart: hours(-1) }) };
}

/** A room that lets people in at once. */
export const ROOM = { enabled: true, maxActive: 100, admitPerSecond: 50, sessionSeconds: 300 };

/**
 * A window of somebody. Whatever no page may do is found at its end: errors in the console, broken policies, requests
 * to other hosts.
 */
export async function open(browser, server, { email, ...options } = {}) {
  const context = await browser.newContext({ baseURL: server.base, locale: "en-GB", timezoneId: "Asia/Seoul", viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(PATIENCE);
  const wrongs = [];
  const excused = [];
  context.on("console", (message) => {
    if (message.type() !== "error") return;
    const text = message.text();
    // The browser writes a line for every refusal, and refusals are a part of the conversation. A 500 is not.
    if (/Failed to load resource: the server responded with a status of (4\d\d|503)/.test(text)) return;
    if (excused.some((pattern) => pattern.test(text))) return;
    wrongs.push(`console: ${text}`);
  });
  context.on("weberror", (error) => wrongs.push(`page: ${error.error().stack}`));
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (!["blob:", "data:"].includes(url.protocol) && url.origin !== server.base) wrongs.push(`a request to ${url}`);
  });
  const page = await context.newPage();
  if (email) await logIn(page, email);
  return {
    page,
    context,
    /** Lets a line of the console pass, where a test brings it about. */
    excuse: (pattern) => excused.push(pattern),
    close: async () => {
      await context.close();
      assert.deepEqual(wrongs, []);
    },
  };
}

export async function logIn(page, email, password = PASSWORD) {
  await page.goto("/login");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL((url) => url.pathname !== "/login");
}

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Looks for what keeps people out, with axe: nothing serious may be found. */
export async function assertAccessible(page, where) {
  // Through the debugger: the page's own policy would not let a script in, and should not.
  await page.evaluate(axeSource);
  const findings = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.filter((one) => ["serious", "critical"].includes(one.impact))
      .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
  });
  assert.deepEqual(findings, [], where);
}

/** Touches a seat on the map where it is drawn, by its number. */
export async function touchSeat(page, server, { concertId, scheduleId }, no) {
  const plan = await (await fetch(`${server.base}/api/v1/concerts/${concertId}/schedules/${scheduleId}/plan`)).json();
  const seat = plan.sections.flatMap((section) => section.rows.flatMap((row) => row.seats)).find((one) => one.no === no);
  const canvas = page.locator("canvas[data-drawn]");
  await canvas.scrollIntoViewIfNeeded();
  const position = await canvas.evaluate((node, { x, y }) => ({ x: node.__zoom.x + node.__zoom.k * x, y: node.__zoom.y + node.__zoom.k * y }), seat);
  await canvas.click({ position });
}

/** Waits until something holds. */
export async function until(what, holds) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    if (await holds()) return;
    assert.ok(Date.now() < end, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
