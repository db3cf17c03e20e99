package log

import (
	"bytes"
	"slices"
	"sort"
	"strconv"
	"unicode/utf8"
)

// Commit is the content of one version, encoded in the order of its fields.
type Commit struct {
	Info     *CommitInfo
	Protocol *Protocol
	Metadata *Metadata
	Txns     []Txn
	Domains  []Domain
	Removes  []Remove
	Adds     []Add
	Changes  []CDC
}

// Encode appends the commit's NDJSON to b.
func (c *Commit) Encode(b []byte) []byte {
	if c.Info != nil {
		b = append(c.Info.append(append(b, `{"commitInfo":`...)), "}\n"...)
	}
	if c.Protocol != nil {
		b = append(c.Protocol.append(append(b, `{"protocol":`...)), "}\n"...)
	}
	if c.Metadata != nil {
		b = append(c.Metadata.append(append(b, `{"metaData":`...)), "}\n"...)
	}
	for i := range c.Txns {
		b = append(c.Txns[i].append(append(b, `{"txn":`...)), "}\n"...)
	}
	for i := range c.Domains {
		b = append(c.Domains[i].append(append(b, `{"domainMetadata":`...)), "}\n"...)
	}
	for i := range c.Removes {
		b = append(c.Removes[i].append(append(b, `{"remove":`...)), "}\n"...)
	}
	for i := range c.Adds {
		b = append(c.Adds[i].append(append(b, `{"add":`...)), "}\n"...)
	}
	for i := range c.Changes {
		b = append(c.Changes[i].append(append(b, `{"cdc":`...)), "}\n"...)
	}
	return b
}

// EncodeAdds appends the adds as a JSON array of their bodies.
func EncodeAdds(b []byte, adds []Add) []byte {
	b = append(b, '[')
	for i := range adds {
		if i > 0 {
			b = append(b, ',')
		}
		b = adds[i].append(b)
	}
	return append(b, ']')
}

// object writes the fields of an object in the order of the calls.
type object struct {
	b     []byte
	empty bool
}

func begin(b []byte) object { return object{append(b, '{'), true} }

func (o *object) key(name string) {
	if !o.empty {
		o.b = append(o.b, ',')
	}
	o.empty = false
	o.b = append(AppendString(o.b, name), ':')
}

func (o *object) str(name, v string) { o.key(name); o.b = AppendString(o.b, v) }

// text is str for a field that is left out when it is "".
func (o *object) text(name, v string) {
	if v != "" {
		o.str(name, v)
	}
}

func (o *object) int(name string, v int64) { o.key(name); o.b = strconv.AppendInt(o.b, v, 10) }

func (o *object) intPointer(name string, v *int64) {
	if v != nil {
		o.int(name, *v)
	}
}

func (o *object) bool(name string, v bool) { o.key(name); o.b = strconv.AppendBool(o.b, v) }

func (o *object) raw(name, v string) { o.key(name); o.b = append(o.b, v...) }

func (o *object) strings(name string, v []string) {
	o.key(name)
	o.b = append(o.b, '[')
	for i, s := range v {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = AppendString(o.b, s)
	}
	o.b = append(o.b, ']')
}

// stringMap writes the map sorted by key, so that equal maps are equal bytes.
func (o *object) stringMap(name string, v map[string]string) {
	o.key(name)
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	m := begin(o.b)
	for _, k := range keys {
		m.str(k, v[k])
	}
	o.b = m.end()
}

func (o *object) partition(p PartitionValues) {
	o.key("partitionValues")
	m := begin(o.b)
	for _, v := range p {
		if v.Value == "" {
			m.raw(v.Column, "null")
		} else {
			m.str(v.Column, v.Value)
		}
	}
	o.b = m.end()
}

func (o *object) parameters(name string, p []Parameter) {
	o.key(name)
	m := begin(o.b)
	for _, v := range p {
		m.raw(v.Name, v.Value)
	}
	o.b = m.end()
}

func (o *object) deletionVector(d *DeletionVector) {
	if d == nil {
		return
	}
	o.key("deletionVector")
	m := begin(o.b)
	m.str("storageType", d.StorageType)
	m.str("pathOrInlineDv", d.PathOrInline)
	m.intPointer("offset", d.Offset)
	m.int("sizeInBytes", d.SizeInBytes)
	m.int("cardinality", d.Cardinality)
	m.intPointer("maxRowIndex", d.MaxRowIndex)
	o.b = m.end()
}

func (o *object) end() []byte { return append(o.b, '}') }

