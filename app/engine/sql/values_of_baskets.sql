-- Orders of each unit in the tenth above a threshold, over all its orders.
SELECT
    m.label,
    m.mature_days,
    m.cap,
    e.unit,
    e.variant,
    e.cohort_day,
    CASE
        WHEN bool_and(c.rate_known) THEN
            sum(CASE WHEN c.items >= m.threshold AND 10 * c.items < 11 * m.threshold THEN 1 ELSE 0 END)
    END AS x,
    count(*) AS y
FROM counted AS c
INNER JOIN metrics AS m ON m.window_days = c.window_days AND m.source = 'baskets'
INNER JOIN entered AS e ON e.unit = c.unit
GROUP BY m.label, m.mature_days, m.cap, e.unit, e.variant, e.cohort_day
