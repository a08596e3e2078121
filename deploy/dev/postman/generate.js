// Makes the Postman collection (v2.1) of an OpenAPI document: node generate.js <openapi.json> <collection.json>
//
// openapi-to-postmanv2 does the work. What it draws anew every time (ids, values, answers) is left out or replaced, and
// what a person would have to fill in by hand is filled in with variables, so that the same document gives the same
// file and a new route is a small difference.
'use strict';

const fs = require('fs');
const { convertV2 } = require('openapi-to-postmanv2');

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const OPTIONS = {
  folderStrategy: 'Tags',
  parametersResolution: 'Example',
  requestNameSource: 'Fallback',
  schemaFaker: true,
  includeDeprecated: true,
};
// What a success is remembered as, for the requests after it.
const REMEMBERED = {
  logIn: ['accessToken', 'refreshToken'],
  refreshTokens: ['accessToken', 'refreshToken'],
  joinQueue: [['token', 'queueToken']],
  createConcert: ['concertId'],
  createSchedule: ['scheduleId'],
  holdSeats: ['reservationId'],
  payReservation: ['paymentId'],
};
// Members of bodies whose values have to fit each other, or that say more than a made-up one.
const SAMPLES = {
  email: 'fan1@demo.frontrow',
  password: 'frontrow-demo',
  name: 'Fan',
  title: 'Night',
  artist: 'Band',
  description: 'A concert.',
  amount: 50000,
  seats: [1],
  venue: 'Hall',
  timeZone: 'Asia/Seoul',
  durationMinutes: 120,
  startsAt: '2030-01-01T19:00:00+09:00',
  bookingStart: '2025-01-01T00:00:00Z',
  bookingEnd: '2029-12-31T00:00:00Z',
  seatPlan: { plain: { seats: 50, price: 50000 } },
  waitingRoom: { enabled: true, maxActive: 100, admitPerSecond: 20, sessionSeconds: 600 },
};
// What requests name: numbers first, then texts.
const NUMBERS = ['concertId', 'scheduleId'];
const FIRST = { baseUrl: 'http://127.0.0.1:8080', userId: 'me', concertId: '1', scheduleId: '1' };

/** The operations of a document, by method and path as a collection writes them. */
function operationsOf(document) {
  const found = new Map();
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of METHODS.filter((method) => methods[method])) {
      found.set(`${method.toUpperCase()} ${path}`, methods[method]);
    }
  }
  return found;
}

/** All requests below an item, as they came. */
function requestsOf(item) {
  return item.item ? item.item.flatMap(requestsOf) : [item];
}

const pathOf = (request) =>
  `/${request.url.path.map((part) => (part.startsWith(':') ? `{${part.slice(1)}}` : part)).join('/')}`;
const textOf = (description) => (typeof description === 'object' ? description?.content : description) ?? '';
const variable = (name) => `{{${name}}}`;

/** Which tokens an operation takes. */
function tokensOf(operation) {
  const schemes = new Set((operation.security ?? []).flatMap(Object.keys));
  return { bearer: schemes.has('bearer'), queue: schemes.has('queueToken') };
}

function headersOf(request, operation) {
  const described = new Map(
    (operation.parameters ?? []).filter((one) => one.in === 'header').map((one) => [one.name, one]),
  );
  if (tokensOf(operation).queue) described.set('Queue-Token', { name: 'Queue-Token', required: true });
  const filled = { 'Idempotency-Key': '{{$guid}}', 'Queue-Token': variable('queueToken') };
  const headers = request.header
    .filter((header) => !described.has(header.key))
    .map(({ key, value }) => ({ key, value }));
  for (const [key, parameter] of described) {
    const header = { key, value: filled[key] ?? '' };
    if (parameter.description) header.description = parameter.description;
    if (!parameter.required && !filled[key]) header.disabled = true;
    headers.push(header);
  }
  return headers.sort((one, other) => (one.key < other.key ? -1 : 1));
}

function queryOf(operation, names) {
  return (operation.parameters ?? [])
    .filter((one) => one.in === 'query')
    .map((one) => {
      const query = { key: one.name, value: one.required || names.has(one.name) ? variable(one.name) : '' };
      if (one.description) query.description = one.description;
      if (!one.required) query.disabled = true;
      return query;
    });
}

