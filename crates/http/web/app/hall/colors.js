// The colours of the map, in the light that the page has. Grades keep the hue that the plan gives them.

/**
 * @typedef {object} Colors
 * @property {string[]} grades @property {string[]} onGrades
 * @property {string} floor @property {string} held @property {string} taken @property {string} area
 * @property {string} areaLine @property {string} areaText @property {string} ink @property {string} accent @property {string} halo
 */

/** @param {import("./model.js").Hall} hall @returns {Colors} */
export function colorsOf(hall) {
  const isDark = lightness(parse(resolved("--surface"))) < 0.5;
  const grades = hall.grades.map(({ color }) => shade(color, isDark));
  return {
    grades,
    onGrades: grades.map((color) => (lightness(parse(color)) > 0.55 ? "#14131c" : "#ffffff")),
    floor: resolved("--surface"),
    held: isDark ? "#5b5a70" : "#b9b6c6",
    taken: isDark ? "#343442" : "#dedbe4",
    area: resolved("--sunken"),
    areaLine: resolved("--line"),
    areaText: resolved("--ink-soft"),
    ink: resolved("--ink"),
    accent: resolved("--accent"),
    halo: resolved("--surface"),
  };
}

/** The colour that a token has now, as the browser works it out. @param {string} token */
function resolved(token) {
  const probe = document.createElement("i");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** A grade's colour: by night as light as it has to be to stand out. @param {string} color @param {boolean} isDark */
export function shade(color, isDark) {
  let parts = parse(color);
  for (let step = 0; step < 12 && isDark && lightness(parts) < 0.58; step += 1) {
    parts = parts.map((part) => part + (255 - part) * 0.1);
  }
  for (let step = 0; step < 12 && !isDark && lightness(parts) > 0.72; step += 1) parts = parts.map((part) => part * 0.92);
  return `rgb(${parts.map(Math.round).join(", ")})`;
}

/** @param {string} color #rgb, #rrggbb or rgb(…) @returns {number[]} */
function parse(color) {
  if (color.startsWith("#")) {
    const digits = color.length === 4 ? [...color.slice(1)].map((digit) => digit + digit) : color.slice(1).match(/../g);
    return (digits ?? ["80", "80", "80"]).map((digit) => Number.parseInt(digit, 16));
  }
  return (color.match(/[\d.]+/g) ?? ["128", "128", "128"]).slice(0, 3).map(Number);
}

/** How light it looks, from 0 to 1. @param {number[]} parts */
function lightness([red, green, blue]) {
  return (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
}
