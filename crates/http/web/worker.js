// Stands between the pages and the network for one thing: when the server cannot be reached, a page says so and keeps
// trying, and the door can be opened all the same. It never answers for the API, and keeps nothing about a fan.

const CACHE = "frontrow-pages";
/** Pages that are kept: what is said without a network, and the door. */
const KEPT = ["/offline", "/gate"];

/** @type {any} */
const worker = self;

worker.addEventListener("install", (/** @type {any} */ event) => {
  worker.skipWaiting();
  event.waitUntil(keepPages());
});
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const { pathname, origin } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request, pathname));
  else if (pathname.startsWith("/assets/")) event.respondWith(asset(request));
});

/** A page from the network; without it the one that is kept. @param {Request} request @param {string} pathname */
async function page(request, pathname) {
  try {
    const response = await fetch(request);
    if (response.ok && KEPT.includes(pathname)) void keepPages();
    return response;
  } catch {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(KEPT.includes(pathname) ? pathname : "/offline");
    return kept ?? Response.error();
  }
}

/** A file from the network or the browser's own cache; without them the one that is kept. @param {Request} request */
async function asset(request) {
  try {
    return await fetch(request);
  } catch {
    return (await (await caches.open(CACHE)).match(request.url)) ?? Response.error();
  }
}

/** Keeps the pages with everything that they name, and drops what belongs to another version. */
async function keepPages() {
  const cache = await caches.open(CACHE);
  const wanted = new Set(KEPT.map((path) => new URL(path, location.origin).href));
  for (const path of KEPT) {
    const response = await fetch(path);
    if (!response.ok) return;
    const text = await response.clone().text();
    await cache.put(path, response);
    for (const [, address] of text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)) {
      const { href } = new URL(address, location.origin);
      wanted.add(href);
      if (!(await cache.match(href))) await cache.add(href);
    }
  }
  for (const request of await cache.keys()) if (!wanted.has(request.url)) await cache.delete(request);
}
