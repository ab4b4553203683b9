-- Custom events whose values are summed: without a value, and from a browser.
WITH asked AS (
    SELECT DISTINCT
        c.event_id,
        c.trusted,
        CASE WHEN m.statistic = 'sum' THEN c.value IS NULL ELSE c.value_minor IS NULL END AS valueless
    FROM customs AS c
    INNER JOIN entered AS e ON e.unit = c.unit
    INNER JOIN metrics AS m
        ON m.subject = c.name AND m.source = 'customs' AND m.statistic IN ('sum', 'sum_minor')
    CROSS JOIN terms AS t
    WHERE
        c.occurred_us >= e.t0_us
        AND c.day >= e.cohort_day
        AND c.day <= t.as_of_day
        AND c.day - e.cohort_day <= m.window_days
)
SELECT
    count(DISTINCT CASE WHEN trusted AND valueless THEN event_id END) AS value_missing,
    count(DISTINCT CASE WHEN NOT trusted THEN event_id END) AS value_untrusted
FROM asked
