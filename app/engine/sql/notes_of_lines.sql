-- Orders inside the longest window that asks for a product, not cancelled, that came without lines.
SELECT count(*) AS lines_missing
FROM priced AS p
INNER JOIN lines AS l ON l.order_id = p.order_id
CROSS JOIN (SELECT max(window_days) AS days FROM metrics WHERE source = 'lines') AS a
CROSS JOIN terms AS t
WHERE l.sku IS NULL AND p.age <= a.days AND (p.cancelled_day IS NULL OR p.cancelled_day > t.as_of_day)
