package protobuf

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

// everything has a field of every kind.
const everything = `syntax = "proto3"; package p;
import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/wrappers.proto"; import "google/protobuf/any.proto";
enum Color { RED = 0; GREEN = 1; BLUE = -3; }
message Inner { int32 x = 1; string s = 2; repeated Inner2 more = 3; } message Inner2 { sint64 z = 1; }
message All {
  int32 i32 = 1; int64 i64 = 2; uint32 u32 = 3; uint64 u64 = 4; sint32 s32 = 5; sint64 s64 = 6; fixed32 f32 = 7; fixed64 f64 = 8; sfixed32 sf32 = 9; sfixed64 sf64 = 10;
  float fl = 11; double db = 12; bool b = 13; string s = 14; bytes by = 15; Color c = 16; Inner in = 17;
  repeated int32 li = 20; repeated string ls = 21; repeated Inner lm = 22; repeated Color lc = 23; repeated sint32 unpacked = 24 [packed = false]; repeated double ld = 25;
  map<string, int32> ms = 30; map<int64, Inner> mm = 31; map<bool, string> mb = 32;
  optional int32 oi = 40; optional string os = 41; oneof choice { int32 ci = 50; string cs = 51; Inner cm = 52; }
  google.protobuf.Timestamp ts = 60; google.protobuf.Duration du = 61; google.protobuf.Int32Value wi = 70; google.protobuf.StringValue ws = 71; google.protobuf.Any any = 80; int32 far = 1000;
}`

func source(t testing.TB, text, name string, o Options) *Message {
	t.Helper()
	m, err := FromSource(text, nil, name, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// draw fills a message of the judge at random.
func draw(t *rapid.T, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Name() == "any" || !rapid.Bool().Draw(t, "set") {
			continue
		}
		switch {
		case f.IsMap():
			v := m.NewField(f).Map()
			value := v.NewValue()
			if f.MapValue().Message() != nil {
				draw(t, value.Message())
			} else {
				value = drawValue(t, f.MapValue())
			}
			v.Set(drawValue(t, f.MapKey()).MapKey(), value)
			m.Set(f, protoreflect.ValueOfMap(v))
		case f.IsList():
			l := m.NewField(f).List()
			for range rapid.IntRange(0, 3).Draw(t, "n") {
				if f.Message() != nil {
					draw(t, l.AppendMutable().Message())
				} else {
					l.Append(drawValue(t, f))
				}
			}
			m.Set(f, protoreflect.ValueOfList(l))
		case f.Message() != nil && f.Message().FullName().Parent() == "google.protobuf" && f.Message().Fields().Len() == 2: // a time
			v := m.Mutable(f).Message()
			v.Set(v.Descriptor().Fields().ByNumber(1), protoreflect.ValueOfInt64(rapid.Int64Range(0, 1e11).Draw(t, "seconds")))
			v.Set(v.Descriptor().Fields().ByNumber(2), protoreflect.ValueOfInt32(1000*rapid.Int32Range(0, 999_999).Draw(t, "micros")))
		case f.Message() != nil:
			draw(t, m.Mutable(f).Message())
		default:
			m.Set(f, drawValue(t, f))
		}
	}
}

func drawValue(t *rapid.T, f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, "b"))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, "i"))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(t, "u"))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(rapid.Uint64().Draw(t, "u"))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(rapid.Float32().Draw(t, "f"))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.Float64().Draw(t, "d"))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(strings.ToValidUTF8(rapid.String().Draw(t, "s"), ""))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOf(rapid.Byte()).Draw(t, "by"))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(rapid.SampledFrom([]protoreflect.EnumNumber{0, 1, -3}).Draw(t, "e"))
	}
	return protoreflect.ValueOfInt64(rapid.Int64().Draw(t, "l"))
}

