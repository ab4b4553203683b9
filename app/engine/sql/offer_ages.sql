-- Σ over matured units of orders at one age times orders at another; other_age −1: of the orders themselves.
WITH asked AS (
    SELECT min(mature_days) AS mature_days
    FROM metrics
    WHERE window_days = $window_days
),
bought AS (
    SELECT c.unit, e.variant, c.age, count(*) AS orders
    FROM counted AS c
    INNER JOIN entered AS e ON e.unit = c.unit
    CROSS JOIN asked AS a
    WHERE c.window_days = $window_days AND e.cohort_day + a.mature_days <= $closed_day
    GROUP BY c.unit, e.variant, c.age
)
SELECT variant, age, -1 AS other_age, sum(orders) AS total
FROM bought
GROUP BY variant, age
UNION ALL
SELECT a.variant, a.age, b.age AS other_age, sum(a.orders * b.orders) AS total
FROM bought AS a
INNER JOIN bought AS b ON b.unit = a.unit AND b.age >= a.age
GROUP BY a.variant, a.age, b.age
