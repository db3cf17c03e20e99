package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/registry"
	"github.com/deltaic/deltaic/supervision"
)

// shelf is a registry of a few schemas; the newest of a subject is the one with the number 3.
type shelf struct {
	schemas map[int]registry.Schema
	down    bool
}

var errDown = &supervision.Failure{Kind: supervision.Transient, Class: "SCHEMA_REGISTRY_UNAVAILABLE", Message: "down"}

func (s *shelf) ByID(id int) (registry.Schema, error) {
	if s.down {
		return registry.Schema{}, errDown
	}
	found, ok := s.schemas[id]
	if !ok {
		return found, fmt.Errorf("number %d: %w", id, registry.ErrUnknown)
	}
	return found, nil
}

func (s *shelf) Latest(string) (registry.Schema, error) { return s.ByID(3) }

func (s *shelf) options() Options {
	o := NewOptions()
	o.Registry = func(string, map[string]string) (registry.Registry, error) { return s, nil }
	o.ReadFile = func(path string) ([]byte, error) { return nil, errors.New(path + " is not there") }
	return o
}

func protoShelf() *shelf {
	return &shelf{schemas: map[int]registry.Schema{
		1: {ID: 1, Kind: registry.Protobuf, Text: `syntax = "proto3"; message Other { int32 x = 1; } message Reading { int32 id = 1; }`},
		2: {ID: 2, Kind: registry.Avro, Text: `"int"`},
		3: {ID: 3, Kind: registry.Protobuf, Text: `syntax = "proto3"; import "unit.proto"; message Other { int32 x = 1; } message Reading { int64 id = 1; Unit unit = 2; }`,
			References: []registry.Reference{{Name: "unit.proto", Text: `syntax = "proto3"; message Unit { string name = 1; }`}}},
	}}
}

func TestRegisteredProtobuf(t *testing.T) {
	of := `map('schema.registry.subject', 's', 'schema.registry.address', 'http://r', 'schema.registry.protobuf.name', 'Reading'%s)`
	for _, c := range []struct{ record, options, want string }{
		{"00000000010202" + "0807", "", "{7, null}"},
		{"00000000030202" + "0807" + "12030A014B", "", "{7, {K}}"},
		{"000000000300" + "0807", "", "INCOMPATIBLE_SCHEMA"}, // of the first message
		{"00000000020202" + "0807", "", "INCOMPATIBLE_SCHEMA"},
		{"00000000090202" + "0807", "", "SCHEMA_NOT_FOUND"},
		{"00000000090202" + "0807", ", 'mode', 'PERMISSIVE'", "NULL"},
		{"0807", "", "MALFORMED_PROTOBUF_MESSAGE"}, {"000000000302", "", "MALFORMED_PROTOBUF_MESSAGE"}, {"0000000003020208", "", "MALFORMED_PROTOBUF_MESSAGE"},
	} {
		if got, _ := evalText("from_protobuf(X'"+c.record+"', "+fmt.Sprintf(of, c.options)+")", protoShelf().options()); got != c.want {
			t.Errorf("%s%s: %s, want %s", c.record, c.options, got, c.want)
		}
	}
	text := "to_protobuf(named_struct('id', 7L, 'unit', named_struct('name', 'K')), " + fmt.Sprintf(of, "") + ")"
	if got, _ := evalText("hex("+text+")", protoShelf().options()); got != "00000000030202080712030A014B" {
		t.Error(got)
	}
	if got, _ := evalText("from_protobuf("+text+", "+fmt.Sprintf(of, "")+")", protoShelf().options()); got != "{7, {K}}" {
		t.Error(got)
	}
}

