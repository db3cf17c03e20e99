package delta_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
)

// checksums returns the names of the checksums that are there.
func checksums(t interface{ Fatal(...any) }, s objstore.Store) (names []string) {
	if err := s.List(ctx, log.Dir, "", func(i objstore.Info) bool {
		if strings.HasSuffix(i.Name, ".crc") {
			names = append(names, i.Name)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return names
}

// sameHead compares what two heads say, but for what only one of them has to know.
func sameHead(a, b *delta.Head) bool {
	x, y := *a, *b
	x.Total, y.Total = nil, nil
	return reflect.DeepEqual(x, y)
}

// TestChecksums: commits of this table and of others who leave no checksums, in any order and at any pace. Every
// checksum says what a replay of its version says, and a table is opened by them as without them.
func TestChecksums(t *testing.T) {
	written := 0
	rapid.Check(t, func(t *rapid.T) {
		s, now := memory.New(memory.Options{}), time.UnixMilli(1_700_000_000_000)
		o := delta.Options{Random: newRandom(1), Now: func() time.Time { return now }}
		table, err := delta.Create(ctx, s, delta.CreateOptions{Schema: idSchema, Domains: true}, o)
		if err != nil {
			t.Fatal(err)
		}
		other := delta.Open(s, o)
		live := map[string]int64{}
		for v := range rapid.IntRange(1, 12).Draw(t, "commits") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 400, 5000}).Draw(t, "pause")) * time.Millisecond)
			c := delta.Commit{Operation: "WRITE", Txns: []log.Txn{{AppID: fmt.Sprint("app ", v%3), Version: int64(v)}}}
			if v%4 == 1 {
				c.Domains = []log.Domain{{Domain: "d", Configuration: fmt.Sprint(v), Removed: v%8 == 5}}
			}
			for _, name := range slices.Sorted(maps.Keys(live)) {
				size := live[name]
				if len(c.Removes) < 2 && rapid.Bool().Draw(t, "remove") {
					c.Removes = append(c.Removes, log.Remove{Path: name, DataChange: true, Size: &size})
					delete(live, name)
				}
			}
			for i := range rapid.IntRange(0, 3).Draw(t, "files") {
				a := add(fmt.Sprintf("%d-%d", v, i))
				a.Size = int64(rapid.IntRange(0, 1000).Draw(t, "size"))
				c.Adds, live[a.Path] = append(c.Adds, a), a.Size
			}
			switch rapid.SampledFrom([]string{"ours", "ours", "ours", "other", "opened anew", "snapshot", "checkpoint"}).Draw(t, "by") {
			case "other": // who writes no checksum
				head, err := other.Head(ctx)
				if err != nil {
					t.Fatal(err)
				}
				text := (&log.Commit{Info: &log.CommitInfo{Operation: "WRITE", TxnID: fmt.Sprint("other ", v)}, Txns: c.Txns, Domains: c.Domains, Adds: c.Adds, Removes: c.Removes}).Encode(nil)
				if err := s.PutIfAbsent(ctx, log.CommitName(head.Version+1), text); err != nil {
					t.Fatal(err)
				}
				continue
			case "opened anew":
				table = delta.Open(s, o)
			case "snapshot":
				if _, err := table.Snapshot(ctx); err != nil {
					t.Fatal(err)
				}
			case "checkpoint":
				if _, err := table.Checkpoint(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if c.Read, err = table.Head(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := table.Commit(ctx, c); err != nil {
				t.Fatal(err)
			}
		}
		names := checksums(t, s)
		written += len(names)
		for _, name := range names {
			var version int64
			_, _ = fmt.Sscanf(strings.TrimPrefix(name, log.Dir), "%d.crc", &version)
			checkChecksum(t, s, version)
		}
		by, err := delta.Open(s, o).Head(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if err := s.Delete(ctx, name); err != nil {
				t.Fatal(err)
			}
		}
		without, err := delta.Open(s, o).Head(ctx)
		if err != nil || !sameHead(by, without) {
			t.Fatalf("with checksums the newest version is %+v, without %+v: %v", by, without, err)
		}
		if total := by.Total; total != nil && total.Files != int64(len(live)) {
			t.Fatalf("%d files, there are %d", total.Files, len(live))
		}
	})
	if written == 0 {
		t.Fatal("no checksum was ever written")
	}
}

// checkChecksum compares a checksum with a replay of its version.
func checkChecksum(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, s objstore.Store, version int64) {
	l := &log.Log{Store: s}
	c, err := l.Checksum(ctx, version)
	if err == nil {
		err = l.Confirm(ctx, version, c)
	}
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := delta.Open(s, options(5)).SnapshotAt(ctx, version)
	if err != nil {
		t.Fatal(err)
	}
	if c.Total != (log.Total{Files: int64(snapshot.Len()), Bytes: snapshot.Bytes()}) {
		t.Fatalf("version %d has %d files of %d bytes, its checksum says %+v", version, snapshot.Len(), snapshot.Bytes(), c.Total)
	}
	txns, domains := map[string]log.Txn{}, map[string]log.Domain{}
	for _, x := range c.Txns {
		txns[x.AppID] = x
	}
	for _, d := range c.Domains {
		domains[d.Domain] = d
	}
	if !reflect.DeepEqual(txns, snapshot.Txns) || !reflect.DeepEqual(domains, snapshot.Domains) || !c.Metadata.Equal(&snapshot.Metadata) {
		t.Fatalf("version %d: %+v and %+v", version, c, snapshot.Head)
	}
}

// TestWrongChecksums: a checksum that is damaged, or is another version's, or of a commit that lost its version, changes nothing.
func TestWrongChecksums(t *testing.T) {
	s := memory.New(memory.Options{})
	table := create(t, s, delta.CreateOptions{Domains: true})
	for v := range 4 {
		later := delta.Open(s, delta.Options{Now: func() time.Time { return time.Now().Add(time.Hour * time.Duration(v)) }})
		if _, err := later.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: []log.Add{add(fmt.Sprint(v))}, Txns: []log.Txn{{AppID: "a", Version: int64(v)}}}); err != nil {
			t.Fatal(err)
		}
	}
	want, err := table.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	newest := log.ChecksumName(4)
	text, err := s.Get(ctx, newest, 0)
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	watched := &watchedStore{Store: s, read: read}
	if head, err := delta.Open(watched, options(1)).Head(ctx); err != nil || !sameHead(head, want) || head.Total == nil || head.Total.Files != 4 || read[log.CommitName(3)] {
		t.Fatalf("by its checksum the table is %+v, %v; read was %v", head, err, read)
	}
	for name, wrong := range map[string][]byte{
		"empty":              {},
		"cut off":            text[:len(text)-20],
		"no metadata":        bytes.Replace(text, []byte(`"metadata":`), []byte(`"other":`), 1),
		"of another commit":  bytes.Replace(text, []byte(`"txnId":"`), []byte(`"txnId":"0`), 1),
		"without its txn":    bytes.Replace(text, []byte(`{"appId":"a","version":3}`), nil, 1),
		"an older txn":       bytes.Replace(text, []byte(`"version":3`), []byte(`"version":2`), 1),
		"two protocols":      bytes.Replace(text, []byte(`"numProtocol":1`), []byte(`"numProtocol":2`), 1),
		"without its domain": bytes.Replace(text, []byte(`"domainMetadata"`), []byte(`"domains"`), 1),
	} {
		if bytes.Equal(wrong, text) {
			t.Fatalf("%s: nothing is wrong with it", name)
		}
		if err := s.Put(ctx, newest, wrong); err != nil {
			t.Fatal(err)
		}
		if head, err := delta.Open(s, options(1)).Head(ctx); err != nil || !sameHead(head, want) {
			t.Errorf("%s: %+v, %v; want %+v", name, head, err, want)
		}
	}
}

