// The waiting room, as those in it see it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, test } from "node:test";
import { ROOM, assertAccessible, client, makeConcert, makeLobby, open, startBrowser, startServer, until } from "./support.mjs";

let server;
let browser;
let operator;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  operator = await client(server, "operator@demo.frontrow");
});
after(async () => { await browser?.close(); await server?.stop(); });

/** A concert whose line stands still, with so many fans in it. */
async function crowd(fans, first) {
  const night = await makeConcert(server, { room: ROOM });
  await operator("PATCH", `/admin/concerts/${night.concertId}/queue`, { paused: true });
  for (let n = 0; n < fans; n += 1) {
    const fan = await client(server, `fan${first + n}@demo.frontrow`);
    await fan("POST", "/queues", { concertId: night.concertId });
  }
  return night;
}

const ahead = (page) => page.locator("[data-ahead]").getAttribute("data-ahead").then(Number);
const link = (page, name) => page.locator(".facts .tag", { hasText: name }).waitFor();

test("a place survives a reload, a second device and the loss of the network", async () => {
  const night = await crowd(3, 20);
  const phone = await open(browser, server, { email: "fan30@demo.frontrow", viewport: { width: 390, height: 844 } });
  await phone.page.goto(`/concerts/${night.concertId}/queue`);
  await link(phone.page, "live");
  assert.equal(await ahead(phone.page), 3);
  await phone.page.reload();
  await link(phone.page, "live");
  assert.equal(await ahead(phone.page), 3);
  // Another device takes the stream over; the first one asks instead, and nobody has two places.
  const laptop = await open(browser, server, { email: "fan30@demo.frontrow" });
  await laptop.page.goto(`/concerts/${night.concertId}/queue`);
  await link(laptop.page, "live");
  await link(phone.page, "asking");
  assert.equal(await ahead(laptop.page), 3);
  await until("four are in line", async () => (await operator("GET", `/admin/concerts/${night.concertId}/sales`)).waiting === 4);
  await laptop.close();
  // Without a network the place is kept, and found again.
  phone.excuse(/ERR_INTERNET_DISCONNECTED/);
  await phone.context.setOffline(true);
  await link(phone.page, "trying again");
  await phone.context.setOffline(false);
  await link(phone.page, /live|asking/);
  assert.equal(await ahead(phone.page), 3);
  await phone.close();
});

test("whoever waits sees an operator throttle, speak and go on, without a reload", async () => {
  const night = await crowd(2, 40);
  const { page, close } = await open(browser, server, { email: "fan50@demo.frontrow" });
  await page.goto(`/concerts/${night.concertId}/queue`);
  await page.getByText("The line stands still for a moment.").first().waitFor();
  const loads = await page.evaluate(() => performance.timeOrigin);
  const steer = (settings) => operator("PATCH", `/admin/concerts/${night.concertId}/queue`, settings);
  await steer({ notice: "Five minutes, please. <b>Thank you.</b>" });
  await page.getByText("Five minutes, please. <b>Thank you.</b>").waitFor();
  await steer({ paused: false, admitPerSecond: 1, notice: null });
  await until("it moves", async () => (await page.locator("[data-ahead]").count()) === 0 || (await ahead(page)) < 2);
  await page.getByText("It is your turn!").waitFor();
  await until("the title says so, too", async () => /It is your turn!/.test(await page.title()));
  assert.equal(await page.evaluate(() => performance.timeOrigin), loads);
  await page.waitForURL("**/schedules/*");
  await page.locator("canvas[data-drawn]").waitFor();
  // The session is the operator's to end, too: the page says so, and the way back is there.
  const fan = await client(server, "fan50@demo.frontrow");
  const { userId } = await fan("GET", "/users/me");
  await operator("DELETE", `/admin/concerts/${night.concertId}/queue/fans/${userId}`);
  await page.getByRole("button", { name: "Give me the best 2 seats" }).click();
  await page.getByText("Your session has ended.").waitFor();
  await close();
});

test("who is called while looking elsewhere is called by the title, and let in on coming back", async () => {
  const night = await crowd(0, 0);
  const { page, context, close } = await open(browser, server, { email: "fan51@demo.frontrow" });
  await page.goto(`/concerts/${night.concertId}/queue`);
  await link(page, "live");
  await page.evaluate(() => Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true }));
  await operator("PATCH", `/admin/concerts/${night.concertId}/queue`, { paused: false });
  await until("the title calls", async () => /It is your turn!/.test(await page.title()));
  await page.evaluate(() => {
    delete document.visibilityState;
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await page.waitForURL("**/schedules/*");
  assert.equal(context.pages().length, 1);
  await close();
});

