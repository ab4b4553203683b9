-- How many people of each unit bought for the first time ever; a unit is one person, or a cluster of them.
-- A paid order before the exposure makes an old customer, unless it had been cancelled by the day of entry.
WITH bought AS (
    SELECT o.order_id, o.unit, o.paid, o.occurred_us, o.cancelled_day, coalesce(p.person, o.unit) AS person
    FROM orders AS o
    LEFT JOIN persons AS p ON p.order_id = o.order_id
),
customers AS (
    SELECT DISTINCT b.unit, b.person
    FROM bought AS b
    INNER JOIN entered AS e ON e.unit = b.unit
    WHERE
        b.paid
        AND b.occurred_us < e.t0_us
        AND (b.cancelled_day IS NULL OR b.cancelled_day > e.cohort_day)
),
newcomers AS (
    SELECT c.unit, c.window_days, count(DISTINCT b.person) AS people
    FROM counted AS c
    INNER JOIN bought AS b ON b.order_id = c.order_id
    LEFT JOIN customers AS k ON k.unit = b.unit AND k.person = b.person
    WHERE k.person IS NULL
    GROUP BY c.unit, c.window_days
)
SELECT
    m.label,
    m.mature_days,
    m.cap,
    e.unit,
    e.variant,
    e.cohort_day,
    n.people AS x,
    0 AS y
FROM newcomers AS n
INNER JOIN metrics AS m ON m.window_days = n.window_days AND m.source = 'newcomers'
INNER JOIN entered AS e ON e.unit = n.unit
