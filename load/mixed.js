// 860 requests a second of everything at once: half of them reads, a quarter questions for a place in line, the rest joins,
// charges, holds, payments, tickets, holds given back or left to lapse, refunds.

import { oneRequest, optionsOf, prepare } from './lib/mixed.js';
import { byLength } from './lib/settings.js';

export const options = optionsOf({ rate: 860, duration: byLength('50s', '10m'), preAllocatedVUs: 200 });

export function setup() {
  return prepare(byLength(1, 4));
}

export { oneRequest as ask };
