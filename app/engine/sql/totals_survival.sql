-- Whether each unit had its event by as_of; null when it was never at risk.
SELECT
    CAST(
        CASE WHEN NOT e.triggered THEN NULL WHEN f.unit IS NULL THEN 0 ELSE 1 END AS BIGINT
    ) AS x,
    CAST(0 AS BIGINT) AS y,
    e.cohort_day + m.mature_days <= t.as_of_day AS mature
FROM entered AS e
CROSS JOIN survivals AS m
CROSS JOIN terms AS t
LEFT JOIN first_events AS f
    ON f.unit = e.unit AND f.label = m.label AND f.from_day <= t.as_of_day AND t.as_of_day < f.end_day
WHERE m.label = $label
ORDER BY e.unit
