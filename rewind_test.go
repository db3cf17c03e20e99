package deltaic_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/internal/oracle"
	"github.com/deltaic/deltaic/node"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/stream"
)

// tables is what a flow's tables hold.
func tablesOf(t *testing.T, paths ...string) map[string]map[string]int {
	all := map[string]map[string]int{}
	for _, p := range paths {
		all[filepath.Base(p)] = rowsOf(t, p)
		found, err := oracle.CheckLog(p)
		if err != nil || len(found) > 0 {
			t.Fatalf("findings %v, %v", found, err)
		}
		sound(t, p)
	}
	return all
}

// sound checks that fsck finds nothing in tables but what writers that died have left.
func sound(t *testing.T, paths ...string) {
	t.Helper()
	for _, p := range paths {
		if code, found := lines(t, "table", "fsck", p, "--deep"); code != 0 {
			t.Errorf("fsck of %s ends with %d: %v", p, code, found)
		}
	}
}

func wantTables(t *testing.T, what string, got, want map[string]map[string]int) {
	t.Helper()
	for name := range want {
		if !maps.Equal(got[name], want[name]) {
			t.Fatalf("%s: %s holds\n%v\nwant\n%v", what, name, got[name], want[name])
		}
	}
}

func command(t *testing.T, args ...string) int {
	t.Helper()
	return node.Main(t.Context(), args, deltaic.Env())
}

// twoTables is a flow that keeps state, upserts into one table and appends to another.
type twoTables struct {
	t       *testing.T
	dir     string
	source  *memory.Source
	added   int64
	options []stream.Option // of each run, beside its own
}

func newTwoTables(t *testing.T) *twoTables {
	return &twoTables{t, t.TempDir(), memory.NewSource(batch.NewSchema(batch.Field{Name: "user", Type: batch.BigIntType}, batch.Field{Name: "amount", Type: batch.BigIntType}), 2), 0, nil}
}

func (f *twoTables) at(name string) string { return filepath.Join(f.dir, name) }

// add gives the source more rows.
func (f *twoTables) add(rows int) {
	for range rows {
		if err := f.source.AddRows(int(f.added%2), []any{f.added * f.added % 17, f.added}); err != nil {
			f.t.Fatal(err)
		}
		f.added++
	}
}

func (f *twoTables) run() error {
	flow := stream.New("two-tables")
	rows := flow.From("in", f.source)
	rows.To("bronze", delta.SinkAt(f.at("bronze"), delta.SinkOptions{}), stream.Append)
	rows.GroupBy("user").Agg("per-user", "count(*) AS n", "sum(amount) AS amount").
		To("gold", delta.SinkAt(f.at("gold"), delta.SinkOptions{Keys: []string{"user"}}), stream.Update)
	q, err := deltaic.Start(f.t.Context(), flow, append(f.options[:len(f.options):len(f.options)],
		stream.CheckpointLocation(f.at("checkpoint")), stream.AvailableNow(), stream.Parallelism(1+int(f.added)%3))...)
	if err != nil {
		return err
	}
	return q.AwaitTermination(f.t.Context())
}

func (f *twoTables) mustRun() {
	f.t.Helper()
	if err := f.run(); err != nil {
		f.t.Fatal(err)
	}
}

func (f *twoTables) tables() map[string]map[string]int {
	return tablesOf(f.t, f.at("bronze"), f.at("gold"))
}

