package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/node"
	"github.com/deltaic/deltaic/objstore/local"
)

func init() {
	roles["deltaic"] = func(args []string) error {
		os.Exit(node.Main(context.Background(), args, deltaic.Env()))
		return nil
	}
}

// sparkTable is a table that Spark changes while a flow of ours reads it.
type sparkTable struct {
	t      *testing.T
	path   string
	random *rand.Rand
	next   int      // id that was never there
	extra  []string // columns that were added
	since  int64    // the version of the last change of columns: none before it is restored
}

func (s *sparkTable) name() string { return "delta.`" + s.path + "`" }

// rows inserts rows in one file, or one for each partition.
func (s *sparkTable) rows() string {
	var values []string
	for range 1 + s.random.IntN(6) {
		row := fmt.Sprintf("%d, %d, 'p%d'", s.next, s.random.IntN(100), s.random.IntN(3))
		for range s.extra {
			row += fmt.Sprint(", ", s.random.IntN(100))
		}
		values = append(values, "("+row+")")
		s.next++
	}
	return "INSERT INTO " + s.name() + " SELECT /*+ COALESCE(1) */ * FROM VALUES " + strings.Join(values, ", ")
}

// statements are n changes on top of the table's newest version.
func (s *sparkTable) statements(n int) []string {
	head, err := s.table().Head(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var all []string
	if len(s.extra) < 3 && s.random.IntN(3) == 0 {
		s.extra = append(s.extra, fmt.Sprint("x", len(s.extra)))
		s.since = head.Version + 1
		all = append(all, "ALTER TABLE "+s.name()+" ADD COLUMNS ("+s.extra[len(s.extra)-1]+" BIGINT)")
	}
	for len(all) < n {
		at := s.random.IntN(max(s.next, 1))
		switch s.random.IntN(10) {
		case 0, 1:
			all = append(all, s.rows())
		case 2, 3:
			all = append(all, fmt.Sprintf("UPDATE %s SET v = v + 1000 WHERE id %% 4 = %d", s.name(), at%4))
		case 4:
			all = append(all, fmt.Sprintf("UPDATE %s SET p = 'p%d' WHERE id = %d", s.name(), s.random.IntN(3), at))
		case 5:
			all = append(all, fmt.Sprintf("DELETE FROM %s WHERE id %% 5 = %d", s.name(), at%5))
		case 6:
			all = append(all, fmt.Sprintf("MERGE INTO %s t USING (SELECT explode(array(%d, %d, %d)) AS id) s ON t.id = s.id WHEN MATCHED AND t.v %% 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET v = t.v * 2 WHEN NOT MATCHED THEN INSERT (id, v, p) VALUES (s.id, 7, 'p1')",
				s.name(), at, at+1, 1_000_000+s.next))
			s.next++
		case 7:
			all = append(all, "OPTIMIZE "+s.name())
		case 8:
			if len(s.extra) == 0 {
				break
			}
			all = append(all, fmt.Sprintf("UPDATE %s SET %s = id WHERE id %% 3 = %d", s.name(), s.extra[s.random.IntN(len(s.extra))], at%3))
		default:
			if s.since > head.Version {
				break
			}
			all = append(all, fmt.Sprintf("RESTORE TABLE %s TO VERSION AS OF %d", s.name(), max(s.since, head.Version-s.random.Int64N(4), 1)))
		}
	}
	return all
}

func (s *sparkTable) table() *delta.Table {
	store, err := local.New(s.path, local.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	return delta.Open(store, delta.Options{})
}

// change runs statements in Spark beside the caller, and returns a channel that has the outcome at the end.
func (s *sparkTable) change(n int) <-chan error {
	var in strings.Builder
	for _, text := range s.statements(n) {
		line, err := json.Marshal(text)
		if err != nil {
			s.t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	done := make(chan error, 1)
	go func() {
		out, err := script(s.t, in.String(), "oracle/sql", "--engine", "spark", "--jsonl", "--quiet", "-")
		if err == nil && strings.Contains(out, `"error"`) {
			err = fmt.Errorf("a statement failed: %s", tail([]byte(out)))
		}
		done <- err
	}()
	return done
}

// killed starts the flow in a process of its own and kills it: half of the times once it has committed something, else at any time.
func (s *sparkTable) killed(copied string, args ...string) {
	commits := func() int {
		names, _ := filepath.Glob(copied + "/_delta_log/*.json")
		return len(names)
	}
	c := again(s.t, "deltaic", args...)
	before := commits()
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	until := time.After(time.Duration(s.random.Int64N(int64(time.Second))))
	if s.random.IntN(2) == 0 {
		until = time.After(20 * time.Second)
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for over := false; !over; {
		select {
		case err := <-ended:
			s.t.Fatalf("the flow has ended: %v", err)
		case <-until:
			over = true
		case <-look.C:
			over = commits() > before+1+s.random.IntN(3)
		}
	}
	if err := c.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	<-ended
}

var absent = regexp.MustCompile(`,"x\d+":null`)

// contents are the rows of a table at a version, without columns that are null.
func contents(t *testing.T, table *delta.Table, version int64) map[string]int {
	rows := map[string]int{}
	for row, n := range scanned(t, table, version) {
		rows[absent.ReplaceAllString(row, "")] += n
	}
	return rows
}

// within reports whether all rows of a are in b.
func within(a, b map[string]int) bool {
	for row, n := range a {
		if b[row] < n {
			return false
		}
	}
	return true
}

// follows checks that what one table has held is what the other has held, version by version; between two versions of which the later has
// only more rows there may be parts of it.
func follows(t *testing.T, copied, source *delta.Table) (versions int) {
	t.Helper()
	var want []map[string]int
	head, err := source.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for v := int64(0); v <= head.Version; v++ {
		if rows := contents(t, source, v); v == 0 || !maps.Equal(rows, want[len(want)-1]) {
			want = append(want, rows)
		}
	}
	if head, err = copied.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := 0
	for v := int64(0); v <= head.Version; v++ {
		rows := contents(t, copied, v)
		switch {
		case maps.Equal(rows, want[at]):
		case at+1 < len(want) && maps.Equal(rows, want[at+1]):
			at++
		case at+1 < len(want) && within(want[at], rows) && within(rows, want[at+1]):
		default:
			t.Fatalf("version %d of the copy holds\n%v\nbetween\n%v\nand\n%v", v, rows, want[at], want[min(at+1, len(want)-1)])
		}
	}
	if at != len(want)-1 {
		t.Fatalf("the copy has come to content %d of %d", at, len(want))
	}
	return len(want)
}

// foldsTo checks that the rows of a change feed, which a flow has appended to a table, fold to each version of the source. It returns them.
func foldsTo(t *testing.T, feed, source *delta.Table) []string {
	t.Helper()
	byVersion := map[int64][]string{}
	var all []string
	for row, n := range contents(t, feed, -1) {
		var told struct {
			Version int64  `json:"_commit_version"`
			Type    string `json:"_change_type"`
		}
		if err := json.Unmarshal([]byte(row), &told); err != nil {
			t.Fatal(err)
		}
		plain, _, _ := strings.Cut(row, `,"_change_type"`)
		rest := row[len(plain):] // columns that were added come behind
		for _, x := range regexp.MustCompile(`,"x\d+":\d+`).FindAllString(rest, -1) {
			plain += x
		}
		plain = strings.TrimSuffix(plain, "}") + "}"
		for range n {
			byVersion[told.Version] = append(byVersion[told.Version], told.Type+plain)
			all = append(all, fmt.Sprint(told.Version, told.Type, plain))
		}
	}
	head, err := source.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for v := int64(0); v <= head.Version; v++ {
		for _, row := range byVersion[v] {
			kind, plain, _ := strings.Cut(row, "{")
			folded(rows, "{"+plain, kind == "delete" || kind == "update_preimage")
		}
		if want := contents(t, source, v); !maps.Equal(rows, want) {
			t.Fatalf("the feed folds at version %d to\n%v\nwant\n%v", v, rows, want)
		}
	}
	slices.Sort(all)
	return all
}

// TestSparkChangesWhatIsStreamed: Spark inserts, updates, deletes, merges, compacts, restores and adds columns, while a flow that copies the table by key, sums it
// up and keeps its change feed is killed again and again. What the copy has held is, version by version, what the table has held; the feed folds to every version; and
// Spark's own streams of the table give the rows that ours give.
//
// DELTAIC_INTEROP_KILLS are the kills for each table, DELTAIC_INTEROP_SEED is what the changes are drawn from.
func TestSparkChangesWhatIsStreamed(t *testing.T) {
	kit(t)
	startSpark(t)
	const feed, vectors, mapped = "'delta.enableChangeDataFeed' = 'true'", "'delta.enableDeletionVectors' = 'true'", "'delta.columnMapping.mode' = 'name'"
	seed, streams := number(t, "DELTAIC_INTEROP_SEED", 1), startSparkStreams(t)
	for i, c := range []struct{ name, properties, partition string }{
		{"rewritten", "'delta.enableDeletionVectors' = 'false'", ""},
		{"vectors", vectors, "PARTITIONED BY (p)"},
		{"mapped vectors", mapped + ", " + vectors, ""},
		{"feed", feed + ", 'delta.enableDeletionVectors' = 'false'", "PARTITIONED BY (p)"},
		{"feed vectors", feed + ", " + vectors, ""},
		{"feed mapped vectors", feed + ", " + mapped + ", " + vectors, "PARTITIONED BY (p)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := &sparkTable{t: t, path: filepath.Join(dir, "table"), random: rand.New(rand.NewPCG(uint64(seed), uint64(i)))}
			sql(t, "spark", nil, "CREATE TABLE "+s.name()+" (id BIGINT, v BIGINT, p STRING) USING delta "+c.partition+" TBLPROPERTIES ("+c.properties+")", s.rows())
			hasFeed := strings.Contains(c.properties, feed)
			file := streamedFlow(t, dir, hasFeed)
			kills, statements := number(t, "DELTAIC_INTEROP_KILLS", 3), 0
			working := s.change(8)
			for range kills {
				select {
				case err := <-working:
					if err != nil {
						t.Fatal(err)
					}
					statements += 8
					working = s.change(8)
				default:
				}
				s.killed(dir+"/copy", "run", file, "--listen", "off")
			}
			if err := <-working; err != nil {
				t.Fatal(err)
			}
			c := again(t, "deltaic", "run", file, "--listen", "off", "--trigger", "availableNow")
			if err := c.Run(); err != nil {
				t.Fatal(err)
			}
			held := follows(t, tableAt(t, dir+"/copy"), s.table())
			summed(t, tableAt(t, dir+"/sums"), s.table())
			var told []string
			if hasFeed {
				told = foldsTo(t, tableAt(t, dir+"/feed"), s.table())
			}
			t.Logf("seed %d: %d kills, %d statements of Spark, %d contents followed, %d columns added", seed, kills, statements+8, held, len(s.extra))
			secondOpinion(t, streams, dir, s.path, told)
		})
	}
}

func tableAt(t *testing.T, path string) *delta.Table {
	return (&sparkTable{t: t, path: path}).table()
}

func streamedFlow(t *testing.T, dir string, feed bool) string {
	t.Helper()
	text := `
name: streamed
checkpointLocation: DIR/checkpoint
trigger: {processingTime: 1 millisecond}
sources:
  src: {format: delta, path: DIR/table, options: {maxFilesPerTrigger: "1", startingVersion: "0"}}
FEED
steps:
  sums: {from: src, do: [{aggregate: {groupBy: [p], agg: ["count(*) AS n", "sum(v) AS s", "max(v) AS m"]}}]}
sinks:
  copy: {from: src, format: delta, path: DIR/copy, outputMode: update, keys: [id], options: {mergeSchema: "true"}}
  sums: {from: sums, format: delta, path: DIR/sums, outputMode: update, keys: [p]}
`
	more := ""
	if feed {
		more = `  told: {format: delta, path: DIR/table, options: {maxFilesPerTrigger: "3", startingVersion: "0", readChangeFeed: "true"}}`
		text += "  feed: {from: told, format: delta, path: DIR/feed, options: {mergeSchema: \"true\"}}\n"
	}
	name := filepath.Join(dir, "flow.yaml")
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(strings.Replace(text, "FEED", more, 1), "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// summed holds the sums against the rows of the table.
func summed(t *testing.T, sums, source *delta.Table) {
	t.Helper()
	type sum struct {
		P       string
		N, S, M int64
	}
	of, want := map[string]sum{}, map[sum]int{}
	for row, n := range scanned(t, source, -1) {
		var r struct {
			P string
			V int64
		}
		if err := json.Unmarshal([]byte(row), &r); err != nil || n != 1 {
			t.Fatal(row, n, err)
		}
		s, there := of[r.P]
		if !there {
			s = sum{P: r.P, M: r.V}
		}
		of[r.P] = sum{r.P, s.N + 1, s.S + r.V, max(s.M, r.V)}
	}
	for _, s := range of {
		want[s]++
	}
	got := map[sum]int{}
	for row, n := range scanned(t, sums, -1) {
		var s sum
		if err := json.Unmarshal([]byte(row), &s); err != nil {
			t.Fatal(row, err)
		}
		got[s] += n
	}
	if !maps.Equal(got, want) {
		t.Errorf("the sums are\n%v\nwant\n%v", got, want)
	}
}
