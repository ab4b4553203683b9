-- Custom events of each unit inside each metric's window: any, how many, or the sum of their values.
-- A value from a browser is not summed; x is null when another event that should have a value has none.
SELECT
    m.label,
    m.mature_days,
    m.cap,
    e.unit,
    e.variant,
    e.cohort_day,
    CASE m.statistic
        WHEN 'count' THEN count(*)
        WHEN 'sum' THEN
            CASE
                WHEN bool_or(c.trusted AND c.value IS NULL) THEN NULL
                ELSE coalesce(sum(CASE WHEN c.trusted THEN c.value END), 0)
            END
        WHEN 'sum_minor' THEN
            CASE
                WHEN bool_or(c.trusted AND c.value_minor IS NULL) THEN NULL
                ELSE coalesce(sum(CASE WHEN c.trusted THEN c.value_minor END), 0)
            END
        ELSE 1
    END AS x,
    0 AS y
FROM customs AS c
INNER JOIN entered AS e ON e.unit = c.unit
INNER JOIN metrics AS m ON m.subject = c.name AND m.source = 'customs'
CROSS JOIN terms AS t
WHERE
    c.occurred_us >= e.t0_us
    AND c.day >= e.cohort_day
    AND c.day <= t.as_of_day
    AND c.day - e.cohort_day <= m.window_days
GROUP BY m.label, m.mature_days, m.cap, m.statistic, e.unit, e.variant, e.cohort_day
