// The OpenFeature server SDK with its provider for the Remote Evaluation Protocol.
import { pathToFileURL } from "node:url";
import { OpenFeature } from "@openfeature/server-sdk";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { act, until } from "./changing.mjs";
import { answer } from "./told.mjs";

const DEFAULT = { mine: true };

async function client({ url, key }, around = (provider) => provider) {
  const headers = [["authorization", `Bearer ${key}`]];
  await OpenFeature.setProviderAndWait(around(new OFREPProvider({ baseUrl: url, headers, timeoutMs: 5000 })));
  return OpenFeature.getClient();
}

async function evaluate(told) {
  const features = await client(told);
  const details = [];
  for (const context of told.contexts) {
    details.push(await features.getObjectDetails(told.experiment, DEFAULT, context));
  }
  return details;
}

async function expose(told) {
  const { exposures } = await import(pathToFileURL(told.hook).href);
  const features = await client(told);
  features.addHooks(exposures(told.url, told.key));
  for (const targetingKey of [...told.visitors, ...told.visitors]) {
    await features.getObjectValue(told.experiment, DEFAULT, { targetingKey });
  }
  return told.visitors.length;
}

async function order(told) {
  const { exposures, tracking } = await import(pathToFileURL(told.hook).href);
  const features = await client(told, (provider) => tracking(provider, told.url, told.key));
  features.addHooks(exposures(told.url, told.key));
  const context = { targetingKey: told.visitors[0] };
  await features.getObjectValue(told.experiment, DEFAULT, context);
  features.track("Order Completed", context, { order_id: told.order, value: 2990.5, currency: "RUB" });
  return told.order;
}

async function change(told) {
  const features = await client(told);
  const look = () => features.getObjectDetails(told.experiment, DEFAULT, { targetingKey: "v-1" });
  const seen = [await look()];
  for (const [action, body, reason] of told.actions) {
    await act(told, action, body);
    seen.push(await until(look, (found) => found.reason === reason));
  }
  return seen;
}

await answer({ evaluate, expose, order, change });
