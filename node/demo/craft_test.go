package demo

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

type rawRow struct {
	Key       *string   `parquet:"key,optional"`
	Value     string    `parquet:"value"`
	Topic     string    `parquet:"topic"`
	Partition int32     `parquet:"partition"`
	Offset    int64     `parquet:"offset"`
	Timestamp time.Time `parquet:"timestamp,timestamp(microsecond)"`
}

type brokenRow struct {
	Topic     string `parquet:"topic"`
	Partition int32  `parquet:"partition"`
	Offset    int64  `parquet:"offset"`
	Rule      string `parquet:"rule"`
	Error     string `parquet:"error"`
	Value     []byte `parquet:"value"`
}

type itemRow struct {
	SKU      string `parquet:"sku"`
	Quantity int64  `parquet:"quantity"`
	Price    int64  `parquet:"price,decimal(2:12)"`
}

type orderRow struct {
	ID       string    `parquet:"order_id"`
	Customer int64     `parquet:"customer"`
	Region   string    `parquet:"region"`
	Amount   int64     `parquet:"amount,decimal(2:12)"`
	Currency string    `parquet:"currency"`
	At       time.Time `parquet:"at,timestamp(microsecond)"`
	Items    []itemRow `parquet:"items,list"`
}

type goldRow struct {
	Minute    time.Time `parquet:"minute,timestamp(microsecond)"`
	Region    string    `parquet:"region"`
	Orders    int64     `parquet:"orders"`
	Customers int64     `parquet:"customers"`
	Revenue   int64     `parquet:"revenue,decimal(2:18)"`
}

type lateRow struct {
	Topic     string `parquet:"topic"`
	Partition int32  `parquet:"partition"`
	Offset    int64  `parquet:"offset"`
	Value     string `parquet:"value"`
}

// crafted is a demo made by hand: what an engine would have committed.
type crafted struct {
	plan       Plan
	ends       [][]int64 // positions by epoch
	bronze     [][]rawRow
	silver     [][]orderRow
	quarantine [][]brokenRow
	gold       [][]goldRow // the whole table, by epoch
	late       [][]lateRow
	shift      map[int64]int64 // added to the position of orders/1 in the ledger, by epoch
	unfinished string          // table whose newest epoch was not rolled forward
}

const craftedID = "4b4c"

// craft makes three epochs of rows.
func craft() *crafted {
	c := &crafted{plan: NewPlan(3, 1000, 1_767_225_600_000), shift: map[int64]int64{}}
	c.ends = [][]int64{{300, 120, 310, 290}, {300, 500, 700, 650}, {1000, 900, 1100, 1050}}
	from := []int64{0, 0, 0, 0}
	known := map[Place]bool{}
	gold, buyers := map[string]*goldRow{}, map[string]map[int64]bool{}
	for _, ends := range c.ends {
		var bronze []rawRow
		var silver []orderRow
		var broken []brokenRow
		var late []lateRow
		for p, end := range ends {
			for o := from[p]; o < end; o++ {
				r := c.plan.Record(int32(p), o)
				key := string(r.Key)
				bronze = append(bronze, rawRow{&key, string(r.Value), c.plan.Topic, int32(p), o, time.UnixMilli(r.Timestamp)})
				switch {
				case r.Kind == Broken:
					broken = append(broken, brokenRow{c.plan.Topic, int32(p), o, "decode", "it does not decode", r.Value})
				case !known[r.Origin]:
					known[r.Origin] = true
					silver = append(silver, toRow(r.Order))
					if c.plan.Late(r.Origin) {
						late = append(late, lateRow{c.plan.Topic, int32(p), o, fmt.Sprintf(`{"order_id":%q}`, r.Order.ID)})
						continue
					}
					at := r.Order.At / 60_000 * 60_000
					name := fmt.Sprint(at, r.Order.Region)
					g := gold[name]
					if g == nil {
						g = &goldRow{Minute: time.UnixMilli(at), Region: r.Order.Region}
						gold[name], buyers[name] = g, map[int64]bool{}
					}
					buyers[name][r.Order.Customer] = true
					g.Orders, g.Customers, g.Revenue = g.Orders+1, int64(len(buyers[name])), g.Revenue+r.Order.Cents
				}
			}
		}
		c.bronze, c.silver, c.quarantine = append(c.bronze, bronze), append(c.silver, silver), append(c.quarantine, broken)
		var all []goldRow
		for _, name := range slices.Sorted(maps.Keys(gold)) {
			all = append(all, *gold[name])
		}
		c.gold, c.late = append(c.gold, all), append(c.late, late)
		from = ends
	}
	return c
}

