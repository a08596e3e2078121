// The one way in which scenarios ask the server. An operation is named as in the OpenAPI document, "METHOD /path/{member}",
// so that a test can see whether there still is such a thing, and so that figures are by route and not by address.

import { check } from 'k6';
import http from 'k6/http';
import { SERVERS } from './settings.js';

// What may well come instead of what was asked for, by what was asked: no failure, and looked at by its code.
const NOTHING = {};
// Callbacks of k6 that take these statuses for a success, made once for each set.
const callbacks = {};
let keys = 0;

function accepting(statuses) {
  const name = statuses.join();
  callbacks[name] = callbacks[name] || http.expectedStatuses(...statuses);
  return callbacks[name];
}

function address(path, wanted) {
  const server = wanted.server === undefined ? __VU % SERVERS.length : wanted.server;
  let url = SERVERS[server] + path.replace(/\{(\w+)\}/g, (_, name) => {
    if (wanted.path === undefined || wanted.path[name] === undefined) {
      throw new Error(`${path} needs ${name}`);
    }
    return wanted.path[name];
  });
  if (wanted.query) {
    url += `?${Object.entries(wanted.query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`;
  }
  return url;
}

// Sends a request and checks that the answer is one that was meant.
//
// step       what the figures and the pass marks call it
// expect     statuses of success
// refusals   status: [codes], which are answers as good as any here (a seat that somebody else was quicker to take)
// bearer     the access token; pass: the queue token; tag: the ETag that is known already
// path, query, body   what goes where; a POST gets an idempotency key of its own, or `key`
// server     which of several, by number; otherwise each virtual user keeps to its own
export function ask(operation, step, wanted) {
  const [method, path] = operation.split(' ');
  const refusals = wanted.refusals || NOTHING;
  const headers = {};
  if (wanted.bearer) headers.Authorization = `Bearer ${wanted.bearer}`;
  if (wanted.pass) headers['Queue-Token'] = wanted.pass;
  if (wanted.tag) headers['If-None-Match'] = wanted.tag;
  let body = null;
  if (wanted.body) {
    body = JSON.stringify(wanted.body);
    headers['Content-Type'] = 'application/json';
  }
  if (method === 'POST') {
    keys += 1;
    headers['Idempotency-Key'] = wanted.key || `${__VU}-${keys}-${Date.now()}`;
  }
  const response = http.request(method, address(path, wanted), body, {
    headers,
    redirects: 0,
    tags: { name: operation, step },
    responseCallback: accepting([...wanted.expect, ...Object.keys(refusals).map(Number)]),
  });
  const done = wanted.expect.includes(response.status);
  const answer = {
    status: response.status,
    done,
    code: done ? null : codeOf(response),
    tag: response.headers.Etag,
    body: done && response.body && response.status !== 304 ? response.json() : null,
  };
  const meant = done || (refusals[response.status] || []).includes(answer.code);
  check(answer, { [`${step}: as meant`]: () => meant }, { step });
  if (!meant && __ENV.SHOW_FAILURES) {
    console.warn(`${operation}: ${response.status} ${response.error} ${String(response.body).slice(0, 300)}`);
  }
  return answer;
}

// The code of a problem, or null when the answer is none (a connection that broke, a proxy's own page).
function codeOf(response) {
  try {
    return response.json('code') || null;
  } catch (_) {
    return null;
  }
}
