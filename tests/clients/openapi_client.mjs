// A client generated from the service's own document: types by openapi-typescript, checked by tsc, then run.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import openapiTS, { astToString } from "openapi-typescript";
import { answer } from "./told.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const PROGRAM = join(HERE, "openapi_smoke.ts");
const modules = createRequire(import.meta.url);

/** Types of every operation of the running service; what the compiler says of the program that uses them.
 *
 * What has a default may be left out (`defaultNonNullable: false`): the generator takes it for required otherwise.
 */
async function generate({ url, directory }) {
  const document = await (await fetch(`${url}/openapi.json`)).json();
  const schema = join(directory, "schema.d.ts");
  writeFileSync(schema, astToString(await openapiTS(document, { defaultNonNullable: false })));
  const fetchTypes = join(HERE, "node_modules", "openapi-fetch", "dist", "index.d.mts");
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: "es2022",
    module: "esnext",
    moduleResolution: "bundler",
    lib: ["es2022", "dom"],
    types: [],
    skipLibCheck: true,
    paths: { schema: [schema], "openapi-fetch": [fetchTypes] },
  };
  const project = join(directory, "tsconfig.json");
  writeFileSync(project, JSON.stringify({ compilerOptions, files: [PROGRAM] }));
  const compiler = modules.resolve("typescript/bin/tsc");
  const said = spawnSync(process.execPath, [compiler, "--project", project], { encoding: "utf8" });
  return { operations: Object.keys(document.paths).length, said: said.stdout + said.stderr };
}

async function smoke(told) {
  const outfile = join(told.directory, "smoke.mjs");
  const options = { bundle: true, format: "esm", platform: "node", logLevel: "silent" };
  await build({ entryPoints: [PROGRAM], outfile, ...options });
  const { default: program } = await import(pathToFileURL(outfile).href);
  return program(told);
}

await answer({ generate, smoke });
