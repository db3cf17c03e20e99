// Command deltaic-duckdb is what the benchmarks ask of DuckDB: the conversion of bids
// from NDJSON to Parquet as an anchor, and sums over files to check a table with.
// It is a module of its own because it needs cgo:
//
//	cd benchmarks/duckdb && go build -o deltaic-duckdb . && export DELTAIC_DUCKDB=$PWD/deltaic-duckdb
//
// Every command prints one line of JSON.
package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range []string{"SET threads = 1", "SET preserve_insertion_order = false", "SET TimeZone = 'UTC'"} {
		if _, err := db.Exec(s); err != nil {
			return err
		}
	}
	switch {
	case len(args) == 3 && args[0] == "convert":
		return convert(db, args[1], args[2])
	case len(args) == 2 && args[0] == "sums":
		return sums(db, args[1])
	case len(args) >= 2 && args[0] == "nexmark":
		return nexmark(db, args[1], args[2:])
	case len(args) == 1 && args[0] == "serve":
		return serve(db, os.Stdin, os.Stdout)
	}
	return fmt.Errorf("usage: deltaic-duckdb convert IN.ndjson OUT.parquet | sums FILE-WITH-A-JSON-LIST-OF-PARQUET-FILES | nexmark IN.ndjson [QUERY...] | serve")
}

const bid = `STRUCT(auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, "dateTime" TIMESTAMP, extra VARCHAR)`

func convert(db *sql.DB, in, out string) error {
	start, before := time.Now(), cpu()
	_, err := db.Exec(fmt.Sprintf(`COPY (SELECT bid.* FROM read_json(%s, format = 'newline_delimited', columns = {bid: '%s'}) WHERE bid IS NOT NULL)
TO %s (FORMAT parquet, COMPRESSION snappy)`, quote(in), bid, quote(out)))
	if err != nil {
		return err
	}
	seconds, used := time.Since(start).Seconds(), cpu()-before
	var rows, price int64
	var version string
	if err := db.QueryRow("SELECT count(*), sum(price)::BIGINT, version() FROM read_parquet("+quote(out)+")").Scan(&rows, &price, &version); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"rows": rows, "sum_price": price, "seconds": seconds, "cpu_seconds": used, "version": version})
}

func sums(db *sql.DB, list string) error {
	b, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	var files []string
	if err := json.Unmarshal(b, &files); err != nil {
		return err
	}
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = quote(f)
	}
	var rows, price, auction, bidder, extra, times int64
	if len(files) > 0 {
		err = db.QueryRow(`SELECT count(*), coalesce(sum(price), 0)::BIGINT, coalesce(sum(auction), 0)::BIGINT, coalesce(sum(bidder), 0)::BIGINT,
coalesce(sum(strlen(extra)), 0)::BIGINT, coalesce(sum(epoch_ms("dateTime") - 1436918400000), 0)::BIGINT FROM read_parquet([`+strings.Join(quoted, ", ")+`])`).Scan(&rows, &price, &auction, &bidder, &extra, &times)
		if err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"rows": rows, "sum_price": price, "sum_auction": auction, "sum_bidder": bidder, "sum_extra": extra, "sum_time": times})
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
