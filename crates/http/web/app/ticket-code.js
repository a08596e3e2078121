// What a ticket's code says by itself: a scanner without a network can tell that it is ours, and for which seat. Whether
// it was used only the server knows.

const KEYS = "frontrow.gate.keys";
/** Bytes before the signature: version, key, ticket, schedule, seat. */
const SIGNED = 26;
const LENGTH = SIGNED + 64;

/** Fetches the public keys while there is a network, for when there is none. */
export async function fetchKeys() {
  const response = await fetch("/.well-known/jwks.json");
  if (!response.ok) return;
  const { keys } = await response.json();
  const fit = keys.filter((/** @type {any} */ key) => key.kty === "OKP" && key.crv === "Ed25519");
  localStorage.setItem(KEYS, JSON.stringify(fit.map((/** @type {any} */ { kty, crv, x }) => ({ kty, crv, x }))));
}

/**
 * Looks at a code without asking anybody: `no` is certain, `ours` is signed by us, `unknown` is for who has no keys, or
 * an old one.
 * @param {string} code
 * @returns {Promise<{verdict: "no" | "ours" | "unknown", scheduleId?: number, seat?: number}>}
 */
export async function inspect(code) {
  const bytes = decode(code);
  if (!bytes || bytes.length !== LENGTH || bytes[0] !== 1) return { verdict: "no" };
  // Codes are checked by WebCrypto alone, which browsers keep to secure contexts.
  if (!crypto.subtle) return { verdict: "unknown" };
  const numbers = new DataView(bytes.buffer);
  const seen = { scheduleId: numbers.getUint32(18), seat: numbers.getUint32(22) };
  try {
    for (const key of JSON.parse(localStorage.getItem(KEYS) ?? "[]")) {
      if ((await keyByte(key)) !== bytes[1]) continue;
      const isOurs = await verify(key, bytes);
      return isOurs ? { verdict: "ours", ...seen } : { verdict: "no" };
    }
  } catch {
    // A browser without Ed25519 says nothing, and so do we.
  }
  return { verdict: "unknown", ...seen };
}

/** @param {string} code @returns {Uint8Array<ArrayBuffer> | null} */
function decode(code) {
  if (!/^[\w-]+$/.test(code)) return null;
  try {
    return Uint8Array.from(atob(code.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

/** The first byte of a key's thumbprint (RFC 7638). @param {any} key */
async function keyByte({ crv, kty, x }) {
  const text = new TextEncoder().encode(JSON.stringify({ crv, kty, x }));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", text))[0];
}

/** @param {any} key @param {Uint8Array<ArrayBuffer>} bytes */
async function verify(key, bytes) {
  const made = await crypto.subtle.importKey("jwk", key, { name: "Ed25519" }, false, ["verify"]);
  const title = new TextEncoder().encode("frontrow ticket v1\n");
  const signed = new Uint8Array(title.length + SIGNED);
  signed.set(title);
  signed.set(bytes.subarray(0, SIGNED), title.length);
  return crypto.subtle.verify("Ed25519", made, bytes.subarray(SIGNED), signed);
}
