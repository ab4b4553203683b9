-- Orders inside the longest window that uses them and not cancelled, whose money cannot be known.
SELECT
    sum(CASE WHEN p.age <= t.money_days AND NOT p.rate_known THEN 1 ELSE 0 END) AS currency_without_rate,
    sum(
        CASE WHEN p.age <= t.profit_days AND p.rate_known AND p.refundable_lo IS NULL THEN 1 ELSE 0 END
    ) AS margin_unknown,
    sum(CASE WHEN p.age <= t.profit_days AND p.delivery_missing THEN 1 ELSE 0 END) AS delivery_cost_missing
FROM priced AS p
CROSS JOIN terms AS t
WHERE p.cancelled_day IS NULL OR p.cancelled_day > t.as_of_day
