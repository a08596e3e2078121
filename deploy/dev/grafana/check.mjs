// Holds the dashboards against the types of Grafana itself (@grafana/schema): there is no Grafana server in the packages
// that tests are made of. A member that Grafana does not know, or a value of the wrong type, is an error of the compiler.
//
//   node check.mjs FOLDER-OF-DASHBOARDS    writes checked.ts beside this file and has it compiled
import { readFileSync, readdirSync, writeFileSync } from "node:fs"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { join } from "node:path"

const here = fileURLToPath(new URL(".", import.meta.url))
const folder = process.argv[2]

// Kinds of panels by their module of the schema. A list of alerts has none there: its options go unchecked.
const KINDS = {
  bargauge: { module: "bargauge/panelcfg/x/BarGaugePanelCfg_types.gen", custom: false },
  stat: { module: "stat/panelcfg/x/StatPanelCfg_types.gen", custom: false },
  timeseries: { module: "timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen", custom: true },
}

const imports = Object.entries(KINDS).map(
  ([kind, { module }]) => `import type * as ${kind} from "./node_modules/@grafana/schema/dist/esm/raw/composable/${module}"`,
)
const types = Object.entries(KINDS).map(
  // `Panel` takes the options of a kind as an argument and does not look at them.
  ([kind, { custom }]) =>
    `interface Of_${kind} extends Omit<Panel, "options" | "fieldConfig"> { options: ${kind}.Options; ` +
    `fieldConfig: { defaults: Omit<FieldConfig, "custom">${custom ? ` & { custom: ${kind}.FieldConfig }` : ""}; overrides: [] } }`,
)
const lines = [
  ...imports,
  'import type { Dashboard, FieldConfig, Panel, RowPanel } from "@grafana/schema"',
  // A literal of JSON is no member of an enumeration by itself; the text that the member stands for is.
  "type Plain<T> = T extends string ? `${T}` : T extends number | boolean | null | undefined ? T : { [K in keyof T]: Plain<T[K]> }",
  ...types,
]
let count = 0
for (const file of readdirSync(folder).filter(name => name.endsWith(".json"))) {
  const { panels, ...page } = JSON.parse(readFileSync(join(folder, file), "utf8"))
  const write = (type, value) => lines.push(`export const c${count++}: Plain<${type}> = ${JSON.stringify(value)} // ${file}`)
  write('Omit<Dashboard, "panels">', page)
  for (const panel of panels) {
    if (panel.type === "row") write("RowPanel", panel)
    else if (panel.type === "alertlist") write("Panel", panel)
    else if (KINDS[panel.type]) write(`Of_${panel.type}`, panel)
    else throw new Error(`${file}: no types are known for a panel of the kind ${panel.type}`)
  }
}
// One member that Grafana does not have: when this is taken, nothing here is worth anything.
lines.push("// @ts-expect-error")
lines.push('export const wrong: Plain<Of_stat>["options"] = { colourMode: "value" }')
writeFileSync(join(here, "checked.ts"), lines.join("\n") + "\n")
const options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler"]
const tsc = join(here, "node_modules/typescript/bin/tsc")
const compiled = spawnSync(process.execPath, [tsc, ...options, join(here, "checked.ts")], { stdio: "inherit", cwd: here })
if (compiled.status === 0) console.log(`${count} parts of dashboards are as Grafana has them`)
process.exit(compiled.status ?? 1)
