package expr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/protobuf"
	"github.com/deltaic/deltaic/formats/registry"
)

// exampleDescriptors are those of message Reading { int32 id = 1; string unit = 2; }, as protoc writes them.
const exampleDescriptors = "X'0A300A017222230A0752656164696E67120A0A026964180120012805120C0A04756E6974180220012809620670726F746F33'"

func init() {
	define("from_protobuf", "from_protobuf(b, message, descriptors[, options]) or from_protobuf(b, options)",
		"What Protobuf's binary form holds, by a message of a file of descriptors (protoc --descriptor_set_out --include_imports), of its bytes, or of a schema registry.",
		"from_protobuf(X'080712014B', 'Reading', "+exampleDescriptors+")", "{7, K}", 2, 4, fromProtobuf)
	define("to_protobuf", "to_protobuf(x, message, descriptors[, options]) or to_protobuf(x, options)",
		"A struct in Protobuf's binary form, by a message of a file of descriptors, of its bytes, or of a schema registry, whose number goes before it.",
		"hex(to_protobuf(named_struct('id', 7, 'unit', 'K'), 'Reading', "+exampleDescriptors+"))", "080712014B", 2, 4, toProtobuf)
}

// protobufCall is what a call says of its message.
type protobufCall struct {
	message    *protobuf.Message
	registry   registry.Registry // nil: records have no number
	newest     registry.Schema
	subject    string
	writers    writers
	name       string
	options    protobuf.Options
	permissive bool
	detail     string
}

func (p *protobufCall) set(name, value string) error {
	if mine, err := p.writers.set(name, value); mine {
		return err
	}
	truth := map[string]*bool{"emit.default.values": &p.options.EmitDefaults, "enums.as.ints": &p.options.EnumsAsInts, "convert.any.fields.to.json": &p.options.AnyAsJSON,
		"unwrap.primitive.wrapper.types": &p.options.UnwrapWrappers, "upcast.unsigned.ints": &p.options.WidenUnsigned,
		"retain.empty.message.types": &p.options.RetainEmpty}
	key := strings.ToLower(name)
	if to := truth[key]; to != nil {
		v, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("%s is true or false, not %q", name, clip(value))
		}
		*to = v
		return nil
	}
	switch key {
	case "mode":
		if p.permissive = strings.EqualFold(value, "PERMISSIVE"); !p.permissive && !strings.EqualFold(value, "FAILFAST") {
			return fmt.Errorf("mode is %q; want PERMISSIVE or FAILFAST", clip(value))
		}
	case "recursive.fields.max.depth":
		n, err := strconv.Atoi(value)
		if err != nil || n > 10 {
			return fmt.Errorf("recursive.fields.max.depth is a number of at most 10")
		}
		p.options.MaxRecursion = max(0, n)
	case "schema.registry.protobuf.name":
		p.name = value
	default:
		return fmt.Errorf("there is no option %q; there are mode, recursive.fields.max.depth, emit.default.values, enums.as.ints, convert.any.fields.to.json, unwrap.primitive.wrapper.types, upcast.unsigned.ints, retain.empty.message.types, schema.registry.* and rescuedDataColumn", clip(name))
	}
	return nil
}

// protobufCall finds the message of a call: in a file, in bytes, or in a registry.
func (b *binder) protobufCall(c *parse.Call, args []*node) (*protobufCall, error) {
	p := &protobufCall{writers: writers{mode: evolveNone}}
	function := strings.ToLower(c.Name)
	r, err := b.registered(c, args[:1:1], args[len(args)-1])
	if err != nil {
		return nil, err
	}
	var named map[string]string
	if r != nil {
		named = r.rest
	} else if len(args) < 3 {
		return nil, b.mismatch(c, "%s needs the name of a message and its descriptors, or the options schema.registry.subject and schema.registry.address", function)
	} else if named, err = b.options(c, args, 3); err != nil {
		return nil, err
	}
	for name, value := range named {
		if err := p.set(name, value); err != nil {
			class := "INVALID_OPTIONS"
			if strings.EqualFold(name, "mode") {
				class = "PARSE_MODE_UNSUPPORTED"
			}
			return nil, b.fail(c, class, "%s: %v", function, err)
		}
	}
	if r != nil {
		return p, b.registeredMessage(c, p, r, named)
	}
	if p.writers.mode != evolveNone {
		return nil, b.fail(c, "INVALID_OPTIONS", "%s: schema.registry.schema.evolution.mode %s goes with a schema registry: else nobody knows what wrote a record", function, p.writers.mode)
	}
	return p, b.describedMessage(c, p, args, named)
}

