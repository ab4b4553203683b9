// Tells Offerlab what OpenFeature has shown and what was bought: OpenFeature itself tells nobody.
//
//   OpenFeature.addHooks(exposures("https://offers.example", "olk_pub_…"));
//   OpenFeature.setProvider(tracking(provider, "https://offers.example", "olk_pub_…"));
//   client.track("Order Completed", { value: 1990, currency: "RUB", order_id: "1" });

const say = (url, writeKey, context, event, properties, messageId) => {
  const { targetingKey: anonymousId, customer_id: userId, customer_signature } = context;
  const who = { anonymousId, userId, context: { customer_signature }, timestamp: new Date(), messageId };
  const body = JSON.stringify({ writeKey, type: "track", event, properties, sentAt: new Date(), ...who });
  if (!globalThis.navigator?.sendBeacon?.(`${url}/v1/track`, body))
    fetch(`${url}/v1/track`, { method: "POST", body, keepalive: true, mode: "no-cors" }).catch(() => {});
};

/** A hook: each evaluation that gave a variant is an exposure; the service counts it once a visitor. */
export const exposures = (url, key) => ({
  after({ flagKey, context }, { variant, reason, flagMetadata }) {
    if (variant && (flagMetadata?.assignmentReason ?? reason) === "SPLIT")
      say(url, key, context, "Experiment Viewed", { experiment_id: flagKey, variation_id: variant });
  },
});

/** The provider, whose `track` reports conversions. A publishable key brings custom events only. */
export const tracking = (provider, url, key) =>
  Object.assign(provider, {
    track: (name, context, details) =>
      say(url, key, context, name, details ?? {}, globalThis.crypto?.randomUUID?.()), // none in Node 18
  });
