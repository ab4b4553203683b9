-- Profit of units with orders or costs; x is null when it cannot be known.
SELECT
    m.label,
    m.mature_days,
    m.cap,
    s.unit,
    s.variant,
    s.cohort_day,
    CASE
        WHEN NOT s.profit_known THEN NULL
        WHEN m.lower_margin THEN s.profit_lo + m.idle - coalesce(c.cost, 0)
        ELSE s.profit_hi + m.idle - coalesce(c.cost, 0)
    END AS x,
    0 AS y
FROM unit_sums AS s
INNER JOIN metrics AS m ON m.window_days = s.window_days AND m.source = 'profits'
LEFT JOIN cost_sums AS c ON c.unit = s.unit AND c.window_days = s.window_days
UNION ALL
SELECT
    m.label,
    m.mature_days,
    m.cap,
    c.unit,
    c.variant,
    c.cohort_day,
    m.idle - c.cost AS x,
    0 AS y
FROM cost_sums AS c
INNER JOIN metrics AS m ON m.window_days = c.window_days AND m.source = 'profits'
LEFT JOIN unit_sums AS s ON s.unit = c.unit AND s.window_days = c.window_days
WHERE s.unit IS NULL
