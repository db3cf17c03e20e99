package files

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// hiveNull stands for null in the name of a partition's folder.
const hiveNull = "__HIVE_DEFAULT_PARTITION__"

// layout says which columns of the rows are in the files and which name the folder.
type layout struct {
	rows    *batch.Schema
	file    *batch.Schema
	columns []int    // of rows, in the files
	keys    []int    // of rows, in the folder's name
	names   []string // of keys, escaped
}

func newLayout(rows *batch.Schema, partitionBy []string) (*layout, error) {
	l := &layout{rows: rows}
	is := map[int]bool{}
	for _, name := range partitionBy {
		i := rows.IndexFold(name)
		switch {
		case i < 0:
			return nil, supervision.New(supervision.Fatal, "PARTITION_COLUMN_NOT_FOUND", "the rows have no column %q to partition by; they have (%s)", name, rows)
		case is[i]:
			return nil, supervision.New(supervision.Fatal, "COLUMN_ALREADY_EXISTS", "the column %q partitions twice", name)
		}
		t := rows.Fields[i].Type
		if t.Nested() || t.Kind == batch.Binary {
			return nil, supervision.New(supervision.Fatal, "INVALID_PARTITION_COLUMN_DATA_TYPE", "column %s is of type %s, which cannot partition", name, t)
		}
		is[i] = true
		l.keys = append(l.keys, i)
		l.names = append(l.names, escape(rows.Fields[i].Name))
	}
	var fields []batch.Field
	for i, f := range rows.Fields {
		if !is[i] {
			fields = append(fields, f)
			l.columns = append(l.columns, i)
		}
	}
	if len(fields) == 0 {
		return nil, supervision.New(supervision.Fatal, "ALL_PARTITION_COLUMNS_NOT_ALLOWED", "all columns partition, so nothing is left for the files")
	}
	l.file = batch.NewSchema(fields...)
	return l, nil
}

// folder returns the row's folder with its "/", "" without partitions.
func (l *layout) folder(dst []byte, b *batch.Batch, row int) []byte {
	for i, k := range l.keys {
		dst = append(append(dst, l.names[i]...), '=')
		c := b.Columns[k]
		at := len(dst)
		if !c.IsNull(row) {
			dst = batch.AppendText(dst, c, row)
		}
		if len(dst) == at {
			dst = append(dst, hiveNull...)
		} else if text := string(dst[at:]); needsEscape(text) {
			dst = append(dst[:at], escape(text)...)
		}
		dst = append(dst, '/')
	}
	return dst
}

// same reports whether two rows are of the same partition.
func (l *layout) same(b *batch.Batch, i, j int) bool {
	for _, k := range l.keys {
		c := b.Columns[k]
		if c.Type.Kind == batch.Float || c.Type.Kind == batch.Double {
			return false // 0 and -0 are equal and have two names
		}
		if c.Dict != nil && c.Valid == nil {
			if c.I32[i] != c.I32[j] {
				return false
			}
			continue
		}
		if batch.CompareRows(c, i, c, j) != 0 {
			return false
		}
	}
	return true
}

// escaped are the characters that Spark and Hive escape in a folder's name.
var escaped = func() (set [256]bool) {
	for _, c := range []byte("\"#%'*/:=?\\{[]^\x7f") {
		set[c] = true
	}
	for c := range 0x20 {
		set[c] = true
	}
	return set
}()

func needsEscape(s string) bool {
	for i := 0; i < len(s); i++ {
		if escaped[s[i]] {
			return true
		}
	}
	return false
}

func escape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if escaped[s[i]] {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// values returns the texts of a folder's name by column, nulls left out.
func (l *layout) values(folder string) map[string]string {
	all := map[string]string{}
	for i, part := range strings.Split(strings.TrimSuffix(folder, "/"), "/") {
		if i >= len(l.keys) {
			break
		}
		if text := part[strings.IndexByte(part, '=')+1:]; text != hiveNull {
			all[l.rows.Fields[l.keys[i]].Name] = unescape(text)
		}
	}
	return all
}

// unescape undoes escape.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		var c byte
		if s[i] == '%' && i+2 < len(s) {
			if _, err := fmt.Sscanf(s[i+1:i+3], "%02X", &c); err == nil {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
