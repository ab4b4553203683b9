-- Sums per metric, variant and cohort day. Units without orders all hold the value `idle`.
WITH cohorts AS (
    SELECT variant, cohort_day, count(*) AS units
    FROM entered
    GROUP BY variant, cohort_day
),
clipped AS (
    SELECT
        *,
        CASE
            WHEN x IS NULL OR cap IS NULL THEN x
            ELSE greatest(least(x, cap), -cap)
        END AS capped
    FROM unit_values
),
active AS (
    SELECT
        v.label,
        v.variant,
        v.cohort_day,
        count(*) AS units,
        sum(CASE WHEN v.x IS NOT NULL AND (v.x <> 0 OR v.y <> 0) THEN 1 ELSE 0 END) AS buyers,
        sum(v.capped) AS total,
        sum(v.capped * v.capped) AS squares,
        sum(v.x) AS raw_total,
        sum(CASE WHEN v.x IS NULL THEN 0 ELSE v.y END) AS denominator,
        sum(CASE WHEN v.x IS NULL THEN 0 ELSE v.y * v.y END) AS denominator_squares,
        sum(v.capped * v.y) AS products,
        sum(CASE WHEN v.x IS NULL THEN 1 ELSE 0 END) AS unusable
    FROM clipped AS v
    GROUP BY v.label, v.variant, v.cohort_day
),
matured AS (
    SELECT
        m.label,
        m.idle,
        CASE WHEN m.cap IS NULL THEN m.idle ELSE greatest(least(m.idle, m.cap), -m.cap) END AS idle_capped,
        c.variant,
        c.cohort_day,
        c.units
    FROM cohorts AS c
    CROSS JOIN metrics AS m
    CROSS JOIN terms AS t
    WHERE c.cohort_day + m.mature_days <= t.as_of_day
),
combined AS (
    SELECT
        c.label, c.variant, c.cohort_day, c.units, c.idle, c.idle_capped,
        c.units - coalesce(a.units, 0) AS resting,
        coalesce(a.buyers, 0) AS buyers,
        coalesce(a.total, 0) AS total,
        coalesce(a.squares, 0) AS squares,
        coalesce(a.raw_total, 0) AS raw_total,
        coalesce(a.denominator, 0) AS denominator,
        coalesce(a.denominator_squares, 0) AS denominator_squares,
        coalesce(a.products, 0) AS products,
        coalesce(a.unusable, 0) AS unusable
    FROM matured AS c
    LEFT JOIN active AS a
        ON a.label = c.label AND a.variant = c.variant AND a.cohort_day = c.cohort_day
)
SELECT
    label,
    variant,
    cohort_day,
    units,
    buyers + CASE WHEN idle <> 0 THEN resting ELSE 0 END AS buyers,
    total + resting * idle_capped AS total,
    squares + resting * idle_capped * idle_capped AS squares,
    raw_total + resting * idle AS raw_total,
    denominator,
    denominator_squares,
    products,
    unusable
FROM combined
