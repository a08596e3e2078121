// What a scenario is told from outside, by `-e NAME=value` of k6 or by load/run.

// Where servers of one sale listen, separated by commas; each virtual user keeps to one of them.
export const SERVERS = (__ENV.BASE_URL || 'http://127.0.0.1:8080').split(',').map((url) => url.replace(/\/$/, ''));

// The issuer whose tokens the server takes, and the secret that it shares with it: the settings `issuer.*`.
export const ISSUER = __ENV.ISSUER || 'https://issuer.load';
export const AUDIENCE = __ENV.AUDIENCE || 'frontrow-load';
export const SECRET = __ENV.ISSUER_SECRET || 'a shared secret for load scenarios, of no use anywhere else';

const LONG = __ENV.LENGTH === 'long';

// What differs between a minute and the real length.
export function byLength(short, long) {
  return LONG ? long : short;
}