test("leaving takes a second word, and what has ended says why", async () => {
  const night = await crowd(0, 0);
  const { page, close } = await open(browser, server, { email: "fan52@demo.frontrow" });
  await page.goto(`/concerts/${night.concertId}/queue`);
  await page.getByRole("button", { name: "Leave the line" }).click();
  await assertAccessible(page, "leaving the line");
  await page.getByRole("button", { name: "Stay" }).click();
  assert.equal(await ahead(page), 0);
  await operator("PATCH", `/admin/concerts/${night.concertId}/queue`, { closed: true });
  await page.getByRole("heading", { name: "The line is closed" }).waitFor();
  await assertAccessible(page, "the line is closed");
  await close();
});

test("a line that opens later is joined by the page itself", async () => {
  const opens = new Date(Date.now() + 4_000).toISOString();
  const night = await makeConcert(server, { room: ROOM, bookingStart: opens });
  const { page, close } = await open(browser, server, { email: "fan53@demo.frontrow" });
  await page.goto(`/concerts/${night.concertId}/queue`);
  await page.getByText("The line opens in").waitFor();
  await page.getByText("It is your turn!").waitFor();
  await close();
});

test("a lobby says what it is for, and the page proves the place that was drawn", async () => {
  const night = await makeLobby(server);
  await operator("PATCH", `/admin/concerts/${night.concertId}/queue`, { paused: true });
  for (const n of [70, 71, 72, 73]) await (await client(server, `fan${n}@demo.frontrow`))("POST", "/queues", { concertId: night.concertId });
  const { page, close } = await open(browser, server, { email: "fan74@demo.frontrow", viewport: { width: 390, height: 844 } });
  await page.goto(`/concerts/${night.concertId}`);
  await page.getByText("The lobby is open until the sale opens").waitFor();
  await page.getByRole("link", { name: "Come into the lobby" }).click();
  await page.getByRole("heading", { name: "You are in the lobby" }).waitFor();
  await page.getByText("Coming early gives no advantage.").waitFor();
  await until("five are here", async () => (await page.locator("[data-here]").getAttribute("data-here")) === "5");
  await page.getByText("How the draw can be checked").click();
  const noted = await page.locator("[data-commitment]").textContent();
  assert.match(noted, /^[0-9a-f]{64}$/);
  assert.equal(await page.locator("[data-seed]").count(), 0, "not before the draw");
  await assertAccessible(page, "the lobby with its commitment");
  const loads = await page.evaluate(() => performance.timeOrigin);

  await night.openSale();
  await page.locator("[data-number]").waitFor();
  assert.equal(await page.evaluate(() => performance.timeOrigin), loads, "without a reload");
  const place = Number(await page.locator("[data-number]").getAttribute("data-number"));
  assert.equal(await ahead(page), place - 1);
  await page.getByText("How the draw can be checked").click();
  assert.equal(await page.locator("[data-commitment]").textContent(), noted);
  await assertAccessible(page, "the proof of a draw");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "The published draw" }).click()]);
  const words = (await page.locator(".proof pre").textContent()).split(" ");
  const entry = words.at(-1);
  const file = await download.path();
  const checked = spawnSync(process.env.FRONTROW_BINARY, ["draw", "verify", file, "--commitment", noted, "--entry", entry], { encoding: "utf8" });
  assert.equal(checked.status, 0, checked.stdout + checked.stderr);
  assert.ok(checked.stdout.includes(`${entry} has place ${place} of 5`), checked.stdout);
  // On the page of the concert it is a line like any other now.
  await page.goto(`/concerts/${night.concertId}`);
  await page.getByText("You are in line").waitFor();
  assert.equal(await page.getByText("The lobby").count(), 0);
  await close();
});

test("a lobby that opens later is entered by the page itself, and left with a word of its own", async () => {
  const at = (seconds) => new Date(Date.now() + seconds * 1_000).toISOString();
  const night = await makeConcert(server, { room: { ...ROOM, lobbyOpensAt: at(4) }, bookingStart: at(7_000) });
  const { page, close } = await open(browser, server, { email: "fan75@demo.frontrow" });
  await page.goto(`/concerts/${night.concertId}/queue`);
  await page.getByText("The lobby opens in").waitFor();
  await assertAccessible(page, "before the lobby");
  await page.getByRole("heading", { name: "You are in the lobby" }).waitFor();
  await page.getByRole("button", { name: "Leave the lobby" }).click();
  await page.getByText("You will not be in the draw").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Leave the lobby" }).click();
  await page.getByText("The lobby is open until the sale opens").waitFor();
  await close();
});
