-- What messages and points cost each unit inside each window; a point owed is a discount, so net of VAT.
WITH windows AS (
    SELECT DISTINCT window_days
    FROM metrics
),
inside AS (
    SELECT
        e.unit,
        e.variant,
        e.cohort_day,
        w.window_days,
        CASE WHEN c.kind = 'message' THEN c.amount_minor ELSE 0 END AS message,
        CASE
            WHEN c.kind = 'points' THEN div_round(c.amount_minor * 1000000, 1000000 + t.vat_ppm)
            ELSE 0
        END AS points
    FROM costs AS c
    INNER JOIN entered AS e ON e.unit = c.unit
    CROSS JOIN windows AS w
    CROSS JOIN terms AS t
    WHERE
        c.occurred_us >= e.t0_us
        AND c.day >= e.cohort_day
        AND c.day <= t.as_of_day
        AND c.day - e.cohort_day <= w.window_days
)
SELECT
    unit,
    variant,
    cohort_day,
    window_days,
    sum(message) AS messages,
    sum(points) AS points,
    sum(message + points) AS cost
FROM inside
GROUP BY unit, variant, cohort_day, window_days
