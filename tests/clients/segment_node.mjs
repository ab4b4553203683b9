// @segment/analytics-node: what a shop's server says.
import { Analytics } from "@segment/analytics-node";
import { answer } from "./told.mjs";

function started({ url, key }, errors) {
  const sdk = new Analytics({ writeKey: key, host: url, maxRetries: 0, httpRequestTimeout: 10_000 });
  sdk.on("error", (error) => errors.push(String(error.reason?.message ?? error.reason ?? error.code)));
  return sdk;
}

async function say(told) {
  const errors = [];
  const { visitor: anonymousId, customer: userId, order } = told;
  const sdk = started(told, errors);
  const properties = { experiment_id: told.experiment, variation_id: told.variant };
  sdk.track({ anonymousId, event: "Experiment Viewed", properties });
  sdk.identify({ anonymousId, userId });
  sdk.track({ anonymousId, userId, event: "Order Completed", properties: order });
  sdk.page({ anonymousId, name: "Cart" });
  await sdk.closeAndFlush({ timeout: 20_000 });
  const again = started(told, errors); // the same order in another message
  again.track({ anonymousId, userId, event: "Order Completed", properties: order });
  await again.closeAndFlush({ timeout: 20_000 });
  return errors;
}

await answer({ say });
