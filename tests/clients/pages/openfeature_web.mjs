// The OpenFeature web SDK with its provider for the Remote Evaluation Protocol, on a shop's page.
import { OpenFeature } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { exposures, tracking } from "openfeature-hook";
import { until } from "../changing.mjs";

const DEFAULT = { mine: true };
const features = OpenFeature.getClient();

function providerOf({ url, key, options }) {
  const headers = [["authorization", `Bearer ${key}`]];
  return new OFREPWebProvider({ baseUrl: url, headers, cacheMode: "network-first", ...options });
}

/** Why the provider did not start, or null. */
async function start(told, context) {
  try {
    await OpenFeature.setProviderAndWait(providerOf(told), context);
    return null;
  } catch (error) {
    return error.message;
  }
}

const look = ({ experiment }) => features.getObjectDetails(experiment, DEFAULT);

async function evaluate(told) {
  const [first, ...others] = told.contexts;
  const failure = await start(told, first);
  const details = [look(told)];
  for (const context of others) {
    await OpenFeature.setContext(context);
    details.push(look(told));
  }
  return { failure, status: features.providerStatus, details };
}

async function expose(told) {
  await start(told, { targetingKey: told.visitors[0] });
  features.addHooks(exposures(told.url, told.key));
  for (const targetingKey of [...told.visitors, ...told.visitors]) {
    await OpenFeature.setContext({ targetingKey });
    look(told);
  }
}

/** What the shop counts by itself: a custom event through OpenFeature's own `track`. */
async function track(told) {
  const provider = tracking(providerOf(told), told.url, told.key);
  await OpenFeature.setProviderAndWait(provider, { targetingKey: told.visitors[0] });
  features.track("Wheel spun", { value: 7 });
}

/** Begin with one visitor; `noticed` then waits for what a change brings. */
async function begin(told) {
  await start(told, { targetingKey: "v-1" });
  return look(told);
}

const noticed = (told) => until(() => look(told), (found) => found.reason === told.reason);

window.tasks = { evaluate, expose, track, begin, noticed };
