package staged_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/objstore/memory"
)

var ctx = context.Background()

// stage writes the batches as one file.
func stage(t testing.TB, s objstore.Store, name string, schema *batch.Schema, batches ...*batch.Batch) staged.File {
	t.Helper()
	w, err := staged.NewWriter(ctx, s, name, schema, staged.Header{Flow: "f", Incarnation: "i", Attempt: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	f, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// rowsOf returns the rows that count with their kinds.
func rowsOf(b *batch.Batch) (rows []string) {
	for i := range b.Rows() {
		kind := batch.Insert
		if b.Kinds != nil {
			kind = b.Kinds[b.Row(i)]
		}
		rows = append(rows, fmt.Sprint(kind, string(batch.AppendRowJSON(nil, b, b.Row(i)))))
	}
	return rows
}

func read(s objstore.Store, f staged.File, schema *batch.Schema) (rows []string, err error) {
	r, err := staged.Open(ctx, s, f, schema, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, rowsOf(b)...)
		b.Release()
	}
}

// Random batches of random types come back as they were, in order.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		schema := batchtest.Schema(r, 4, 2)
		var batches []*batch.Batch
		var want []string
		for range rapid.IntRange(0, 4).Draw(r, "batches") {
			b := batchtest.Batch(r, schema, nil, 20)
			batches, want = append(batches, b), append(want, rowsOf(b)...)
		}
		s := memory.New(memory.Options{})
		f := stage(t, s, "a.rows", schema, batches...)
		got, err := read(s, f, schema)
		if err != nil || !slices.Equal(got, want) || f.Rows != int64(len(want)) {
			r.Fatalf("got %q, %v, want %q", got, err, want)
		}
	})
}

var schema = batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}, batch.Field{Name: "s", Type: batch.StringType, Nullable: true})

func sample() *batch.Batch {
	n, s := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.StringType, nil)
	for i := range int64(5) {
		n.Int64(i)
		s.String(fmt.Sprint("row ", i))
	}
	return batch.NewBatch(schema, 5, n.Finish(), s.Finish())
}

// Every flipped byte and every cut is an error before the first row, never a panic.
func TestEveryDamageIsFound(t *testing.T) {
	s := memory.New(memory.Options{})
	f := stage(t, s, "a.rows", schema, sample(), sample())
	whole, err := s.Get(ctx, "a.rows", 0)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, data []byte) {
		t.Helper()
		if err := s.Put(ctx, "a.rows", data); err != nil {
			t.Fatal(err)
		}
		if rows, err := read(s, f, schema); err == nil || rows != nil || !strings.Contains(err.Error(), "a.rows") {
			t.Errorf("%s: %d rows, %v", what, len(rows), err)
		}
	}
	for i := range whole {
		bad := slices.Clone(whole)
		bad[i] ^= 1 << (i % 8)
		try(fmt.Sprint("flip of byte ", i), bad)
		try(fmt.Sprint("cut at ", i), whole[:i])
	}
	try("one more byte", append(slices.Clone(whole), 0))
}

// Damage whose digest fits is found where it is, and a newer format is named.
func TestForgedFiles(t *testing.T) {
	s := memory.New(memory.Options{})
	stage(t, s, "a.rows", schema, sample())
	whole, _ := s.Get(ctx, "a.rows", 0)
	for i := range whole {
		for _, change := range []byte{1, 0x80, 0xff} {
			bad := slices.Clone(whole)
			bad[i] ^= change
			name := fmt.Sprintf("%d-%d.rows", i, change)
			if err := s.PutIfAbsent(ctx, name, bad); err != nil {
				t.Fatal(err)
			}
			_, _ = read(s, staged.File{Name: name, Length: int64(len(bad)), Digest: staged.Digest(bad), Rows: 5}, schema)
		}
	}
	newer := slices.Clone(whole)
	newer[8] = 2
	_ = s.PutIfAbsent(ctx, "newer.rows", newer)
	_, err := read(s, staged.File{Name: "newer.rows", Length: int64(len(newer)), Digest: staged.Digest(newer), Rows: 5}, schema)
	if err == nil || !strings.Contains(err.Error(), staged.ClassNewer) {
		t.Errorf("a newer file: %v", err)
	}
	other := batch.NewSchema(batch.Field{Name: "m", Type: batch.BigIntType}, schema.Fields[1])
	_, err = read(s, staged.File{Name: "a.rows", Length: int64(len(whole)), Digest: staged.Digest(whole), Rows: 5}, other)
	if err == nil || !strings.Contains(err.Error(), staged.ClassSchema) {
		t.Errorf("another schema: %v", err)
	}
	_, err = read(s, staged.File{Name: "a.rows", Length: int64(len(whole)), Digest: staged.Digest(whole), Rows: 6}, schema)
	if err == nil || !strings.Contains(err.Error(), "5 rows") {
		t.Errorf("another number of rows: %v", err)
	}
}

