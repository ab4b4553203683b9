-- What the matured units of each variant did inside one window; $window_days is one of the metrics'.
WITH asked AS (
    SELECT min(mature_days) AS mature_days, min(idle) AS idle
    FROM metrics
    WHERE window_days = $window_days
),
cohort AS (
    SELECT e.unit, e.variant
    FROM entered AS e
    CROSS JOIN asked AS a
    WHERE e.cohort_day + a.mature_days <= $closed_day
),
sizes AS (
    SELECT variant, count(*) AS units
    FROM cohort
    GROUP BY variant
),
sold AS (
    SELECT
        c.variant,
        count(DISTINCT s.unit) AS buyers,
        count(DISTINCT CASE WHEN r.order_id IS NOT NULL THEN s.unit END) AS redeemers,
        count(*) AS orders,
        sum(CASE WHEN s.discount = 0 THEN 1 ELSE 0 END) AS full_price_orders,
        sum(CASE WHEN s.profit_known AND s.rate_known THEN 0 ELSE 1 END) AS unusable,
        sum(s.margin_lo) AS margin_lo,
        sum(s.margin_hi) AS margin_hi,
        sum(s.net_discount) AS discount,
        sum(s.gift) AS gift,
        sum(s.delivery) AS delivery,
        sum(s.returned_margin + div_round(s.refundable_lo * s.returned_part, s.returned_whole)) AS refunded_lo,
        sum(s.returned_margin + div_round(s.refundable_hi * s.returned_part, s.returned_whole)) AS refunded_hi
    FROM settled AS s
    INNER JOIN cohort AS c ON c.unit = s.unit
    LEFT JOIN redeemed AS r ON r.order_id = s.order_id
    WHERE s.window_days = $window_days
    GROUP BY c.variant
),
spent AS (
    SELECT c.variant, sum(s.messages) AS messages, sum(s.points) AS points
    FROM cost_sums AS s
    INNER JOIN cohort AS c ON c.unit = s.unit
    WHERE s.window_days = $window_days
    GROUP BY c.variant
)
SELECT
    z.variant,
    z.units,
    coalesce(s.buyers, 0) AS buyers,
    coalesce(s.redeemers, 0) AS redeemers,
    coalesce(s.orders, 0) AS orders,
    coalesce(s.full_price_orders, 0) AS full_price_orders,
    coalesce(s.unusable, 0) AS unusable,
    coalesce(s.margin_lo, 0) AS margin_lo,
    coalesce(s.margin_hi, 0) AS margin_hi,
    coalesce(s.discount, 0) AS discount,
    coalesce(s.gift, 0) AS gift,
    coalesce(s.delivery, 0) AS delivery,
    coalesce(s.refunded_lo, 0) AS refunded_lo,
    coalesce(s.refunded_hi, 0) AS refunded_hi,
    coalesce(p.messages, 0) AS messages,
    coalesce(p.points, 0) AS points,
    -a.idle * z.units AS exposure
FROM sizes AS z
CROSS JOIN asked AS a
LEFT JOIN sold AS s ON s.variant = z.variant
LEFT JOIN spent AS p ON p.variant = z.variant
