package main

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
)

// request is one line of what serve reads: statements, then a query whose rows are wanted as text.
type request struct {
	Statements []string `json:"statements"`
	Query      string   `json:"query"`
}

// response answers it: a row is a list of texts, null where the value is.
type response struct {
	Rows  [][]*string `json:"rows"`
	CPU   float64     `json:"cpu_seconds"` // of the query
	Error string      `json:"error,omitempty"`
}

// serve answers requests until its input ends. What statements make stays for those that follow.
func serve(db *sql.DB, in io.Reader, out io.Writer) error {
	lines := bufio.NewReaderSize(in, 1<<20)
	encode := json.NewEncoder(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		a := response{Rows: [][]*string{}}
		if err := a.fill(db, r); err != nil {
			a = response{Error: err.Error()}
		}
		if err := encode.Encode(a); err != nil {
			return err
		}
	}
}

func (a *response) fill(db *sql.DB, r request) error {
	for _, s := range r.Statements {
		if _, err := db.Exec(s); err != nil {
			return fmt.Errorf("%s: %w", s[:min(len(s), 200)], err)
		}
	}
	if r.Query == "" {
		return nil
	}
	before := cpu()
	defer func() { a.CPU = cpu() - before }()
	rows, err := db.Query("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (" + r.Query + ")")
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		row := make([]*string, len(names))
		into := make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		a.Rows = append(a.Rows, row)
	}
	return rows.Err()
}
