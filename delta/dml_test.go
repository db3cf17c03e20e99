package delta_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/objstore"
)

// dmlTable is a table of (id BIGINT, v BIGINT) to which random changes are made, in the ways in which engines make them, by
// writing files and log entries by hand. It remembers the rows of every version.
type dmlTable struct {
	t      interface{ Fatal(...any) }
	store  objstore.Store
	random *rand.Rand
	feed   bool // change files are written
	dv     bool // rows are deleted by deletion vectors where that is as well

	version int64 // the newest
	files   []*dmlFile
	nextID  int64
	names   int
	rows    []map[string]int // by version: how often each row is there
}

// dmlFile is a live file.
type dmlFile struct {
	path string
	ids  []int64
	vs   []int64
	gone map[int]bool
	size int64
}

var dmlSchema = batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "v", Type: batch.BigIntType, Nullable: true})

func newDML(t interface{ Fatal(...any) }, store objstore.Store, seed uint64, feed, dv bool) *dmlTable {
	d := &dmlTable{t: t, store: store, random: rand.New(rand.NewPCG(seed, 7)), feed: feed, dv: dv, version: -1}
	properties := map[string]string{}
	if feed {
		properties["delta.enableChangeDataFeed"] = "true"
	}
	schema := log.FormatSchema(dmlSchema)
	c := log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: "CREATE TABLE"},
		Protocol: &log.Protocol{MinReader: 3, MinWriter: 7, ReaderFeatures: []string{"deletionVectors"}, WriterFeatures: []string{"deletionVectors", "changeDataFeed"}},
		Metadata: &log.Metadata{ID: "dml", Provider: "parquet", SchemaString: schema, Configuration: properties}}
	d.commit(c, nil)
	return d
}

func (d *dmlTable) check(err error) {
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *dmlTable) commit(c log.Commit, cdc []log.CDC) {
	text := c.Encode(nil)
	for _, f := range cdc {
		text = fmt.Appendf(text, `{"cdc":{"path":%q,"partitionValues":{},"size":%d,"dataChange":false}}`+"\n", f.Path, f.Size)
	}
	d.version++
	d.check(d.store.PutIfAbsent(ctx, log.CommitName(d.version), text))
	now := map[string]int{}
	for _, f := range d.files {
		for i := range f.ids {
			if !f.gone[i] {
				now[dmlRow(f.ids[i], f.vs[i])]++
			}
		}
	}
	d.rows = append(d.rows, now)
}

func dmlRow(id, v int64) string { return fmt.Sprintf(`{"id":%d,"v":%d}`, id, v) }

// file writes a Parquet file.
func (d *dmlTable) file(prefix string, ids, vs []int64, types []string) (string, int64) {
	schema, columns := dmlSchema, []*batch.Column{}
	for _, values := range [][]int64{ids, vs} {
		b := batch.NewBuilder(batch.BigIntType, nil)
		for _, v := range values {
			b.Int64(v)
		}
		columns = append(columns, b.Finish())
	}
	if types != nil {
		schema = batch.NewSchema(append(slices.Clone(dmlSchema.Fields), batch.Field{Name: "_change_type", Type: batch.StringType, Nullable: true})...)
		b := batch.NewBuilder(batch.StringType, nil)
		for _, s := range types {
			b.String(s)
		}
		columns = append(columns, b.Finish())
	}
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, schema, parquet.WriterOptions{})
	d.check(err)
	d.check(w.Write(batch.NewBatch(schema, len(ids), columns...)))
	d.check(w.Close())
	d.names++
	name := fmt.Sprintf("%spart-%05d.parquet", prefix, d.names)
	d.check(d.store.PutIfAbsent(ctx, name, out.Bytes()))
	return name, int64(out.Len())
}

// add writes rows as a new file.
func (d *dmlTable) add(c *log.Commit, ids, vs []int64, dataChange bool) {
	path, size := d.file("", ids, vs, nil)
	f := &dmlFile{path: path, ids: ids, vs: vs, gone: map[int]bool{}, size: size}
	d.files = append(d.files, f)
	a := f.add()
	a.DataChange, a.ModificationTime = dataChange, int64(1000-d.names%3)
	c.Adds = append(c.Adds, a)
}

func (f *dmlFile) add() log.Add {
	return log.Add{Path: f.path, Size: f.size, DataChange: true, ModificationTime: 1000, Stats: fmt.Sprintf(`{"numRecords":%d}`, len(f.ids)), DeletionVector: f.vector()}
}

// vector returns the rows that are gone, in the log.
func (f *dmlFile) vector() *log.DeletionVector {
	if len(f.gone) == 0 {
		return nil
	}
	rows := slices.Sorted(maps.Keys(f.gone))
	b := binary.LittleEndian.AppendUint32(nil, 1681511377)
	b = binary.LittleEndian.AppendUint64(b, 1)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, 12346)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(rows)-1))
	b = binary.LittleEndian.AppendUint32(b, 16)
	for _, r := range rows {
		b = binary.LittleEndian.AppendUint16(b, uint16(r))
	}
	size := int64(len(b))
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
	var text []byte
	for i := 0; i < len(b); i += 4 {
		v := binary.BigEndian.Uint32(b[i:])
		var group [5]byte
		for k := 4; k >= 0; k-- {
			group[k] = digits[v%85]
			v /= 85
		}
		text = append(text, group[:]...)
	}
	return &log.DeletionVector{StorageType: "i", PathOrInline: string(text), SizeInBytes: size, Cardinality: int64(len(rows))}
}