// TestRecordsOfAnotherWriter reads what a library wrote; what is written from the columns the library reads as the same.
func TestRecordsOfAnotherWriter(t *testing.T) {
	for _, o := range []Options{{}, {EmitDefaults: true, WidenUnsigned: true, EnumsAsInts: true, UnwrapWrappers: true}} {
		m := source(t, everything, "All", o)
		d := m.NewDecoder()
		e, err := m.NewEncoder(m.Type())
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			want := dynamicpb.NewMessage(m.root.descriptor)
			draw(t, want)
			record, err := proto.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			b := batch.NewBuilder(m.Type(), nil)
			if err := d.Decode(record, b); err != nil {
				t.Fatalf("%x: %v", record, err)
			}
			if len(record) > 0 && d.Decode(record[:rapid.IntRange(0, len(record)-1).Draw(t, "cut")], b) == nil {
				b.Truncate(1)
			}
			c := b.Finish()
			if c.N != 1 {
				t.Fatalf("%d rows", c.N)
			}
			again, err := e.Append(nil, c, 0)
			if err != nil {
				t.Fatal(err)
			}
			got := dynamicpb.NewMessage(m.root.descriptor)
			if err := proto.Unmarshal(again, got); err != nil || !proto.Equal(got, want) {
				t.Fatalf("%v\n got %v\nwant %v", err, got, want)
			}
		})
	}
}

// row decodes one record and shows it as JSON.
func row(t *testing.T, m *Message, record []byte) string {
	t.Helper()
	b := batch.NewBuilder(m.Type(), nil)
	if err := m.NewDecoder().Decode(record, b); err != nil {
		return err.Error()
	}
	return string(batch.AppendJSON(nil, b.Finish(), 0))
}

func tag(b []byte, n protowire.Number, k protowire.Type) []byte { return protowire.AppendTag(b, n, k) }

