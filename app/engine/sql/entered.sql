-- Who entered: one row per unit, its first analysed exposure by (occurred_us, event_id).
WITH seen AS (
    SELECT
        x.unit, x.origin, x.variant, x.event_id, x.occurred_us, x.day,
        row_number() OVER (PARTITION BY x.unit ORDER BY x.occurred_us, x.event_id) AS place
    FROM exposures AS x
    CROSS JOIN terms AS t
    WHERE x.day <= t.as_of_day
),
spread AS (
    SELECT
        unit,
        min(variant) <> max(variant) AS crossed_over,
        min(origin) <> max(origin) AS merged
    FROM seen
    GROUP BY unit
),
paid AS (
    SELECT unit, min(occurred_us) AS first_us
    FROM orders
    WHERE paid
    GROUP BY unit
)
SELECT
    s.unit,
    s.variant,
    s.event_id,
    s.occurred_us AS t0_us,
    s.day AS cohort_day,
    c.crossed_over,
    c.merged,
    coalesce(p.first_us <= s.occurred_us, FALSE) AS triggered
FROM seen AS s
INNER JOIN spread AS c ON c.unit = s.unit
LEFT JOIN paid AS p ON p.unit = s.unit
WHERE s.place = 1
