package json

import (
	"bytes"
	stdjson "encoding/json"
	"math/big"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deltaic/deltaic/batch"
)

// fuzzType has a field of each shape whose reference is easy to compute.
var fuzzType = batch.StructType(
	field("a", batch.BigIntType), field("b", batch.DoubleType), field("c", batch.StringType), field("d", batch.BooleanType),
	field("e", batch.StructType(field("a", batch.IntType), field("c", batch.StringType))),
	field("f", batch.ArrayType(batch.BigIntType, true)),
	field("g", batch.MapType(batch.StringType, batch.StringType, true)),
	field("h", batch.DecimalType(20, 3)),
	field("i", batch.ArrayType(batch.StructType(field("a", batch.BigIntType), field("c", batch.StringType)), true)))

// reference decodes by encoding/json's tokens; fits says whether each value
// fits its type.
type reference struct {
	d    *stdjson.Decoder
	fits bool
}

func (r *reference) token() stdjson.Token {
	t, err := r.d.Token()
	if err != nil {
		panic(err) // the text was checked
	}
	return t
}

func (r *reference) raw() (v stdjson.RawMessage) {
	if err := r.d.Decode(&v); err != nil {
		panic(err)
	}
	return v
}

func (r *reference) value(t batch.Type, raw stdjson.RawMessage) any {
	in := reference{d: stdjson.NewDecoder(bytes.NewReader(raw)), fits: true}
	in.d.UseNumber()
	defer func() { r.fits = r.fits && in.fits }()
	if t.Kind == batch.String && raw[0] != '"' && raw[0] != 'n' {
		return string(bytes.ToValidUTF8(raw, nil))
	}
	first := in.token()
	if first == nil {
		return nil
	}
	switch t.Kind {
	case batch.BigInt, batch.Int:
		if n, ok := first.(stdjson.Number); ok {
			if v, err := strconv.ParseInt(string(n), 10, map[batch.Kind]int{batch.BigInt: 64, batch.Int: 32}[t.Kind]); err == nil {
				return v
			}
		}
	case batch.Double:
		if n, ok := first.(stdjson.Number); ok {
			v, _ := strconv.ParseFloat(string(n), 64)
			return v
		}
	case batch.Boolean:
		if v, ok := first.(bool); ok {
			return v
		}
	case batch.String:
		return first.(string)
	case batch.Decimal:
		return r.decimal(&in, t, first)
	case batch.Struct:
		if first == stdjson.Delim('{') {
			return in.object(t)
		}
	case batch.Array:
		if first == stdjson.Delim('[') {
			all := []any{}
			for in.d.More() {
				all = append(all, in.value(t.Fields[0].Type, in.raw()))
			}
			return all
		}
	case batch.Map:
		if first == stdjson.Delim('{') {
			all := map[string]any{}
			for in.d.More() {
				key := in.token().(string)
				all[key] = in.value(t.Fields[1].Type, in.raw())
			}
			return all
		}
	}
	in.fits = false
	return nil
}

func (r *reference) decimal(in *reference, t batch.Type, first stdjson.Token) any {
	n, ok := first.(stdjson.Number)
	if _, isText := first.(string); isText {
		in.fits = false // strings are left to the golden tests
		return nil
	}
	v, good := new(big.Rat), false
	if e := bytes.IndexAny([]byte(n), "eE"); ok && e >= 0 {
		if x, err := strconv.Atoi(string(n[e+1:])); err != nil || x > 400 || x < -400 {
			in.fits = false
			return nil
		}
	}
	if ok {
		v, good = v.SetString(string(n))
	}
	if !good {
		in.fits = false
		return nil
	}
	v.Mul(v, big.NewRat(1000, 1))
	half := big.NewRat(int64(v.Sign()), 2)
	v.Add(v, half)
	q := new(big.Int).Quo(v.Num(), v.Denom())
	if len(new(big.Int).Abs(q).String()) > int(t.Precision) {
		in.fits = false
		return nil
	}
	return q.String()
}

func (r *reference) object(t batch.Type) any {
	all := map[string]any{}
	for _, f := range t.Fields {
		all[f.Name] = nil
	}
	for r.d.More() {
		key := r.token().(string)
		raw := r.raw()
		for _, f := range t.Fields {
			if f.Name == key {
				all[key] = r.value(f.Type, raw)
			}
		}
	}
	return all
}

