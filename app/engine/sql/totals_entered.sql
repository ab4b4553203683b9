-- Every unit that entered.
SELECT unit, variant, t0_us, cohort_day
FROM entered
ORDER BY unit
