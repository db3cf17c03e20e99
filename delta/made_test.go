package delta_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/internal/oracle"
)

// madeTables is what the tables of testdata are made of that other writers wrote.
const madeTables = "testdata/tables.sql"

// made is a table of madeTables.
type made struct {
	name, about string
	statements  []string
}

func readMade(t *testing.T) []made {
	t.Helper()
	text, err := os.ReadFile(madeTables)
	if err != nil {
		t.Fatal(err)
	}
	var all []made
	for _, section := range strings.Split(string(text), "\n--= ")[1:] {
		head, body, _ := strings.Cut(section, "\n")
		m := made{}
		m.name, m.about, _ = strings.Cut(head, ": ")
		for _, s := range strings.Split(body, ";\n") {
			if s = strings.TrimSpace(s); s != "" {
				m.statements = append(m.statements, s)
			}
		}
		all = append(all, m)
	}
	return all
}

// TestMadeTables holds the set of testdata against its own bounds; that its tables are read as their writers read them is for
// TestConformance. With DELTAIC_MAKE_TABLES and DELTAIC_INTEROP set it makes those that are missing, has their
// writers read every version, and notes what they say.
func TestMadeTables(t *testing.T) {
	tables := readMade(t)
	for _, m := range tables {
		if _, err := os.Stat(filepath.Join("testdata/tables", m.name)); err == nil {
			continue
		}
		if os.Getenv("DELTAIC_MAKE_TABLES") == "" {
			t.Errorf("the table %s of %s was not made", m.name, madeTables)
			continue
		}
		t.Run(m.name, m.make)
	}
	count, size := len(expectations(t, "testdata/tables")), int64(0)
	err := filepath.WalkDir("testdata", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, e := d.Info()
			if e != nil {
				return e
			}
			size += info.Size()
		}
		return err
	})
	if err != nil || count < 40 || size > 5<<20 {
		t.Errorf("%d tables of %d bytes, want 40 or more of at most 5 MiB: %v", count, size, err)
	}
	t.Logf("%d tables of %d bytes", count, size)
}

// kit runs a script of the interop kit.
func kit(t *testing.T, in string, args ...string) ([]byte, error) {
	t.Helper()
	root := os.Getenv("DELTAIC_INTEROP")
	if root == "" {
		t.Fatal("DELTAIC_INTEROP does not name the folder with the scripts of Spark, delta-rs and DuckDB")
	}
	c := exec.CommandContext(t.Context(), filepath.Join(root, args[0]), args[1:]...)
	var failed bytes.Buffer
	c.Stdin, c.Stderr = strings.NewReader(in), &failed
	out, err := c.Output()
	if err != nil {
		err = fmt.Errorf("%q: %w: %.400s %.400s", args, err, failed.Bytes(), out)
	}
	return out, err
}

// sparkSQL runs statements and returns the rows of the last one.
func sparkSQL(t *testing.T, statements ...string) [][]any {
	t.Helper()
	var in bytes.Buffer
	for _, s := range statements {
		line, _ := json.Marshal(s)
		in.Write(append(line, '\n'))
	}
	out, err := kit(t, in.String(), "oracle/sql", "--engine", "spark", "--jsonl", "--quiet", "-")
	var last struct{ Rows [][]any }
	for line := range bytes.Lines(out) {
		var r struct {
			SQL   string
			Error json.RawMessage
			Rows  [][]any
		}
		if e := json.Unmarshal(line, &r); e != nil || len(r.Error) > 0 {
			t.Fatalf("%s: %.600s %v", r.SQL, r.Error, e)
		}
		last.Rows = r.Rows
	}
	if err != nil {
		t.Fatal(err)
	}
	return last.Rows
}

// engineRead is what an engine reads of a version.
type engineRead struct {
	Rows   int64
	Digest string
	Schema []map[string]any
}

func readBy(t *testing.T, engine, table string, version int64) (r engineRead, err error) {
	t.Helper()
	out, err := kit(t, "", "oracle/read", "--engine", engine, "--version", fmt.Sprint(version), "--digest", table)
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	return r, err
}

// hidden are the checksums of Spark's file system.
var hidden = regexp.MustCompile(`(^|/)\.[^/]*$`)

