// What fans do, one request each. A step keeps its name in all scenarios: join, status, list, concert, schedules, seats,
// states, rankings, charge, hold, pay, cancel, tickets.

import { sleep } from 'k6';
import { ask } from './api.js';
import { PRICE } from './sale.js';
import { token } from './tokens.js';

// Somebody quicker has the seat, or nothing is left of what was asked for.
const TAKEN = { 409: ['seat_unavailable', 'sold_out', 'no_adjacent_seats'] };

// Any of a list.
export function any(list) {
  return list[Math.floor(Math.random() * list.length)];
}

// Somewhere between, in seconds: people do not move in step.
export function think(low, high) {
  sleep(low + Math.random() * (high - low));
}

export class Fan {
  constructor(name) {
    this.bearer = token(name, 'fan');
    this.pass = null;
    this.state = null;
    this.tag = null;
    this.reservationId = null;
    this.heldAt = null;
  }

  // A place in line, at once; asked for again it is the same one.
  join(concertId) {
    const answer = ask('POST /api/v1/queues', 'join', { bearer: this.bearer, body: { concertId }, expect: [201, 200] });
    if (answer.done) {
      this.pass = answer.body.token;
      this.state = answer.body.state;
    }
    return answer.done;
  }

  // How far the line has come, as a page asks: with the tag of what it shows.
  status() {
    const answer = ask('GET /api/v1/queues/status', 'status', { pass: this.pass, tag: this.tag, expect: [200, 304] });
    if (answer.body) {
      this.state = answer.body.state;
      this.tag = answer.tag;
    }
    return answer.done;
  }

  // Waits to be let in; false when that takes more questions than this.
  waitForTurn(questions) {
    for (let asked = 0; this.state !== 'active' && asked < questions; asked += 1) {
      think(0.1, 0.3);
      this.status();
    }
    return this.state === 'active';
  }

  charge(amount) {
    const body = { amount, method: 'card' };
    return ask('POST /api/v1/users/{userId}/charge', 'charge', {
      bearer: this.bearer, path: { userId: 'me' }, body, expect: [200],
    }).done;
  }

  // Holds these seats, or as many of the best. Answers what became of it: "held", "taken", or "failed".
  hold(scheduleId, choice) {
    const answer = ask('POST /api/v1/reservations', 'hold', {
      bearer: this.bearer, pass: this.pass, body: { scheduleId, ...choice }, expect: [201], refusals: TAKEN,
    });
    if (answer.done) {
      this.reservationId = answer.body.reservationId;
      this.heldAt = Date.now();
      return 'held';
    }
    return answer.code && TAKEN[409].includes(answer.code) ? 'taken' : 'failed';
  }

  // For how many seconds the seat has been held.
  heldFor() {
    return (Date.now() - this.heldAt) / 1000;
  }

  // Goes for the front, like everybody, and takes what is best when others were quicker too often.
  holdSomething(scheduleId, seats, tries) {
    for (let tried = 0; tried < tries; tried += 1) {
      const no = 1 + Math.floor(seats * Math.random() * Math.random());
      const outcome = this.hold(scheduleId, { seats: [no] });
      if (outcome !== 'taken') return outcome;
    }
    return this.hold(scheduleId, { bestAvailable: { quantity: 1, adjacent: false } });
  }

  pay() {
    const body = { reservationId: this.reservationId };
    const answer = ask('POST /api/v1/payments', 'pay', { bearer: this.bearer, body, expect: [201] });
    return answer.done && answer.body.status === 'completed' && answer.body.amount === PRICE;
  }

  // Gives a hold back, or a paid seat for its money.
  cancel() {
    return ask('DELETE /api/v1/reservations/{reservationId}', 'cancel', {
      bearer: this.bearer, path: { reservationId: this.reservationId }, expect: [200],
    }).done;
  }

  // The tickets of what was paid.
  tickets() {
    const answer = ask('GET /api/v1/reservations/{reservationId}', 'tickets', {
      bearer: this.bearer, path: { reservationId: this.reservationId }, expect: [200],
    });
    return answer.done && answer.body.status === 'confirmed' && answer.body.tickets.length === 1;
  }
}
