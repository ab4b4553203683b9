-- How many units entered on each cohort day.
SELECT
    variant,
    cohort_day,
    count(*) AS units,
    sum(CASE WHEN triggered THEN 1 ELSE 0 END) AS triggered,
    sum(CASE WHEN crossed_over THEN 1 ELSE 0 END) AS crossed_over,
    sum(CASE WHEN merged THEN 1 ELSE 0 END) AS merged
FROM entered
GROUP BY variant, cohort_day
