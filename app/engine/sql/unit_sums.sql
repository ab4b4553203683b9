-- One row per unit with orders and window: counts and money, net of refunds.
WITH summed AS (
    SELECT
        unit,
        window_days,
        count(*) AS orders,
        min(day) <> max(day) AS two_days,
        bool_and(rate_known) AS money_known,
        bool_and(profit_known) AS profit_known,
        sum(CASE WHEN discounted THEN 0 ELSE 1 END) AS full_price_orders,
        sum(CASE WHEN refunded THEN 1 ELSE 0 END) AS refunded_orders,
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
