// Every page, in both languages and both lights, on a phone and on a desk: can everybody use it?
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { ROOM, assertAccessible, client, makeConcert, makeLobby, open, startBrowser, startServer, until } from "./support.mjs";

/** A folder for pictures of every page, for people to look at. */
const PICTURES = process.env.PICTURES;
const PHONE = { width: 390, height: 844 };
const DESK = { width: 1440, height: 900 };

let server;
let browser;
/** @type {[string, string, string | null, string][]} name, path, whose, what has to be there */
let pages;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  if (PICTURES) mkdirSync(PICTURES, { recursive: true });
  const operator = await client(server, "operator@demo.frontrow");
  const fan = await client(server, "fan1@demo.frontrow");
  const theatre = (await operator("GET", "/concerts?query=Winterreise")).items[0].concertId;
  const evening = (await operator("GET", `/concerts/${theatre}`)).schedules[0].scheduleId;
  const held = await fan("POST", "/reservations", { scheduleId: evening, bestAvailable: { quantity: 2 } });
  const paid = await fan("POST", "/reservations", { scheduleId: evening, bestAvailable: { quantity: 2, grade: "R" } });
  await fan("POST", "/payments", { reservationId: paid.reservationId });
  const still = await makeConcert(server, { title: "Standing still", room: ROOM });
  await operator("PATCH", `/admin/concerts/${still.concertId}/queue`, { paused: true, notice: "Doors open at seven." });
  for (let n = 60; n < 64; n += 1) await (await client(server, `fan${n}@demo.frontrow`))("POST", "/queues", { concertId: still.concertId });
  const lobby = await makeLobby(server, { title: "By lot" });
  const drawn = await makeLobby(server, { title: "Drawn" });
  await operator("PATCH", `/admin/concerts/${drawn.concertId}/queue`, { paused: true });
  for (const n of [1, 64, 65, 66]) {
    const one = await client(server, `fan${n}@demo.frontrow`);
    for (const { concertId } of [lobby, drawn]) await one("POST", "/queues", { concertId });
  }
  await drawn.openSale();
  await until("it is drawn", async () => (await operator("GET", `/concerts/${drawn.concertId}/queue`)).draw.entryCount === 4);
  pages = [
    ["concerts", "/", null, ".concert .facts"],
    ["nothing-found", "/?query=nothing-of-that-name", null, ".empty"],
    ["concert", `/concerts/${theatre}`, null, ".date"],
    ["login", "/login", null, "form"],
    ["signup", "/signup", null, "form"],
    ["missing", "/nowhere", null, ".empty"],
    ["offline", "/offline", null, ".empty"],
    ["queue", `/concerts/${still.concertId}/queue`, "fan1", "[data-ahead]"],
    ["concert-lobby", `/concerts/${lobby.concertId}`, "fan2", ".note .button"],
    ["lobby", `/concerts/${lobby.concertId}/queue`, "fan1", "[data-here]"],
    ["drawn", `/concerts/${drawn.concertId}/queue`, "fan1", "[data-number]"],
    ["seats", `/concerts/${theatre}/schedules/${evening}`, "fan1", "canvas[data-drawn]"],
    ["checkout", `/checkout/${held.reservationId}`, "fan1", "[data-total]"],
    ["tickets", `/tickets/${paid.reservationId}`, "fan1", ".ticket img"],
    ["reservations", "/reservations", "fan1", ".reservation"],
    ["reservations-none", "/reservations", "fan2", ".empty"],
    ["wallet", "/wallet", "fan1", ".table"],
    ["ops", "/ops", "operator", ".table"],
    ["ops-concert", "/ops/concerts/new", "operator", "form"],
    ["ops-schedule", `/ops/concerts/${theatre}/schedules/new`, "operator", "canvas[data-drawn]"],
    ["ops-night", `/ops/concerts/${still.concertId}`, "operator", ".uplot canvas"],
    ["ops-night-lobby", `/ops/concerts/${lobby.concertId}`, "operator", "[data-lobby=open]"],
    ["ops-seats", `/ops/concerts/${theatre}/schedules/${evening}`, "operator", "canvas[data-drawn]"],
    ["ops-find", "/ops/find", "operator", ".reservation"],
    ["ops-log", "/ops/log", "operator", ".changes"],
    ["ops-letters", "/ops/letters", "operator", ".empty"],
    ["not-for-fans", "/ops", "fan2", ".empty"],
    ["gate", "/gate", "gate", "select option:nth-child(2)"],
  ];
});
after(async () => { await browser?.close(); await server?.stop(); });

