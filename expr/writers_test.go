package expr

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/registry"
)

// drifting is a registry whose schema 4 has more than the newest had when a flow was planned.
func drifting(kind string) *shelf {
	text := map[string][2]string{
		registry.Avro: {`{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"in","type":["null",{"type":"record","name":"In","fields":[{"name":"x","type":"int"}]}]}]}`,
			`{"type":"record","name":"R","fields":[{"name":"more","type":["null","string"]},{"name":"a","type":"int"},{"name":"in","type":["null",{"type":"record","name":"In","fields":[{"name":"y","type":"double"},{"name":"x","type":"int"}]}]}]}`},
		registry.Protobuf: {`syntax = "proto3"; message R { message In { int32 x = 1; } int32 a = 1; In in = 2; string was = 4; }`,
			`syntax = "proto3"; message R { message In { int32 x = 1; double y = 2; } int32 a = 1; In in = 2; string more = 3; int32 now = 4; repeated int32 list = 5; }`},
	}[kind]
	return &shelf{schemas: map[int]registry.Schema{3: {ID: 3, Kind: kind, Text: text[0]}, 4: {ID: 4, Kind: kind, Text: text[1]}}}
}

// TestWritersWithMore: what becomes of fields that the schema of a record has and the flow has not, by format and mode.
func TestWritersWithMore(t *testing.T) {
	avroPlain, avroMore, avroNone := "0000000003"+"02"+"0204", "0000000004"+"02026D"+"02"+"02"+"000000000000F83F"+"04", "0000000004"+"00"+"02"+"00"
	protoPlain, protoMore, protoNone := "000000000300"+"0801"+"12020802", "000000000400"+"0801"+"120B0802"+"11000000000000F83F"+"1A016D"+"2009", "000000000400"+"0801"
	call := map[string]string{registry.Avro: `from_avro(v, 's', 'http://r', map('avroSchemaEvolutionMode', '%s'))`,
		registry.Protobuf: `from_protobuf(v, map('schema.registry.subject', 's', 'schema.registry.address', 'http://r', 'schema.registry.schema.evolution.mode', '%s'))`}
	for _, c := range []struct{ kind, mode, record, want string }{
		{registry.Avro, "none", avroMore, `{"a":1,"in":{"x":2}}`},
		{registry.Avro, "rescue", avroMore, `{"a":1,"in":{"x":2},"_rescued_data":"{\"more\":\"m\",\"in\":{\"y\":1.5}}"}`},
		{registry.Avro, "rescue", avroPlain, `{"a":1,"in":{"x":2},"_rescued_data":null}`},
		{registry.Avro, "rescue", avroNone, `{"a":1,"in":null,"_rescued_data":null}`},
		{registry.Avro, "rescue", avroMore[:20], "MALFORMED_RECORD_IN_PARSING"},
		{registry.Avro, "failOnNewColumns", avroPlain, `{"a":1,"in":{"x":2}}`},
		{registry.Avro, "failOnNewColumns", avroMore, "UNKNOWN_FIELD_EXCEPTION false"},
		{registry.Avro, "restart", avroMore, "UNKNOWN_FIELD_EXCEPTION true"},
		{registry.Protobuf, "none", protoMore, `{"a":1,"in":{"x":2},"was":null}`},
		{registry.Protobuf, "rescue", protoMore, `{"a":1,"in":{"x":2},"was":null,"_rescued_data":"{\"in\":{\"y\":1.5},\"more\":\"m\",\"now\":9,\"list\":[]}"}`},
		{registry.Protobuf, "rescue", protoPlain, `{"a":1,"in":{"x":2},"was":null,"_rescued_data":null}`},
		{registry.Protobuf, "rescue", protoNone, `{"a":1,"in":null,"was":null,"_rescued_data":null}`},
		{registry.Protobuf, "rescue", protoMore[:len(protoMore)-2], "MALFORMED_PROTOBUF_MESSAGE"},
		{registry.Protobuf, "rescue", "000000000400" + "0801" + "1A02FFFE", "MALFORMED_PROTOBUF_MESSAGE"}, // what is to be rescued is no text
		{registry.Protobuf, "none", "000000000400" + "0880E497D012", "MALFORMED_PROTOBUF_MESSAGE"},        // 5,000,000,000 in an int32
		{registry.Protobuf, "none", "000000000400" + "08FFFFFFFFFFFFFFFFFF01", `{"a":-1,"in":null,"was":null}`},
		{registry.Protobuf, "failOnNewColumns", protoPlain, `{"a":1,"in":{"x":2},"was":null}`},
		{registry.Protobuf, "failOnNewColumns", protoMore, "UNKNOWN_FIELD_EXCEPTION false"},
		{registry.Protobuf, "restart", protoMore, "UNKNOWN_FIELD_EXCEPTION true"},
	} {
		t.Run(c.kind+" "+c.mode+" "+c.record, func(t *testing.T) {
			s := drifting(c.kind)
			b, err := Bind(fmt.Sprintf(call[c.kind], c.mode), batch.NewSchema(batch.Field{Name: "v", Type: batch.BinaryType, Nullable: true}), s.options())
			if err != nil {
				t.Fatal(err)
			}
			s.schemas[3] = registry.Schema{ID: 3, Kind: c.kind, Text: s.schemas[3].Text}
			newest := s.schemas[4]
			if c.mode == "restart" { // the newest of the subject is another one by now
				newest.ID = 3
				s.schemas[3] = newest
			}
			record, err := hex.DecodeString(c.record)
			if err != nil {
				t.Fatal(err)
			}
			records := batch.NewBuilder(batch.BinaryType, nil)
			for range 3 {
				records.Bytes(record)
				records.Null()
			}
			ctx := &Context{Pool: batch.NewPool()}
			out, err := b.Eval(ctx, &batch.Batch{Columns: []*batch.Column{records.Finish()}, N: 6})
			got := ""
			switch {
			case err != nil:
				class, _, _ := strings.Cut(err.Error(), ":")
				got = fmt.Sprint(class, " ", errors.Is(err, ErrPlanAnew))
			case len(ctx.Rejected) > 0:
				got = ctx.Rejected[0].Class
			default:
				for i := range 6 {
					row := string(batch.AppendJSON(nil, out, i))
					if i%2 == 1 && row != "null" || i > 0 && i%2 == 0 && row != got {
						t.Fatalf("row %d is %s", i, row)
					}
					if i%2 == 0 {
						got = row
					}
				}
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestWritersMistakes(t *testing.T) {
	for text, want := range map[string]string{
		`from_avro(v, '"int"', map('avroSchemaEvolutionMode', 'rescue'))`:                                                  "goes with a schema registry or with avroSchema",
		`from_avro(v, '"int"', map('avroSchemaEvolutionMode', 'rescue', 'avroSchema', '"long"'))`:                          "no place for the rescued data column",
		`from_avro(v, 's', 'http://r', map('avroSchemaEvolutionMode', 'rescue', 'rescuedDataColumn', 'a'))`:                "no place for the rescued data column a",
		`from_avro(v, 's', 'http://r', map('rescuedDataColumn', 'b'))`:                                                     "goes with the evolution mode rescue",
		`from_avro(v, 's', 'http://r', map('avroSchemaEvolutionMode', 'maybe'))`:                                           "want none, rescue, failOnNewColumns or restart",
		`from_protobuf(v, 'Reading', ` + exampleDescriptors + `, map('schema.registry.schema.evolution.mode', 'restart'))`: "goes with a schema registry",
	} {
		_, err := Bind(text, batch.NewSchema(batch.Field{Name: "v", Type: batch.BinaryType, Nullable: true}), drifting(registry.Avro).options())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestFieldsOfAnotherMeaning: what has the same bytes and means something else is refused, whatever becomes of new fields.
func TestFieldsOfAnotherMeaning(t *testing.T) {
	for _, mode := range []string{"none", "rescue", "failOnNewColumns", "restart"} {
		s := &shelf{schemas: map[int]registry.Schema{3: {ID: 3, Kind: registry.Protobuf, Text: `syntax = "proto3"; message R { int32 a = 1; }`},
			4: {ID: 4, Kind: registry.Protobuf, Text: `syntax = "proto3"; message R { sint32 a = 1; }`}}}
		text := "from_protobuf(X'0000000004000803', map('schema.registry.subject', 's', 'schema.registry.address', 'http://r', 'schema.registry.schema.evolution.mode', '" + mode + "'))"
		if got, _ := evalText(text, s.options()); got != "INCOMPATIBLE_SCHEMA" {
			t.Errorf("%s: %s", mode, got)
		}
	}
}

// TestFieldsThatClash: a field whose type the writer has changed into one that is no form of the flow's is refused with its record, or kept aside by
// mode, and never another value; one that is of another width and fits is read.
func TestFieldsThatClash(t *testing.T) {
	record := func(a string) string {
		return `{"type":"record","name":"R","fields":[{"name":"a","type":"` + a + `"}]}`
	}
	message := func(a string) string { return `syntax = "proto3"; message R { ` + a + ` a = 1; }` }
	refused := [4]string{"INCOMPATIBLE_SCHEMA", "INCOMPATIBLE_SCHEMA", "INCOMPATIBLE_SCHEMA", "INCOMPATIBLE_SCHEMA"}
	five := [4]string{"{5}", "{5, null}", "{5}", "{5}"}
	aside := func(a string) [4]string {
		return [4]string{"{null}", "{null, {\"a\":" + a + "}}", "UNKNOWN_FIELD_EXCEPTION", "{null}"}
	}
	for _, c := range []struct {
		kind, reads, writes, data string
		want                      [4]string // by mode
	}{
		{registry.Avro, record("int"), record("string"), "0235", refused},
		{registry.Avro, record("string"), record("int"), "0a", refused},
		{registry.Avro, record("int"), record("long"), "80c8afa025", refused},
		{registry.Avro, record("long"), record("int"), "0a", five},
		{registry.Protobuf, message("int32"), message("string"), "0a0135", aside(`"5"`)},
		{registry.Protobuf, message("string"), message("int32"), "0805", aside("5")},
		{registry.Protobuf, message("int32"), message("repeated int32"), "0a020506", aside("[5,6]")},
		{registry.Protobuf, message("string"), message("repeated int32"), "0a020506", refused},
		{registry.Protobuf, message("int64"), message("int32"), "0805", five},
	} {
		for i, mode := range []string{"none", "rescue", "failOnNewColumns", "restart"} {
			s := &shelf{schemas: map[int]registry.Schema{3: {ID: 3, Kind: c.kind, Text: c.reads}, 4: {ID: 4, Kind: c.kind, Text: c.writes}}}
			text := "from_avro(X'0000000004" + c.data + "', 's', 'http://r', map('avroSchemaEvolutionMode', '" + mode + "'))"
			if c.kind == registry.Protobuf {
				text = "from_protobuf(X'000000000400" + c.data + "', map('schema.registry.subject', 's', 'schema.registry.address', 'http://r', 'schema.registry.schema.evolution.mode', '" + mode + "'))"
			}
			if got, _ := evalText(text, s.options()); got != c.want[i] && !strings.HasPrefix(got, c.want[i]+":") {
				t.Errorf("%s, written as %s, read as %s, %s: got %s, want %s", c.kind, c.writes, c.reads, mode, got, c.want[i])
			}
		}
	}
}
