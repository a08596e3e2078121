// What everybody looks at while a sale goes on, in the proportions of a site that shows it. Seats are read by whoever was
// let in: here, of a concert without a line.

import { ask } from './api.js';

// What a virtual user knows of maps already, by schedule: the version to ask for changes since.
const versions = {};

const READS = [
  [25, (sale) => ask('GET /api/v1/concerts', 'list', { query: { limit: 20 }, expect: [200] })],
  [15, (sale) => ask('GET /api/v1/concerts/{concertId}', 'concert', { path: sale, expect: [200] })],
  [15, (sale) => ask('GET /api/v1/concerts/{concertId}/schedules', 'schedules', { path: sale, expect: [200] })],
  [20, (sale) => ask('GET /api/v1/concerts/{concertId}/schedules/{scheduleId}/seats', 'seats', { path: sale, expect: [200] })],
  [15, states],
  [5, (sale) => ask('GET /api/v1/rankings/best-selling', 'rankings', { query: { window: '1h' }, expect: [200] })],
  [5, (sale) => ask('GET /api/v1/rankings/sold-out', 'rankings', { expect: [200] })],
];

// The compact map as an open page follows it: whole at first, then what has changed.
function states(sale) {
  const since = versions[sale.scheduleId];
  const answer = ask('GET /api/v1/concerts/{concertId}/schedules/{scheduleId}/states', 'states', {
    path: sale, query: since === undefined ? undefined : { since }, expect: [200],
  });
  if (answer.body) versions[sale.scheduleId] = answer.body.version;
  return answer;
}

// The steps that come of it, for pass marks.
export const STEPS = ['list', 'concert', 'schedules', 'seats', 'states', 'rankings'];

// One read of a schedule, given as { concertId, scheduleId }.
export function readSomething(sale) {
  let roll = Math.random() * 100;
  for (const [share, read] of READS) {
    roll -= share;
    if (roll < 0) return read(sale);
  }
  return READS[0][1](sale);
}