func toRow(o Order) orderRow {
	row := orderRow{o.ID, o.Customer, o.Region, o.Cents, o.Currency, time.UnixMilli(o.At), nil}
	for _, i := range o.Items {
		row.Items = append(row.Items, itemRow{i.SKU, i.Quantity, i.Cents})
	}
	return row
}

const (
	rawSchema    = `{"type":"struct","fields":[{"name":"key","type":"string","nullable":true,"metadata":{}},{"name":"value","type":"string","nullable":true,"metadata":{}},{"name":"topic","type":"string","nullable":true,"metadata":{}},{"name":"partition","type":"integer","nullable":true,"metadata":{}},{"name":"offset","type":"long","nullable":true,"metadata":{}},{"name":"timestamp","type":"timestamp","nullable":true,"metadata":{}}]}`
	brokenSchema = `{"type":"struct","fields":[{"name":"topic","type":"string","nullable":true,"metadata":{}},{"name":"partition","type":"integer","nullable":true,"metadata":{}},{"name":"offset","type":"long","nullable":true,"metadata":{}},{"name":"rule","type":"string","nullable":true,"metadata":{}},{"name":"error","type":"string","nullable":true,"metadata":{}},{"name":"value","type":"binary","nullable":true,"metadata":{}}]}`
	orderSchema  = `{"type":"struct","fields":[{"name":"order_id","type":"string","nullable":true,"metadata":{}},{"name":"customer","type":"long","nullable":true,"metadata":{}},{"name":"region","type":"string","nullable":true,"metadata":{}},{"name":"amount","type":"decimal(12,2)","nullable":true,"metadata":{}},{"name":"currency","type":"string","nullable":true,"metadata":{}},{"name":"at","type":"timestamp","nullable":true,"metadata":{}},{"name":"items","type":{"type":"array","elementType":{"type":"struct","fields":[{"name":"sku","type":"string","nullable":true,"metadata":{}},{"name":"quantity","type":"long","nullable":true,"metadata":{}},{"name":"price","type":"decimal(12,2)","nullable":true,"metadata":{}}]},"containsNull":true},"nullable":true,"metadata":{}}]}`
	goldSchema   = `{"type":"struct","fields":[{"name":"minute","type":"timestamp","nullable":true,"metadata":{}},{"name":"region","type":"string","nullable":true,"metadata":{}},{"name":"orders","type":"long","nullable":true,"metadata":{}},{"name":"customers","type":"long","nullable":true,"metadata":{}},{"name":"revenue","type":"decimal(18,2)","nullable":true,"metadata":{}}]}`
	lateSchema   = `{"type":"struct","fields":[{"name":"topic","type":"string","nullable":true,"metadata":{}},{"name":"partition","type":"integer","nullable":true,"metadata":{}},{"name":"offset","type":"long","nullable":true,"metadata":{}},{"name":"value","type":"string","nullable":true,"metadata":{}}]}`
	ledgerSchema = `{"type":"struct","fields":[]}`
)

type object = map[string]any

func commit(t *testing.T, table string, version int, actions ...object) {
	t.Helper()
	var lines []byte
	for _, a := range actions {
		line, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(append(lines, line...), '\n')
	}
	put(t, filepath.Join(table, "_delta_log", fmt.Sprintf("%020d.json", version)), lines)
}

