// Frontrow behind a real OpenID Connect provider: whom it lets in, as what, and whom it turns away.
// The settings below are those of docs/operations.md, "Log-ins of an issuer of your own".
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { decodeJwt, decodeProtectedHeader, importJWK, SignJWT } from "jose";
import { AUDIENCE, HASTY_AUDIENCE, logIn, OTHER_AUDIENCE, signingKey, startProvider } from "./provider.mjs";

const BINARY = process.env.FRONTROW_BINARY;
assert.ok(BINARY, "FRONTROW_BINARY says which binary is tested; `make oidc` sets it");
/** Milliseconds that anything may take on a busy machine. */
const PATIENCE = 40_000;

/** A server that believes this provider, once it has its keys. */
async function startServer(provider, audience = AUDIENCE) {
  const data = await mkdtemp(join(tmpdir(), "frontrow-oidc-"));
  const settings = {
    FRONTROW__ISSUER__ENABLED: "true",
    FRONTROW__ISSUER__ISSUER: provider.issuer,
    FRONTROW__ISSUER__AUDIENCE: audience,
    FRONTROW__ISSUER__JWKS_URL: provider.jwks,
    FRONTROW__ISSUER__ROLE_CLAIM: "roles",
    FRONTROW__ISSUER__OPERATOR_ROLES: "box-office",
    FRONTROW__ISSUER__ADMIN_ROLES: "ticket-admin",
    FRONTROW__ISSUER__GATE_ROLES: "door",
    FRONTROW__ISSUER__LEEWAY_SECONDS: "0",
    FRONTROW__LOG__FILTER: "warn",
  };
  const child = spawn(BINARY, ["serve", "--data", data, "--listen", "127.0.0.1:0"], {
    env: { ...process.env, ...settings }, stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (part) => { log += part; });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const base = await new Promise((resolve, reject) => {
    child.stdout.on("data", (part) => {
      const found = /http:\/\/([\d.:]+)/.exec(part);
      if (found) resolve(`http://${found[1]}`);
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
  });
  await until("the keys are fetched", async () => (await fetch(`${base}/health/ready`)).ok);
  const ask = async (path, token, options = {}) => {
    const answer = await fetch(`${base}/api/v1${path}`, { ...options, headers: { authorization: `Bearer ${token}` } });
    const text = await answer.text();
    return { ...(text ? JSON.parse(text) : {}), httpStatus: answer.status };
  };
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    await rm(data, { recursive: true, force: true });
  };
  return { ask, stop, me: (token) => ask("/users/me", token) };
}

async function until(what, is) {
  const end = Date.now() + PATIENCE;
  while (!(await is())) {
    assert.ok(Date.now() < end, `not within ${PATIENCE} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A token with these changes, signed with a key of somebody else's or of the provider's. */
async function signed(token, key, { header = {}, claims = {} } = {}) {
  const protectedHeader = { ...decodeProtectedHeader(token), ...header };
  return new SignJWT({ ...decodeJwt(token), ...claims }).setProtectedHeader(protectedHeader).sign(await importJWK(key, key.alg));
}

test("who has logged in at the provider is known here, in their role", async (t) => {
  const provider = await startProvider([await signingKey("first")]);
  t.after(provider.stop);
  const server = await startServer(provider);
  t.after(server.stop);

  const fan = (await logIn(provider, "fan-1", AUDIENCE)).access_token;
  const first = await server.me(fan);
  assert.equal(first.httpStatus, 200, JSON.stringify(first));
  assert.equal(first.role, "fan", "a fan at first sight");
  assert.equal(first.name, "Kim Minji");
  assert.equal((await server.ask("/admin/concerts", fan)).code, "forbidden");
  const again = await server.me((await logIn(provider, "fan-1", AUDIENCE)).access_token);
  assert.equal(again.userId, first.userId, "the same account under another token");

  for (const [account, role, admin, users] of [["op-1", "operator", 200, 403], ["boss-1", "admin", 200, 200], ["door-1", "gate", 403, 403]]) {
    const token = (await logIn(provider, account, AUDIENCE)).access_token;
    const said = await server.me(token);
    assert.equal(said.role, role, account);
    assert.notEqual(said.userId, first.userId);
    assert.equal((await server.ask("/admin/concerts", token)).httpStatus, admin, account);
    assert.equal((await server.ask("/admin/users", token)).httpStatus, users, account);
  }
});

test("what was not made for this service is refused", async (t) => {
  const key = await signingKey("first");
  const provider = await startProvider([key]);
  t.after(provider.stop);
  // Another issuer that has, or claims to have, the very same key.
  const twin = await startProvider([key]);
  t.after(twin.stop);
  const server = await startServer(provider);
  t.after(server.stop);

  const answer = await logIn(provider, "boss-1", AUDIENCE);
  const good = answer.access_token;
  assert.equal((await server.me(good)).httpStatus, 200);
  const now = Math.floor(Date.now() / 1000);
  const stranger = await signingKey("first");
  const none = Buffer.from(JSON.stringify({ alg: "none", typ: "at+jwt" })).toString("base64url");
  const [, payload, signature] = good.split(".");
  const tampered = Buffer.from(JSON.stringify({ ...decodeJwt(good), sub: "fan-1" })).toString("base64url");
  const wrong = {
    "another audience": (await logIn(provider, "boss-1", OTHER_AUDIENCE)).access_token,
    "an opaque token, for no audience": (await logIn(provider, "boss-1")).access_token,
    "the token that tells the shop who logged in": answer.id_token,
    "another issuer with the same key": (await logIn(twin, "boss-1", AUDIENCE)).access_token,
    "a key of that name that is not the provider's": await signed(good, stranger),
    "a key that the provider does not publish": await signed(good, stranger, { header: { kid: "nobody's" } }),
    "not good yet": await signed(good, key, { claims: { nbf: now + 600 } }),
    "without an end": await signed(good, key, { claims: { exp: undefined } }),
    "without a signature": `${none}.${payload}.`,
    "with claims exchanged": `${good.split(".")[0]}.${tampered}.${signature}`,
  };
  for (const [what, token] of Object.entries(wrong)) {
    const said = await server.me(token);
    assert.equal(said.httpStatus, 401, `${what}: ${JSON.stringify(said)}`);
    assert.equal(said.code, "unauthenticated", what);
  }
  const signedAgain = await signed(good, key);
  assert.equal((await server.me(signedAgain)).httpStatus, 200, "the control: what is refused above is not refused for being signed here");
});

test("a token counts until its end and no longer", async (t) => {
  const provider = await startProvider([await signingKey("first")]);
  t.after(provider.stop);
  const server = await startServer(provider, HASTY_AUDIENCE);
  t.after(server.stop);
  const token = async () => (await logIn(provider, "fan-1", HASTY_AUDIENCE)).access_token;
  // It lasts a second: on a busy machine it may be over before it is shown.
  let last;
  await until("one is shown in time", async () => (await server.me(last = await token())).httpStatus === 200);
  await until("it is over", async () => (await server.me(last)).code === "access_token_expired");
});

test("keys that the provider rotates are picked up, and gone when it takes them away", async (t) => {
  const [old, next] = [await signingKey("old"), await signingKey("next", "ES256")];
  let provider = await startProvider([old]);
  t.after(() => provider.stop());
  const server = await startServer(provider);
  t.after(server.stop);
  const before = (await logIn(provider, "fan-1", AUDIENCE)).access_token;
  const fan = await server.me(before);
  assert.equal(fan.httpStatus, 200);

  // Both are published for a while, as one rotates in earnest.
  await provider.stop();
  provider = await startProvider([next, old], provider.port);
  const after = (await logIn(provider, "fan-1", AUDIENCE)).access_token;
  assert.equal(decodeProtectedHeader(after).kid, "next");
  await until("the new key is fetched, because a token names it", async () => (await server.me(after)).httpStatus === 200);
  assert.equal((await server.me(after)).userId, fan.userId, "the same fan under another key");
  assert.equal((await server.me(before)).httpStatus, 200, "what the old key signed still counts");

  await provider.stop();
  provider = await startProvider([next], provider.port);
  // A token with an unknown key has the set fetched again, and with that the old key is gone.
  const unknown = await signed(after, await signingKey("unknown", "ES256"), { header: { kid: "unknown" } });
  await until("the old key no longer counts", async () => {
    assert.equal((await server.me(unknown)).httpStatus, 401);
    return (await server.me(before)).httpStatus === 401;
  });
  assert.equal((await server.me(after)).httpStatus, 200);
});
