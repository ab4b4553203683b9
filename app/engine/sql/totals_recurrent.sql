-- How many further orders each unit had by as_of; null when it was never at risk.
WITH standing AS (
    SELECT o.label, o.unit, count(*) AS orders
    FROM recurrent_orders AS o
    CROSS JOIN terms AS t
    WHERE o.from_day <= t.as_of_day AND t.as_of_day < o.end_day
    GROUP BY o.label, o.unit
)
SELECT
    CAST(CASE WHEN e.triggered THEN coalesce(s.orders, 0) END AS BIGINT) AS x,
    CAST(0 AS BIGINT) AS y,
    e.cohort_day + m.mature_days <= t.as_of_day AS mature
FROM entered AS e
CROSS JOIN recurrents AS m
CROSS JOIN terms AS t
LEFT JOIN standing AS s ON s.unit = e.unit AND s.label = m.label
WHERE m.label = $label
ORDER BY e.unit
