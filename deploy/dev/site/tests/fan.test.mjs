// A fan's way, and everything that can happen on it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { ROOM, assertAccessible, client, makeConcert, open, startBrowser, startServer, touchSeat, until } from "./support.mjs";

let server;
let browser;
before(async () => { [server, browser] = await Promise.all([startServer(), startBrowser()]); });
after(async () => { await browser?.close(); await server?.stop(); });

const seatsPath = ({ concertId, scheduleId }) => `/concerts/${concertId}/schedules/${scheduleId}`;
const seat = (page, no) => page.getByRole("button", { name: new RegExp(`^${no}, STANDARD`) });
const asList = (page) => page.getByRole("button", { name: "List", exact: true }).click();

test("a new fan goes from the list to the ticket, and gives it back", async () => {
  const night = await makeConcert(server, { title: "The whole way", room: ROOM, refundPolicy: [{ untilHoursBefore: 24, percent: 70 }] });
  const { page, close } = await open(browser, server);
  await page.goto("/");
  await page.getByRole("searchbox").fill("whole way");
  await until("only what was searched for", async () => (await page.locator(".concert").count()) === 1);
  await page.getByRole("link", { name: "The whole way" }).click();
  await page.getByRole("link", { name: "Get in line" }).click();
  await page.getByRole("link", { name: "Sign up" }).click();
  await page.getByLabel("Name").fill("Kim Haneul 🎫");
  await page.getByLabel("E-mail").fill("haneul@fans.example");
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.locator(".wrong").first().waitFor();
  await page.getByLabel("Password").fill("a long password");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByText("It is your turn!").waitFor();
  await page.waitForURL(`**${seatsPath(night)}`);
  await touchSeat(page, server, night, 7);
  await touchSeat(page, server, night, 8);
  await page.getByText("₩100,000").waitFor();
  await page.getByRole("button", { name: "Hold these 2 seats" }).click();
  await page.waitForURL("**/checkout/*");
  await page.locator("[data-total]").waitFor();
  const rows = await page.locator("tbody td > bdi").allTextContents();
  assert.deepEqual(rows, ["7", "8"], "what was shown is what is held");
  await page.getByText("There is not enough in the wallet").waitFor();
  await assertAccessible(page, "too little in the wallet");
  assert.equal(await page.getByLabel("Amount").inputValue(), "100000");
  await page.getByRole("button", { name: "Charge", exact: true }).click();
  await page.getByRole("button", { name: "Pay ₩100,000" }).click();
  await page.waitForURL("**/tickets/*");
  await until("both codes", async () => (await page.locator(".ticket img").count()) === 2);
  assert.ok(await page.locator(".ticket img").first().evaluate((image) => image.decode().then(() => image.naturalWidth > 0)));
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Calendar file" }).click()]);
  const calendar = await readFile(await download.path(), "utf8");
  assert.match(calendar, /BEGIN:VEVENT\r\n/);
  assert.match(calendar, /SUMMARY:The whole way\r\n/);
  await page.getByRole("link", { name: "Wallet" }).click();
  await page.getByText("-₩100,000").waitFor();
  await page.getByRole("link", { name: "My reservations" }).click();
  await page.getByRole("link", { name: "The whole way" }).click();
  await page.getByRole("button", { name: "Give back" }).click();
  await assertAccessible(page, "giving back");
  await page.getByRole("button", { name: "Give back for ₩70,000" }).click();
  await page.getByText("₩70,000 went back into your wallet.").waitFor();
  await until("the tickets are void", async () => (await page.locator(".spent").count()) === 2);
  await close();
});

test("of two fans at one seat the slower is told which went, and offered the nearest", async () => {
  const night = await makeConcert(server);
  const fast = await open(browser, server, { email: "fan1@demo.frontrow" });
  const slow = await open(browser, server, { email: "fan2@demo.frontrow" });
  // The slower one's map hears nothing, so that both are sure of the seat.
  await slow.page.route("**/seats/stream*", (route) => route.abort());
  slow.excuse(/net::ERR_FAILED/);
  for (const { page } of [fast, slow]) {
    await page.goto(seatsPath(night));
    await touchSeat(page, server, night, 23);
  }
  await fast.page.getByRole("button", { name: "Hold this seat" }).click();
  await fast.page.waitForURL("**/checkout/*");
  await slow.page.getByRole("button", { name: "Hold this seat" }).click();
  const dialog = slow.page.getByRole("dialog");
  await dialog.getByText("Somebody was faster: 23.").waitFor();
  await assertAccessible(slow.page, "a seat has gone");
  const offered = await dialog.locator("strong bdi").textContent();
  assert.ok(["22", "24", "13", "33"].includes(offered), `${offered} is near 23`);
  await dialog.getByRole("button", { name: "Take that instead" }).click();
  await slow.page.getByRole("button", { name: "Hold this seat" }).click();
  await slow.page.waitForURL("**/checkout/*");
  assert.equal(await slow.page.locator("tbody td > bdi").first().textContent(), offered);
  await fast.close();
  await slow.close();
});