// plain turns a row of a column into what reference makes.
func plain(c *batch.Column, i int) any {
	if c.IsNull(i) {
		return nil
	}
	switch c.Type.Kind {
	case batch.BigInt:
		return c.I64[i]
	case batch.Int:
		return int64(c.I32[i])
	case batch.Double:
		return c.F64[i]
	case batch.Boolean:
		return c.Bool(i)
	case batch.String:
		return string(c.Bytes(i))
	case batch.Decimal:
		return c.I128[i].Big().String()
	case batch.Struct:
		all := map[string]any{}
		for k, f := range c.Type.Fields {
			all[f.Name] = plain(c.Kids[k], i)
		}
		return all
	case batch.Array:
		all := []any{}
		for k := c.Off[i]; k < c.Off[i+1]; k++ {
			all = append(all, plain(c.Kids[0], int(k)))
		}
		return all
	case batch.Map:
		all := map[string]any{}
		for k := c.Off[i]; k < c.Off[i+1]; k++ {
			all[string(c.Kids[0].Bytes(int(k)))] = plain(c.Kids[1], int(k))
		}
		if len(all) != int(c.Off[i+1]-c.Off[i]) {
			return "a key twice"
		}
		return all
	}
	return "?"
}

var fuzzSeeds = []string{
	`{"a":1,"b":1.5,"c":"x","d":true,"e":{"a":3,"c":"y"},"f":[1,null,2],"g":{"k":"v"},"h":12.3456,"i":[{"a":1},{"c":"z"},null]}`,
	`{"c":"\u00e9\ud83d\ude00\ud83d","a":1,"a":2,"zz":[[{"q":{}}]]}`,
	`{"g":{"k":"1","k":"2","l":3},"e":null,"e":{"a":1},"e":{"c":"only"}}`,
	"{\"c\":\"\xff\xc3\x28\",\"\xff\":1}", ` { "a" : -0 , "b":-0.0e-10, "h":1E5 } `, `{"a":9223372036854775808}`,
	`{"b":1e400,"f":[1,"x"]}`, `{"c":{"x": 1},"c":[1]}`, `[{}]`, `{"a":01}`, `{"a":1}}`, `{"a":1,}`, `{"d":tru}`, ``, `null`, `{"x":"\x"}`,
	`{"c":"0123456789abcdef0123456789abcdef\"0123456789abcdef"}`, "{\"c\":\"a\nb\"}", `{"\u0061":7}`, `{"i":[{"a":"x"},{"c":1}]}`,
}

// FuzzDecode compares with encoding/json: what is JSON, what it holds, and
// that a failure leaves nothing behind.
func FuzzDecode(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s))
	}
	good := []byte(fuzzSeeds[0])
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 900 {
			return
		}
		// A decoder remembers keys: a new one makes a failure repeatable.
		d := decoder(t, fuzzType, Options{RefuseNonNumeric: true, MaxDepth: 1024})
		checkText(t, d, data)
		b := batch.NewBuilder(fuzzType, nil)
		for _, record := range [][]byte{good, data, good} {
			err := d.Decode(record, b)
			trimmed := bytes.Trim(record, " \t\r\n")
			if len(trimmed) == 0 {
				continue
			}
			ref := reference{d: stdjson.NewDecoder(bytes.NewReader(record)), fits: stdjson.Valid(record) && trimmed[0] == '{'}
			ref.d.UseNumber()
			var want any
			if ref.fits {
				want = ref.value(fuzzType, trimmed)
			}
			hasText := bytes.Contains(data, []byte(`"h"`)) || bytes.Contains(data, []byte(`\u0068`))
			if ref.fits != (err == nil) && !(err == nil && hasText) {
				t.Fatalf("%q: error %v, the reference says %v", record, err, ref.fits)
			}
			if err == nil && ref.fits {
				if got := plain(snapshot(b), b.Len()-1); !cmp.Equal(got, want) && !invalidNames(data) {
					t.Fatalf("%q: %s", record, cmp.Diff(want, got))
				}
			}
		}
		c := b.Finish()
		if c.N < 2 || !cmp.Equal(plain(c, 0), plain(c, c.N-1)) {
			t.Fatalf("%q changed its neighbours", data)
		}
		checkLenient(t, d, good, data)
	})
}

// invalidNames reports whether raw values may hold broken UTF-8, which the
// reference drops where we replace it.
func invalidNames(data []byte) bool {
	return bytes.IndexFunc(data, func(r rune) bool { return r == 0xFFFD }) >= 0
}

