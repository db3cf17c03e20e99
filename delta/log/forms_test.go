package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/supervision"
)

var ctx = context.Background()

// forms writes the log of a table in every form that there is, for the tests that read it.
type forms struct {
	store *memory.Store
	log   *Log
	count int
	whole [][]*Action // of each version, from its commits alone
}

func newForms() *forms {
	s := memory.New(memory.Options{})
	return &forms{store: s, log: &Log{Store: s}}
}

func (f *forms) put(t interface{ Fatal(...any) }, name string, data []byte) {
	if err := f.store.Put(ctx, name, data); err != nil {
		t.Fatal(err)
	}
}

// parquetOf is a checkpoint's file of the actions.
func parquetOf(t interface{ Fatal(...any) }, actions []*Action) []byte {
	schema := batch.NewSchema(secondSchema.Fields[:checkpointColumn]...)
	rows := newCheckpointBuilder(schema, nil)
	for _, a := range actions {
		rows.append(a)
	}
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, schema, parquet.WriterOptions{})
	if err == nil {
		err = rows.flush(w)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// jsonOf is a file of the actions as commits have them.
func jsonOf(actions []*Action) []byte {
	var text []byte
	for _, a := range actions {
		c := Commit{Info: a.CommitInfo, Protocol: a.Protocol, Metadata: a.Metadata}
		switch {
		case a.Txn != nil:
			c.Txns = []Txn{*a.Txn}
		case a.Domain != nil:
			c.Domains = []Domain{*a.Domain}
		case a.Add != nil:
			c.Adds = []Add{*a.Add}
		case a.Remove != nil:
			c.Removes = []Remove{*a.Remove}
		case a.Sidecar != nil:
			text = fmt.Appendf(text, `{"sidecar":{"path":%q,"sizeInBytes":%d,"modificationTime":1}}`+"\n", a.Sidecar.Path, a.Sidecar.Size)
			continue
		}
		text = c.Encode(text)
	}
	return text
}

// all are the actions that a checkpoint of the version holds.
func (f *forms) all(t interface{ Fatal(...any) }, version int64) []*Action {
	var all []*Action
	seg, err := f.log.Segment(ctx, version, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, put := CheckpointOptions{Cutoff: -1 << 62, TxnCutoff: -1 << 62}, func(a *Action) error { all = append(all, a); return nil }
	head, err := f.log.Head(ctx, seg)
	if err == nil {
		err = errors.Join(headActions(head, o, put), f.log.fileActions(ctx, seg, o, put))
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// checkpoint writes a checkpoint of the form.
func (f *forms) checkpoint(t interface{ Fatal(...any) }, version int64, form string, parts int) {
	all := f.whole[version]
	f.count++
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", f.count)
	split := func(actions []*Action) [][]*Action {
		return slices.Collect(slices.Chunk(actions, max(1, (len(actions)+parts-1)/parts)))
	}
	switch form {
	case "classic":
		f.put(t, CheckpointName(version), parquetOf(t, all))
	case "multi-part":
		groups := split(all)
		for i, g := range groups {
			f.put(t, fmt.Sprintf("%s%020d.checkpoint.%010d.%010d.parquet", Dir, version, i+1, len(groups)), parquetOf(t, g))
		}
	case "lacking a part":
		for i, g := range split(all) {
			f.put(t, fmt.Sprintf("%s%020d.checkpoint.%010d.%010d.parquet", Dir, version, i+1, len(all)+1), parquetOf(t, g))
		}
	case "inline json":
		f.put(t, fmt.Sprintf("%s%020d.checkpoint.%s.json", Dir, version, id), jsonOf(all))
	case "sidecars json", "sidecars parquet", "sidecars classic":
		var main, files []*Action
		for _, a := range all {
			if a.Add != nil || a.Remove != nil {
				files = append(files, a)
			} else {
				main = append(main, a)
			}
		}
		for i, g := range split(files) {
			name := fmt.Sprintf("%s.%d.parquet", id, i)
			text := parquetOf(t, g)
			f.put(t, SidecarDir+name, text)
			main = append(main, &Action{Sidecar: &Sidecar{Path: name, Size: int64(len(text))}})
		}
		switch form {
		case "sidecars json":
			f.put(t, fmt.Sprintf("%s%020d.checkpoint.%s.json", Dir, version, id), jsonOf(main))
		case "sidecars parquet":
			f.put(t, fmt.Sprintf("%s%020d.checkpoint.%s.parquet", Dir, version, id), parquetOf(t, main))
		default:
			f.put(t, CheckpointName(version), parquetOf(t, main))
		}
	case "broken":
		f.put(t, fmt.Sprintf("%s%020d.checkpoint.%s.parquet", Dir, version, id), []byte("PAR1 is not enough"))
	case "a sidecar twice":
		f.put(t, SidecarDir+id+".parquet", parquetOf(t, all[2:]))
		main := all[:2:2]
		for range 2 {
			main = append(main, &Action{Sidecar: &Sidecar{Path: id + ".parquet", Size: 1}})
		}
		f.put(t, fmt.Sprintf("%s%020d.checkpoint.%s.json", Dir, version, id), jsonOf(main))
	case "without its sidecar":
		f.put(t, fmt.Sprintf("%s%020d.checkpoint.%s.json", Dir, version, id), append(jsonOf(all[:2]), `{"sidecar":{"path":"gone.parquet","sizeInBytes":1,"modificationTime":1}}`+"\n"...))
	}
}

var checkpointForms = []string{"classic", "multi-part", "lacking a part", "inline json", "sidecars json", "sidecars parquet", "sidecars classic", "broken", "without its sidecar", "a sidecar twice"}

// compact writes the reconciled actions of versions first to last.
func (f *forms) compact(t interface{ Fatal(...any) }, first, last int64) {
	latest, order := map[string]*Action{}, []string{}
	for v := first; v <= last; v++ {
		if err := f.log.Commit(ctx, v, KindsAll&^KindCommitInfo, func(a *Action) error {
			key := ""
			switch {
			case a.Protocol != nil:
				key = "protocol"
			case a.Metadata != nil:
				key = "metaData"
			case a.Txn != nil:
				key = "txn " + a.Txn.AppID
			case a.Domain != nil:
				key = "domain " + a.Domain.Domain
			case a.Add != nil:
				key = "file " + FileKey(a.Add.Path, a.Add.DeletionVector)
			case a.Remove != nil:
				key = "file " + FileKey(a.Remove.Path, a.Remove.DeletionVector)
			}
			if latest[key] == nil {
				order = append(order, key)
			}
			latest[key] = a
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	var all []*Action
	for _, key := range order {
		all = append(all, latest[key])
	}
	f.put(t, fmt.Sprintf("%s%020d.%020d.compacted.json", Dir, first, last), jsonOf(all))
}

// state is all that a version says, as text.
func (f *forms) state(version int64) (string, error) {
	var text string
	err := f.log.Load(ctx, version, func(seg *Segment) error {
		h, list, err := f.log.Version(ctx, seg)
		if err != nil {
			return err
		}
		text = fmt.Sprintf("%d %+v %q %v %v", h.Version, h.Protocol, h.Metadata.SchemaString, h.Txns, h.Domains)
		for _, a := range list.Sorted() {
			text += fmt.Sprintf("\n%s %s %d %v %q", a.Path, a.DeletionVector.ID(), a.Size, a.Partition, a.Stats)
		}
		return nil
	})
	return text, err
}

// history writes commits, and returns how many.
func (f *forms) history(t *rapid.T) int64 {
	n := int64(rapid.IntRange(1, 10).Draw(t, "commits"))
	for v := range n {
		c := Commit{Info: &CommitInfo{Operation: "WRITE"}}
		if v == 0 || rapid.IntRange(0, 5).Draw(t, "metadata") == 0 {
			c.Protocol = &Protocol{MinReader: 3, MinWriter: 7, ReaderFeatures: []string{"deletionVectors", "v2Checkpoint"}, WriterFeatures: []string{"deletionVectors", "domainMetadata", "v2Checkpoint"}}
			c.Metadata = &Metadata{ID: "i", Provider: "parquet", SchemaString: fmt.Sprintf(`{"type":"struct","fields":[{"name":"c%d","type":"long","nullable":true,"metadata":{}}]}`, v)}
		}
		if rapid.Bool().Draw(t, "txn") {
			c.Txns = []Txn{{AppID: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "app"), Version: rapid.Int64Range(0, 9).Draw(t, "txn version")}}
		}
		if rapid.Bool().Draw(t, "domain") {
			d := Domain{Domain: rapid.SampledFrom([]string{"d", "e"}).Draw(t, "domain"), Removed: rapid.Bool().Draw(t, "removed")}
			if !d.Removed {
				d.Configuration = fmt.Sprint(v)
			}
			c.Domains = []Domain{d}
		}
		touched := map[string]bool{}
		for range rapid.IntRange(0, 8).Draw(t, "files") {
			a := drawAdd(t, 12)
			if key := FileKey(a.Path, a.DeletionVector); touched[key] {
				continue
			} else {
				touched[key] = true
			}
			if rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
				c.Removes = append(c.Removes, Remove{Path: a.Path, DeletionVector: a.DeletionVector, DeletionTimestamp: pointer(int64(1))})
			} else {
				c.Adds = append(c.Adds, *a)
			}
		}
		f.put(t, CommitName(v), c.Encode(nil))
	}
	return n
}

// TestFormsOfTheLog: checkpoints of every form, whole and broken ones, reconciled commits and hints of any kind change
// nothing of what a version is.
func TestFormsOfTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newForms()
		n := f.history(t)
		want := make([]string, n)
		for v := range n {
			var err error
			if want[v], err = f.state(v); err != nil {
				t.Fatal(err)
			}
			f.whole = append(f.whole, f.all(t, v))
		}
		for range rapid.IntRange(0, 4).Draw(t, "checkpoints") {
			f.checkpoint(t, rapid.Int64Range(0, n-1).Draw(t, "at"), rapid.SampledFrom(checkpointForms).Draw(t, "form"), rapid.IntRange(1, 3).Draw(t, "parts"))
		}
		for range rapid.IntRange(0, 3).Draw(t, "reconciled") {
			if first, last := rapid.Int64Range(0, n-1).Draw(t, "first"), rapid.Int64Range(0, n-1).Draw(t, "last"); first < last {
				f.compact(t, first, last)
			}
		}
		if rapid.Bool().Draw(t, "hint") {
			f.put(t, HintName, []byte(rapid.SampledFrom([]string{`{"version":0}`, `{"version":5,"size":1}`, `{"version":99}`, `{"version":-1}`, `{"ver`, `[]`, ``}).Draw(t, "hint")))
		}
		for _, name := range []string{"%020d.json.tmp", "%020d.checkpoint.parquet.tmp1", "%020d.crc", "junk%d"} {
			f.put(t, Dir+fmt.Sprintf(name, n), []byte("junk"))
		}
		for v := range n {
			if got, err := f.state(v); err != nil || got != want[v] {
				t.Fatalf("version %d is now (%v)\n%s\nand was from the commits alone\n%s", v, err, got, want[v])
			}
		}
		if got, err := f.state(-1); err != nil || got != want[n-1] {
			t.Fatalf("the newest is now (%v)\n%s\nand was from the commits alone\n%s", err, got, want[n-1])
		}
	})
}

// FuzzCheckpoint: whatever a checkpoint or a sidecar holds, it is read or refused without a panic and within memory.
func FuzzCheckpoint(f *testing.F) {
	c := everything()
	actions := []*Action{{Protocol: c.Protocol}, {Metadata: c.Metadata}, {Txn: &c.Txns[0]}, {Domain: &c.Domains[0]}, {Add: &c.Adds[0]}, {Remove: &c.Removes[0]}, {Sidecar: &Sidecar{Path: "s.parquet"}}}
	f.Add(parquetOf(f, actions), true)
	f.Add(jsonOf(actions), false)
	f.Add([]byte(`{"sidecar":{"path":"../../etc/passwd"}}`), false)
	f.Add([]byte(`{"sidecar":{"path":"s.parquet"}}`+"\n"+`{"sidecar":{"path":"s.parquet"}}`), false)
	f.Fuzz(func(t *testing.T, data []byte, isParquet bool) {
		forms := newForms()
		forms.log.Limits = Limits{Line: 1 << 20, Commit: 1 << 22}
		name := Dir + "00000000000000000003.checkpoint.00000000-0000-4000-8000-000000000000.json"
		if isParquet {
			name = CheckpointName(3)
		}
		forms.put(t, name, data)
		forms.put(t, SidecarDir+"s.parquet", data)
		_, err := forms.state(3)
		if err == nil {
			_, err = forms.log.Inventory(ctx, 10)
		}
		var f *supervision.Failure
		if err != nil && (!errors.As(err, &f) || f.Class == "" || f.Path == "") {
			t.Fatalf("refused without saying what and where: %v", err)
		}
		found := false
		if _, e := forms.log.Check(ctx, CheckOptions{Find: func(Finding) error { found = true; return nil }}); e != nil || err != nil && !found {
			t.Fatalf("the check finds nothing (%v) of a table that cannot be read: %v", e, err)
		}
	})
}
