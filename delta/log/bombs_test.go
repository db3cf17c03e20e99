package log

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/parquet"
)

// bomb is a checkpoint of rows whose paths are one text, which is stored once.
func bomb(t *testing.T, rows, size int, codec string) []byte {
	t.Helper()
	add := batch.StructType(field("path", batch.StringType), field("size", batch.BigIntType))
	schema := batch.NewSchema(field("add", add))
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, schema, parquet.WriterOptions{Codec: codec})
	if err != nil {
		t.Fatal(err)
	}
	for rows > 0 {
		n := min(rows, 4096)
		sizes := batch.NewBuilder(batch.BigIntType, nil)
		for range n {
			sizes.Int64(1)
		}
		c := &batch.Column{Type: add, N: n, Kids: []*batch.Column{batch.NewConst(nil, batch.StringType, bytes.Repeat([]byte("x"), size), n), sizes.Finish()}}
		if err := w.Write(batch.NewBatch(schema, n, c)); err != nil {
			t.Fatal(err)
		}
		rows -= n
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// bombs are files of a log that say much in few bytes, or in as many as one action may have, by what they are about.
func bombs(t *testing.T) map[string]func() (object string, data []byte) {
	line := func(head, one, tail string) func() (string, []byte) {
		return func() (string, []byte) {
			b, before, after := []byte(head), one, ""
			if at := strings.IndexByte(one, '#'); at >= 0 {
				before, after = one[:at], one[at+1:]
			}
			for i := int64(0); len(b) < bombBytes-100; i++ {
				if i > 0 {
					b = append(b, ',')
				}
				b = append(b, before...)
				if len(before) < len(one) {
					b = append(strconv.AppendInt(b, i, 10), after...)
				}
			}
			return CommitName(0), append(b, tail...)
		}
	}
	sum := func(head, one, tail string) func() (string, []byte) {
		text := line(`{"tableSizeBytes":1,"numFiles":1,"numMetadata":1,"numProtocol":1,`+head, one, tail)
		return func() (string, []byte) {
			_, data := text()
			return ChecksumName(0), data
		}
	}
	deep := strings.Repeat("[", 1<<20)
	return map[string]func() (string, []byte){
		"a path stored once":  func() (string, []byte) { return CheckpointName(0), bomb(t, 40_000, 64<<10, "zstd") },
		"few paths, but long": func() (string, []byte) { return CheckpointName(0), bomb(t, 4_000, 64<<10, "zstd") },
		"short paths":         func() (string, []byte) { return CheckpointName(0), bomb(t, 2_000_000, 8, "zstd") },
		"nested":              func() (string, []byte) { return CommitName(0), []byte(`{"add":{"path":"a","tags":` + deep) },
		"nested, unknown":     func() (string, []byte) { return CommitName(0), []byte(`{"other":` + deep) },
		"nested schema": func() (string, []byte) {
			m := Metadata{ID: "i", Provider: "parquet", SchemaString: strings.Repeat(`{"type":"array","elementType":`, 100_000)}
			return CommitName(0), (&Commit{Protocol: &Protocol{MinReader: 1, MinWriter: 2}, Metadata: &m}).Encode(nil)
		},
		"a long line": func() (string, []byte) {
			return CommitName(0), []byte(`{"add":{"path":"` + strings.Repeat("a", 20<<20))
		},
		"columns":           line(`{"metaData":{"id":"i","schemaString":"{\"type\":\"struct\",\"fields\":[`, `{\"name\":\"#\",\"type\":\"byte\"}`, `]}"}}`),
		"features":          line(`{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":[`, `""`, `]}}`),
		"properties":        line(`{"metaData":{"id":"i","schemaString":"","configuration":{`, `"#":""`, `}}}`),
		"partition columns": line(`{"metaData":{"id":"i","schemaString":"","partitionColumns":[`, `""`, `]}}`),
		"tags":              line(`{"add":{"path":"a","tags":{`, `"#":""`, `}}}`),
		"partition values":  line(`{"add":{"path":"a","partitionValues":{`, `"#":""`, `}}}`),
		"parameters":        line(`{"commitInfo":{"operationParameters":{`, `"#":1`, `}}}`),
		"applications":      sum(`"setTransactions":[`, `{}`, `]}`),
		"domains":           sum(`"domainMetadata":[`, `{}`, `]}`),
		"a sum's features":  sum(`"protocol":{"readerFeatures":[`, `""`, `]}}`),
		"a hint": func() (string, []byte) {
			return HintName, []byte(`{"version":1,"checkpointSchema":` + deep[:1<<20-100])
		},
	}
}

// TestBombs: files that say much in few bytes are refused within 64 MiB of memory and a second, or do no harm where the log does without them.
func TestBombs(t *testing.T) {
	for name, data := range bombs(t) {
		f := newForms()
		object, bytes := data()
		alone := strings.HasSuffix(object, ".crc") || object == HintName
		if alone {
			f.put(t, CommitName(0), (&Commit{Info: &CommitInfo{}, Protocol: &Protocol{MinReader: 1, MinWriter: 2},
				Metadata: &Metadata{ID: "i", Provider: "parquet", SchemaString: `{"type":"struct","fields":[]}`}}).Encode(nil))
		}
		f.put(t, object, bytes)
		for what, read := range map[string]func() error{
			"a version":       func() error { _, err := f.state(0); return err },
			"a head":          func() error { _, err := f.log.HeadAt(ctx, -1); return err },
			"its commit info": func() error { return f.log.Commit(ctx, 0, KindsAll, func(*Action) error { return nil }) },
			"a checksum":      func() error { _, err := f.log.Checksum(ctx, 0); return err },
		} {
			if bombSeconds > 1 && (what == "a head" || what == "its commit info") { // see there
				continue
			}
			if what == "its commit info" && object != CommitName(0) || what == "a checksum" && object != ChecksumName(0) {
				continue
			}
			var err error
			took := time.Hour
			for range 3 { // a machine that has more to do than this may be slow once
				runtime.GC()
				peak, stop := watchHeap()
				started := time.Now()
				err = read()
				took = min(took, time.Since(started))
				stop()
				if grown := peak(); grown > 64<<20 {
					t.Errorf("%s: %s takes %d MiB: %v", name, what, grown>>20, err)
				}
				if took < bombSeconds*time.Second {
					break
				}
			}
			if took > bombSeconds*time.Second {
				t.Errorf("%s: %s takes %s: %v", name, what, took, err)
			}
			refused := err != nil || alone && what != "a checksum" || what == "a head" && object == CommitName(0) ||
				what == "its commit info" && (name == "nested schema" || name == "columns") // a text until it is asked for
			if !refused {
				t.Errorf("%s: %s of %d bytes was read", name, what, len(bytes))
			}
		}
	}
}

// watchHeap measures by how much live memory grows.
func watchHeap() (peak func() int64, stop func()) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	base, most := int64(m.HeapInuse), int64(0)
	quit, done := make(chan struct{}), make(chan struct{})
	tick := time.NewTicker(5 * time.Millisecond)
	go func() {
		defer close(done)
		for {
			runtime.ReadMemStats(&m)
			most = max(most, int64(m.HeapInuse)-base)
			select {
			case <-tick.C:
			case <-quit:
				return
			}
		}
	}()
	return func() int64 { return most }, func() { close(quit); <-done; tick.Stop() }
}

