package log

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func pointer[T any](v T) *T { return &v }

// everything is a commit with every field of every action set.
func everything() Commit {
	return Commit{
		Info: &CommitInfo{Timestamp: 1770000000000, InCommitTimestamp: pointer(int64(1770000000001)), UserID: "u", UserName: "n",
			Operation: "STREAMING UPDATE", Parameters: []Parameter{{"outputMode", `"Append"`}, {"queryId", `"q"`}, {"epochId", `"7"`}},
			ReadVersion: pointer(int64(6)), IsolationLevel: "Serializable", IsBlindAppend: pointer(true),
			Metrics: []Parameter{{"numOutputRows", `"10"`}}, UserMetadata: "free \"text\"\n", Tags: map[string]string{"b": "2", "a": "1"},
			EngineInfo: "Deltaic/1.0.0", TxnID: "00000000-0000-4000-8000-000000000000"},
		Protocol: &Protocol{MinReader: 3, MinWriter: 7, ReaderFeatures: []string{"timestampNtz"}, WriterFeatures: []string{"appendOnly", "timestampNtz"}},
		Metadata: &Metadata{ID: "id", Name: "t", Description: "d", Provider: "parquet", FormatOptions: map[string]string{},
			SchemaString: `{"type":"struct","fields":[]}`, PartitionColumns: []string{"p"}, Configuration: map[string]string{"delta.appendOnly": "true"},
			CreatedTime: pointer(int64(1))},
		Txns:    []Txn{{AppID: "flow/incarnation", Version: 7}, {AppID: "b", Version: -1, LastUpdated: pointer(int64(5))}},
		Domains: []Domain{{Domain: "deltaic.ledger", Configuration: `{"epoch":7}`}, {Domain: "gone", Removed: true}},
		Removes: []Remove{{Path: "old", DeletionTimestamp: pointer(int64(3)), DataChange: true, Extended: true, Partition: PartitionValues{{"p", "1"}}, Size: pointer(int64(4))}},
		Adds: []Add{{Path: "p=a%253Ab/part-0%20.parquet", Partition: PartitionValues{{"p", "a:b"}, {"q", ""}}, Size: 10, ModificationTime: 20, DataChange: true,
			Stats: `{"numRecords":1,"minValues":{"s":"é\u007f"}}`, Tags: map[string]string{"k": "v"},
			DeletionVector: &DeletionVector{StorageType: "u", PathOrInline: "ab", Offset: pointer(int64(1)), SizeInBytes: 2, Cardinality: 3},
			BaseRowID:      pointer(int64(0)), DefaultRowCommitVersion: pointer(int64(1)), ClusteringProvider: "c"}},
		Changes: []CDC{{Path: "_change_data/p=1/cdc-0.parquet", Partition: PartitionValues{{"p", "1"}, {"q", ""}}, Size: 7, Tags: map[string]string{"k": "v"}}},
	}
}