func TestWhatRecordsMean(t *testing.T) {
	text := `syntax = "proto3"; message M { int32 a = 1; string s = 2; repeated int32 l = 3; optional int32 o = 4; oneof c { int32 x = 5; int32 y = 6; } N n = 7; map<string,int32> m = 8; E e = 9; } message N { int32 p = 1; int32 q = 2; } enum E { Z = 0; A = 1; }`
	m, zero := source(t, text, "M", Options{}), source(t, text, "M", Options{EmitDefaults: true})
	varint := func(n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(tag(nil, n, protowire.VarintType), v)
	}
	block := func(n protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(tag(nil, n, protowire.BytesType), v)
	}
	join := func(l ...[]byte) []byte { return bytes.Join(l, nil) }
	const nothing = `{"a":null,"s":null,"l":[],"o":null,"x":null,"y":null,"n":null,"m":[],"e":null}`
	with := func(old, is string) string { return strings.Replace(nothing, old, is, 1) }
	for _, c := range []struct {
		name   string
		record []byte
		want   string
	}{
		{"nothing", nil, nothing},
		{"the last counts", join(varint(1, 4), varint(1, 5)), with(`"a":null`, `"a":5`)},
		{"an unknown field", join(varint(99, 4), block(98, []byte("x"))), nothing},
		{"another type of the wire is an unknown field", block(1, []byte("x")), nothing},
		{"packed and not", join(varint(3, 1), block(3, []byte{2, 3}), varint(3, 4)), with(`"l":[]`, `"l":[1,2,3,4]`)},
		{"zero with presence", varint(4, 0), with(`"o":null`, `"o":0`)},
		{"zero without", varint(1, 0), nothing},
		{"a oneof", join(varint(5, 1), varint(6, 2)), with(`"y":null`, `"y":2`)},
		{"messages are merged", join(block(7, varint(1, 1)), block(7, varint(2, 2))), with(`"n":null`, `"n":{"p":1,"q":2}`)},
		{"of equal keys the last", join(block(8, join(block(1, []byte("k")), varint(2, 1))), block(8, join(block(1, []byte("j")), varint(2, 3))), block(8, join(block(1, []byte("k")), varint(2, 2)))), with(`"m":[]`, `"m":[{"key":"j","value":3},{"key":"k","value":2}]`)},
		{"an entry without its parts", block(8, nil), with(`"m":[]`, `"m":[{"key":"","value":0}]`)},
		{"an unknown enum", varint(9, 7), with(`"e":null`, `"e":"UNKNOWN_ENUM_VALUE_E_7"`)},
		{"cut off", []byte{0x12, 0x05, 'a'}, "ends within its value"}, {"no tag", []byte{0xff}, "tag"}, {"field 0", []byte{0, 1}, "tag"},
		{"a group that does not end", tag(nil, 98, protowire.StartGroupType), "ends within"},
		{"no UTF-8", block(2, []byte{0xff}), "UTF-8"},
	} {
		if got := row(t, m, c.record); got != c.want && (strings.HasPrefix(c.want, "{") || !strings.Contains(got, c.want)) {
			t.Errorf("%s\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	if got := row(t, zero, nil); got != `{"a":0,"s":"","l":[],"o":null,"x":null,"y":null,"n":null,"m":[],"e":"Z"}` {
		t.Errorf("with defaults %s", got)
	}
}

func TestProto2(t *testing.T) {
	m := source(t, `syntax = "proto2"; message M { required int32 a = 1; optional int32 b = 2 [default = 7]; optional E e = 3; repeated group G = 4 { optional int32 x = 1; } } enum E { A = 1; }`, "M", Options{})
	for record, want := range map[string]string{
		"\x08\x05":                 `{"a":5,"b":7,"e":null,"g":[]}`,
		"":                         "required",
		"\x08\x05\x18\x09":         `{"a":5,"b":7,"e":null,"g":[]}`,
		"\x08\x05\x23\x08\x02\x24": `{"a":5,"b":7,"e":null,"g":[{"x":2}]}`,
	} {
		if got := row(t, m, []byte(record)); got != want && !strings.Contains(got, want) {
			t.Errorf("%x is %s, want %s", record, got, want)
		}
	}
}

func TestRecursion(t *testing.T) {
	text := `syntax = "proto3"; message T { int32 v = 1; T next = 2; } message E { Empty e = 1; int32 a = 2; } message Empty {}`
	if _, err := FromSource(text, nil, "T", Options{}); err == nil || !strings.Contains(err.Error(), "recursive.fields.max.depth") {
		t.Errorf("%v", err)
	}
	for depth, want := range map[int]string{1: "struct<v:int>", 2: "struct<v:int,next:struct<v:int>>", 3: "struct<v:int,next:struct<v:int,next:struct<v:int>>>"} {
		if got := source(t, text, "T", Options{MaxRecursion: depth}).Type().String(); got != want {
			t.Errorf("%d: %s", depth, got)
		}
	}
	if got := source(t, text, "E", Options{}).Type().String(); got != "struct<a:int>" {
		t.Errorf("a message without fields: %s", got)
	}
	kept := source(t, text, "E", Options{RetainEmpty: true})
	if got := kept.Type().String(); got != "struct<e:struct<__dummy_field_in_empty_struct:string>,a:int>" {
		t.Errorf("a message without fields, kept: %s", got)
	}
	for record, want := range map[string]string{"\x0a\x00\x10\x05": `{"e":{"__dummy_field_in_empty_struct":null},"a":5}`, "\x10\x05": `{"e":null,"a":5}`} {
		if got := row(t, kept, []byte(record)); got != want {
			t.Errorf("%x is %s, want %s", record, got, want)
		}
		b := batch.NewBuilder(kept.Type(), nil)
		if err := kept.NewDecoder().Decode([]byte(record), b); err != nil {
			t.Fatal(err)
		}
		e, err := kept.NewEncoder(kept.Type())
		if err != nil {
			t.Fatal(err)
		}
		if again, err := e.Append(nil, b.Finish(), 0); err != nil || string(again) != record {
			t.Errorf("%x was written as %x, %v", record, again, err)
		}
	}
}

func TestAny(t *testing.T) {
	m := source(t, everything, "All", Options{AnyAsJSON: true})
	inner := protowire.AppendVarint(tag(nil, 1, protowire.VarintType), 5)
	any := protowire.AppendBytes(tag(protowire.AppendString(tag(nil, 1, protowire.BytesType), "type.googleapis.com/p.Inner"), 2, protowire.BytesType), inner)
	if got := row(t, m, protowire.AppendBytes(tag(nil, 80, protowire.BytesType), any)); !strings.Contains(got, `"any":"{\"@type\":\"type.googleapis.com/p.Inner\",\"x\":5}"`) {
		t.Error(got)
	}
}

func TestBombs(t *testing.T) {
	m := source(t, everything, "All", Options{})
	packed := protowire.AppendBytes(tag(nil, 20, protowire.BytesType), make([]byte, maxValues+1))
	if got := row(t, m, packed); !strings.Contains(got, "values") {
		t.Errorf("%.200s", got)
	}
	if got := row(t, m, protowire.AppendVarint(tag(nil, 14, protowire.BytesType), math.MaxInt64)); !strings.Contains(got, "ends within") {
		t.Errorf("%.200s", got)
	}
	if _, err := FromSource(strings.Repeat(" ", maxDescriptor+1), nil, "", Options{}); err == nil {
		t.Error("a long schema is taken")
	}
	wide := `syntax = "proto3"; message M0 { int32 a = 1; }`
	name := "M0"
	for range 20 {
		wide += " message " + name + "x { " + name + " a = 1; " + name + " b = 2; }"
		name += "x"
	}
	if _, err := FromSource(wide, nil, name, Options{}); err == nil || !strings.Contains(err.Error(), "parts") {
		t.Errorf("messages that double: %v", err)
	}
	if _, err := FromSet([]byte("no set"), "M", Options{}); err == nil {
		t.Error("a set that is none is taken")
	}
}

func FuzzDecode(f *testing.F) {
	m := source(f, everything, "All", Options{AnyAsJSON: true, UnwrapWrappers: true})
	f.Add([]byte{8, 1, 0xf2, 1, 4, 10, 0, 16, 1, 0xa2, 1, 3, 1, 2, 3})
	f.Fuzz(func(t *testing.T, record []byte) {
		b := batch.NewBuilder(m.Type(), nil)
		d := m.NewDecoder()
		rows := 0
		for range 2 {
			if d.Decode(record, b) == nil {
				rows++
			}
		}
		if c := b.Finish(); c.N != rows {
			t.Fatalf("%d rows, want %d", c.N, rows)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	m := source(b, `syntax = "proto3"; message M { string a = 1; int64 b = 2; string c = 3; double d = 4; int32 e = 5; bool f = 6; string g = 7; int64 h = 8; }`, "M", Options{})
	v := dynamicpb.NewMessage(m.root.descriptor)
	fields := m.root.descriptor.Fields()
	for i, x := range []any{"some text of it", int64(math.MaxInt32) * 3, "some text of it", 1.5, int32(77), true, "some text of it", int64(math.MaxInt32) * 3} {
		v.Set(fields.Get(i), protoreflect.ValueOf(x))
	}
	record, _ := proto.Marshal(v)
	d := m.NewDecoder()
	to := batch.NewBuilder(m.Type(), batch.NewPool())
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := d.Decode(record, to); err != nil {
			b.Fatal(err)
		}
		if i%4096 == 4095 {
			to.Finish().Release()
		}
	}
}

// Descriptors bring google.protobuf.Int32Value with them, as they like: one that is none is a message like others.
func TestWrappersThatAreNone(t *testing.T) {
	for name, fields := range map[string]string{
		"none":         ``,
		"many":         `int32 value = 1; int32 more = 2;`,
		"another name": `int32 worth = 1;`,
		"number":       `int32 value = 2;`,
		"kind":         `int64 value = 1;`,
		"text":         `string value = 1;`,
		"repeated":     `repeated int32 value = 1;`,
		"map":          `map<string, int32> value = 1;`,
		"message":      `Other value = 1;`,
		"itself":       `Int32Value value = 1;`,
		"right":        `int32 value = 1;`,
	} {
		w := `syntax = "proto3"; package google.protobuf; message Other { int32 a = 1; } message Int32Value {` + fields + `}`
		m, err := FromSource(`syntax = "proto3"; import "w.proto"; message M { int32 a = 1; google.protobuf.Int32Value b = 2; }`,
			map[string]string{"w.proto": w}, "M", Options{UnwrapWrappers: true, MaxRecursion: 2})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		to := batch.NewBuilder(m.Type(), nil)
		for _, record := range []string{"", "\x12\x00", "\x12\x02\x08\x05", "\x12\x02\x10\x05", "\x12\x02\x0a\x00", "\x12\x04\x0a\x02\x08\x01"} {
			if err := m.NewDecoder().Decode([]byte(record), to); err != nil {
				t.Logf("%s: %q: %v", name, record, err)
			}
		}
		c := to.Finish()
		e, err := m.NewEncoder(m.Type())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for row := range c.N {
			if _, err := e.Append(nil, c, row); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if unwrapped := strings.Contains(m.Type().String(), "b:int"); unwrapped != (name == "right") {
			t.Errorf("%s: %s", name, m.Type())
		}
	}
	set, _ := hex.DecodeString("0a300a07772e70726f746f120f676f6f676c652e70726f746f627566220c0a0a496e74333256616c7565620670726f746f330a470a076d2e70726f746f1a07772e70726f746f222b0a014d12260a016118012001280b321b2e676f6f676c652e70726f746f6275662e496e74333256616c7565620670726f746f33")
	if _, err := FromSet(set, "M", Options{UnwrapWrappers: true}); err != nil {
		t.Error(err)
	}
}