// TestRealCheckpointsPass: what shrinks most in real tables, files of one partition without statistics, is read.
func TestRealCheckpointsPass(t *testing.T) {
	f := newForms()
	c := Commit{Protocol: &Protocol{MinReader: 1, MinWriter: 2}, Metadata: &Metadata{ID: "i", Provider: "parquet", SchemaString: `{"type":"struct","fields":[]}`}}
	stats := `{"numRecords":1000,"minValues":{` + strings.Repeat(`"column":1,`, 100) + `"last":1},"maxValues":{` + strings.Repeat(`"column":1,`, 100) + `"last":1}}`
	for i := range 20_000 {
		c.Adds = append(c.Adds, Add{Path: fmt.Sprintf("day=2026-01-01/part-%05d-%08x-0000-4000-8000-%012x-c000.snappy.parquet", i, i*2654435761, i*40503), Size: 1, Stats: stats})
	}
	f.put(t, CommitName(0), c.Encode(nil))
	seg, err := f.log.Segment(ctx, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.log.WriteCheckpoint(ctx, seg, CheckpointOptions{})
	if err != nil || info.Adds != 20_000 {
		t.Fatalf("%+v, %v", info, err)
	}
}

// FuzzChecksum: whatever a checksum holds, it is read or refused, and what was read is written and read again as it was.
func FuzzChecksum(f *testing.F) {
	c := everything()
	good := Checksum{TxnID: "t", Total: Total{1, 2}, Txns: c.Txns, Domains: c.Domains, DomainsKnown: true, Metadata: c.Metadata, Protocol: c.Protocol}
	f.Add(good.Encode())
	f.Add([]byte(`{"tableSizeBytes":2402,"numFiles":2,"numMetadata":1,"numProtocol":1,"numTransactions":0}`))
	f.Add([]byte(`{"setTransactions":null,"domainMetadata":[{"domain":"d","removed":true}],"metadata":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := DecodeChecksum(text)
		if err != nil || c.Metadata == nil || c.Protocol == nil {
			return
		}
		first := c.Encode()
		again, err := DecodeChecksum(first)
		if err != nil || !bytes.Equal(again.Encode(), first) {
			t.Fatalf("%s\nwas read again as\n%s: %v", first, again.Encode(), err)
		}
	})
}

// FuzzStatistics: whatever text a file has as its statistics, its number of rows is read or is not.
func FuzzStatistics(f *testing.F) {
	f.Add(`{"numRecords":10,"minValues":{"a":1}}`)
	f.Add(`{"minValues":{"a":{"b":[1,{}]}},"numRecords":-5}`)
	f.Add(`{"numRecords":1e30}`)
	f.Add(`[[[[`)
	f.Fuzz(func(t *testing.T, text string) {
		if n, known := NumRecords(text); known && n < 0 {
			t.Fatalf("%q has %d rows", text, n)
		}
	})
}
