-- The first counted order of each triggered unit as a step function of the shop day known:
-- from `from_day` until the day before `end_day` the unit's first event has this age.
-- An order of age a is the first while it stands and no earlier order does; a cancellation ends it.
WITH standing AS (
    SELECT
        m.label,
        m.mature_days,
        o.unit,
        o.variant,
        o.cohort_day,
        o.age,
        o.day AS start_day,
        max(
            CASE
                WHEN o.cancelled_day <= o.cohort_day + m.mature_days THEN o.cancelled_day
                ELSE 2147483647
            END
        ) AS end_day
    FROM outcomes AS o
    CROSS JOIN survivals AS m
    WHERE o.triggered AND o.after_entry AND o.age >= 1 AND o.age <= m.window_days
    GROUP BY m.label, m.mature_days, o.unit, o.variant, o.cohort_day, o.age, o.day
),
ordered AS (
    SELECT
        *,
        max(end_day) OVER (
            PARTITION BY label, unit ORDER BY age
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS earlier_end_day
    FROM standing
),
steps AS (
    SELECT
        label, mature_days, unit, variant, cohort_day, age,
        CASE WHEN earlier_end_day > start_day THEN earlier_end_day ELSE start_day END AS from_day,
        end_day
    FROM ordered
)
SELECT *
FROM steps
WHERE from_day < end_day
