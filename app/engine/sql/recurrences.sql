-- Changes in the number of orders per age, and of pairs of orders of one unit, by the shop day known.
WITH spans AS (
    SELECT label, variant, cohort_day, age, -1 AS other_age, from_day, end_day
    FROM recurrent_orders
    UNION ALL
    SELECT
        a.label,
        a.variant,
        a.cohort_day,
        a.age,
        b.age AS other_age,
        greatest(a.from_day, b.from_day) AS from_day,
        least(a.end_day, b.end_day) AS end_day
    FROM recurrent_orders AS a
    INNER JOIN recurrent_orders AS b ON b.label = a.label AND b.unit = a.unit AND b.age >= a.age
),
changes AS (
    SELECT label, variant, cohort_day, age, other_age, from_day AS known_day, 1 AS change
    FROM spans
    WHERE from_day < end_day
    UNION ALL
    SELECT label, variant, cohort_day, age, other_age, end_day AS known_day, -1 AS change
    FROM spans
    WHERE from_day < end_day
)
SELECT c.label, c.variant, c.cohort_day, c.age, c.other_age, c.known_day, sum(c.change) AS change
FROM changes AS c
CROSS JOIN terms AS t
WHERE c.known_day <= t.as_of_day
GROUP BY c.label, c.variant, c.cohort_day, c.age, c.other_age, c.known_day
HAVING sum(c.change) <> 0
