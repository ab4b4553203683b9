// The GrowthBook SDK on a shop's page.
import { GrowthBook } from "@growthbook/growthbook";
import { growthbookTrackingPlugin } from "@growthbook/growthbook/plugins";
import { until } from "../changing.mjs";

const DEFAULT = { mine: true };
let page;

const shown = ({ value, source, experimentResult }) => ({ value, source, variant: experimentResult?.key });

async function started({ url, key }, options, init = {}) {
  const sdk = new GrowthBook({ apiHost: url, clientKey: key, ...options });
  const { success, error } = await sdk.init({ timeout: 5000, ...init });
  return { sdk, success, error: error?.message ?? null };
}

async function evaluate(told) {
  const { sdk, success, error } = await started(told, { attributes: told.attributes[0] });
  const found = [];
  for (const attributes of told.attributes) {
    await sdk.setAttributes(attributes);
    found.push(shown(sdk.evalFeature(told.experiment)));
  }
  return { success, error, found, mine: sdk.getFeatureValue(told.experiment, DEFAULT) };
}

/** Exposures by the tracking plugin; told to wait, they leave with the page. */
async function expose(told) {
  const plugin = growthbookTrackingPlugin({ ingestorHost: told.url, queueFlushInterval: told.wait ?? 20 });
  const { sdk } = await started(told, { plugins: [plugin] });
  for (const id of [...told.visitors, ...told.visitors]) {
    await sdk.setAttributes({ id });
    sdk.evalFeature(told.experiment);
  }
}

async function remote(told) {
  const viewed = [];
  const trackingCallback = (experiment, result) => viewed.push([experiment.key, result.key]);
  const options = { remoteEval: true, attributes: told.attributes[0], trackingCallback };
  const { sdk } = await started(told, options);
  return { value: sdk.evalFeature(told.experiment).value, viewed };
}

const look = (told) => shown(page.evalFeature(told.experiment));

/** Begin with one visitor; `noticed` then waits for what a change brings. */
async function begin(told) {
  page = (await started(told, { attributes: { id: "v-1" } }, { streaming: true })).sdk;
  return look(told);
}

const noticed = (told) => until(() => look(told), (found) => found.source === told.source);

window.tasks = { evaluate, expose, remote, begin, noticed };
