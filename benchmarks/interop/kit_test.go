package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// roles are what this binary does when it is started as a process of its own.
var roles = map[string]func(args []string) error{}

const roleVariable = "DELTAIC_INTEROP_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := roles[role](os.Args[1:]); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	stopSpark()
	os.Exit(code)
}

// kit returns the folder of the scripts.
func kit(t *testing.T) string {
	t.Helper()
	root := os.Getenv("DELTAIC_INTEROP")
	if root == "" {
		t.Skip("DELTAIC_INTEROP does not name the folder with the scripts of Kafka, Spark, delta-rs and DuckDB")
	}
	return root
}

// script runs one of the kit's scripts and returns its standard output; text goes to its input.
func script(t *testing.T, text, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, filepath.Join(kit(t), name), args...)
	var out, failed bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(text), &out, &failed
	c.WaitDelay = time.Second // a server that the script leaves behind holds on to its output
	err := c.Run()
	if err != nil && c.ProcessState != nil && c.ProcessState.Success() {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s %s", name, strings.Join(args, " "), err, tail(out.Bytes()), tail(failed.Bytes()))
	}
	return out.String(), err
}

func tail(b []byte) []byte { return b[max(0, len(b)-3000):] }

func mustScript(t *testing.T, text, name string, args ...string) string {
	t.Helper()
	out, err := script(t, text, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var spark struct {
	once sync.Once
	stop func()
}

// startSpark starts the Spark server that all scripts use from then on, unless one runs. TestMain stops what it started.
func startSpark(t *testing.T) {
	t.Helper()
	root := kit(t)
	spark.once.Do(func() {
		if _, err := script(t, "", "oracle/server", "status"); err == nil {
			return
		}
		dir, err := os.MkdirTemp("", "spark")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Setenv("DELTAIC_SPARK_SOCK", filepath.Join(dir, "sock")); err != nil {
			t.Fatal(err)
		}
		spark.stop = func() {
			_ = exec.Command(filepath.Join(root, "oracle/server"), "stop").Run()
			_ = os.RemoveAll(dir)
		}
		mustScript(t, "", "oracle/server", "start")
	})
}

func stopSpark() {
	if spark.stop != nil {
		spark.stop()
	}
}

// python runs a program under the interpreter of the oracle, which has delta-rs.
func python(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	mustScript(t, "", "oracle/setup", "--light")
	cache := os.Getenv("DELTAIC_INTEROP_CACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache", "deltaic-interop")
	}
	c := exec.CommandContext(t.Context(), filepath.Join(cache, "oracle-venv", "bin", "python"), append([]string{"-c", program}, args...)...)
	c.Stderr = os.Stderr
	return c
}

// again is this binary in a role.
func again(t *testing.T, role string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, args...)
	c.Env = append(os.Environ(), roleVariable+"="+role)
	c.Stderr = os.Stderr
	return c
}

// engines are the readers that every table of ours must be equal in.
const engines = "spark,deltars,duckdb"

// bag is the rows of a table, order left out: batch.RowDigest, or the sum of several.
type bag interface {
	Rows() int64
	String() string // as batch.RowDigest
}

// sum is several bags.
type sum []bag

func (s sum) Rows() (n int64) {
	for _, b := range s {
		n += b.Rows()
	}
	return n
}

func (s sum) String() string {
	total := new(big.Int)
	for _, b := range s {
		if v, ok := new(big.Int).SetString(b.String(), 16); ok {
			total.Add(total, v)
		}
	}
	return fmt.Sprintf("%064x", total.Mod(total, new(big.Int).Lsh(big.NewInt(1), 256)))
}

// measured is a bag as an engine has read it.
type measured struct {
	rows   int64
	digest string
}

func (m measured) Rows() int64    { return m.rows }
func (m measured) String() string { return m.digest }

// equal checks that the engines read the table as the digest says, all of them but
// those named in without.
func equal(t *testing.T, table string, want bag, without ...string) {
	t.Helper()
	if err := compare(t, table, want, without...); err != nil {
		t.Error(err)
	}
}

func compare(t *testing.T, table string, want bag, without ...string) error {
	t.Helper()
	startSpark(t)
	text, err := json.Marshal(map[string]any{"expectation": "rows", "rows": want.Rows(), "rows_digest": want.String()})
	if err != nil {
		return err
	}
	expect := filepath.Join(t.TempDir(), "expect.json")
	if err := os.WriteFile(expect, text, 0o600); err != nil {
		return err
	}
	var use []string
	for _, e := range strings.Split(engines, ",") {
		if !strings.Contains(strings.Join(without, ","), e) {
			use = append(use, e)
		}
	}
	out, err := script(t, "", "oracle/compare", table, "--engines", strings.Join(use, ","), "--expect", expect)
	if err != nil {
		return err
	}
	for _, e := range use {
		if !strings.Contains(out, fmt.Sprintf("%s: %d rows %s", e, want.Rows(), want)) {
			return fmt.Errorf("%s did not read %s:\n%s", e, table, out)
		}
	}
	return nil
}

// read returns the rows as an engine reads them.
func read(t *testing.T, engine, table string) measured {
	t.Helper()
	if engine == "spark" {
		startSpark(t)
	}
	var got struct {
		Rows   int64
		Digest string
	}
	out := mustScript(t, "", "oracle/read", "--engine", engine, "--digest", table)
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return measured{got.Rows, got.Digest}
}

// result is what oracle/sql says of one statement.
type result struct {
	SQL     string          `json:"sql"`
	Rows    json.RawMessage `json:"rows"`
	Error   json.RawMessage `json:"error"`
	Columns json.RawMessage `json:"columns"`
}

// sql runs statements in Spark or DuckDB with views on tables; none may fail.
func sql(t *testing.T, engine string, tables map[string]string, statements ...string) []result {
	t.Helper()
	if engine == "spark" {
		startSpark(t)
	}
	args := []string{"--engine", engine, "--jsonl", "--quiet"}
	for name, path := range tables {
		args = append(args, "--table", name+"="+path)
	}
	var in bytes.Buffer
	for _, s := range statements {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(text, '\n'))
	}
	var results []result
	for _, line := range strings.Split(strings.TrimSpace(mustScript(t, in.String(), "oracle/sql", append(args, "-")...)), "\n") {
		var r result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if r.Error != nil {
			t.Fatalf("%s: %s", statements[min(len(results), len(statements)-1)], r.Error)
		}
		results = append(results, r)
	}
	if len(results) != len(statements) {
		t.Fatalf("%d results of %d statements", len(results), len(statements))
	}
	return results
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		t.Fatalf("%s=%s is no positive number", variable, text)
	}
	return n
}

// stopBroker runs behind the end of a test.
func stopBroker(b *broker) error {
	out, err := exec.Command(filepath.Join(os.Getenv("DELTAIC_INTEROP"), "kafka/down"), append(b.where, "--wipe")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("kafka/down: %w: %s", err, out)
	}
	return nil
}