func (f *dmlFile) remove(dataChange bool) log.Remove {
	now, size := int64(1), f.size
	return log.Remove{Path: f.path, DeletionTimestamp: &now, DataChange: dataChange, Extended: true, Partition: log.PartitionValues{}, Size: &size, DeletionVector: f.vector()}
}

// live returns the rows of a file that are there.
func (f *dmlFile) live() (rows []int) {
	for i := range f.ids {
		if !f.gone[i] {
			rows = append(rows, i)
		}
	}
	return rows
}

// append adds rows.
func (d *dmlTable) append() {
	var c log.Commit
	for range 1 + d.random.IntN(2) {
		var ids, vs []int64
		for range 1 + d.random.IntN(8) {
			ids, vs = append(ids, d.nextID), append(vs, d.random.Int64N(5))
			d.nextID++
		}
		d.add(&c, ids, vs, true)
	}
	c.Info = &log.CommitInfo{Timestamp: 1, Operation: "WRITE"}
	d.commit(c, nil)
}

// optimize puts all files together.
func (d *dmlTable) optimize() {
	c := log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: "OPTIMIZE"}}
	var ids, vs []int64
	for _, f := range d.files {
		c.Removes = append(c.Removes, f.remove(false))
		for _, i := range f.live() {
			ids, vs = append(ids, f.ids[i]), append(vs, f.vs[i])
		}
	}
	d.files = nil
	if len(ids) > 0 {
		d.add(&c, ids, vs, false)
	}
	d.commit(c, nil)
}

// truncate deletes all rows.
func (d *dmlTable) truncate() {
	c := log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: "DELETE"}}
	for _, f := range d.files {
		c.Removes = append(c.Removes, f.remove(true))
	}
	d.files = nil
	d.commit(c, nil)
}

// change deletes or updates some rows of some files, or both.
func (d *dmlTable) change() {
	c := log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: "MERGE"}}
	var newIDs, newVs, feedIDs, feedVs []int64
	var types []string
	var kept []*dmlFile
	said := func(kind string, id, v int64) {
		types, feedIDs, feedVs = append(types, kind), append(feedIDs, id), append(feedVs, v)
	}
	for _, f := range d.files {
		rows := f.live()
		d.random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		rows = rows[:min(len(rows), d.random.IntN(4))]
		if len(rows) == 0 {
			kept = append(kept, f)
			continue
		}
		before := f.remove(true)
		for _, i := range rows {
			f.gone[i] = true
			if d.random.IntN(2) == 0 {
				said("delete", f.ids[i], f.vs[i])
				continue
			}
			v := f.vs[i] + 1 + d.random.Int64N(3)
			said("update_preimage", f.ids[i], f.vs[i])
			said("update_postimage", f.ids[i], v)
			newIDs, newVs = append(newIDs, f.ids[i]), append(newVs, v)
		}
		c.Removes = append(c.Removes, before)
		switch left := f.live(); {
		case d.dv && len(left) > 0:
			a := f.add()
			c.Adds, kept = append(c.Adds, a), append(kept, f)
		default: // the rows left are written anew
			for _, i := range left {
				newIDs, newVs = append(newIDs, f.ids[i]), append(newVs, f.vs[i])
			}
		}
	}
	if d.files = kept; len(newIDs) > 0 {
		d.add(&c, newIDs, newVs, true)
	}
	var cdc []log.CDC
	if d.feed && len(types) > 0 {
		path, size := d.file("_change_data/", feedIDs, feedVs, types)
		cdc = append(cdc, log.CDC{Path: path, Size: size})
	}
	d.commit(c, cdc)
}

// restore deletes other rows of files than were deleted, without change files.
func (d *dmlTable) restore() {
	c := log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: "RESTORE"}}
	for _, f := range d.files {
		if len(f.gone) == 0 {
			continue
		}
		c.Removes = append(c.Removes, f.remove(true))
		gone := map[int]bool{}
		for range d.random.IntN(len(f.ids)) {
			gone[d.random.IntN(len(f.ids))] = true
		}
		f.gone = gone
		c.Adds = append(c.Adds, f.add())
	}
	d.commit(c, nil)
}

// step makes a random commit.
func (d *dmlTable) step() {
	switch n := d.random.IntN(10); {
	case n < 4 || len(d.files) == 0:
		d.append()
	case n < 7:
		d.change()
	case n == 7:
		d.restore()
	case n == 8:
		d.optimize()
	default:
		d.truncate()
	}
}

// fold does changes to rows.
func fold(rows map[string]int, row, change string) {
	if change == "insert" || change == "update_postimage" {
		rows[row]++
	} else {
		rows[row]--
	}
	if rows[row] == 0 {
		delete(rows, row)
	}
}
