// Looks at every scenario without k6: whether it can be loaded, whether what it promises can be measured at all, and whether
// its short version is one. A pass mark about a step that nobody takes would always pass.
//
//   node --test load/check.test.mjs
//
// That the routes exist is asked by the tests of the API: crates/http/tests/it/load.rs.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { register } from "node:module";
import { test } from "node:test";

const SHORT_SECONDS = 60;
const BUILT_IN = ["checks", "dropped_iterations", "http_req_duration", "http_req_failed", "http_reqs", "iterations"];

// Modules of k6 are answered with just what is needed to load a script. The length that a script was asked for goes on to
// what it imports, so that each length has modules of its own.
const hooks = `
  const K6 = {
    "k6": "export const check = () => true; export const sleep = () => {};",
    "k6/crypto": "export default { hmac: () => '' };",
    "k6/encoding": "export default { b64encode: () => '' };",
    "k6/execution": "export default { vu: {}, scenario: {} };",
    "k6/http": "export default { request: () => { throw new Error('no request is sent while a script is loaded'); } };",
    "k6/metrics": "export class Counter { constructor(name) { globalThis.madeMetrics.push(name); } }",
  };
  export async function resolve(specifier, context, next) {
    if (specifier in K6) return { url: "k6:" + specifier, shortCircuit: true };
    const found = await next(specifier, context);
    const length = new URL(context.parentURL ?? "file:///").search;
    return length && found.url.startsWith("file:") && !found.url.includes("?") ? { ...found, url: found.url + length } : found;
  }
  export async function load(url, context, next) {
    if (url.startsWith("k6:")) return { format: "module", source: K6[url.slice(3)], shortCircuit: true };
    // In k6 a .js file is a module; Node asks for a package.json to believe that.
    return next(url, url.includes("/load/") && url.includes(".js?") ? { ...context, format: "module" } : context);
  }
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const folder = new URL("./", import.meta.url);
const scenarios = (await readdir(folder)).filter((name) => name.endsWith(".js"));
const sources = await Promise.all(
  [...scenarios, ...(await readdir(new URL("lib/", folder))).map((name) => `lib/${name}`)].map((name) => readFile(new URL(name, folder), "utf8")),
);
// A step is named after the operation: ask('GET /...', 'step', ...
const steps = new Set(sources.flatMap((text) => [...text.matchAll(/ask\(\s*'[A-Z]+ [^']+',\s*'(\w+)'/g)].map(([, step]) => step)));

async function loaded(name, length) {
  globalThis.__ENV = { LENGTH: length };
  globalThis.madeMetrics = [];
  const script = await import(new URL(`${name}?length=${length}`, folder));
  return { script, made: globalThis.madeMetrics };
}

function seconds(text) {
  return [...text.matchAll(/(\d+)([ms])/g)].reduce((sum, [, number, unit]) => sum + Number(number) * (unit === "m" ? 60 : 1), 0);
}

function length(scenario) {
  const parts = scenario.stages?.map(({ duration }) => duration) ?? [scenario.duration ?? scenario.maxDuration];
  return [scenario.startTime ?? "0s", ...parts].map(seconds).reduce((sum, part) => sum + part, 0);
}

test("there are scenarios, and they take steps", () => {
  assert.ok(scenarios.length >= 8, scenarios.join());
  for (const step of ["join", "status", "hold", "pay", "seats"]) assert.ok(steps.has(step), step);
});

for (const name of scenarios) {
  for (const asked of ["short", "long"]) {
    test(`${name} can be loaded, and what it promises can be measured (${asked})`, async () => {
      const { script, made } = await loaded(name, asked);
      const { scenarios: parts, thresholds } = script.options;
      assert.equal(typeof script.setup, "function");
      for (const [part, { exec }] of Object.entries(parts)) assert.equal(typeof script[exec], "function", part);

      assert.ok(Object.keys(thresholds).length > 0, "there are pass marks");
      for (const [metric, marks] of Object.entries(thresholds)) {
        const [, base, tag, value] = /^(\w+)(?:\{(\w+):(\w+)\})?$/.exec(metric) ?? assert.fail(metric);
        assert.ok(BUILT_IN.includes(base) || made.includes(base), `${metric}: there is no such metric`);
        if (tag === "step") assert.ok(steps.has(value), `${metric}: nobody takes this step`);
        else if (tag) assert.ok(tag === "scenario" && value in parts, `${metric}: there is no such part`);
        for (const mark of marks) assert.match(mark, /^(p\(\d+\)|rate|count)(<|<=|==|>=|>)[\d.]+$/);
      }
      if (asked === "short") {
        const longest = Math.max(...Object.values(parts).map(length));
        assert.ok(longest > 0 && longest <= SHORT_SECONDS, `${longest} s`);
      }
    });
  }
}

test("no scenario asks past what the tests of the API look at", () => {
  const direct = sources.filter((text) => text.includes("k6/http'"));
  assert.equal(direct.length, 1, "only lib/api.js sends requests");
});