// snapshot views what a builder holds as a column.
func snapshot(b *batch.Builder) *batch.Column {
	from := b.Column()
	c := &batch.Column{Type: from.Type, N: from.N, Valid: from.Valid, Bits: from.Bits, I32: from.I32, I64: from.I64, F64: from.F64,
		I128: from.I128, Off: from.Off, Data: from.Data}
	for _, k := range b.Kids {
		c.Kids = append(c.Kids, snapshot(k))
	}
	return c
}

// checkText compares what is taken for JSON where the schema knows nothing.
func checkText(t *testing.T, d *Decoder, data []byte) {
	wrapped := append(append([]byte(`{"unknown":`), data...), '}')
	b := batch.NewBuilder(fuzzType, nil)
	err := d.Decode(wrapped, b)
	if e, ok := err.(*Error); ok && e.Field != "" {
		return // the text may have closed the object and gone on with a field
	}
	if valid := stdjson.Valid(wrapped); valid != (err == nil) {
		t.Fatalf("%q: error %v, encoding/json says %v", wrapped, err, valid)
	}
}

// checkLenient decodes the same among good rows, through a column.
func checkLenient(t *testing.T, d *Decoder, good, data []byte) {
	in := stringColumn(string(good), string(data), string(good))
	b := batch.NewBuilder(fuzzType, nil)
	d.DecodeColumn(in, nil, b, nil)
	c := b.Finish()
	if c.N != 3 || !cmp.Equal(plain(c, 0), plain(c, 2)) {
		t.Fatalf("%q changed its neighbours", data)
	}
	checkShape(t, c)
}

// checkShape checks the lengths of all buffers.
func checkShape(t *testing.T, c *batch.Column) {
	if c.Valid != nil && len(c.Valid) < batch.BitmapWords(c.N) {
		t.Fatalf("%s: %d words of validity for %d rows", c.Type, len(c.Valid), c.N)
	}
	length := map[batch.Kind]int{batch.BigInt: len(c.I64), batch.Int: len(c.I32), batch.Double: len(c.F64), batch.Decimal: len(c.I128),
		batch.String: len(c.Off) - 1, batch.Array: len(c.Off) - 1, batch.Map: len(c.Off) - 1}
	if n, ok := length[c.Type.Kind]; ok && n != c.N {
		t.Fatalf("%s: %d values for %d rows", c.Type, n, c.N)
	}
	for _, k := range c.Kids {
		rows := c.N
		if c.Off != nil {
			rows = int(c.Off[c.N])
		}
		if k.N != rows {
			t.Fatalf("%s: kid %s has %d rows, not %d", c.Type, k.Type, k.N, rows)
		}
		checkShape(t, k)
	}
}

// restType has the types that FuzzDecode leaves out.
var restType = batch.StructType(field("t", batch.TimestampType), field("w", batch.TimestampNTZType), field("d", batch.DateType),
	field("n", batch.DecimalType(9, 2)), field("b", batch.BinaryType), field("f", batch.FloatType),
	field("i", batch.SmallIntType), field("_corrupt_record", batch.StringType))

// FuzzRest: a record alone and the same record among others, by column and one
// by one, in other surroundings of the buffer, is the same row.
func FuzzRest(f *testing.F) {
	for _, s := range []string{`{"t":"2026-01-31 10:20:30.123","w":"2026-01-31T10:20:30","d":"2026-01-31","n":"1,234.5","b":"aGk=","f":NaN,"i":-5}`,
		`{"t":"2026-01-31T10:20:30.123456Z","n":1.005}`, `{"t":"2026-1-3 4:5:6 Europe/Berlin"}`, `{"t":-1,"d":"+12345-1"}`, `{"t":"1969-12-31 23:59:59+18:00"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := decoder(t, restType, Options{})
		b := batch.NewBuilder(restType, nil)
		d.DecodeColumn(stringColumn(string(data), "0123456789012345678901234567890123456789", string(data)), nil, b, nil)
		c := b.Finish()
		for i, k := range c.Kids {
			if k.N != 3 {
				t.Fatalf("%s has %d rows", restType.Fields[i].Name, k.N)
			}
		}
		if got := rows(c); got[0] != got[2] {
			t.Fatalf("%q: %s, at the end %s", data, got[0], got[2])
		} else if d.Decode(data[:len(data):len(data)], b) == nil {
			if alone := rows(b.Finish()); alone[0] != got[0] {
				t.Fatalf("%q: %s, alone %s", data, got[0], alone[0])
			}
		}
	})
}