func TestCollect(t *testing.T) {
	s := memory.New(memory.Options{})
	folder := staged.Folder("sinks/out", "inc")
	for _, name := range []string{staged.Name(folder, 1, 0, 0), staged.Name(folder, 2, 0, 3), staged.Name(folder, 3, 1, 0), folder + "done-4", "sinks/out/other/1-0-0.rows"} {
		if err := s.PutIfAbsent(ctx, name, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := staged.Collect(ctx, s, folder, 3, map[string]bool{staged.Name(folder, 2, 0, 3): true}); err != nil {
		t.Fatal(err)
	}
	var left []string
	_ = s.List(ctx, "", "", func(i objstore.Info) bool { left = append(left, i.Name); return true })
	if want := []string{"sinks/out/inc/2-0-3.rows", "sinks/out/inc/3-1-0.rows", "sinks/out/inc/done-4", "sinks/out/other/1-0-0.rows"}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
}

// What a kill left of a file half written goes with the files of its attempt; what another attempt writes stays.
func TestCollectHalfWritten(t *testing.T) {
	fs := vfs.NewMem()
	folder := staged.Folder("sinks/out", "inc")
	open := func() objstore.Store {
		s, err := local.New("/checkpoint", local.Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	killed, alive := open(), open()
	for _, attempt := range []int64{1, 2, 3} {
		if _, err := killed.Create(ctx, staged.Name(folder, attempt, 0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := staged.Collect(ctx, alive, folder, 3, nil); err != nil {
		t.Fatal(err)
	}
	left, err := fs.List("/checkpoint/" + folder)
	if err != nil || len(left) != 1 || !strings.HasSuffix(left[0], "-3-0-0.rows") {
		t.Errorf("left %q, %v; want the file of attempt 3 alone", left, err)
	}
}

func Example() {
	s := memory.New(memory.Options{})
	w, _ := staged.NewWriter(ctx, s, "rows/1-0-0.rows", schema, staged.Header{Flow: "f", Incarnation: "i", Attempt: 1})
	_ = w.Write(sample())
	f, _ := w.Close()
	r, _ := staged.Open(ctx, s, f, schema, nil)
	b, _ := r.Next()
	fmt.Println(f.Rows, string(batch.AppendRowJSON(nil, b, 0)))
	// Output:
	// 5 {"n":0,"s":"row 0"}
}

// A row that the selection leaves out changes nothing.
func TestChanging(t *testing.T) {
	b := batch.NewBatch(batch.NewSchema(), 3)
	if at := staged.Changing(b); at != -1 {
		t.Errorf("inserts alone: %d", at)
	}
	b.Kinds = []batch.RowKind{batch.Insert, batch.Delete, batch.UpdateAfter}
	for _, c := range []struct {
		rows []int32
		at   int
	}{{nil, 1}, {[]int32{0, 2}, 2}, {[]int32{0}, -1}} {
		b.Sel = c.rows
		if at := staged.Changing(b); at != c.at {
			t.Errorf("rows %v: %d, want %d", c.rows, at, c.at)
		}
	}
}