test("a chosen seat that somebody else takes is told of without a reload", async () => {
  const night = await makeConcert(server);
  const { page, close } = await open(browser, server, { email: "fan3@demo.frontrow" });
  await page.goto(seatsPath(night));
  await touchSeat(page, server, night, 5);
  await page.getByText("Live", { exact: true }).waitFor();
  const rival = await client(server, "fan4@demo.frontrow");
  await rival("POST", "/reservations", { scheduleId: night.scheduleId, seats: [5, 6] });
  await page.getByRole("dialog").getByText("Somebody was faster: 5.").waitFor();
  await page.getByRole("button", { name: "Choose myself" }).click();
  await asList(page);
  await until("the list says so as well", async () => (await seat(page, 6).getAttribute("aria-label")).endsWith("held"));
  await close();
});

test("a hold that runs out says so, costs nothing, and can be had again", async () => {
  const night = await makeConcert(server, { holdSeconds: 3 });
  const { page, close } = await open(browser, server, { email: "fan5@demo.frontrow" });
  await page.goto(seatsPath(night));
  await page.getByRole("button", { name: "Give me the best 2 seats" }).click();
  await page.waitForURL("**/checkout/*");
  await page.getByRole("heading", { name: "The time is over" }).waitFor();
  await assertAccessible(page, "the time is over");
  await page.getByRole("link", { name: "Choose seats again" }).click();
  await asList(page);
  await until("the seats are free", async () => (await page.locator(".button.seat[aria-disabled]").count()) === 0);
  await close();
});

test("a page whose clock is ahead asks until the server says that a hold is over", async () => {
  const night = await makeConcert(server, { holdSeconds: 5 });
  const fan = await client(server, "fan20@demo.frontrow");
  const { reservationId } = await fan("POST", "/reservations", { scheduleId: night.scheduleId, seats: [1] });
  const { page, context, close } = await open(browser, server, { email: "fan20@demo.frontrow" });
  const said = [];
  await context.route(/\/api\/v1\/(reservations\/|users\/me\/balance)/, async (route) => {
    const response = await route.fetch();
    if (route.request().url().includes("/reservations/")) said.push((await response.json()).status);
    const date = new Date(Date.parse(response.headers().date) + 2_500).toUTCString();
    await route.fulfill({ response, headers: { ...response.headers(), date } });
  });
  await page.goto(`/checkout/${reservationId}`);
  await page.getByRole("heading", { name: "The time is over" }).waitFor();
  assert.ok(said.filter((status) => status === "pending").length > 2, `it was asked for while it was held still: ${said}`);
  await close();
});

test("a payment whose answer is lost happens once", async () => {
  const night = await makeConcert(server);
  const { page, context, excuse, close } = await open(browser, server, { email: "fan6@demo.frontrow" });
  const fan = await client(server, "fan6@demo.frontrow");
  const { balance } = await fan("GET", "/users/me/balance");
  const keys = [];
  await context.route("**/api/v1/payments", async (route) => {
    keys.push(route.request().headers()["idempotency-key"]);
    if (keys.length > 1) return route.continue();
    // It arrives, it happens, and nobody hears of it.
    await route.fetch();
    return route.abort("connectionreset");
  });
  excuse(/ERR_CONNECTION_RESET/);
  await page.goto(seatsPath(night));
  await page.getByRole("button", { name: "Give me the best 2 seats" }).click();
  await page.getByRole("button", { name: "Pay ₩100,000" }).click();
  await page.waitForURL("**/tickets/*");
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  assert.equal((await fan("GET", "/users/me/balance")).balance, balance - 100_000);
  await close();
});

test("a log-in that has ended leads back to where the fan was", async () => {
  const { page, close } = await open(browser, server, { email: "fan7@demo.frontrow" });
  await page.evaluate(() => {
    const kept = JSON.parse(localStorage.getItem("frontrow.session"));
    localStorage.setItem("frontrow.session", JSON.stringify({ ...kept, endsAt: 0, refreshToken: "long gone" }));
  });
  await page.goto("/reservations?x=1");
  await page.getByText("Your log-in has ended.").waitFor();
  await page.getByLabel("E-mail").fill("fan7@demo.frontrow");
  await page.getByLabel("Password").fill("frontrow-demo");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL("**/reservations?x=1");
  // And nowhere else: an address of another site is not followed.
  await page.goto("/login?next=https://evil.example/");
  await page.getByLabel("E-mail").fill("fan7@demo.frontrow");
  await page.getByLabel("Password").fill("frontrow-demo");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL(`${server.base}/`);
  await close();
});

