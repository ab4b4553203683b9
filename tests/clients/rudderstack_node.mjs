// @rudderstack/rudder-sdk-node: what a shop's server says.
import { createRequire } from "node:module";
import { answer } from "./told.mjs";

const RudderAnalytics = createRequire(import.meta.url)("@rudderstack/rudder-sdk-node");

function started({ url, key, gzip }, errors) {
  const errorHandler = (error) => errors.push(String(error?.message ?? error));
  return new RudderAnalytics(key, { dataPlaneUrl: url, gzip, retryCount: 0, logLevel: "error", errorHandler });
}

async function sent(sdk, errors) {
  try {
    await sdk.flush();
  } catch (error) {
    errors.push(String(error?.message ?? error));
  }
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
  await sent(sdk, errors);
  sdk.track({ anonymousId, userId, event: "Order Completed", properties: order }); // in another message
  await sent(sdk, errors);
  return errors;
}

await answer({ say });
