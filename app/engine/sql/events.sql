-- Changes in the number of first events per age, by the shop day from which they are known.
WITH changes AS (
    SELECT label, variant, cohort_day, age, from_day AS known_day, 1 AS change
    FROM first_events
    UNION ALL
    SELECT label, variant, cohort_day, age, end_day AS known_day, -1 AS change
    FROM first_events
)
SELECT c.label, c.variant, c.cohort_day, c.age, c.known_day, sum(c.change) AS change
FROM changes AS c
CROSS JOIN terms AS t
WHERE c.known_day <= t.as_of_day
GROUP BY c.label, c.variant, c.cohort_day, c.age, c.known_day
HAVING sum(c.change) <> 0