test("an access token that has run out is renewed in passing", async () => {
  const { page, close } = await open(browser, server, { email: "fan8@demo.frontrow" });
  const before = await page.evaluate(() => {
    const kept = JSON.parse(localStorage.getItem("frontrow.session"));
    localStorage.setItem("frontrow.session", JSON.stringify({ ...kept, endsAt: 0 }));
    return kept.refreshToken;
  });
  await page.goto("/wallet");
  await page.getByText("₩1,000,000").first().waitFor();
  const now = await page.evaluate(() => JSON.parse(localStorage.getItem("frontrow.session")).refreshToken);
  assert.notEqual(now, before);
  await close();
});

test("everything can be bought without a mouse", async () => {
  const night = await makeConcert(server, { title: "By keyboard" });
  const { page, close } = await open(browser, server);
  const tabTo = async (name) => {
    for (let step = 0; step < 120; step += 1) {
      const found = await page.evaluate((wanted) => {
        const at = document.activeElement;
        const said = at?.getAttribute("aria-label") ?? at?.textContent ?? "";
        return at !== document.body && new RegExp(wanted).test(said.trim());
      }, name);
      if (found) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`Tab never came to ${name}`);
  };
  const press = async (name, key = "Enter") => {
    await tabTo(name);
    await page.keyboard.press(key);
  };
  await page.goto(`/concerts/${night.concertId}`);
  await page.getByRole("link", { name: "Choose seats" }).waitFor();
  await press("^Choose seats$");
  await page.getByLabel("E-mail").waitFor();
  await page.getByLabel("E-mail").focus();
  await page.keyboard.type("fan9@demo.frontrow");
  await page.keyboard.press("Tab");
  await page.keyboard.type("frontrow-demo");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**${seatsPath(night)}`);
  await page.locator("canvas[data-drawn]").waitFor();
  await press("^List$", "Space");
  await assertAccessible(page, "the list of seats");
  await press("^12, STANDARD", "Space");
  await until("the seat is chosen", async () => (await seat(page, 12).getAttribute("aria-pressed")) === "true");
  await press("^Hold this seat$");
  await page.waitForURL("**/checkout/*");
  await page.getByRole("button", { name: "Pay ₩50,000" }).waitFor();
  await press("^Pay");
  await page.waitForURL("**/tickets/*");
  await page.locator(".ticket img").waitFor();
  await close();
});

test("hostile titles and names are shown as what they are: text", async () => {
  const title = `<img src=x onerror="document.title='owned'"><script>1</script>&amp; \u202Eesrever\u202C 👩‍👩‍👧‍👦 ${"가".repeat(60)}`;
  const night = await makeConcert(server, {
    title, artist: `"><svg onload=alert(1)>`, description: `${"long ".repeat(2_000)}</div><style>*{display:none}</style>`,
    venue: "<b>Hall</b>",
    seatPlan: { rows: { sections: [{ name: "<i>1F</i>", rows: [{ row: "\"A", seats: 10, grade: "<u>V</u>" }] }], prices: { "<u>V</u>": 1000 } } },
  });
  const { page, close } = await open(browser, server, { email: "fan10@demo.frontrow", viewport: { width: 390, height: 844 } });
  for (const path of ["/", `/concerts/${night.concertId}`, seatsPath(night)]) {
    await page.goto(path);
    await page.getByText("<img src=x").first().waitFor();
    assert.equal(await page.locator("#page img, #page script, #page svg, #page style").count(), 0);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} is not wider than the screen`);
    assert.notEqual(await page.title(), "owned");
  }
  await asList(page);
  await page.getByRole("button", { name: "<i>1F</i> \"A-3, <u>V</u>" }).click();
  await page.getByLabel("Your seats").getByText("<u>V</u>").waitFor();
  await close();
});

test("a server that is away is told of, waited for, and found again", async () => {
  const own = await startServer();
  const { page, excuse, close } = await open(browser, own);
  excuse(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_FAILED|INCOMPLETE_CHUNKED/);
  await page.goto("/");
  await page.locator(".concert").first().waitFor();
  await page.evaluate(() => navigator.serviceWorker.ready);
  await until("the worker keeps the page", () => page.evaluate(async () => Boolean(await caches.match("/offline"))));
  await own.stop({ keep: true });
  await page.goto("/concerts/1");
  await page.getByRole("heading", { name: "No connection" }).waitFor();
  const again = await startServer({ folder: own.data, listen: new URL(own.base).host });
  await page.getByRole("heading", { name: "한강 여름밤 콘서트" }).waitFor();
  // And with the page open, when it is the interface alone that fails.
  await page.route("**/api/v1/concerts?*", (route) => route.abort());
  await page.goto("/");
  await page.getByRole("heading", { name: "The box office cannot be reached" }).waitFor();
  await page.unroute("**/api/v1/concerts?*");
  await page.locator(".concert").first().waitFor();
  await close();
  await again.stop();
});