// make makes the table and its expectation.
func (m made) make(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), m.name)
	w := &writers{t: t, path: path, by: map[string]bool{}}
	for _, s := range m.statements {
		w.write(strings.ReplaceAll(s, "{t}", "delta.`"+path+"`"))
	}
	w.spark()
	w.beside.Wait()
	if err := m.expect(t, path, w.makers()); err != nil {
		t.Errorf("%s: %v", m.name, err)
	}
}

// expect has the table read and keeps it with what was read.
func (m made) expect(t *testing.T, path, by string) error {
	t.Helper()
	now, err := oracle.ReplayAt(path, -1)
	if err != nil {
		return err
	}
	out := map[string]any{"format": 1, "set": "own", "table": m.name, "about": m.about, "made_by": by, "expectation": "rows",
		"table_id": now.Metadata.ID, "partition_columns": now.Metadata.PartitionColumns, "configuration": now.Metadata.Configuration,
		"live_files": len(now.Live), "protocol": now.Protocol, "domains": now.Domains}
	txns := map[string]int64{}
	for app, txn := range now.Transactions {
		txns[app] = txn.Version
	}
	out["txn"] = txns
	var versions []map[string]any
	for v := int64(0); v <= now.Version; v++ {
		then, err := oracle.ReplayAt(path, v)
		if err != nil {
			return err
		}
		read, err := readBy(t, "spark", path, v)
		if err != nil {
			return err
		}
		one := map[string]any{"version": v, "live_files": len(then.Live), "rows": read.Rows}
		if !strings.HasPrefix(m.name, "variants") {
			one["rows_digest"] = read.Digest
		}
		versions = append(versions, one)
		if v < now.Version {
			continue
		}
		for k, x := range one {
			if k != "version" {
				out[k] = x
			}
		}
		readers := []string{"spark"}
		for _, engine := range []string{"deltars", "duckdb"} {
			if other, err := readBy(t, engine, path, v); err == nil && other.Digest == read.Digest {
				readers = append(readers, engine)
			} else {
				t.Logf("%s: %s: %v, %d rows", m.name, engine, err, other.Rows)
			}
		}
		out["read_by"] = readers
	}
	out["versions"] = versions
	if strings.EqualFold(now.Metadata.Configuration["delta.enableChangeDataFeed"], "true") {
		out["cdf"] = m.feed(t, path)
	}
	if strings.EqualFold(now.Metadata.Configuration["delta.enableRowTracking"], "true") && slices.Contains(now.Protocol.WriterFeatures, "rowTracking") {
		out["row_ids"] = asRows(sparkSQL(t, "SELECT id, _metadata.row_id, _metadata.row_commit_version FROM delta.`"+path+"` ORDER BY id"))
	}
	text, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		return err
	}
	return m.keep(path, text)
}

func asRows(rows [][]any) [][]string {
	var out [][]string
	for _, r := range rows {
		var row []string
		for _, v := range r {
			if v == nil {
				v = "" // as in the expectations of other sets
			}
			row = append(row, fmt.Sprint(v))
		}
		out = append(out, row)
	}
	return out
}

// feed is the change feed from the first version on as Spark reads it.
func (m made) feed(t *testing.T, path string) map[string]any {
	t.Helper()
	var columns, texts []string
	add := func(name, text string) { columns, texts = append(columns, name), append(texts, text) }
	for _, r := range sparkSQL(t, "DESCRIBE delta.`"+path+"`") {
		name := fmt.Sprint(r[0])
		switch {
		case name == "" || strings.HasPrefix(name, "#") || slices.Contains(columns, name):
		case r[1] == "timestamp":
			add(name, "date_format("+name+", \"yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'\")")
		default:
			add(name, "CAST("+name+" AS STRING)")
		}
	}
	add("_change_type", "_change_type")
	add("_commit_version", "_commit_version")
	query := "SELECT " + strings.Join(texts, ", ") + " FROM table_changes_by_path('" + path + "', 0)"
	return map[string]any{"start_version": 0, "columns": columns, "rows_as_text": asRows(sparkSQL(t, query))}
}

// keep copies the table, without what only a file system of Spark looks at.
func (m made) keep(path string, expectation []byte) error {
	to := filepath.Join("testdata/tables", m.name)
	err := filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(path, file)
		if err != nil || d.IsDir() || hidden.MatchString(name) || strings.Contains(name, "_commits") {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		target := filepath.Join(to, "delta", name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, "expect.json"), append(expectation, '\n'), 0o644)
}
