package flows

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// DuckDB answers queries, in a process of its own.
type DuckDB struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// OpenDuckDB starts the program of benchmarks/duckdb.
func OpenDuckDB(program string) (*DuckDB, error) {
	d := &DuckDB{cmd: exec.Command(program, "serve")}
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
func (d *DuckDB) Query(statements []string, query string) ([][]*string, error) {
	request, err := json.Marshal(map[string]any{"statements": statements, "query": query})
	if err != nil {
		return nil, err
	}
	if _, err := d.in.Write(append(request, '\n')); err != nil {
		return nil, err
	}
	line, err := d.out.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("duckdb ended: %w", err)
	}
	var response struct {
		Rows  [][]*string `json:"rows"`
		Error string      `json:"error"`
	}
	if err := json.Unmarshal(line, &response); err != nil {
		return nil, err
	}
	if response.Error != "" {
		return nil, fmt.Errorf("duckdb: %s in %s", response.Error, query)
	}
	return response.Rows, nil
}

// Close ends the process.
func (d *DuckDB) Close() error { return errors.Join(d.in.Close(), d.cmd.Wait()) }
