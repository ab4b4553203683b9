-- Every order of a triggered unit that a metric of recurrent orders counts, and the days on which it stands:
-- from `from_day` until the day before `end_day`; a cancellation up to maturity ends it.
WITH ended AS (
    SELECT
        m.label,
        o.unit,
        o.variant,
        o.cohort_day,
        o.age,
        o.day AS from_day,
        CASE
            WHEN o.cancelled_day <= o.cohort_day + m.mature_days THEN o.cancelled_day
            ELSE 2147483647
        END AS end_day
    FROM outcomes AS o
    CROSS JOIN recurrents AS m
    WHERE o.triggered AND o.after_entry AND o.age >= 1 AND o.age <= m.window_days
)
SELECT *
FROM ended
WHERE from_day < end_day
