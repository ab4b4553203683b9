-- |x| of the first mature units with x other than 0, in order of entry.
WITH mature AS (
    SELECT
        e.t0_us,
        e.event_id,
        CASE WHEN v.unit IS NULL THEN m.idle ELSE v.x END AS x
    FROM entered AS e
    CROSS JOIN metrics AS m
    CROSS JOIN terms AS t
    LEFT JOIN unit_values AS v ON v.unit = e.unit AND v.label = m.label
    WHERE m.label = $label AND e.cohort_day + m.mature_days <= t.as_of_day
)
SELECT abs(x)
FROM mature
WHERE x <> 0
ORDER BY t0_us, event_id
LIMIT $limit