func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, table, schema string) {
	t.Helper()
	commit(t, table, 0,
		object{"commitInfo": object{"operation": "CREATE TABLE"}},
		object{"protocol": object{"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": []string{"domainMetadata"}}},
		object{"metaData": object{"id": "x", "format": object{"provider": "parquet", "options": object{}}, "schemaString": schema, "partitionColumns": []string{}, "configuration": object{}}})
}

// data writes a data file and returns its add action, nil for no rows.
func data[R any](t *testing.T, table string, epoch int, rows []R) []object {
	t.Helper()
	if len(rows) == 0 {
		return nil
	}
	name := fmt.Sprintf("part-%05d.parquet", epoch)
	path := filepath.Join(table, name)
	if err := os.MkdirAll(table, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := parquet.WriteFile(path, rows); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return []object{{"add": object{"path": name, "partitionValues": object{}, "size": info.Size(), "modificationTime": 1, "dataChange": true,
		"stats": fmt.Sprintf(`{"numRecords":%d}`, len(rows))}}}
}

// write lays the demo out in a folder.
func (c *crafted) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := c.plan.Save(dir); err != nil {
		t.Fatal(err)
	}
	ledger := filepath.Join(dir, Checkpoint, LedgerDir)
	paths := map[string]string{}
	for name, schema := range map[string]string{Bronze: rawSchema, Silver: orderSchema, Quarantine: brokenSchema, Gold: goldSchema, LateRows: lateSchema} {
		paths[name] = filepath.Join(dir, TablesDir, name)
		create(t, paths[name], schema)
	}
	create(t, ledger, ledgerSchema)
	entry := object{"format": 1, "kind": "claim", "flow": Flow, "incarnation": craftedID, "attempt": 1, "epoch": 0}
	commit(t, ledger, 1, domain(t, entry))
	for i, ends := range c.ends {
		epoch := i + 1
		adds := map[string][]object{
			Bronze:     data(t, paths[Bronze], epoch, c.bronze[i]),
			Silver:     data(t, paths[Silver], epoch, c.silver[i]),
			Quarantine: data(t, paths[Quarantine], epoch, c.quarantine[i]),
			Gold:       data(t, paths[Gold], epoch, c.gold[i]),
			LateRows:   data(t, paths[LateRows], epoch, c.late[i]),
		}
		positions, sinks := object{}, object{}
		for p, end := range ends {
			if p == 1 {
				end += c.shift[int64(epoch)]
			}
			positions[fmt.Sprintf("%s/%d", c.plan.Topic, p)] = fmt.Sprint(end)
		}
		for name, a := range adds {
			sinks[name] = object{"version": epoch - 1, "prepared": []object{{"Rows": 1, "Bytes": 1, "Data": object{"adds": a}}}}
		}
		manifest := object{"format": 1, "flow": Flow, "incarnation": craftedID, "attempt": 1, "epoch": epoch, "keyGroups": 256,
			"positions": object{"orders": positions}, "sinks": sinks}
		entry := object{"format": 1, "kind": "epoch", "flow": Flow, "incarnation": craftedID, "attempt": 1, "epoch": epoch, "manifest": manifest}
		commit(t, ledger, epoch+1, txn(epoch), domain(t, entry))
		for name, a := range adds {
			if name == c.unfinished && epoch == len(c.ends) {
				continue
			}
			if name == Gold && epoch > 1 { // rows are replaced: the file that held them goes
				a = append(a, object{"remove": object{"path": fmt.Sprintf("part-%05d.parquet", epoch-1), "deletionTimestamp": 1, "dataChange": true}})
			}
			commit(t, paths[name], epoch, append([]object{{"commitInfo": object{"operation": "STREAMING UPDATE"}}, txn(epoch)}, a...)...)
		}
	}
	return dir
}

func txn(epoch int) object {
	return object{"txn": object{"appId": Flow + "/" + craftedID, "version": epoch}}
}

func domain(t *testing.T, entry object) object {
	t.Helper()
	text, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	return object{"domainMetadata": object{"domain": "deltaic." + Flow, "configuration": string(text), "removed": false}}
}
