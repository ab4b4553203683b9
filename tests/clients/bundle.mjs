// The pages' scripts as a browser can load them, each in one file.
import { build } from "esbuild";
import { answer } from "./told.mjs";

async function bundle({ pages, site, aliases }) {
  const { errors, warnings } = await build({
    entryPoints: pages,
    outdir: site,
    alias: aliases,
    bundle: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    logLevel: "silent",
  });
  return { errors, warnings };
}

await answer({ bundle });