// watchedStore notes which objects are opened.
type watchedStore struct {
	objstore.Store
	read map[string]bool
}

func (w *watchedStore) Open(ctx context.Context, name string) (objstore.Reader, error) {
	w.read[name] = true
	return w.Store.Open(ctx, name)
}

// TestChecksumsAreSpaced: commits that come fast get one checksum a second, by whoever does the housekeeping.
func TestChecksumsAreSpaced(t *testing.T) {
	s, now := memory.New(memory.Options{}), time.UnixMilli(0)
	sink := delta.NewSink(s, delta.SinkOptions{Table: delta.Options{Random: newRandom(3), Now: func() time.Time { return now }}})
	if err := sink.Bind(ctx, idSchema, "append"); err != nil {
		t.Fatal(err)
	}
	w := shareOf(t, sink, 0)
	for e := range int64(30) {
		now = now.Add(100 * time.Millisecond)
		b := batch.NewBuilder(batch.BigIntType, nil)
		b.Int64(e)
		if _, err := sink.Commit(ctx, commitOf(e+1, stage(t, w, e+1, batch.NewBatch(idSchema, 1, b.Finish())))); err != nil {
			t.Fatal(err)
		}
		if err := sink.Maintain(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if names := checksums(t, s); len(names) != 3 {
		t.Errorf("30 commits in three seconds got the checksums %v", names)
	}
}

// TestChecksumsAfterARestore: a restore brings files back with the vectors that they had, and whoever opens the table then and adds
// to it knows what the files come to.
func TestChecksumsAfterARestore(t *testing.T) {
	s := memory.New(memory.Options{})
	sink := upsertSink(t, s, delta.SinkOptions{Keys: []string{"k"}, Properties: vectorsOn})
	w := shareOf(t, sink, 0)
	put := batch.UpdateAfter
	for e, changes := range [][]change{{{put, 1, "a", 1}, {put, 2, "a", 2}, {put, 3, "a", 3}}, {{put, 1, "a", 10}}} {
		if _, err := sink.Commit(ctx, commitOf(int64(e+1), stage(t, w, int64(e+1), changeBatch(changes...)))); err != nil {
			t.Fatal(err)
		}
	}
	table := delta.Open(s, options(50))
	head, err := table.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(t, delta.Open(s, options(51)), withoutKinds(changeBatch(change{k: 9})), delta.WriteOptions{Mode: delta.Overwrite}); err != nil {
		t.Fatal(err)
	}
	if _, err := delta.Open(s, options(52)).Restore(ctx, head.Version); err != nil {
		t.Fatal(err)
	}
	for _, name := range checksums(t, s) { // so that commits have to be counted
		if err := s.Delete(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(t, delta.Open(s, options(53)), withoutKinds(changeBatch(change{k: 8})), delta.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := checksums(t, s); len(got) != 1 || !strings.HasSuffix(got[0], fmt.Sprintf("%d.crc", head.Version+3)) {
		t.Fatalf("the checksums are %v", got)
	}
	checkChecksum(t, s, head.Version+3)
}