func (b *binder) registeredMessage(c *parse.Call, p *protobufCall, r *registered, named map[string]string) (err error) {
	if p.newest, err = b.latest(c, r, registry.Protobuf); err != nil {
		return err
	}
	p.registry, p.subject = r.of, r.subject
	p.detail = fmt.Sprint(r.address, " ", r.subject, " ", p.newest.ID, named)
	if p.message, err = protobuf.FromSource(p.newest.Text, sources(p.newest), p.name, p.options); err != nil {
		return b.fail(c, "INVALID_SCHEMA", "%s: subject %q: %v", strings.ToLower(c.Name), r.subject, err)
	}
	return nil
}

func sources(s registry.Schema) map[string]string {
	m := map[string]string{}
	for _, r := range s.References {
		m[r.Name] = r.Text
	}
	return m
}

func (b *binder) describedMessage(c *parse.Call, p *protobufCall, args []*node, named map[string]string) error {
	function := strings.ToLower(c.Name)
	name, ok := stringConstant(args[1])
	if !ok {
		return b.mismatch(c.Args[1], "the message of %s is named by a string constant", function)
	}
	var set []byte
	if l := args[2].literal; l != nil && l.Type.Kind == batch.Binary && !l.IsNull(0) {
		set = l.Bytes(0)
	} else if path, ok := stringConstant(args[2]); ok {
		if b.o.ReadFile == nil {
			return b.fail(c.Args[2], "PROTOBUF_DESCRIPTOR_FILE_NOT_FOUND", "%s: no file can be read here; give the descriptors as bytes", function)
		}
		var err error
		if set, err = b.o.ReadFile(path); err != nil {
			return b.fail(c.Args[2], "PROTOBUF_DESCRIPTOR_FILE_NOT_FOUND", "%s: the file of descriptors %s cannot be read: %v", function, clip(path), err)
		}
	} else {
		return b.mismatch(c.Args[2], "the descriptors of %s are the path of a file or its bytes, a constant", function)
	}
	var err error
	if p.message, err = protobuf.FromSet(set, name, p.options); err != nil {
		return b.fail(c, "INVALID_SCHEMA", "%s: %v", function, err)
	}
	p.detail = fmt.Sprintf("%s %x %v", name, set, named)
	return nil
}

func toProtobuf(b *binder, c *parse.Call, args []*node) (*node, error) {
	p, err := b.protobufCall(c, args)
	if err != nil {
		return nil, err
	}
	e, err := p.message.NewEncoder(args[0].t)
	if err != nil {
		return nil, b.fail(c, "INCOMPATIBLE_SCHEMA", "to_protobuf: %v", err)
	}
	var head []byte
	if p.registry != nil {
		head = registry.AppendIndex(registry.Frame(nil, p.newest.ID), p.message.Index())
	}
	n := b.callStrict("to_protobuf", batch.BinaryType, strict(batch.BinaryType, func(x *rows, i int) {
		v, err := e.Append(append(x.buf[:0], head...), x.a[0].c, i&x.a[0].mask())
		if err != nil {
			x.fail(i, "PROTOBUF_CANNOT_WRITE", "to_protobuf: "+err.Error(), nil)
			return
		}
		x.bytes(v)
	}), args[0])
	n.fails = true
	return b.intern(n, p.detail), nil
}