/** A value that fits a schema, always the same one. */
function sampleOf(schema, document, name, depth = 0) {
  if (name in SAMPLES) return SAMPLES[name];
  if (schema.$ref) return sampleOf(document.components.schemas[schema.$ref.split('/').pop()], document, name, depth);
  if (schema.example !== undefined) return schema.example;
  if (schema.enum) return schema.enum[0];
  const choice = (schema.oneOf ?? schema.anyOf)?.find((one) => one.type !== 'null');
  if (choice) return sampleOf(choice, document, name, depth);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((one) => sampleOf(one, document, name, depth)));
  const type = [schema.type].flat().find((one) => one !== 'null');
  if (type === 'boolean') return false;
  if (type === 'integer' || type === 'number') return Math.max(schema.minimum ?? 1, 1);
  if (type === 'array') return depth > 5 ? [] : [sampleOf(schema.items ?? {}, document, '', depth + 1)];
  if (type !== 'object') return { 'date-time': '2030-01-01T00:00:00Z', uuid: variable(name) }[schema.format] ?? 'string';
  const members = Object.entries(schema.properties ?? {});
  const required = new Set(schema.required ?? []);
  const shown = members.filter(([key]) => required.size === 0 || required.has(key) || key in SAMPLES);
  return Object.fromEntries(shown.map(([key, member]) => [key, sampleOf(member, document, key, depth + 1)]));
}

function bodyOf(operation, document, names) {
  const schema = operation.requestBody?.content?.['application/json']?.schema;
  if (!schema) return undefined;
  let raw = JSON.stringify(sampleOf(schema, document, ''), null, 2);
  for (const name of names) {
    const isNumber = NUMBERS.includes(name);
    const value = isNumber ? '-?\\d+' : '"[^"]*"';
    raw = raw.replace(new RegExp(`("${name}": )${value}`, 'g'), `$1${isNumber ? variable(name) : `"${variable(name)}"`}`);
  }
  return { mode: 'raw', raw, options: { raw: { language: 'json' } } };
}

/** A script that remembers what the answer has, for the requests after it. */
function remember(operation) {
  const members = REMEMBERED[operation.operationId];
  if (!members) return undefined;
  const exec = ['if (pm.response.code < 300) {', '    const answer = pm.response.json();'];
  for (const member of members) {
    const [from, to] = Array.isArray(member) ? member : [member, member];
    exec.push(`    pm.collectionVariables.set("${to}", answer.${from});`);
  }
  exec.push('}');
  return [{ listen: 'test', script: { type: 'text/javascript', exec } }];
}

function requestOf(item, document, operations, names) {
  const { request } = item;
  const path = pathOf(request);
  const operation = operations.get(`${request.method} ${path}`);
  if (!operation) throw new Error(`the converter has made up ${request.method} ${path}`);
  const query = queryOf(operation, names);
  const asked = query.filter((one) => !one.disabled).map((one) => `${one.key}=${one.value}`);
  const raw = `{{baseUrl}}/${request.url.path.join('/')}${asked.length > 0 ? `?${asked.join('&')}` : ''}`;
  const url = { raw, host: ['{{baseUrl}}'], path: request.url.path };
  if (query.length > 0) url.query = query;
  const variables = request.url.path.filter((part) => part.startsWith(':')).map((part) => part.slice(1));
  if (variables.length > 0) url.variable = variables.map((key) => ({ key, value: variable(key) }));
  const made = {
    // Whoever needs no account sends no token; all others take that of the collection.
    auth: tokensOf(operation).bearer ? undefined : { type: 'noauth' },
    method: request.method,
    header: headersOf(request, operation),
    url,
    body: bodyOf(operation, document, names),
    description: [operation.summary, operation.description].filter(Boolean).join('\n\n'),
  };
  return { name: operation.summary ?? operation.operationId, event: remember(operation), request: made, response: [] };
}

function collectionOf(document, converted) {
  const operations = operationsOf(document);
  const parameters = [...operations.values()].flatMap((operation) => operation.parameters ?? []);
  const inPaths = parameters.filter((one) => one.in === 'path').map((one) => one.name);
  const names = new Set([...inPaths, ...NUMBERS, 'refreshToken'].sort());
  const key = ({ request }) => `${request.url.path.join('/')} ${METHODS.indexOf(request.method.toLowerCase())}`;
  const folders = converted.item.map((folder) => ({
    name: folder.name,
    description: textOf(folder.description),
    item: requestsOf(folder)
      .map((item) => requestOf(item, document, operations, names))
      .sort((one, other) => (key(one) < key(other) ? -1 : 1)),
  }));
  const variables = ['baseUrl', 'accessToken', 'queueToken', ...names];
  return {
    info: {
      name: converted.info.name,
      description: `${textOf(converted.info.description)}\n\nMade of the OpenAPI document by \`make postman\`. Log in first: the token is remembered.`,
      schema: converted.info.schema,
    },
    auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{accessToken}}', type: 'string' }] },
    variable: variables.map((name) => ({ key: name, value: FIRST[name] ?? '' })),
    item: folders,
  };
}

const [, , from, to] = process.argv;
const document = JSON.parse(fs.readFileSync(from, 'utf8'));
convertV2({ type: 'json', data: JSON.parse(JSON.stringify(document)) }, OPTIONS, (error, result) => {
  if (error || !result.result) throw error ?? new Error(result.reason);
  const collection = collectionOf(document, result.output[0].data);
  fs.writeFileSync(to, `${JSON.stringify(collection, null, 2)}\n`);
});
