-- Orders of each unit in which the offer was used and not given back while the window was open or settling.
WITH used AS (
    SELECT c.unit, c.window_days, count(DISTINCT c.order_id) AS uses
    FROM counted AS c
    INNER JOIN uses AS u ON u.order_id = c.order_id
    WHERE u.day <= c.closed_day AND (u.reversed_day IS NULL OR u.reversed_day > c.closed_day)
    GROUP BY c.unit, c.window_days
)
SELECT
    m.label,
    m.mature_days,
    m.cap,
    e.unit,
    e.variant,
    e.cohort_day,
    CASE m.key WHEN 'redemption_rate' THEN 1 ELSE s.uses END AS x,
    CASE m.key WHEN 'redemption_rate' THEN 0 ELSE 1 END AS y
FROM used AS s
INNER JOIN metrics AS m ON m.window_days = s.window_days AND m.source = 'uses'
INNER JOIN entered AS e ON e.unit = s.unit
