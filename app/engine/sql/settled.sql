-- Counted orders with what went back for them while their window was open or settling.
WITH returned AS (
    SELECT
        c.order_id,
        c.window_days,
        sum(div_round(r.amount_minor * c.numerator, c.denominator)) AS amount,
        sum(
            CASE
                WHEN r.margin_minor IS NULL THEN div_round(r.amount_minor * c.numerator, c.denominator)
                ELSE 0
            END
        ) AS amount_without_margin,
        sum(coalesce(div_round(r.margin_minor * c.numerator, c.denominator), 0)) AS margin,
        sum(CASE WHEN r.amount_minor > 0 THEN 1 ELSE 0 END) AS refunds
    FROM refunds AS r
    INNER JOIN counted AS c ON c.order_id = r.order_id
    WHERE r.day <= c.closed_day
    GROUP BY c.order_id, c.window_days
)
SELECT
    c.*,
    coalesce(r.refunds, 0) > 0 AS refunded,
    coalesce(r.amount, 0) AS returned,
    coalesce(r.margin, 0) AS returned_margin,
    CASE
        WHEN c.paid_total > 0 THEN least(coalesce(r.amount_without_margin, 0), c.paid_total)
        ELSE 0
    END AS returned_part,
    CASE WHEN c.paid_total > 0 THEN c.paid_total ELSE 1 END AS returned_whole
FROM counted AS c
LEFT JOIN returned AS r ON r.order_id = c.order_id AND r.window_days = c.window_days
