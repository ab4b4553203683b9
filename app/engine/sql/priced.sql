-- Outcome orders with their profit before refunds, at both ends of the margin.
-- refundable: what a full refund takes back, goods margin less the discount, net of VAT.
WITH netted AS (
    SELECT
        c.*,
        div_round(c.discount * c.keep_numerator, c.keep_denominator) AS net_discount,
        div_round(c.shipping * c.keep_numerator, c.keep_denominator) AS net_shipping,
        coalesce(
            c.margin,
            div_round(c.lines_price * c.keep_numerator, c.keep_denominator) - c.lines_cost
        ) AS own_margin
    FROM converted AS c
),
margins AS (
    SELECT
        n.*,
        t.needs_delivery_cost AND n.delivery_unknown AS delivery_missing,
        coalesce(
            n.own_margin,
            div_round(n.items * n.keep_numerator * t.margin_lo_ppm, n.keep_denominator * 1000000)
        ) AS margin_lo,
        coalesce(
            n.own_margin,
            div_round(n.items * n.keep_numerator * t.margin_hi_ppm, n.keep_denominator * 1000000)
        ) AS margin_hi,
        coalesce(n.gift_cost, 0) AS gift,
        CASE WHEN n.shipping_cost IS NULL THEN 0 ELSE n.shipping_cost - n.net_shipping END AS delivery
    FROM netted AS n
    CROSS JOIN terms AS t
)
SELECT
    order_id, unit, day, age, cohort_day, cancelled_day, numerator, denominator,
    items, discount, discounted, paid_total, rate_known, delivery_missing,
    margin_lo IS NOT NULL AND NOT delivery_missing AS profit_known,
    margin_lo, margin_hi, net_discount, gift, delivery,
    margin_lo - net_discount AS refundable_lo,
    margin_hi - net_discount AS refundable_hi,
    margin_lo - net_discount - gift - delivery AS profit_lo,
    margin_hi - net_discount - gift - delivery AS profit_hi
FROM margins
