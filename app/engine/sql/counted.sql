-- Orders inside each window that were not cancelled while the window was open.
-- closed_day: last day on which cancellations and refunds count, never after as_of.
WITH windows AS (
    SELECT DISTINCT window_days, mature_days
    FROM metrics
),
inside AS (
    SELECT
        p.*,
        w.window_days,
        least(p.cohort_day + w.mature_days, t.as_of_day) AS closed_day
    FROM priced AS p
    CROSS JOIN windows AS w
    CROSS JOIN terms AS t
    WHERE p.age <= w.window_days
)
SELECT *
FROM inside
WHERE cancelled_day IS NULL OR cancelled_day > closed_day
