-- x (and y of a ratio) per metric for units with orders; x is null when it cannot be known.
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
        WHEN 'full_price_share' THEN s.full_price_orders
        WHEN 'refund_rate' THEN s.refunded_orders
    END AS x,
    CASE WHEN m.key IN ('average_order_value', 'full_price_share', 'refund_rate') THEN s.orders ELSE 0 END AS y
FROM unit_sums AS s
INNER JOIN metrics AS m ON m.window_days = s.window_days AND m.source = 'orders'
