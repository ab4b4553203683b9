-- One row per unit with orders and window: counts and money, net of refunds.
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
        sum(coalesce(div_round(r.margin_minor * c.numerator, c.denominator), 0)) AS margin
    FROM refunds AS r
    INNER JOIN counted AS c ON c.order_id = r.order_id
    WHERE r.day <= c.closed_day
    GROUP BY c.order_id, c.window_days
),
settled AS (
    SELECT
        c.*,
        coalesce(r.amount, 0) AS returned,
        coalesce(r.margin, 0) AS returned_margin,
        CASE
            WHEN c.paid_total > 0 THEN least(coalesce(r.amount_without_margin, 0), c.paid_total)
            ELSE 0
        END AS returned_part,
        CASE WHEN c.paid_total > 0 THEN c.paid_total ELSE 1 END AS returned_whole
    FROM counted AS c
    LEFT JOIN returned AS r ON r.order_id = c.order_id AND r.window_days = c.window_days
),
summed AS (
    SELECT
        unit,
        window_days,
        count(*) AS orders,
        min(day) <> max(day) AS two_days,
        bool_and(rate_known) AS money_known,
        bool_and(profit_known) AS profit_known,
        sum(discount) AS discount,
        sum(items - discount - returned) AS revenue,
        sum(profit_lo - returned_margin - div_round(refundable_lo * returned_part, returned_whole)) AS profit_lo,
        sum(profit_hi - returned_margin - div_round(refundable_hi * returned_part, returned_whole)) AS profit_hi
    FROM settled
    GROUP BY unit, window_days
)
SELECT e.variant, e.cohort_day, s.*
FROM summed AS s
INNER JOIN entered AS e ON e.unit = s.unit
