-- x (and y of a ratio) per metric for units with orders or costs; x is null when it cannot be known.
SELECT
    m.label,
    m.mature_days,
    m.cap,
    s.unit,
    s.variant,
    s.cohort_day,
    CASE m.key
        WHEN 'conversion_rate' THEN 1
        WHEN 'orders_per_unit' THEN s.orders
        WHEN 'repeat_buyers_per_unit' THEN CASE WHEN s.two_days THEN 1 ELSE 0 END
        WHEN 'discount_per_unit' THEN CASE WHEN s.money_known THEN s.discount END
        WHEN 'revenue_per_unit' THEN CASE WHEN s.money_known THEN s.revenue END
        WHEN 'average_order_value' THEN CASE WHEN s.money_known THEN s.revenue END
        WHEN 'profit_per_unit' THEN
            CASE
                WHEN NOT s.profit_known THEN NULL
                WHEN m.lower_margin THEN s.profit_lo + m.idle - coalesce(c.cost, 0)
                ELSE s.profit_hi + m.idle - coalesce(c.cost, 0)
            END
    END AS x,
    CASE WHEN m.key = 'average_order_value' THEN s.orders ELSE 0 END AS y
FROM unit_sums AS s
INNER JOIN metrics AS m ON m.window_days = s.window_days
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
INNER JOIN metrics AS m ON m.window_days = c.window_days AND m.key = 'profit_per_unit'
LEFT JOIN unit_sums AS s ON s.unit = c.unit AND s.window_days = c.window_days
WHERE s.unit IS NULL
