-- 1 for units with orders that had bought nothing before they entered.
-- A paid order before the exposure makes an old customer, unless it had been cancelled by the day of entry.
WITH customers AS (
    SELECT DISTINCT o.unit
    FROM orders AS o
    INNER JOIN entered AS e ON e.unit = o.unit
    WHERE
        o.paid
        AND o.occurred_us < e.t0_us
        AND (o.cancelled_day IS NULL OR o.cancelled_day > e.cohort_day)
)
SELECT
    m.label,
    m.mature_days,
    m.cap,
    s.unit,
    s.variant,
    s.cohort_day,
    1 AS x,
    0 AS y
FROM unit_sums AS s
INNER JOIN metrics AS m ON m.window_days = s.window_days AND m.source = 'newcomers'
LEFT JOIN customers AS c ON c.unit = s.unit
WHERE c.unit IS NULL
