-- Orders of each unit that hold a product; x is null when one of its orders came without lines.
SELECT
    m.label,
    m.mature_days,
    m.cap,
    e.unit,
    e.variant,
    e.cohort_day,
    CASE
        WHEN bool_or(l.sku IS NULL) THEN NULL
        ELSE sum(CASE WHEN l.sku = m.subject THEN 1 ELSE 0 END)
    END AS x,
    0 AS y
FROM counted AS c
INNER JOIN lines AS l ON l.order_id = c.order_id
INNER JOIN metrics AS m ON m.window_days = c.window_days AND m.source = 'lines'
INNER JOIN entered AS e ON e.unit = c.unit
GROUP BY m.label, m.mature_days, m.cap, e.unit, e.variant, e.cohort_day
