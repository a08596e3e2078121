// Access tokens, made here: no scenario pays for thousands of password hashes that no sale would see at once.

import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import { AUDIENCE, ISSUER, SECRET } from './settings.js';

// The first of January 2100: no run outlives its tokens.
const EXPIRES = 4102444800;

const HEAD = encoding.b64encode(JSON.stringify({ alg: 'HS256', typ: 'JWT' }), 'rawurl');

// The token of somebody. The server makes the account when it first sees it.
export function token(name, role) {
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: name, name, role, exp: EXPIRES };
  const signed = `${HEAD}.${encoding.b64encode(JSON.stringify(claims), 'rawurl')}`;
  return `${signed}.${crypto.hmac('sha256', SECRET, signed, 'base64rawurl')}`;
}
