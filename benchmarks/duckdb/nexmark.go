package main

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"
)

// queries are Nexmark's over a table of bids in memory, with a row number k: what a batch engine pays for
// the final result that a stream has to keep up to date.
var queries = map[string]string{
	"q0": `SELECT auction, bidder, price, "dateTime", extra FROM bids`,
	"q1": `SELECT auction, bidder, CAST(0.908 * price AS DECIMAL(23,3)) AS price, "dateTime", extra FROM bids`,
	"q2": `SELECT auction, price FROM bids WHERE auction % 123 = 0`,
	"q5": `WITH counts AS (SELECT auction, w AS window_start, count(*) AS num
		FROM (SELECT auction, unnest([epoch_ms("dateTime") // 2000 * 2000 - 2000 * i FOR i IN range(5)]) AS w FROM bids) GROUP BY auction, w)
		SELECT auction, num, window_start FROM counts QUALIFY rank() OVER (PARTITION BY window_start ORDER BY num DESC) = 1`,
	"q11": `SELECT bidder, count(*) AS n, min("dateTime") AS s, max("dateTime") + INTERVAL 10 SECOND AS e
		FROM (SELECT bidder, "dateTime", sum(CASE WHEN gap > 10000 THEN 1 ELSE 0 END) OVER (PARTITION BY bidder ORDER BY "dateTime" ROWS UNBOUNDED PRECEDING) AS session
		FROM (SELECT bidder, "dateTime", epoch_ms("dateTime") - lag(epoch_ms("dateTime")) OVER (PARTITION BY bidder ORDER BY "dateTime") AS gap FROM bids)) GROUP BY bidder, session`,
	"q12": `SELECT bidder, count(*) AS n, epoch_ms("dateTime") // 10000 AS w FROM bids GROUP BY bidder, w`,
	"q13": `SELECT b.auction, b.bidder, b.price, b."dateTime", s.value FROM bids b JOIN side s ON b.auction % 10000 = s.key`,
	"q14": `SELECT auction, bidder, CAST(0.908 * price AS DECIMAL(23,3)) AS price, CASE WHEN hour("dateTime") BETWEEN 8 AND 18 THEN 'dayTime'
		WHEN hour("dateTime") <= 6 OR hour("dateTime") >= 20 THEN 'nightTime' ELSE 'otherTime' END AS kind, "dateTime", extra,
		length(extra) - length(replace(extra, 'c', '')) AS cs FROM bids WHERE price BETWEEN 1101322 AND 55066079`,
	"q15": `SELECT strftime("dateTime", '%Y-%m-%d') AS day, ` + distinctCounts + ` FROM bids GROUP BY day`,
	"q16": `SELECT channel, strftime("dateTime", '%Y-%m-%d') AS day, max(strftime("dateTime", '%H:%M')) AS minute, ` + distinctCounts + ` FROM bids GROUP BY channel, day`,
	"q17": `SELECT auction, strftime("dateTime", '%Y-%m-%d') AS day, count(*) AS n, count(*) FILTER (WHERE price < 10000) AS r1,
		count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS r2, count(*) FILTER (WHERE price >= 1000000) AS r3,
		min(price), max(price), sum(price) // count(*), sum(price) FROM bids GROUP BY auction, day`,
	"q18": `SELECT * FROM bids QUALIFY row_number() OVER (PARTITION BY bidder, auction ORDER BY "dateTime" DESC, k DESC) = 1`,
	"q19": `SELECT *, row_number() OVER (PARTITION BY auction ORDER BY price DESC, k) AS r FROM bids QUALIFY r <= 10`,
	"q21": `SELECT auction, bidder, price, channel, id FROM (SELECT *, CASE lower(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1' WHEN 'facebook' THEN '2'
		WHEN 'baidu' THEN '3' ELSE nullif(regexp_extract(url, '(&|^)channel_id=([^&]*)', 2), '') END AS id FROM bids) WHERE id IS NOT NULL`,
	"q22": `SELECT auction, bidder, price, channel, split_part(url, '/', 4) AS dir1, split_part(url, '/', 5) AS dir2, split_part(url, '/', 6) AS dir3 FROM bids`,
}

const distinctCounts = `count(*) AS n, count(*) FILTER (WHERE price < 10000) AS b1, count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS b2,
	count(*) FILTER (WHERE price >= 1000000) AS b3, count(DISTINCT bidder) AS p, count(DISTINCT bidder) FILTER (WHERE price < 10000) AS p1,
	count(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000) AS p2, count(DISTINCT bidder) FILTER (WHERE price >= 1000000) AS p3,
	count(DISTINCT auction) AS a, count(DISTINCT auction) FILTER (WHERE price < 10000) AS a1,
	count(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000) AS a2, count(DISTINCT auction) FILTER (WHERE price >= 1000000) AS a3`

// answer is what one query took.
type answer struct {
	Query   string  `json:"query"`
	Rows    int64   `json:"rows"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
}

// nexmark loads the bids once and answers each query by a line of JSON; without names those that its input asks for.
func nexmark(db *sql.DB, in string, names []string) error {
	load := []string{
		fmt.Sprintf(`CREATE TEMP TABLE bids AS SELECT bid.*, row_number() OVER () AS k FROM read_json(%s, format = 'newline_delimited', columns = {bid: '%s'}) WHERE bid IS NOT NULL`, quote(in), bid),
		`CREATE TEMP TABLE side AS SELECT i AS key, CAST(i AS VARCHAR) AS value FROM range(10000) t(i)`,
		"SET preserve_insertion_order = false",
	}
	if _, err := db.Exec("SET preserve_insertion_order = true"); err != nil { // row numbers are arrival
		return err
	}
	for _, s := range load {
		if _, err := db.Exec(s); err != nil {
			return err
		}
	}
	if len(names) > 0 {
		for _, name := range names {
			if err := ask(db, name); err != nil {
				return err
			}
		}
		return nil
	}
	return asked(db)
}

// ready is what asked prints when the bids are loaded.
type ready struct {
	Bids    int64    `json:"bids"`
	Version string   `json:"version"`
	Queries []string `json:"queries"`
}

// asked answers the queries that its input names, a line each, so that another program can run in between.
func asked(db *sql.DB) error {
	r := ready{Queries: slices.Sorted(maps.Keys(queries))}
	if err := db.QueryRow("SELECT count(*), version() FROM bids").Scan(&r.Bids, &r.Version); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := ask(db, lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func ask(db *sql.DB, name string) error {
	query, known := queries[name]
	if !known {
		return fmt.Errorf("there is no query %q here", name)
	}
	start, before := time.Now(), cpu()
	if _, err := db.Exec("CREATE OR REPLACE TEMP TABLE result AS " + query); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	a := answer{Query: name, Seconds: time.Since(start).Seconds(), CPU: cpu() - before}
	if err := db.QueryRow("SELECT count(*) FROM result").Scan(&a.Rows); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}