/** Looks at every page under these circumstances. */
async function lookAtAll(name, options) {
  const windows = new Map();
  for (const [page, path, who, there] of pages) {
    let window = windows.get(who);
    if (!window) {
      window = await open(browser, server, { ...options, locale: "en-GB", email: who ? `${who}@demo.frontrow` : undefined });
      await window.context.addCookies([{ name: "lang", value: options.lang, url: server.base }]);
      windows.set(who, window);
    }
    await window.page.goto(path);
    await window.page.locator(there).first().waitFor({ state: "attached" });
    assert.equal(await window.page.locator("html").getAttribute("lang"), options.lang);
    assert.equal(await window.page.locator("h1").count(), 1, `${page} has one title`);
    // What is folded away is looked at as well.
    for (const folded of await window.page.locator("details.proof > summary").all()) await folded.click();
    if (await window.page.locator("details.proof").count()) await window.page.locator("[data-commitment]").waitFor();
    await assertAccessible(window.page, `${page}, ${name}`);
    const isTooWide = await window.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.ok(!isTooWide, `${page}, ${name}: wider than the screen`);
    if (PICTURES) await window.page.screenshot({ path: `${PICTURES}/${page}-${name}.png`, fullPage: true });
  }
  for (const window of windows.values()) await window.close();
}

test("in English, by day, on a phone", () => lookAtAll("en-day-phone", { lang: "en", colorScheme: "light", viewport: PHONE, isMobile: true, hasTouch: true }));
test("in Korean, by night, on a phone", () => lookAtAll("ko-night-phone", { lang: "ko", colorScheme: "dark", viewport: PHONE, isMobile: true, hasTouch: true }));
test("in Korean, by day, on a desk", () => lookAtAll("ko-day-desk", { lang: "ko", colorScheme: "light", viewport: DESK }));
test("in English, by night, on a desk", () => lookAtAll("en-night-desk", { lang: "en", colorScheme: "dark", viewport: DESK }));

test("the browser says the language, and the switch says it for good", async () => {
  const { page, close } = await open(browser, server, { locale: "ko-KR" });
  await page.goto("/");
  await page.getByRole("heading", { name: "공연", exact: true }).waitFor();
  await page.getByText("₩77,000").waitFor();
  await page.getByRole("button", { name: "English" }).click();
  await page.getByRole("heading", { name: "Concerts", exact: true }).waitFor();
  await page.goto("/login");
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await close();
});

test("night falls at once, everywhere, and stays", async () => {
  const { page, close } = await open(browser, server, { colorScheme: "light" });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.goto("/");
  const day = await paper();
  await page.getByRole("button", { name: "Dark" }).click();
  const night = await paper();
  assert.notEqual(night, day);
  await page.goto("/login");
  assert.equal(await paper(), night);
  await page.getByRole("button", { name: "Auto" }).click();
  assert.equal(await paper(), day);
  await close();
});

test("nothing moves while a page fills", async () => {
  const { page, close } = await open(browser, server, { viewport: PHONE });
  await page.addInitScript(() => {
    globalThis.shifted = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) globalThis.shifted += entry.hadRecentInput ? 0 : entry.value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  for (const path of ["/", pages[2][1], "/login"]) {
    await page.goto(path);
    await page.waitForLoadState("networkidle");
    const shifted = await page.evaluate(() => globalThis.shifted);
    // What browsers themselves call good.
    assert.ok(shifted < 0.1, `${path} moved by ${shifted}`);
  }
  await close();
});

test("what is looked for would be found", async () => {
  const { page, close } = await open(browser, server);
  await page.goto("/login");
  await assertAccessible(page, "as it is");
  await page.evaluate(() => {
    const faint = document.createElement("p");
    faint.textContent = "Nobody can read this.";
    faint.style.color = "#d0d0d0";
    document.querySelector("#page").append(faint);
  });
  await assert.rejects(assertAccessible(page, "with faint words"), /color-contrast/);
  // And so would a script that stands in a page, and a picture from elsewhere.
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.setAttribute("src", "https://elsewhere.example/x.js");
    document.body.append(script);
  }).catch(() => {});
  await page.evaluate(() => {
    const image = document.createElement("img");
    image.src = "https://elsewhere.example/x.png";
    document.body.append(image);
  });
  await until("the policy has spoken", () => page.evaluate(() => document.images.length > 0));
  await assert.rejects(close(), /Content Security Policy|elsewhere/);
});
