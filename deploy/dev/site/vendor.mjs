// Makes crates/http/web/vendor from the packages of package-lock.json: each library as one module that the browser
// loads as it is, with its version and licence written down beside it. Run by `make site-vendor`.
import { build } from "esbuild";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const target = process.argv[2];
if (!target) throw new Error("usage: node vendor.mjs <folder to write to>");
// Packages are where this script was copied to, beside node_modules.
const home = dirname(fileURLToPath(import.meta.url));

// What each file gives, and why we have it. Only what is named is taken in.
const LIBRARIES = [
  {
    file: "preact.js",
    why: "pages that follow what they show; templates without a compiler and without eval",
    packages: ["preact", "htm"],
    source: `
      import { h, render } from "preact";
      import htm from "htm";
      export { h, render };
      export { useState, useEffect, useRef, useMemo, useCallback } from "preact/hooks";
      export const html = htm.bind(h);`,
  },
  {
    file: "d3-zoom.js",
    why: "wheel, pinch and drag on the seat map, the same on all devices",
    packages: ["d3-zoom", "d3-selection", "d3-dispatch", "d3-drag", "d3-interpolate", "d3-color", "d3-transition", "d3-timer", "d3-ease"],
    source: `
      export { zoom, zoomIdentity, zoomTransform } from "d3-zoom";
      export { select } from "d3-selection";`,
  },
  {
    file: "eventsource-parser.js",
    why: "server-sent events read by fetch, which can send tokens in headers",
    packages: ["eventsource-parser"],
    source: `export { createParser } from "eventsource-parser";`,
  },
  { file: "uplot.js", why: "the live charts of a night", packages: ["uplot"], source: `export { default } from "uplot";` },
  {
    file: "qr.js",
    why: "reads tickets from the camera at the door, without WebAssembly",
    packages: ["qr"],
    source: `export { decodeQR as default } from "qr/decode.js";`,
  },
];
const STYLES = [{ file: "uplot.css", from: "uplot/dist/uPlot.min.css" }];

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });

/** What a package says of itself. */
function read(name) {
  const folder = join(home, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} comes without the text of its licence`);
  return { name, version, license, text: readFileSync(join(folder, file), "utf8").trim() };
}

const list = [];
const licences = [];
for (const { file, why, packages, source } of LIBRARIES) {
  const parts = packages.map(read);
  const banner = `/* ${parts.map(({ name, version, license }) => `${name} ${version} (${license})`).join(", ")}; licences in LICENCES.txt */`;
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: home },
    bundle: true,
    minify: true,
    metafile: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    banner: { js: banner },
    write: false,
  });
  // What is taken in has to be what is written down.
  for (const input of Object.keys(metafile.inputs)) {
    const used = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
    if (used && !packages.includes(used)) throw new Error(`${file} takes in ${used}, which is not named`);
  }
  writeFileSync(join(target, file), outputFiles[0].contents);
  for (const part of parts) {
    list.push(`| \`${file}\` | ${part.name} | ${part.version} | ${part.license} | ${why} |`);
    licences.push(`${part.name} ${part.version}\n\n${part.text}\n`);
  }
}
for (const { file, from } of STYLES) {
  writeFileSync(join(target, file), readFileSync(join(home, "node_modules", from)));
}
writeFileSync(join(target, "LICENCES.txt"), licences.join(`\n${"-".repeat(80)}\n\n`));
writeFileSync(
  join(target, "README.md"),
  `# Libraries of the site

Written by \`make site-vendor\`, from the versions in \`deploy/dev/site/package-lock.json\`. Not to be edited.

| file | package | version | licence | what for |
|---|---|---|---|---|
${list.join("\n")}
`,
);