// entry reads the ledger's newest entry.
func (f *twoTables) entry() (*delta.Ledger, string, *epochs.Entry) {
	store, err := local.New(f.at("checkpoint/ledger"), local.Options{})
	if err != nil {
		f.t.Fatal(err)
	}
	l := delta.NewLedger(store, "two-tables", delta.Options{})
	text, err := l.Load(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	e, err := epochs.DecodeEntry(text, "two-tables", "")
	if err != nil {
		f.t.Fatal(err)
	}
	return l, text, e
}

// TestRewind: a flow that is taken back has the tables and the state of the epoch, and arrives at the same result again; so
// does one that is taken back twice, or whose tables another writer has touched.
func TestRewind(t *testing.T) {
	f := newTwoTables(t)
	var after []map[string]map[string]int
	var epochsDone []int64
	for range 5 {
		f.add(60)
		f.mustRun()
		_, _, e := f.entry()
		epochsDone, after = append(epochsDone, e.Epoch), append(after, f.tables())
	}
	for _, back := range []int{2, 3} { // the second time as another incarnation, which begins at the first one's epoch
		to := epochsDone[back]
		if back == 3 {
			_, _, e := f.entry()
			to = e.Epoch - 1
		}
		if code := command(t, "rewind", f.at("checkpoint"), "--to-epoch", fmt.Sprint(to), "--json"); code != 0 {
			t.Fatalf("rewind to epoch %d ended with %d", to, code)
		}
		if _, _, e := f.entry(); e.Epoch != to {
			t.Fatalf("the flow is at epoch %d, want %d", e.Epoch, to)
		}
		if back == 2 {
			wantTables(t, "after the rewind", f.tables(), after[back])
		}
		f.mustRun()
		wantTables(t, "at the end again", f.tables(), after[4])
		f.add(10)
		f.mustRun()
		after[4] = f.tables()
		if len(after[4]["bronze"]) != int(f.added) {
			t.Fatalf("%d rows of %d", len(after[4]["bronze"]), f.added)
		}
	}
}

// TestRewindIsFinishedByTheNextStart: once the entry is in the ledger the rewind is decided; a crash before
// the tables are restored changes nothing.
func TestRewindIsFinishedByTheNextStart(t *testing.T) {
	f := newTwoTables(t)
	f.add(50)
	f.mustRun()
	f.add(50)
	f.mustRun()
	end := f.tables()
	l, text, now := f.entry()
	var to *epochs.Entry
	if err := l.History(t.Context(), func(entry string) bool {
		e, err := epochs.DecodeEntry(entry, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == epochs.KindEpoch && e.Epoch == now.Epoch-1 {
			to = e
		}
		return to == nil
	}); err != nil || to == nil {
		t.Fatal(to, err)
	}
	restores := map[string]int64{}
	for _, name := range []string{"bronze", "gold"} {
		table, _, err := delta.SinkAt(f.at(name), delta.SinkOptions{}).Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if restores[name], err = table.EpochVersion(t.Context(), "two-tables", now.Incarnation, to.Epoch); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Rewind(t.Context(), text, epochs.Rewind(now, to, "another", restores).Encode(), -1); err != nil {
		t.Fatal(err)
	}
	f.mustRun()
	wantTables(t, "restored by the next start", f.tables(), end)
	if _, _, e := f.entry(); e.Incarnation != "another" || len(e.Restores) > 0 {
		t.Fatalf("the newest entry is %+v", e)
	}
}

// TestRewindRefuses: what cannot be taken back is said, and nothing is changed.
func TestRewindRefuses(t *testing.T) {
	f := newTwoTables(t)
	for range 3 {
		f.add(30)
		f.mustRun()
	}
	_, text, e := f.entry()
	refused := func(to int64) {
		t.Helper()
		if code := command(t, "rewind", f.at("checkpoint"), "--to-epoch", fmt.Sprint(to)); code != 1 {
			t.Fatalf("rewind to epoch %d ended with %d", to, code)
		}
		if _, now, _ := f.entry(); now != text {
			t.Fatal("the ledger has changed")
		}
	}
	refused(e.Epoch)
	refused(e.Epoch + 7)
	// The rows of the last epochs are gone from the store: the first one cannot be restored.
	end := f.tables()
	removed := 0
	if err := filepath.WalkDir(f.at("gold"), func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".parquet") || strings.Contains(path, "_delta_log") || live(t, f.at("gold"), filepath.Base(path)) {
			return err
		}
		removed++
		return os.Remove(path)
	}); err != nil || removed == 0 {
		t.Fatalf("%d files that are not live: %v", removed, err)
	}
	refused(1)
	f.mustRun()
	wantTables(t, "after the refusals", f.tables(), end)
}

func live(t *testing.T, table, name string) bool {
	replayed, err := oracle.Replay(table)
	if err != nil {
		t.Fatal(err)
	}
	_, ok := replayed.Live[name]
	return ok
}

// TestRewindOfATableThatIsTheLedger: one commit takes both back.
func TestRewindOfATableThatIsTheLedger(t *testing.T) {
	path := t.TempDir() + "/orders"
	source := memory.NewSource(batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}), 1)
	run := func() {
		flow := stream.New("orders")
		flow.From("in", source).To("orders", delta.SinkAt(path, delta.SinkOptions{}), stream.Append)
		q, err := deltaic.Start(context.Background(), flow, stream.AvailableNow())
		if err != nil {
			t.Fatal(err)
		}
		if err := q.AwaitTermination(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for n := range int64(4) {
		if err := source.AddRows(0, []any{n}); err != nil {
			t.Fatal(err)
		}
		run()
	}
	if code := command(t, "rewind", path, "--to-epoch", "2"); code != 0 {
		t.Fatalf("ended with %d", code)
	}
	if rows := tablesOf(t, path)["orders"]; len(rows) != 2 {
		t.Fatalf("rows %v", rows)
	}
	run()
	if rows := tablesOf(t, path)["orders"]; len(rows) != 4 || rows[`{"n":3}`] != 1 {
		t.Fatalf("rows %v", rows)
	}
}
