-- Paid orders at or after the unit's entry. An order before t0 never counts.
SELECT
    e.variant, e.cohort_day, e.triggered,
    o.day - e.cohort_day AS age,
    o.occurred_us > e.t0_us AS after_entry,
    o.*
FROM orders AS o
INNER JOIN entered AS e ON e.unit = o.unit
CROSS JOIN terms AS t
WHERE
    o.paid
    AND o.occurred_us >= e.t0_us
    AND o.day >= e.cohort_day
    AND o.day <= t.as_of_day
