/* Offerlab's storefront snippet: which offers does this visitor get, and which were shown?
 *
 * <script src="/offerlab.js" data-url="https://offers.example" data-key="olk_pub_…" async></script>
 *
 *   const { offer, variant } = await offerlab.offer("promo-code-reuse", { kind: "none" });
 *   offerlab.exposure("promo-code-reuse");   // when the shopper sees it
 *
 * data-budget-ms (500): after that every offer of this page is the fallback. data-experiments="a,b": only
 * these. data-attributes='{"country":"RU"}'. data-visitor: an id of the shop's own. data-customer-id and
 * data-customer-signature: who is logged in.
 */
(() => {
  "use strict";
  const script = document.currentScript;
  const set = script.dataset;
  const url = (set.url || new URL(script.src).origin).replace(/\/+$/, "");
  const NAME = "offerlab_visitor";
  const YEAR_SECONDS = 31536000;

  const attempt = (work) => {
    try {
      return work();
    } catch {
      return null; // storage that is switched off, attributes that are no JSON
    }
  };

  const newId = () =>
    crypto.randomUUID
      ? crypto.randomUUID()
      : [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  const cookie = () => attempt(() => document.cookie.match(/(?:^|; )offerlab_visitor=([\w.-]{1,200})/)?.[1]);

  // The cookie is what the shop's server sees; localStorage brings it back where cookies live for a week only.
  const knownVisitor = () => {
    const id = cookie() || attempt(() => localStorage.getItem(NAME)) || newId();
    const secure = location.protocol === "https:" ? "; Secure" : "";
    attempt(() => (document.cookie = `${NAME}=${id}; Path=/; Max-Age=${YEAR_SECONDS}; SameSite=Lax${secure}`));
    const kept = cookie() || id; // another tab may have been first
    attempt(() => localStorage.setItem(NAME, kept));
    return kept;
  };

  const visitor = set.visitor || knownVisitor();

  const ask = async (signal) => {
    const answer = await fetch(`${url}/api/v1/assignments`, {
      method: "POST",
      credentials: "omit",
      headers: { authorization: `Bearer ${set.key}`, "content-type": "application/json" },
      body: JSON.stringify({
        visitor_id: visitor,
        customer_id: set.customerId,
        customer_signature: set.customerSignature,
        attributes: attempt(() => JSON.parse(set.attributes)) || undefined,
        experiments: set.experiments?.split(","),
      }),
      signal,
    });
    if (!answer.ok) throw new Error(answer.status);
    return new Map((await answer.json()).assignments.map((found) => [found.experiment, found]));
  };

  const budget = Number(set.budgetMs) || 500;
  const stop = new AbortController();
  const overdue = new Promise((resolve) =>
    setTimeout(() => {
      resolve("TIMEOUT");
      stop.abort();
    }, budget),
  );
  // One answer for the whole page, so that no offer changes while it is looked at.
  const settled = Promise.race([ask(stop.signal).catch(() => "NO_ANSWER"), overdue]);

  const say = (message) => {
    const body = JSON.stringify({ writeKey: set.key, sentAt: new Date(), ...message });
    const to = `${url}/v1/track`;
    if (!attempt(() => navigator.sendBeacon(to, body)))
      fetch(to, { method: "POST", body, keepalive: true, mode: "no-cors", credentials: "omit" }).catch(() => {});
  };

  const who = () => ({
    type: "track",
    anonymousId: visitor,
    userId: set.customerId,
    context: { customer_signature: set.customerSignature },
    timestamp: new Date(),
  });

  const shown = new Set();

  window.offerlab = {
    visitor,

    /** The offer of an experiment within the budget; `source` says "server" or "fallback". Never rejects. */
    async offer(key, fallback = null) {
      const answers = await settled;
      const found = typeof answers === "string" ? { reason: answers } : answers.get(key) || { reason: "UNKNOWN_EXPERIMENT" };
      return {
        experiment: key,
        variant: found.variant ?? null,
        offer: found.offer ?? fallback,
        reason: found.reason,
        inExperiment: !!found.in_experiment,
        source: found.experiment ? "server" : "fallback",
      };
    },

    /** The shopper has seen it. Sent once a page, only for those in the experiment; says whether it was. */
    async exposure(key) {
      const { variant, inExperiment } = await this.offer(key);
      if (!inExperiment || shown.has(key)) return false;
      shown.add(key);
      say({ ...who(), event: "Experiment Viewed", properties: { experiment_id: key, variation_id: variant } });
      return true;
    },

    /** Anything else worth counting; `value` is a whole number. */
    track(name, value) {
      say({ ...who(), event: name, messageId: newId(), properties: { value } });
    },
  };
})();
