// One seat, and thousands who want it at the same moment: one gets it, everybody else is told that it is taken.

import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import { Fan } from './lib/fan.js';
import { concert, NO_ROOM } from './lib/sale.js';

const FANS = 5000;

const won = new Counter('seats_won');
const lost = new Counter('seats_lost');

export const options = {
  scenarios: {
    rush: { executor: 'per-vu-iterations', exec: 'grab', vus: FANS, iterations: 1, maxDuration: '50s' },
  },
  thresholds: {
    seats_won: ['count==1'],
    seats_lost: [`count==${FANS - 1}`],
    'http_req_failed{step:hold}': ['rate==0'],
    checks: ['rate==1'],
  },
};

export function setup() {
  return { run: Date.now(), ...concert('One seat', NO_ROOM, [1]) };
}

export function grab(sale) {
  const outcome = new Fan(`${sale.run}-${exec.vu.idInTest}`).hold(sale.scheduleIds[0], { seats: [1] });
  if (outcome === 'held') won.add(1);
  if (outcome === 'taken') lost.add(1);
}
