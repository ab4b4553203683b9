-- One metric for every unit that entered.
SELECT
    CAST(CASE WHEN v.unit IS NULL THEN m.idle ELSE v.x END AS BIGINT) AS x,
    CASE WHEN v.unit IS NULL THEN 0 WHEN v.x IS NULL THEN NULL ELSE v.y END AS y,
    e.cohort_day + m.mature_days <= t.as_of_day AS mature
FROM entered AS e
CROSS JOIN metrics AS m
CROSS JOIN terms AS t
LEFT JOIN unit_values AS v ON v.unit = e.unit AND v.label = m.label
WHERE m.label = $label
ORDER BY e.unit
