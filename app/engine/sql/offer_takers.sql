-- Matured units that took the offer inside each metric's window, and the sum of their capped values.
WITH windows AS (
    SELECT DISTINCT window_days
    FROM metrics
),
took AS (
    SELECT DISTINCT 'claimed' AS how, e.unit, w.window_days
    FROM claims AS k
    INNER JOIN entered AS e ON e.unit = k.unit
    CROSS JOIN windows AS w
    WHERE k.occurred_us >= e.t0_us AND k.day - e.cohort_day BETWEEN 0 AND w.window_days
    UNION ALL
    SELECT DISTINCT 'redeemed' AS how, c.unit, c.window_days
    FROM counted AS c
    INNER JOIN redeemed AS r ON r.order_id = c.order_id
),
valued AS (
    SELECT
        t.how,
        m.label,
        e.variant,
        m.cap,
        CASE WHEN v.unit IS NULL THEN m.idle ELSE v.x END AS x
    FROM took AS t
    INNER JOIN entered AS e ON e.unit = t.unit
    INNER JOIN metrics AS m ON m.window_days = t.window_days
    LEFT JOIN unit_values AS v ON v.unit = t.unit AND v.label = m.label
    WHERE e.cohort_day + m.mature_days <= $closed_day
)
SELECT
    how,
    label,
    variant,
    count(*) AS units,
    coalesce(sum(CASE WHEN x IS NULL OR cap IS NULL THEN x ELSE greatest(least(x, cap), -cap) END), 0) AS total,
    sum(CASE WHEN x IS NULL THEN 1 ELSE 0 END) AS unusable
FROM valued
GROUP BY how, label, variant
