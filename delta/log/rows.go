package log

import (
	"errors"

	"github.com/deltaic/deltaic/batch"
)

func field(name string, t batch.Type) batch.Field {
	return batch.Field{Name: name, Type: t, Nullable: true}
}

var (
	textMap   = batch.MapType(batch.StringType, batch.StringType, true)
	textArray = batch.ArrayType(batch.StringType, true)
	dvType    = batch.StructType(field("storageType", batch.StringType), field("pathOrInlineDv", batch.StringType),
		field("offset", batch.IntType), field("sizeInBytes", batch.IntType), field("cardinality", batch.BigIntType),
		field("maxRowIndex", batch.BigIntType))
)

// checkpointSchema has one nullable struct per action, as Spark's checkpoints.
var checkpointSchema = batch.NewSchema(
	field("txn", batch.StructType(field("appId", batch.StringType), field("version", batch.BigIntType), field("lastUpdated", batch.BigIntType))),
	field("add", batch.StructType(field("path", batch.StringType), field("partitionValues", textMap), field("size", batch.BigIntType),
		field("modificationTime", batch.BigIntType), field("dataChange", batch.BooleanType), field("tags", textMap),
		field("deletionVector", dvType), field("baseRowId", batch.BigIntType), field("defaultRowCommitVersion", batch.BigIntType),
		field("clusteringProvider", batch.StringType), field("stats", batch.StringType))),
	field("remove", batch.StructType(field("path", batch.StringType), field("deletionTimestamp", batch.BigIntType),
		field("dataChange", batch.BooleanType), field("extendedFileMetadata", batch.BooleanType), field("partitionValues", textMap),
		field("size", batch.BigIntType), field("deletionVector", dvType), field("baseRowId", batch.BigIntType),
		field("defaultRowCommitVersion", batch.BigIntType))),
	field("metaData", batch.StructType(field("id", batch.StringType), field("name", batch.StringType), field("description", batch.StringType),
		field("format", batch.StructType(field("provider", batch.StringType), field("options", textMap))),
		field("schemaString", batch.StringType), field("partitionColumns", textArray), field("configuration", textMap),
		field("createdTime", batch.BigIntType))),
	field("protocol", batch.StructType(field("minReaderVersion", batch.IntType), field("minWriterVersion", batch.IntType),
		field("readerFeatures", textArray), field("writerFeatures", textArray))),
	field("domainMetadata", batch.StructType(field("domain", batch.StringType), field("configuration", batch.StringType),
		field("removed", batch.BooleanType))),
)

// secondSchema is that of checkpoints of the second form, and sidecarSchema of the files that these share.
var (
	secondSchema = batch.NewSchema(append(checkpointSchema.Fields[:len(checkpointSchema.Fields):len(checkpointSchema.Fields)],
		field("sidecar", batch.StructType(field("path", batch.StringType), field("sizeInBytes", batch.BigIntType), field("modificationTime", batch.BigIntType), field("tags", textMap))),
		field("checkpointMetadata", batch.StructType(field("version", batch.BigIntType), field("tags", textMap))))...)
	sidecarSchema = batch.NewSchema(checkpointSchema.Fields[addColumn], checkpointSchema.Fields[removeColumn])
)

// record reads the fields of one struct column.
type record struct {
	c    *batch.Column
	kids map[string]*batch.Column
}

func recordOf(c *batch.Column) *record {
	if c == nil {
		return nil
	}
	r := &record{c: c, kids: make(map[string]*batch.Column, len(c.Kids))}
	for i, f := range c.Type.Fields {
		r.kids[f.Name] = c.Kids[i]
	}
	return r
}

// value returns the field's column if it has a value in the row.
func (r *record) value(name string, row int) *batch.Column {
	if k := r.kids[name]; k != nil && !k.IsNull(row) {
		return k
	}
	return nil
}

func (r *record) text(name string, row int) string {
	if k := r.value(name, row); k != nil {
		return string(k.Bytes(row))
	}
	return ""
}

func (r *record) pointer(name string, row int) *int64 {
	k := r.value(name, row)
	if k == nil {
		return nil
	}
	v := int64(0)
	if k.Type.Kind == batch.BigInt {
		v = k.I64[row]
	} else {
		v = int64(k.I32[row])
	}
	return &v
}

func (r *record) int(name string, row int) int64 {
	if p := r.pointer(name, row); p != nil {
		return *p
	}
	return 0
}

func (r *record) bool(name string, row int) bool {
	k := r.value(name, row)
	return k != nil && k.Bool(row)
}

func (r *record) texts(name string, row int) []string {
	k := r.value(name, row)
	if k == nil {
		return nil
	}
	out := []string{}
	for i := int(k.Off[row]); i < int(k.Off[row+1]); i++ {
		out = append(out, string(k.Kids[0].Bytes(i)))
	}
	return out
}

