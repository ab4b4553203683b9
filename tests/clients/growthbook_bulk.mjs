// Many visitors, every feature of the payload: one character per visitor, the position of the variant or "-".
import { readFileSync } from "node:fs";
import { GrowthBook } from "@growthbook/growthbook";
import { answer } from "./told.mjs";

async function evaluate({ url, key, visitors, percents }) {
  const payload = await (await fetch(`${url}/api/features/${key}`)).json();
  const lines = Object.fromEntries(Object.keys(percents).map((name) => [name, []]));
  for (const attributes of JSON.parse(readFileSync(visitors, "utf8"))) {
    const sdk = new GrowthBook({ attributes });
    sdk.initSync({ payload });
    for (const [name, positions] of Object.entries(percents)) {
      const { value } = sdk.evalFeature(name);
      lines[name].push(value === null ? "-" : positions[value.percent]);
    }
    sdk.destroy();
  }
  return Object.fromEntries(Object.entries(lines).map(([name, line]) => [name, line.join("")]));
}

await answer({ evaluate });