func (c *CommitInfo) append(b []byte) []byte {
	o := begin(b)
	o.intPointer("inCommitTimestamp", c.InCommitTimestamp)
	o.int("timestamp", c.Timestamp)
	o.text("userId", c.UserID)
	o.text("userName", c.UserName)
	o.str("operation", c.Operation)
	o.parameters("operationParameters", c.Parameters)
	o.intPointer("readVersion", c.ReadVersion)
	o.text("isolationLevel", c.IsolationLevel)
	if c.IsBlindAppend != nil {
		o.bool("isBlindAppend", *c.IsBlindAppend)
	}
	o.parameters("operationMetrics", c.Metrics)
	o.text("userMetadata", c.UserMetadata)
	if len(c.Tags) > 0 {
		o.stringMap("tags", c.Tags)
	}
	o.text("engineInfo", c.EngineInfo)
	o.text("txnId", c.TxnID)
	return o.end()
}

func (p *Protocol) append(b []byte) []byte {
	o := begin(b)
	o.int("minReaderVersion", int64(p.MinReader))
	o.int("minWriterVersion", int64(p.MinWriter))
	if p.MinReader >= 3 {
		o.strings("readerFeatures", p.ReaderFeatures)
	}
	if p.MinWriter >= 7 {
		o.strings("writerFeatures", p.WriterFeatures)
	}
	return o.end()
}

func (m *Metadata) append(b []byte) []byte {
	o := begin(b)
	o.str("id", m.ID)
	o.text("name", m.Name)
	o.text("description", m.Description)
	o.key("format")
	f := begin(o.b)
	f.str("provider", m.Provider)
	f.stringMap("options", m.FormatOptions)
	o.b = f.end()
	o.str("schemaString", m.SchemaString)
	o.strings("partitionColumns", m.PartitionColumns)
	o.stringMap("configuration", m.Configuration)
	o.intPointer("createdTime", m.CreatedTime)
	return o.end()
}

// Equal reports whether two metadata actions say the same.
func (m *Metadata) Equal(o *Metadata) bool { return bytes.Equal(m.append(nil), o.append(nil)) }

func (t *Txn) append(b []byte) []byte {
	o := begin(b)
	o.str("appId", t.AppID)
	o.int("version", t.Version)
	o.intPointer("lastUpdated", t.LastUpdated)
	return o.end()
}

func (d *Domain) append(b []byte) []byte {
	o := begin(b)
	o.str("domain", d.Domain)
	o.str("configuration", d.Configuration)
	o.bool("removed", d.Removed)
	return o.end()
}

func (a *Add) append(b []byte) []byte {
	o := begin(b)
	o.str("path", a.Path)
	o.partition(a.Partition)
	o.int("size", a.Size)
	o.int("modificationTime", a.ModificationTime)
	o.bool("dataChange", a.DataChange)
	o.text("stats", a.Stats)
	if len(a.Tags) > 0 {
		o.stringMap("tags", a.Tags)
	}
	o.deletionVector(a.DeletionVector)
	o.intPointer("baseRowId", a.BaseRowID)
	o.intPointer("defaultRowCommitVersion", a.DefaultRowCommitVersion)
	o.text("clusteringProvider", a.ClusteringProvider)
	return o.end()
}

func (r *Remove) append(b []byte) []byte {
	o := begin(b)
	o.str("path", r.Path)
	o.intPointer("deletionTimestamp", r.DeletionTimestamp)
	o.bool("dataChange", r.DataChange)
	if r.Extended {
		o.bool("extendedFileMetadata", true)
		o.partition(r.Partition)
	}
	o.intPointer("size", r.Size)
	o.text("stats", r.Stats)
	if len(r.Tags) > 0 {
		o.stringMap("tags", r.Tags)
	}
	o.deletionVector(r.DeletionVector)
	o.intPointer("baseRowId", r.BaseRowID)
	o.intPointer("defaultRowCommitVersion", r.DefaultRowCommitVersion)
	return o.end()
}

func (c *CDC) append(b []byte) []byte {
	o := begin(b)
	o.str("path", c.Path)
	o.partition(c.Partition)
	o.int("size", c.Size)
	o.bool("dataChange", false)
	if len(c.Tags) > 0 {
		o.stringMap("tags", c.Tags)
	}
	return o.end()
}

const hexDigits = "0123456789abcdef"

// AppendString appends v as a JSON string. What is not UTF-8 becomes U+FFFD.
func AppendString[T string | []byte](b []byte, v T) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(v); {
		c := v[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := decodeRune(v[i:])
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		b = append(b, v[start:i]...)
		i++
		start = i
		switch {
		case c >= utf8.RuneSelf:
			b = append(b, "\uFFFD"...)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, v[start:]...), '"')
}

func decodeRune[T string | []byte](v T) (rune, int) {
	var p [utf8.UTFMax]byte
	return utf8.DecodeRune(p[:copy(p[:], v)])
}

// Equal reports whether two protocols say the same, in whatever order they list features.
func (p *Protocol) Equal(o *Protocol) bool {
	same := func(a, b []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
	}
	return o != nil && p.MinReader == o.MinReader && p.MinWriter == o.MinWriter && same(p.ReaderFeatures, o.ReaderFeatures) && same(p.WriterFeatures, o.WriterFeatures)
}