func decodeAll(t interface{ Fatal(...any) }, text []byte) Commit {
	var c Commit
	if err := Decode(bytes.NewReader(text), KindsAll, Limits{}, func(a *Action) error {
		switch {
		case a.CommitInfo != nil:
			c.Info = a.CommitInfo
		case a.Protocol != nil:
			c.Protocol = a.Protocol
		case a.Metadata != nil:
			c.Metadata = a.Metadata
		case a.Txn != nil:
			c.Txns = append(c.Txns, *a.Txn)
		case a.Domain != nil:
			c.Domains = append(c.Domains, *a.Domain)
		case a.Remove != nil:
			c.Removes = append(c.Removes, *a.Remove)
		case a.Add != nil:
			c.Adds = append(c.Adds, *a.Add)
		case a.CDC != nil:
			c.Changes = append(c.Changes, *a.CDC)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGoldenCommit(t *testing.T) {
	c := everything()
	got := c.Encode(nil)
	file := filepath.Join("testdata", "commit.json")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("commit is\n%s\nwant\n%s", got, want)
	}
	for line := range bytes.Lines(got) {
		if !json.Valid(line) {
			t.Errorf("not JSON: %s", line)
		}
	}
	back := decodeAll(t, got)
	c.Metadata.FormatOptions = nil // an empty object and none are the same
	if !reflect.DeepEqual(back, c) {
		t.Fatalf("read back\n%+v\nwant\n%+v", back, c)
	}
	adds, err := DecodeAdds(EncodeAdds(nil, c.Adds))
	if err != nil || !reflect.DeepEqual(adds, c.Adds) {
		t.Fatalf("adds came back as %+v, %v", adds, err)
	}
}

func TestTolerantDecode(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown action and field", `{"madeUp":{"x":[1,{"y":null}]}}` + "\n" + `{"txn":{"appId":"a","version":1,"new":{"deep":[]}}}`, "a 1"},
		{"pretty printed", "{\n  \"txn\" : {\n    \"appId\" : \"a\",\n    \"version\" : 2\n  }\n}\n", "a 2"},
		{"nulls", `{"txn":{"appId":"a","version":3,"lastUpdated":null},"add":null}`, "a 3"},
		{"empty lines and spaces", "\n\n  {\"txn\":{\"version\":4,\"appId\":\"a\"}}  \r\n\n", "a 4"},
		{"escapes", `{"txn":{"appId":"\u0061\ud83d\ude00\/","version":5}}`, "a😀/ 5"},
		{"free commitInfo", `{"commitInfo":{"timestamp":"soon","operationParameters":"text","isBlindAppend":"perhaps","readVersion":[],"tags":7}}` + "\n" + `{"txn":{"appId":"a","version":6.0}}`, "a 6"},
	} {
		got := decodeAll(t, []byte(c.text))
		if len(got.Txns) != 1 || fmt.Sprint(got.Txns[0].AppID, " ", got.Txns[0].Version) != c.want {
			t.Errorf("%s: %+v, want %s", c.name, got.Txns, c.want)
		}
	}
}

func TestHostileCommits(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"cut off", `{"add":{"path":"a","si`, "line 1: JSON text ends too early"},
		{"second line", "{\"txn\":{\"appId\":\"a\",\"version\":1}}\n{\"add\":{\"path\":7}}", "line 2"},
		{"no path", `{"add":{"size":1}}`, "without a path"},
		{"too deep", `{"x":` + strings.Repeat("[", 1000), "nested deeper"},
		{"two values", `{"txn":{"appId":"a","version":1}}{}`, "the end"},
		{"number too large", `{"txn":{"appId":"a","version":99999999999999999999}}`, "whole number"},
		{"protocol out of range", `{"protocol":{"minReaderVersion":4611686018427387904}}`, "out of range"},
		{"line too long", `{"x":"` + strings.Repeat("y", 1<<20), "more than 1000000 bytes"},
	} {
		err := Decode(strings.NewReader(c.text), KindsAll, Limits{Line: 1_000_000}, func(*Action) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	if err := Decode(strings.NewReader(strings.Repeat("{}\n", 1000)), KindsAll, Limits{Commit: 100}, func(*Action) error { return nil }); err == nil {
		t.Error("a commit beyond the limit was read")
	}
}

// FuzzDecode: whatever a commit holds, it is decoded or refused without a
// panic and within memory, and what was decoded survives being written again.
func FuzzDecode(f *testing.F) {
	c := everything()
	f.Add(c.Encode(nil))
	f.Add([]byte("{\n\"add\":{\"path\":\"a\"}\n}\n"))
	f.Add([]byte(`{"commitInfo":{"operationParameters":{"a":{"b":[1,2]}},"tags":{"x":null}}}`))
	f.Add([]byte(`{"remove":{"path":"\ud800","deletionVector":{"offset":-1e3}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var first Commit
		err := Decode(bytes.NewReader(text), KindsAll&^KindCDC, Limits{Line: 1 << 20, Commit: 1 << 22}, func(a *Action) error {
			switch {
			case a.CommitInfo != nil:
				first.Info = a.CommitInfo
			case a.Add != nil:
				first.Adds = append(first.Adds, *a.Add)
			case a.Remove != nil:
				first.Removes = append(first.Removes, *a.Remove)
			case a.Txn != nil:
				first.Txns = append(first.Txns, *a.Txn)
			case a.Domain != nil:
				first.Domains = append(first.Domains, *a.Domain)
			}
			return nil
		})
		if err != nil {
			return
		}
		once := first.Encode(nil)
		again := decodeAll(t, once)
		if twice := again.Encode(nil); !bytes.Equal(once, twice) {
			t.Fatalf("written\n%s\nread and written again\n%s", once, twice)
		}
	})
}

func FuzzParseSchema(f *testing.F) {
	f.Add(`{"type":"struct","fields":[{"name":"a","type":"decimal(12,2)","nullable":false,"metadata":{"comment":"c","x":[1]}}]}`)
	f.Add(`{"type":"struct","fields":[{"name":"m","type":{"type":"map","keyType":"string","valueType":{"type":"array","elementType":"long","containsNull":false},"valueContainsNull":true},"nullable":true,"metadata":{}}]}`)
	f.Add(strings.Repeat(`{"type":"array","elementType":`, 300))
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSchema(text)
		if err != nil {
			return
		}
		once := FormatSchema(s)
		back, err := ParseSchema(once)
		if err != nil || FormatSchema(back) != once {
			t.Fatalf("%q came back as %v, %v", once, back, err)
		}
	})
}

func TestSchemaRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := batchtest.Schema(t, 6, 3)
		for i := range s.Fields {
			s.Fields[i].Nullable = rapid.Bool().Draw(t, "nullable")
			s.Fields[i].Comment = rapid.StringN(0, 8, -1).Draw(t, "comment")
			s.Fields[i].Metadata = rapid.SampledFrom([]string{"", `{"a":1}`, `{"a":{"b":[null,"x"]},"c":"d"}`}).Draw(t, "metadata")
		}
		text := FormatSchema(s)
		if !json.Valid([]byte(text)) {
			t.Fatalf("not JSON: %s", text)
		}
		back, err := ParseSchema(text)
		if err != nil || !reflect.DeepEqual(back, s) {
			t.Fatalf("%s\ncame back as %v, %v\nwant %v", text, back, err, s)
		}
	})
}

func TestSchemaErrors(t *testing.T) {
	field := func(name, typ string) string {
		return `{"name":"` + name + `","type":` + typ + `,"nullable":true,"metadata":{}}`
	}
	for _, c := range []struct{ text, want string }{
		{`{"type":"struct","fields":[` + field("a", `"decimal(39,2)"`) + `]}`, "column a: type \"decimal(39,2)\""},
		{`{"type":"struct","fields":[` + field("a", `"money"`) + `]}`, "money"},
		{`{"type":"struct","fields":[` + field("a", `"long"`) + "," + field("A", `"long"`) + `]}`, "occurs twice"},
		{`"long"`, "not a struct"},
		{``, "ends too early"},
		{`{"type":"struct","fields":[` + field("a", strings.Repeat(`{"type":"array","elementType":`, 300)), "nested deeper"},
	} {
		if _, err := ParseSchema(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: error %v, want %q", c.text, err, c.want)
		}
	}
}

func TestPaths(t *testing.T) {
	for _, c := range []struct{ value, folder, path string }{
		{"a:b", "p=a%3Ab", "p=a%253Ab"},
		{"", "p=__HIVE_DEFAULT_PARTITION__", "p=__HIVE_DEFAULT_PARTITION__"},
		{"a b", "p=a b", "p=a%20b"},
		{"ü", "p=ü", "p=ü"},
		{"100%", "p=100%25", "p=100%2525"},
		{"}x{", "p=}x%7B", "p=%7Dx%257B"},
		{"\x01/", "p=%01%2F", "p=%2501%252F"},
	} {
		folder := FolderName("p", c.value)
		if folder != c.folder || EncodePath(folder) != c.path {
			t.Errorf("%q: folder %q, path %q; want %q, %q", c.value, folder, EncodePath(folder), c.folder, c.path)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := "x/" + rapid.String().Draw(t, "name")
		path := EncodePath(name)
		back, err := DecodePath(path)
		if err != nil || back != name {
			t.Fatalf("%q became %q and came back as %q, %v", name, path, back, err)
		}
		if u, err := url.PathUnescape(path); err != nil || u != name {
			t.Fatalf("%q: net/url reads %q, %v", path, u, err)
		}
	})
	for _, bad := range []string{"/a", "s3://b/k", "file:/x", "a%2", "a%zz"} {
		if _, err := DecodePath(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if FileKey("file:///a%20b", nil) != FileKey("/a b", nil) {
		t.Error("two spellings of one path have two keys")
	}
}

func TestLowestProtocol(t *testing.T) {
	plain := batch.NewSchema(batch.Field{Name: "a", Type: batch.BigIntType})
	ntz := batch.NewSchema(batch.Field{Name: "a", Type: batch.ArrayType(batch.TimestampNTZType, true)})
	for _, c := range []struct {
		got  *Protocol
		want string
	}{
		{LowestProtocol(plain), `{"minReaderVersion":1,"minWriterVersion":2}`},
		{LowestProtocol(plain, "domainMetadata"), `{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["appendOnly","domainMetadata","invariants"]}`},
		{LowestProtocol(ntz), `{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["timestampNtz"],"writerFeatures":["appendOnly","invariants","timestampNtz"]}`},
	} {
		if got := string(c.got.append(nil)); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// TestBombsStaySmall: a line of a gigabyte is refused within little memory.
func TestBombsStaySmall(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := Decode(endless{}, KindsAll, Limits{Line: 8 << 20}, func(*Action) error { return nil })
	runtime.ReadMemStats(&after)
	if err == nil || after.TotalAlloc-before.TotalAlloc > 64<<20 {
		t.Fatalf("error %v after %d MiB", err, (after.TotalAlloc-before.TotalAlloc)>>20)
	}
}

// endless is an action that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '['
	}
	return len(p), nil
}

func BenchmarkDecodeAdds(b *testing.B) {
	a := Add{Path: "day=2026-01-31/part-00000-0198f6a0-0000-7000-8000-000000000001-c000.snappy.parquet", Partition: PartitionValues{{"day", "2026-01-31"}},
		Size: 123456, ModificationTime: 1770000000000, DataChange: true, Stats: `{"numRecords":1000,"minValues":{"n":1,"s":"a"},"maxValues":{"n":1000,"s":"z"},"nullCount":{"n":0,"s":0}}`}
	c := Commit{Adds: make([]Add, 1000)}
	for i := range c.Adds {
		c.Adds[i] = a
	}
	text := c.Encode(nil)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := Decode(bytes.NewReader(text), KindsFiles, Limits{}, func(*Action) error { n++; return nil }); err != nil || n != 1000 {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "adds/s")
}

// TestALineIsNotPassedOverWithAnother: if the end between two lines is lost, to a bit or to a hole, neither is passed over in silence, whatever
// the reader wants; a line alone is.
func TestALineIsNotPassedOverWithAnother(t *testing.T) {
	info := `{"commitInfo":{"timestamp":1,"operation":"WRITE","operationParameters":{"mode":"Append","predicate":"[\"(a } b)\"]"}}}`
	add := `{"add":{"path":"a.parquet","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true,"stats":"{\"numRecords\":1}"}}`
	for _, first := range []string{info, `{"commitInfo":{"timestamp":1,"operation":"WRITE"}}`, `{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}`} {
		if a, err := decodeAction([]byte(first), KindAdd, &interner{}); err != nil || a != nil {
			t.Fatalf("%s: %v, %v", first, a, err)
		}
		for bit := range 8 {
			if _, err := decodeAction([]byte(first+string([]byte{'\n' ^ 1<<bit})+add), KindAdd, &interner{}); err == nil {
				t.Errorf("bit %d of the end of the line: an action was passed over: %s", bit, first)
			}
		}
		both := []byte(first + "\n" + add)
		for from := 20; from < len(first)-3; from += 7 {
			hole := append([]byte(nil), both...)
			clear(hole[from : len(first)+30])
			if _, err := decodeAction(hole, KindAdd, &interner{}); err == nil {
				t.Errorf("a hole at %d: an action was passed over: %q", from, hole)
			}
		}
	}
}