func (r *record) textMap(name string, row int) map[string]string {
	k := r.value(name, row)
	if k == nil || k.Off[row] == k.Off[row+1] {
		return nil
	}
	out := map[string]string{}
	for i := int(k.Off[row]); i < int(k.Off[row+1]); i++ {
		v := ""
		if !k.Kids[1].IsNull(i) {
			v = string(k.Kids[1].Bytes(i))
		}
		out[string(k.Kids[0].Bytes(i))] = v
	}
	return out
}

func (r *record) partition(row int, in *interner) PartitionValues {
	k := r.value("partitionValues", row)
	if k == nil || k.Off[row] == k.Off[row+1] {
		return nil
	}
	out := make(PartitionValues, 0, k.Off[row+1]-k.Off[row])
	for i := int(k.Off[row]); i < int(k.Off[row+1]); i++ {
		v := PartitionValue{Column: in.name(k.Kids[0].Bytes(i))}
		if !k.Kids[1].IsNull(i) {
			v.Value = string(k.Kids[1].Bytes(i))
		}
		out = append(out, v)
	}
	return out
}

func (r *record) vector(row int) *DeletionVector {
	k := r.value("deletionVector", row)
	if k == nil {
		return nil
	}
	d := recordOf(k)
	if d.value("storageType", row) == nil {
		return nil
	}
	return &DeletionVector{StorageType: d.text("storageType", row), PathOrInline: d.text("pathOrInlineDv", row),
		Offset: d.pointer("offset", row), SizeInBytes: d.int("sizeInBytes", row), Cardinality: d.int("cardinality", row),
		MaxRowIndex: d.pointer("maxRowIndex", row)}
}

var errNoKey = errors.New("an action lacks the field that names it")

// actions calls visit with the actions of a batch of checkpoint rows.
func actions(b *batch.Batch, in *interner, visit func(*Action) error) error {
	for i, f := range b.Schema.Fields {
		r := recordOf(b.Columns[i])
		for row := range b.N {
			if r.c.IsNull(row) {
				continue
			}
			a, err := r.action(f.Name, row, in)
			if err != nil {
				return err
			}
			if a == nil {
				continue
			}
			if err := visit(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// visitError keeps errors of the visitor apart from those of the file.
type visitError struct{ error }

func (e visitError) Unwrap() error { return e.error }

func (r *record) action(name string, row int, in *interner) (*Action, error) {
	switch name {
	case "txn":
		t := &Txn{AppID: r.text("appId", row), Version: r.int("version", row), LastUpdated: r.pointer("lastUpdated", row)}
		return &Action{Txn: t}, nil
	case "domainMetadata":
		d := &Domain{Domain: r.text("domain", row), Configuration: r.text("configuration", row), Removed: r.bool("removed", row)}
		return &Action{Domain: d}, nil
	case "protocol":
		p := &Protocol{MinReader: int(r.int("minReaderVersion", row)), MinWriter: int(r.int("minWriterVersion", row)),
			ReaderFeatures: r.texts("readerFeatures", row), WriterFeatures: r.texts("writerFeatures", row)}
		return &Action{Protocol: p}, nil
	case "metaData":
		m := &Metadata{ID: r.text("id", row), Name: r.text("name", row), Description: r.text("description", row),
			SchemaString: r.text("schemaString", row), PartitionColumns: r.texts("partitionColumns", row),
			Configuration: r.textMap("configuration", row), CreatedTime: r.pointer("createdTime", row)}
		if f := r.value("format", row); f != nil {
			fr := recordOf(f)
			m.Provider, m.FormatOptions = fr.text("provider", row), fr.textMap("options", row)
		}
		return &Action{Metadata: m}, nil
	case "add":
		a := &Add{Path: r.text("path", row), Partition: r.partition(row, in), Size: r.int("size", row),
			ModificationTime: r.int("modificationTime", row), DataChange: r.bool("dataChange", row), Stats: r.text("stats", row),
			Tags: r.textMap("tags", row), DeletionVector: r.vector(row), BaseRowID: r.pointer("baseRowId", row),
			DefaultRowCommitVersion: r.pointer("defaultRowCommitVersion", row), ClusteringProvider: r.text("clusteringProvider", row)}
		if a.Path == "" {
			return nil, errNoKey
		}
		if a.Stats == "" {
			a.Stats = statsText(r, row)
		}
		return &Action{Add: a}, nil
	case "remove":
		m := &Remove{Path: r.text("path", row), DeletionTimestamp: r.pointer("deletionTimestamp", row), DataChange: r.bool("dataChange", row),
			Extended: r.bool("extendedFileMetadata", row), Partition: r.partition(row, in), Size: r.pointer("size", row),
			DeletionVector: r.vector(row), BaseRowID: r.pointer("baseRowId", row),
			DefaultRowCommitVersion: r.pointer("defaultRowCommitVersion", row)}
		if m.Path == "" {
			return nil, errNoKey
		}
		return &Action{Remove: m}, nil
	case "sidecar":
		c := &Sidecar{Path: r.text("path", row), Size: r.int("sizeInBytes", row), ModificationTime: r.int("modificationTime", row), Tags: r.textMap("tags", row)}
		if c.Path == "" {
			return nil, errNoKey
		}
		return &Action{Sidecar: c}, nil
	}
	return nil, nil
}
