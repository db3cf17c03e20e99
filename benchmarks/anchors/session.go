package anchors

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// Session is a process of DuckDB that answers queries on one thread. What statements make in it stays until it is closed.
type Session struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// OpenSession starts the program of benchmarks/duckdb, which [FindDuckDB] finds.
func OpenSession(program string) (*Session, error) {
	d := &Session{cmd: exec.Command(program, "serve")}
	var err error
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	d.out = bufio.NewReaderSize(out, 1<<20)
	return d, d.cmd.Start()
}

// Query runs statements and returns the rows of a query as text, nil for null.
func (d *Session) Query(statements []string, query string) ([][]*string, error) {
	rows, _, err := d.Timed(statements, query)
	return rows, err
}

// Timed is Query that also returns the seconds of processor time that the query took, without its statements.
func (d *Session) Timed(statements []string, query string) (rows [][]*string, cpu float64, err error) {
	request, err := json.Marshal(map[string]any{"statements": statements, "query": query})
	if err != nil {
		return nil, 0, err
	}
	if _, err := d.in.Write(append(request, '\n')); err != nil {
		return nil, 0, err
	}
	line, err := d.out.ReadBytes('\n')
	if err != nil {
		return nil, 0, fmt.Errorf("duckdb ended: %w", err)
	}
	var response struct {
		Rows  [][]*string `json:"rows"`
		CPU   float64     `json:"cpu_seconds"`
		Error string      `json:"error"`
	}
	if err := json.Unmarshal(line, &response); err != nil {
		return nil, 0, err
	}
	if response.Error != "" {
		return nil, 0, fmt.Errorf("duckdb: %s in %s", response.Error, query)
	}
	return response.Rows, response.CPU, nil
}

// Close ends the process.
func (d *Session) Close() error { return errors.Join(d.in.Close(), d.cmd.Wait()) }
