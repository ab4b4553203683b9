// @segment/analytics-next on a shop's page, its settings given here: it asks no other host.
import { AnalyticsBrowser } from "@segment/analytics-next";

async function started({ url, key }) {
  const { host, protocol } = new URL(url);
  const destination = { apiKey: key, apiHost: `${host}/v1`, protocol: protocol.slice(0, -1), retryQueue: false };
  const cdnSettings = { integrations: { "Segment.io": destination } };
  const errors = [];
  const [sdk] = await AnalyticsBrowser.load({ writeKey: key, cdnSettings }, { retryQueue: false });
  sdk.on("error", (error) => errors.push(String(error.reason?.message ?? error.reason ?? error.code)));
  return { sdk, errors };
}

/** Who the page's visitor is for Segment; the shop asks for this visitor's offers. */
async function visitor(told) {
  const { sdk } = await started(told);
  return sdk.user().anonymousId();
}

async function say(told) {
  const { sdk, errors } = await started(told);
  sdk.setAnonymousId(told.visitor);
  const properties = { experiment_id: told.experiment, variation_id: told.variant };
  await sdk.track("Experiment Viewed", properties);
  await sdk.track("Experiment Viewed", properties);
  await sdk.track("Wheel spun", { value: 7 });
  await sdk.track("Order Completed", told.order);
  await sdk.page("Cart");
  return errors;
}

window.tasks = { visitor, say };
