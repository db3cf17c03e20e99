package oracle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

type object = map[string]any

type row struct {
	ID    int64             `parquet:"id"`
	Name  *string           `parquet:"name,optional"`
	Price int32             `parquet:"price,decimal(2:9)"`
	At    time.Time         `parquet:"at,timestamp(microsecond)"`
	Tags  []string          `parquet:"tags,list"`
	Attrs map[string]int64  `parquet:"attrs"`
	Place struct{ X int64 } `parquet:"place"`
}

const rowSchema = `{"type":"struct","fields":[{"name":"region","type":"string","nullable":true,"metadata":{}},` +
	`{"name":"id","type":"long","nullable":false,"metadata":{}},{"name":"name","type":"string","nullable":true,"metadata":{}},` +
	`{"name":"price","type":"decimal(9,2)","nullable":true,"metadata":{}},{"name":"at","type":"timestamp","nullable":true,"metadata":{}},` +
	`{"name":"tags","type":{"type":"array","elementType":"string","containsNull":true},"nullable":true,"metadata":{}},` +
	`{"name":"attrs","type":{"type":"map","keyType":"string","valueType":"long","valueContainsNull":true},"nullable":true,"metadata":{}},` +
	`{"name":"place","type":{"type":"struct","fields":[{"name":"X","type":"long","nullable":true,"metadata":{}}]},"nullable":true,"metadata":{}},` +
	`{"name":"later","type":"double","nullable":true,"metadata":{}}]}`

// maker makes a table by hand.
type maker struct {
	t    *testing.T
	path string
	next int
}

func newMaker(t *testing.T) *maker {
	m := &maker{t: t, path: t.TempDir()}
	m.commit(
		object{"commitInfo": object{"operation": "CREATE TABLE"}},
		object{"protocol": object{"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": []string{"domainMetadata", "appendOnly"}}},
		object{"metaData": object{"id": "t", "schemaString": rowSchema, "partitionColumns": []string{"region"}, "configuration": object{"k": "v"}}})
	return m
}

func (m *maker) commit(actions ...object) {
	m.t.Helper()
	var text []byte
	for _, a := range actions {
		line, err := json.Marshal(a)
		if err != nil {
			m.t.Fatal(err)
		}
		text = append(append(text, line...), '\n')
	}
	m.put(fmt.Sprintf("_delta_log/%020d.json", m.next), text)
	m.next++
}

