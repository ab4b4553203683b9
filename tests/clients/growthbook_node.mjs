// The GrowthBook SDK under Node: one client for many visitors, and one for remote evaluation.
import { GrowthBook, GrowthBookClient, setPolyfills } from "@growthbook/growthbook";
import { growthbookTrackingPlugin } from "@growthbook/growthbook/plugins";
import { EventSource } from "eventsource";
import { act, until } from "./changing.mjs";
import { answer } from "./told.mjs";

const DEFAULT = { mine: true };
setPolyfills({ EventSource });

const shown = ({ value, source, experimentResult }) => ({ value, source, variant: experimentResult?.key });

async function started({ url, key }, init = {}, plugins = []) {
  const sdk = new GrowthBookClient({ apiHost: url, clientKey: key, plugins });
  const { success, error } = await sdk.init({ timeout: 5000, ...init });
  return { sdk, success, error: error?.message ?? null };
}

async function evaluate(told) {
  const { sdk, success, error } = await started(told);
  const found = told.attributes.map((attributes) => shown(sdk.evalFeature(told.experiment, { attributes })));
  const mine = sdk.getFeatureValue(told.experiment, DEFAULT, { attributes: told.attributes[0] });
  sdk.destroy({ destroyAllStreams: true });
  return { success, error, found, mine };
}

async function expose(told) {
  const plugin = growthbookTrackingPlugin({ ingestorHost: told.url, queueFlushInterval: 20 });
  const { sdk } = await started(told, {}, [plugin]);
  for (const id of [...told.visitors, ...told.visitors]) {
    sdk.evalFeature(told.experiment, { attributes: { id } });
  }
  sdk.destroy({ destroyAllStreams: true });
  return told.visitors.length;
}

async function change(told) {
  const { sdk } = await started(told, { streaming: true });
  const look = () => shown(sdk.evalFeature(told.experiment, { attributes: { id: "v-1" } }));
  const seen = [look()];
  for (const [action, body, source] of told.actions) {
    await act(told, action, body);
    seen.push(await until(look, (found) => found.source === source));
  }
  sdk.destroy({ destroyAllStreams: true });
  return seen;
}

async function remote(told) {
  const found = [];
  for (const attributes of told.attributes) {
    const options = { apiHost: told.url, clientKey: told.key, remoteEval: true, attributes };
    const viewed = [];
    const trackingCallback = (experiment, result) => viewed.push([experiment.key, result.key]);
    const sdk = new GrowthBook({ ...options, trackingCallback });
    await sdk.init({ timeout: 5000 });
    found.push({ value: sdk.evalFeature(told.experiment).value, viewed });
    sdk.destroy({ destroyAllStreams: true });
  }
  return found;
}

await answer({ evaluate, expose, change, remote });
