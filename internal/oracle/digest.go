package oracle

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"sort"
	"strings"
	"time"
)

// dataType is a Delta type with what is below it.
type dataType struct {
	kind         string // a primitive's name, or struct, array, map
	fields       []dataField
	element, key *dataType // of an array, and value and key of a map
}

type dataField struct {
	name string
	kind dataType
}

func parseType(text json.RawMessage) (dataType, error) {
	var name string
	if json.Unmarshal(text, &name) == nil {
		return dataType{kind: name}, nil
	}
	var n struct {
		Type   string `json:"type"`
		Fields []struct {
			Name string          `json:"name"`
			Type json.RawMessage `json:"type"`
		} `json:"fields"`
		ElementType json.RawMessage `json:"elementType"`
		KeyType     json.RawMessage `json:"keyType"`
		ValueType   json.RawMessage `json:"valueType"`
	}
	if err := json.Unmarshal(text, &n); err != nil {
		return dataType{}, err
	}
	t := dataType{kind: n.Type}
	for _, f := range n.Fields {
		below, err := parseType(f.Type)
		if err != nil {
			return t, err
		}
		t.fields = append(t.fields, dataField{f.Name, below})
	}
	element := n.ElementType
	if n.Type == "map" {
		key, err := parseType(n.KeyType)
		if err != nil {
			return t, err
		}
		t.key, element = &key, n.ValueType
	}
	if len(element) > 0 {
		below, err := parseType(element)
		if err != nil {
			return t, err
		}
		t.element = &below
	}
	return t, nil
}

// RowsDigest returns the number of rows and the order-free digest of them all:
// the sum modulo 2^256 of the SHA-256 of each encoded row, as 64 hexadecimal digits. Equal
// contents have equal digests, whoever wrote them and in whatever order; a row that is there twice counts twice.
func (t *Table) RowsDigest() (int64, string, error) {
	schema, err := parseType(json.RawMessage(t.Metadata.SchemaString))
	if err != nil {
		return 0, "", fmt.Errorf("%s: schema: %w", t.Path, err)
	}
	var rows int64
	sum, modulus := new(big.Int), new(big.Int).Lsh(big.NewInt(1), 256)
	var buffer []byte
	err = t.Rows(func(_ File, _ int64, values map[string]any) error {
		rows++
		var err error
		if buffer, err = appendValue(buffer[:0], values, schema); err != nil {
			return err
		}
		hash := sha256.Sum256(buffer)
		sum.Add(sum, new(big.Int).SetBytes(hash[:]))
		if sum.Cmp(modulus) >= 0 {
			sum.Sub(sum, modulus)
		}
		return nil
	})
	return rows, fmt.Sprintf("%064x", sum), err
}

func appendValue(b []byte, value any, t dataType) ([]byte, error) {
	if value == nil || t.kind == "void" {
		return append(b, 'n'), nil
	}
	switch v := value.(type) {
	case bool:
		if v {
			return append(b, 't'), nil
		}
		return append(b, 'f'), nil
	case int64:
		return fmt.Appendf(b, "i%d;", v), nil
	case float64:
		return appendFloat(b, v, t.kind), nil
	case []byte:
		return append(fmt.Appendf(b, "b%d:", len(v)), v...), nil
	case time.Time:
		if t.kind == "timestamp_ntz" {
			return fmt.Appendf(b, "N%d;", v.UnixMicro()), nil
		}
		return fmt.Appendf(b, "T%d;", v.UnixMicro()), nil
	case string:
		return appendText(b, v, t.kind)
	case map[string]any:
		b = append(b, '(')
		var err error
		for _, f := range t.fields {
			if b, err = appendValue(b, v[f.name], f.kind); err != nil {
				return b, err
			}
		}
		return append(b, ')'), nil
	case []any:
		if t.element == nil {
			return b, fmt.Errorf("a list where the schema has %s", t.kind)
		}
		b = fmt.Appendf(b, "[%d:", len(v))
		var err error
		for _, e := range v {
			if b, err = appendValue(b, e, *t.element); err != nil {
				return b, err
			}
		}
		return append(b, ']'), nil
	case Pairs:
		return appendPairs(b, v, t)
	}
	return b, fmt.Errorf("a value of type %T where the schema has %s", value, t.kind)
}

func appendFloat(b []byte, v float64, kind string) []byte {
	if kind == "float" {
		bits := math.Float32bits(float32(v))
		if math.IsNaN(v) {
			bits = 0x7fc00000
		}
		return append(hex.AppendEncode(append(b, 'e'), binary.BigEndian.AppendUint32(nil, bits)), ';')
	}
	bits := math.Float64bits(v)
	if math.IsNaN(v) {
		bits = 0x7ff8000000000000
	}
	return append(hex.AppendEncode(append(b, 'd'), binary.BigEndian.AppendUint64(nil, bits)), ';')
}

func appendText(b []byte, v, kind string) ([]byte, error) {
	switch {
	case kind == "date":
		at, err := time.Parse("2006-01-02", v)
		if err != nil {
			return b, err
		}
		return fmt.Appendf(b, "D%d;", at.Unix()/86400), nil
	case strings.HasPrefix(kind, "decimal"):
		return append(append(append(b, 'm'), v...), ';'), nil
	}
	return append(fmt.Appendf(b, "s%d:", len(v)), v...), nil
}

func appendPairs(b []byte, pairs Pairs, t dataType) ([]byte, error) {
	if t.key == nil {
		return b, fmt.Errorf("a map where the schema has %s", t.kind)
	}
	entries := make([][2][]byte, len(pairs))
	for i, p := range pairs {
		var err error
		if entries[i][0], err = appendValue(nil, p.Key, *t.key); err != nil {
			return b, err
		}
		if entries[i][1], err = appendValue(nil, p.Value, *t.element); err != nil {
			return b, err
		}
	}
	sort.Slice(entries, func(i, j int) bool { return string(entries[i][0]) < string(entries[j][0]) })
	b = fmt.Appendf(b, "{%d:", len(pairs))
	for _, e := range entries {
		b = append(append(b, e[0]...), e[1]...)
	}
	return append(b, '}'), nil
}