func TestRegisteredAvro(t *testing.T) {
	s := &shelf{schemas: map[int]registry.Schema{
		1: {ID: 1, Kind: registry.Avro, Text: `{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}`},
		2: {ID: 2, Kind: registry.Avro, Text: `{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}`},
		3: {ID: 3, Kind: registry.Avro, Text: `{"type":"record","name":"R","fields":[{"name":"a","type":"long"},{"name":"m","type":["null","Money"],"default":null}]}`,
			References: []registry.Reference{{Name: "Money", Text: `{"type":"record","name":"Money","fields":[{"name":"cents","type":"long"}]}`}}},
	}}
	for _, c := range []struct{ text, want string }{
		{`from_avro(X'000000000106', 's', 'http://r')`, "{3, null}"},
		{`from_avro(X'0000000003060204', 's', 'http://r')`, "{3, {2}}"},
		{`from_avro(X'00000000020261', 's', 'http://r')`, "INCOMPATIBLE_SCHEMA"},
		{`from_avro(X'000000000406', 's', 'http://r', map('mode', 'FAILFAST'))`, "SCHEMA_NOT_FOUND"},
		{`from_avro(X'06', map('schema.registry.subject', 's', 'schema.registry.address', 'http://r'))`, "MALFORMED_RECORD_IN_PARSING"},
		{`from_avro(X'06', map('schema.registry.subject', 's', 'schema.registry.address', 'http://r', 'mode', 'PERMISSIVE'))`, "{null, null}"},
		{`hex(to_avro(named_struct('a', 3L, 'm', named_struct('cents', 2L)), 's', 'http://r'))`, "0000000003060204"},
	} {
		if got, _ := evalText(c.text, s.options()); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}

// TestRegistryIsAway: what the registry cannot answer is of the batch, not of its rows, and nothing of it is kept.
func TestRegistryIsAway(t *testing.T) {
	s := protoShelf()
	b, err := Bind(`from_protobuf(v, map('schema.registry.subject', 's', 'schema.registry.address', 'http://r', 'schema.registry.protobuf.name', 'Reading'))`,
		batch.NewSchema(batch.Field{Name: "v", Type: batch.BinaryType, Nullable: true}), s.options())
	if err != nil {
		t.Fatal(err)
	}
	records := batch.NewBuilder(batch.BinaryType, nil)
	for range 3 {
		records.Bytes([]byte{0, 0, 0, 0, 1, 2, 2, 8, 7})
	}
	in := &batch.Batch{Columns: []*batch.Column{records.Finish()}, N: 3}
	ctx := &Context{Pool: batch.NewPool()}
	s.down = true
	if _, err := b.Eval(ctx, in); supervision.KindOf(err) != supervision.Transient || len(ctx.Rejected) > 0 {
		t.Errorf("%v, %d rows rejected", err, len(ctx.Rejected))
	}
	s.down = false
	c, err := b.Eval(ctx, in)
	if err != nil || c.Nulls() > 0 {
		t.Fatal(err)
	}
	s.down = true // the answer is kept
	if _, err := b.Eval(ctx, in); err != nil {
		t.Error(err)
	}
}

// TestNumbersThatComeLater: a number that the registry had not may be there when it comes again.
func TestNumbersThatComeLater(t *testing.T) {
	s := &shelf{schemas: map[int]registry.Schema{3: {ID: 3, Kind: registry.Avro, Text: `"int"`}}}
	b, err := Bind("from_avro(v, 's', 'http://r')", batch.NewSchema(batch.Field{Name: "v", Type: batch.BinaryType, Nullable: true}), s.options())
	if err != nil {
		t.Fatal(err)
	}
	records := batch.NewBuilder(batch.BinaryType, nil)
	records.Bytes([]byte{0, 0, 0, 0, 9, 14})
	in := &batch.Batch{Columns: []*batch.Column{records.Finish()}, N: 1}
	ctx := &Context{Pool: batch.NewPool()}
	if _, err := b.Eval(ctx, in); err != nil || len(ctx.Rejected) != 1 {
		t.Fatalf("%v, %v", err, ctx.Rejected)
	}
	ctx.Reset()
	s.schemas[9] = registry.Schema{ID: 9, Kind: registry.Avro, Text: `"int"`}
	if c, err := b.Eval(ctx, in); err != nil || len(ctx.Rejected) != 0 || c.I32[0] != 7 {
		t.Fatalf("%v, %v", err, ctx.Rejected)
	}
}

func TestRegisteredMistakes(t *testing.T) {
	reading := exampleDescriptors
	for text, want := range map[string]string{
		"from_protobuf(X'08', 'Reading', '/no/file')":                                                                  "PROTOBUF_DESCRIPTOR_FILE_NOT_FOUND",
		"from_protobuf(X'08', 'None', " + reading + ")":                                                                "no message",
		"from_protobuf(X'08', 'Reading', X'00')":                                                                       "FileDescriptorSet",
		"from_protobuf(X'08', 'Reading', " + reading + ", map('mode', 'DROPMALFORMED'))":                               "PARSE_MODE_UNSUPPORTED",
		"from_protobuf(X'08', 'Reading', " + reading + ", map('enums.as.ints', 'maybe'))":                              "true or false",
		"from_protobuf(X'08', 'Reading', " + reading + ", map('no.such', '1'))":                                        "no.such",
		"from_protobuf(X'08', map('mode', 'FAILFAST'))":                                                                "schema.registry.subject",
		"from_protobuf(X'08', 'Reading')":                                                                              "DATATYPE_MISMATCH",
		"from_avro(X'08', map('schema.registry.subject', 's', 'schema.registry.address', 'r'))":                        "kind PROTOBUF",
		"from_avro(X'08', map('schema.registry.address', 'r'))":                                                        "no subject",
		"from_avro(X'08', map('confluent.schema.registry.bearer.auth.token', 'canary'))":                               "no address",
		"to_protobuf(named_struct('id', 1, 'x', 2), 'Reading', " + reading + ")":                                       "field x",
		"to_protobuf(named_struct('id', 'a'), 'Reading', " + reading + ")":                                             "field id",
		"to_avro(1, map('schema.registry.subject', 's', 'schema.registry.address', 'r', 'mode', 'x'))":                 "no option",
		"from_protobuf('x', 'Reading', concat('a', 'b'), map('emit.default.values', 'true', 'enums.as.ints', 'true'))": "ab is not there",
	} {
		_, err := Bind(text, batch.NewSchema(), protoShelf().options())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := Bind("from_avro(X'08', 's', 'http://r')", batch.NewSchema(), NewOptions()); err == nil {
		t.Error("a registry is asked where there is none")
	}
}
