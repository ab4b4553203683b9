-- Outcome orders in the plan's currency; every amount is null when there is no rate.
-- keep_numerator / keep_denominator: what VAT leaves of a gross amount.
WITH ours AS (
    SELECT
        o.order_id, o.unit, o.day, o.age, o.cohort_day, o.cancelled_day,
        r.numerator,
        r.denominator,
        r.currency IS NOT NULL AS rate_known,
        o.shipping_cost_minor IS NULL AS delivery_unknown,
        o.discount_minor > 0 AS discounted,
        div_round(o.items_minor * r.numerator, r.denominator) AS items,
        div_round(o.discount_minor * r.numerator, r.denominator) AS discount,
        div_round(o.shipping_minor * r.numerator, r.denominator) AS shipping,
        div_round(o.shipping_cost_minor * r.numerator, r.denominator) AS shipping_cost,
        div_round(o.tax_minor * r.numerator, r.denominator) AS tax,
        div_round(o.margin_minor * r.numerator, r.denominator) AS margin,
        div_round(o.gift_cost_minor * r.numerator, r.denominator) AS gift_cost,
        div_round(o.lines_price_minor * r.numerator, r.denominator) AS lines_price,
        div_round(o.lines_cost_minor * r.numerator, r.denominator) AS lines_cost
    FROM outcomes AS o
    LEFT JOIN rates AS r ON r.currency = o.currency
),
paid AS (
    SELECT
        *,
        items - discount + shipping AS paid_total,
        tax IS NOT NULL AND items - discount + shipping > 0 AS tax_known
    FROM ours
)
SELECT
    p.*,
    CASE WHEN p.tax_known THEN p.paid_total - p.tax ELSE 1000000 END AS keep_numerator,
    CASE WHEN p.tax_known THEN p.paid_total ELSE 1000000 + t.vat_ppm END AS keep_denominator
FROM paid AS p
CROSS JOIN terms AS t
