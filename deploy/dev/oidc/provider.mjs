// A real OpenID Connect provider on a free port of this machine, and the log-in of a person at it.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";

/** What tokens for Frontrow are for, as an API is named at the provider. */
export const AUDIENCE = "https://tickets.example";
/** Another API of the same provider, whose tokens are nobody's business here. */
export const OTHER_AUDIENCE = "https://newsletter.example";
/** An API whose tokens are over a second after they were made. */
export const HASTY_AUDIENCE = "https://hasty.example";

const CLIENT = "web-shop";
/** Nobody listens there: the code is read from the redirect. */
const CALLBACK = "https://shop.example/callback";
const COOKIES = [randomBytes(16).toString("hex")];

/** The people of this provider, with the claim that says what they are at the promoter. */
const PEOPLE = {
  "fan-1": { name: "Kim Minji" },
  "op-1": { name: "Park Jun", roles: ["box-office", "newsletter"] },
  "boss-1": { name: "Choi Sora", roles: ["ticket-admin"] },
  "door-1": { name: "Lee Dong", roles: ["door"] },
};

/** A key to sign with, as the provider keeps it. */
export async function signingKey(kid, alg = "RS256") {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg, use: "sig" };
}

const RESOURCES = {
  [AUDIENCE]: { scope: "tickets", accessTokenTTL: 300 },
  [OTHER_AUDIENCE]: { scope: "tickets", accessTokenTTL: 300 },
  [HASTY_AUDIENCE]: { scope: "tickets", accessTokenTTL: 1 },
};

function configuration(keys) {
  return {
    clients: [{
      client_id: CLIENT, redirect_uris: [CALLBACK], token_endpoint_auth_method: "none",
      grant_types: ["authorization_code"], response_types: ["code"], id_token_signed_response_alg: keys[0].alg,
    }],
    jwks: { keys },
    cookies: { keys: COOKIES },
    ttl: { Interaction: 600, Session: 600, Grant: 600, IdToken: 300, AccessToken: (_, token) => token.resourceServer?.accessTokenTTL ?? 300 },
    pkce: { required: () => true },
    claims: { openid: ["sub"], profile: ["name"] },
    // The grant of an access token holds its account: the role and the name go into the token itself.
    extraTokenClaims: (_, token) => PEOPLE[token.accountId],
    findAccount: (_, id) => (PEOPLE[id] ? { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) } : undefined),
    features: {
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        // Only with this are access tokens JWTs, which others can check; without it they are opaque.
        getResourceServerInfo: (_, resource) => ({
          ...RESOURCES[resource], audience: resource, accessTokenFormat: "jwt", jwt: { sign: { alg: keys[0].alg } },
        }),
      },
    },
  };
}

/** Starts a provider that signs with the first of these keys and publishes all of them. */
export async function startProvider(keys, port = 0) {
  const server = createServer();
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  // Whoever asks the provider that comes after it on this port is not to reuse a connection to this one.
  server.on("request", (_, answer) => answer.setHeader("connection", "close"));
  const quiet = console.warn;
  console.warn = () => {};
  try {
    server.on("request", new Provider(issuer, configuration(keys)).callback());
  } finally {
    console.warn = quiet;
  }
  const stop = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return { issuer, port: server.address().port, jwks: `${issuer}/jwks`, stop };
}

/** Logs somebody in as a browser would (authorization code with PKCE), and has the answer of the token endpoint. */
export async function logIn({ issuer }, account, resource) {
  const cookies = new Map();
  const ask = async (url, options = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(new URL(url, issuer), { redirect: "manual", ...options, headers: { ...options.headers, cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [name, value] = line.split(";")[0].split("=", 2);
      if (value) cookies.set(name, value);
      else cookies.delete(name);
    }
    return answer;
  };
  const form = (fields) => ({ method: "POST", body: new URLSearchParams(fields) });
  const verifier = randomBytes(32).toString("base64url");
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const wanted = {
    client_id: CLIENT, redirect_uri: CALLBACK, response_type: "code", scope: "openid profile tickets", state: "s",
    code_challenge: challenge, code_challenge_method: "S256", ...(resource ? { resource } : {}),
  };
  let at = `/auth?${new URLSearchParams(wanted)}`;
  // To the page of the log-in, to the one that asks for consent, and back: nobody is sent round for ever.
  for (let step = 0; step < 12 && !at.startsWith(CALLBACK); step += 1) {
    let answer = await ask(at);
    if (answer.status === 200) {
      const prompt = /name="prompt" value="(\w+)"/.exec(await answer.text())?.[1];
      assert.ok(prompt, "a page that is neither a log-in nor a question");
      answer = await ask(at, form(prompt === "login" ? { prompt, login: account, password: "any" } : { prompt }));
    }
    at = answer.headers.get("location");
    assert.ok(at, `${answer.status}: ${at ?? (await answer.text())}`);
  }
  const code = new URL(at).searchParams.get("code");
  assert.ok(code, at);
  const token = { grant_type: "authorization_code", client_id: CLIENT, redirect_uri: CALLBACK, code, code_verifier: verifier };
  const answer = await ask("/token", form(resource ? { ...token, resource } : token));
  const said = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(said));
  return said;
}
