// Written against the generated types only: what does not exist in the service's document does not compile.
import createClient from "openapi-fetch";
import type { paths } from "schema";

type Told = Record<"url" | "key" | "manager" | "experiment" | "visitor" | "order" | "nowhere", string>;

export default async function smoke(told: Told) {
  const client = (baseUrl: string, key: string) =>
    createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${key}` } });
  const shop = client(told.url, told.key);
  const owner = client(told.url, told.manager);
  const body = { visitor_id: told.visitor, experiments: [told.experiment] };

  const assign = async () => {
    const { data } = await shop.POST("/api/v1/assignments", { body });
    const found = data?.assignments[0];
    return { variant: found?.variant ?? null, reason: found?.reason };
  };
  const before = await assign();

  const common = { occurred_at: new Date().toISOString(), visitor_id: told.visitor };
  const money = { currency: "RUB", items_minor: 299050, discount_minor: 0, shipping_minor: 0 };
  const exposure = { type: "exposure", experiment: told.experiment, variant: before.variant ?? "" } as const;
  const events = [
    { ...common, ...exposure, event_id: `${told.order}-shown` },
    { ...common, ...money, type: "order", order_id: told.order, event_id: told.order } as const,
  ];
  const { data: stored } = await shop.POST("/api/v1/events", { body: { events } });

  const refusals = {
    wrongKey: (await client(told.url, "olk_srv_wrong").POST("/api/v1/assignments", { body })).error?.status,
    unknown: (await shop.POST("/api/v1/assignments", { body: { experiments: ["nobody-knows-it"] } })).error?.code,
    field: (await shop.POST("/api/v1/assignments", { body: { visitor_id: "v".repeat(201) } })).error?.field,
  };
  const away = await client(told.nowhere, told.key)
    .POST("/api/v1/assignments", { body })
    .then(() => "an answer", () => "no answer");

  const params = { path: { key: told.experiment } };
  const paused = await owner.POST("/api/v1/experiments/{key}/pause", { params });
  let after = await assign();
  for (let look = 0; look < 100 && after.reason !== "PAUSED"; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    after = await assign();
  }
  return { before, stored, refusals, away, status: paused.data?.status, after };
}