func (m *maker) put(name string, data []byte) {
	m.t.Helper()
	path := filepath.Join(m.path, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// file writes two rows and returns their add action, without the wrapper.
func (m *maker) file(name string) object {
	m.t.Helper()
	text := "b"
	at := time.Date(2026, 1, 31, 10, 20, 30, 123456000, time.UTC)
	rows := []row{
		{ID: 3, Price: 150, At: at, Tags: []string{}, Attrs: map[string]int64{}},
		{ID: 7, Name: &text, Price: -5, At: at.Add(time.Second), Tags: []string{"x", "y"}, Attrs: map[string]int64{"a": 1}, Place: struct{ X int64 }{9}},
	}
	path := filepath.Join(m.path, name)
	if err := parquet.WriteFile(path, rows); err != nil {
		m.t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		m.t.Fatal(err)
	}
	return object{"path": strings.ReplaceAll(name, " ", "%20"), "partitionValues": object{"region": "north"}, "size": info.Size(), "modificationTime": 1, "dataChange": true,
		"stats": `{"numRecords":2,"minValues":{"id":3,"name":"b","price":-0.05,"at":"2026-01-31T10:20:30.123Z","place":{"X":0}},"maxValues":{"id":7,"name":"b","price":1.50,"at":"2026-01-31T10:20:31.123Z","place":{"X":9}},"nullCount":{"id":0,"name":1,"price":0}}`}
}

func epoch(n int64, id string) object {
	return object{"txn": object{"appId": "shop/" + id, "version": n}}
}

func kinds(list []Finding) string {
	var names []string
	for _, f := range list {
		names = append(names, f.Kind)
	}
	return strings.Join(names, " ")
}

func (m *maker) check() string {
	m.t.Helper()
	logs, err := CheckLog(m.path)
	if err != nil {
		m.t.Fatal(err)
	}
	rows, err := CheckData(m.path)
	if err != nil && len(logs) == 0 {
		m.t.Fatal(err)
	}
	return kinds(append(logs, rows...))
}

func TestRowsOfAPartitionedNestedTable(t *testing.T) {
	m := newMaker(t)
	m.commit(epoch(1, "a"), object{"add": m.file("a file.parquet")})
	if found := m.check(); found != "" {
		t.Fatal(found)
	}
	table, err := Replay(m.path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	err = table.Rows(func(_ File, n int64, v map[string]any) error {
		lines = append(lines, strings.TrimSpace(fmt.Sprintln(n, v["region"], v["id"], v["name"], v["price"], v["at"], v["tags"], v["attrs"], v["place"], v["later"])))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"0 north 3 <nil> 1.50 2026-01-31 10:20:30.123456 +0000 UTC [] [] map[X:0] <nil>",
		"1 north 7 b -0.05 2026-01-31 10:20:31.123456 +0000 UTC [x y] [{a 1}] map[X:9] <nil>",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("rows are\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func with(add object, key string, value any) object {
	out := object{}
	for k, v := range add {
		out[k] = v
	}
	out[key] = value
	return object{"add": out}
}

// Each flaw is found, and nothing else is.
func TestChecksFindEachFlaw(t *testing.T) {
	stats := func(old, new string) func(m *maker) {
		return func(m *maker) {
			a := m.file("a")
			m.commit(with(a, "stats", strings.Replace(a["stats"].(string), old, new, 1)))
		}
	}
	for _, c := range []struct {
		want string
		make func(m *maker)
	}{
		{"", func(m *maker) {
			m.commit(epoch(1, "a"), object{"add": m.file("a")})
			m.commit(epoch(2, "a"), object{"remove": object{"path": "a", "dataChange": false}}, object{"add": m.file("b")})
		}},
		{"gap", func(m *maker) { m.next++; m.commit(object{"add": m.file("a")}) }},
		{"unreadable", func(m *maker) { m.put("_delta_log/00000000000000000001.json", []byte("{\"add\":")) }},
		{"path-twice", func(m *maker) { a := object{"add": m.file("a")}; m.commit(a); m.commit(a) }},
		{"path-twice", func(m *maker) { a := object{"add": m.file("a")}; m.commit(a, a) }},
		{"path-twice", func(m *maker) {
			a := object{"add": m.file("a")}
			m.commit(a)
			m.commit(object{"remove": object{"path": "a"}})
			m.commit(a)
		}},
		{"", func(m *maker) {
			a := object{"add": m.file("a")}
			m.commit(a)
			m.commit(object{"remove": object{"path": "a"}})
			m.commit(object{"commitInfo": object{"operation": "RESTORE"}}, a)
		}},
		{"path-twice", func(m *maker) {
			a := object{"add": m.file("a")}
			m.commit(a)
			m.commit(object{"commitInfo": object{"operation": "RESTORE"}}, a)
		}},
		{"removed-unknown", func(m *maker) { m.commit(object{"remove": object{"path": "a"}}) }},
		{"txn-twice", func(m *maker) {
			m.commit(epoch(1, "a"), object{"txn": object{"appId": "x", "version": 1}}, object{"txn": object{"appId": "x", "version": 1}})
		}},
		{"epoch-twice", func(m *maker) { m.commit(epoch(1, "a")); m.commit(epoch(1, "a")) }},
		{"epoch-backwards", func(m *maker) { m.commit(epoch(5, "a")); m.commit(epoch(4, "a")) }},
		{"incarnation", func(m *maker) { m.commit(epoch(1, "a")); m.commit(epoch(2, "b")) }},
		{"file-missing file-unreadable", func(m *maker) { m.commit(with(m.file("a"), "path", "b")) }},
		{"file-size", func(m *maker) { m.commit(with(m.file("a"), "size", 1)) }},
		{"num-records num-records", stats(`"numRecords":2`, `"numRecords":3`)},
		{"min-value", stats(`"minValues":{"id":3`, `"minValues":{"id":4`)},
		{"max-value", stats(`"maxValues":{"id":7`, `"maxValues":{"id":6`)},
		{"max-value", stats(`"X":9`, `"X":8`)},
		{"max-value", stats(`"price":1.50`, `"price":1.49`)},
		{"max-value", stats(`10:20:31.123Z`, `10:20:31.122Z`)},
		{"min-value", stats(`"name":"b"`, `"name":"c"`)},
		{"null-count", stats(`"name":1`, `"name":0`)},
		{"gap", func(m *maker) { m.put("_delta_log/00000000000000000009.checkpoint.parquet", nil) }},
		{"checkpoint-unreadable", func(m *maker) { m.put("_delta_log/00000000000000000000.checkpoint.parquet", []byte("PAR1")) }},
	} {
		t.Run(c.want, func(t *testing.T) {
			m := newMaker(t)
			c.make(m)
			if found := m.check(); found != c.want {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}

type checkpointRow struct {
	Txn *struct {
		AppID   string `parquet:"appId"`
		Version int64  `parquet:"version"`
	} `parquet:"txn,optional"`
	Add *struct {
		Path            string            `parquet:"path"`
		PartitionValues map[string]string `parquet:"partitionValues"`
		Size            int64             `parquet:"size"`
		Stats           string            `parquet:"stats"`
	} `parquet:"add,optional"`
	MetaData *struct {
		ID               string            `parquet:"id"`
		SchemaString     string            `parquet:"schemaString"`
		PartitionColumns []string          `parquet:"partitionColumns,list"`
		Configuration    map[string]string `parquet:"configuration"`
	} `parquet:"metaData,optional"`
	Protocol *struct {
		MinReaderVersion int32    `parquet:"minReaderVersion"`
		MinWriterVersion int32    `parquet:"minWriterVersion"`
		WriterFeatures   []string `parquet:"writerFeatures,list"`
	} `parquet:"protocol,optional"`
}

// A checkpoint is compared with the replay, and stands in for it when the log's beginning is gone.
func TestCheckpoints(t *testing.T) {
	m := newMaker(t)
	add := m.file("a")
	m.commit(epoch(1, "a"), object{"add": add})
	rows := make([]checkpointRow, 4)
	fill := func(i int, text string) {
		if err := json.Unmarshal([]byte(text), &rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := json.Marshal(rowSchema)
	if err != nil {
		t.Fatal(err)
	}
	fill(0, `{"Protocol":{"MinReaderVersion":1,"MinWriterVersion":7,"WriterFeatures":["appendOnly","domainMetadata"]}}`)
	fill(1, `{"MetaData":{"ID":"t","SchemaString":`+string(schema)+`,"PartitionColumns":["region"],"Configuration":{"k":"v"}}}`)
	fill(2, `{"Txn":{"AppID":"shop/a","Version":1}}`)
	fill(3, fmt.Sprintf(`{"Add":{"Path":"a","PartitionValues":{"region":"north"},"Size":%d}}`, add["size"]))
	write := func() {
		if err := parquet.WriteFile(filepath.Join(m.path, "_delta_log/00000000000000000001.checkpoint.parquet"), rows); err != nil {
			t.Fatal(err)
		}
	}
	write()
	m.commit(epoch(2, "a"), object{"add": m.file("b")})
	if found := m.check(); found != "" {
		t.Fatal(CheckLog(m.path))
	}
	rows[2].Txn.Version = 9
	write()
	if found := m.check(); found != "checkpoint-differs" {
		t.Errorf("another txn: %q", found)
	}
	rows[2].Txn.Version = 1
	rows[3].Add.Path = "c"
	write()
	if found := m.check(); found != "checkpoint-differs" {
		t.Errorf("another path: %q", found)
	}
	rows[3].Add.Path = "a"
	write()
	for _, name := range []string{"00000000000000000000.json", "00000000000000000001.json"} {
		if err := os.Remove(filepath.Join(m.path, "_delta_log", name)); err != nil {
			t.Fatal(err)
		}
	}
	table, err := Replay(m.path)
	if err != nil {
		t.Fatal(err)
	}
	if table.Version != 2 || table.First != 2 || len(table.Live) != 2 || table.Transactions["shop/a"].Version != 2 || table.Metadata.Configuration["k"] != "v" {
		t.Errorf("%+v", table)
	}
	if found := m.check(); found != "" {
		t.Errorf("behind the checkpoint: %q", found)
	}
}

func entry(t *testing.T, fields object) object {
	t.Helper()
	whole := object{"format": 1, "flow": "shop", "incarnation": "a", "attempt": 1, "kind": "epoch"}
	for k, v := range fields {
		whole[k] = v
	}
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return object{"domainMetadata": object{"domain": "deltaic.shop", "configuration": string(text), "removed": false}}
}

func manifest(epoch, offset int) object {
	return object{"format": 1, "flow": "shop", "incarnation": "a", "epoch": epoch, "positions": object{"orders": object{"orders/0": fmt.Sprint(offset)}}}
}

func TestCheckLedger(t *testing.T) {
	text, err := json.Marshal(manifest(2, 20))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	file := func(digest string) object {
		return object{"path": "m/2.json", "length": len(text), "digest": digest}
	}
	good := "sha256:" + hex.EncodeToString(sum[:])
	claim := object{"kind": "claim", "epoch": 0}
	first := object{"epoch": 1, "manifest": manifest(1, 10)}
	for _, c := range []struct {
		want    string
		entries []object
	}{
		{"", []object{claim, first, {"epoch": 2, "manifestFile": file(good)}}},
		{"", []object{claim, first, {"kind": "claim", "attempt": 2, "epoch": 1, "manifest": manifest(1, 10)}, {"attempt": 2, "epoch": 2, "manifest": manifest(2, 20)}}},
		{"manifest", []object{claim, first, {"epoch": 2, "manifestFile": file("sha256:00")}}},
		{"manifest", []object{claim, first, {"epoch": 2, "manifest": manifest(1, 10)}}},
		{"manifest", []object{claim, first, {"epoch": 2}}},
		{"attempt", []object{claim, {"epoch": 1, "attempt": 2, "manifest": manifest(1, 10)}}},
		{"attempt", []object{claim, {"kind": "claim", "attempt": 3}}},
		{"epoch", []object{claim, first, {"kind": "claim", "attempt": 2, "epoch": 0}}},
		{"epoch", []object{claim, first, first}},
		{"position-backwards", []object{claim, first, {"epoch": 2, "manifest": manifest(2, 9)}}},
		{"incarnation manifest", []object{claim, first, {"epoch": 2, "incarnation": "b", "manifest": manifest(2, 20)}}},
	} {
		m := newMaker(t)
		m.put("m/2.json", text)
		for _, e := range c.entries {
			m.commit(entry(t, e))
		}
		found, err := CheckLedger(m.path, "", m.path)
		if err != nil || kinds(found) != c.want {
			t.Errorf("%v: %v, %v, want %q", c.entries, found, err, c.want)
		}
	}
	m := newMaker(t)
	m.commit(entry(t, object{"format": 2}))
	if _, err := ReadLedger(m.path, "shop"); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("a newer format: %v", err)
	}
}

func TestAddsOfPreparedParts(t *testing.T) {
	add := `{"path":"p/a%20b","partitionValues":{"x":null},"size":5,"dataChange":true}`
	line, err := json.Marshal(`{"add":` + add + "}\n" + `{"add":` + add + "}")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{`{"Rows":1,"Data":{"adds":[` + add + `]}}`: 1, `{"Data":` + string(line) + `}`: 2, `{"Data":null}`: 0} {
		files, err := SinkRecord{Prepared: []json.RawMessage{json.RawMessage(text)}}.Adds()
		if err != nil || len(files) != want || want > 0 && files[0].Name() != "p/a b" {
			t.Errorf("%s: %v, %v", text, files, err)
		}
	}
}
