// A calendar file (RFC 5545) of a performance, made in the browser.

/** Octets of the longest line; longer ones are folded. */
const LINE = 75;

/** Hands out the file. @param {any} reservation @param {any} schedule */
export function calendarFile(reservation, schedule) {
  const text = calendar(reservation, schedule?.durationMinutes ?? 120);
  const address = URL.createObjectURL(new Blob([text], { type: "text/calendar;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = "frontrow.ics";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** @param {any} reservation @param {number} minutes */
export function calendar(reservation, minutes) {
  const begin = Date.parse(reservation.startsAt);
  const seats = reservation.seats.map((/** @type {any} */ seat) => seat.label).join(", ");
  const lines = [
    "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Frontrow//Site//EN", "BEGIN:VEVENT",
    `UID:${reservation.reservationId}@frontrow`,
    `DTSTAMP:${stamp(Date.parse(reservation.createdAt))}`,
    `DTSTART:${stamp(begin)}`,
    `DTEND:${stamp(begin + minutes * 60_000)}`,
    `SUMMARY:${escape(reservation.concertTitle)}`,
    `LOCATION:${escape(reservation.venue)}`,
    `DESCRIPTION:${escape(seats)}`,
    `URL:${location.origin}/tickets/${reservation.reservationId}`,
    "END:VEVENT", "END:VCALENDAR",
  ];
  return `${lines.map(fold).join("\r\n")}\r\n`;
}

/** @param {number} time */
function stamp(time) {
  return new Date(time).toISOString().replace(/[-:]|\.\d+/g, "");
}

/** Texts of strangers stay texts: nothing in them ends a line or a value. @param {string} text */
function escape(text) {
  return text.replace(/[\\;,]/g, "\\$&").replace(/\r\n|[\r\n]/g, "\\n").replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "");
}

/** @param {string} line */
function fold(line) {
  const encoder = new TextEncoder();
  const parts = [];
  let part = "";
  let size = 0;
  for (const character of line) {
    const octets = encoder.encode(character).length;
    if (size + octets > LINE) {
      parts.push(part);
      [part, size] = [" ", 1];
    }
    part += character;
    size += octets;
  }
  return [...parts, part].join("\r\n");
}
