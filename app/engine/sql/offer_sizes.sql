-- Units that have matured at one window.
SELECT e.variant, count(*) AS units
FROM entered AS e
CROSS JOIN (SELECT min(mature_days) AS mature_days FROM metrics WHERE window_days = $window_days) AS a
WHERE e.cohort_day + a.mature_days <= $closed_day
GROUP BY e.variant
