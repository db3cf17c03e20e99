package protobuf

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// The limits of descriptors.
const (
	maxDescriptor = 4 << 20
	maxDepth      = 64
	maxNodes      = 10_000
	maxRecursion  = 10
)

// Options say how messages become columns; the zero value is Spark's default.
type Options struct {
	MaxRecursion   int  // how often a message may hold itself, at most 10; 0: refused
	EmitDefaults   bool // zero in place of null for fields without presence
	EnumsAsInts    bool
	AnyAsJSON      bool
	UnwrapWrappers bool // google.protobuf.Int32Value is an int
	RetainEmpty    bool // a message without fields is a struct with a column that is always null; else it has no column
	WidenUnsigned  bool // uint32 is a bigint, uint64 a decimal(20,0)
}

// Message is a message with the columns that it becomes. It is immutable.
type Message struct {
	root    *node
	options Options
	types   *protoregistry.Files
	index   []int // where it stands in its file
}

// FromSet finds a message, by its full name or the last part of it, in the bytes of a FileDescriptorSet.
func FromSet(set []byte, name string, o Options) (*Message, error) {
	if len(set) > maxDescriptor {
		return nil, fmt.Errorf("the descriptors have %d bytes, more than %d", len(set), maxDescriptor)
	}
	var list descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(set, &list); err != nil {
		return nil, errors.New("the bytes are no FileDescriptorSet, as protoc writes it with --descriptor_set_out and --include_imports")
	}
	files, err := protodesc.NewFiles(&list)
	if err != nil {
		return nil, fmt.Errorf("the descriptors do not go together (was --include_imports given?): %w", err)
	}
	return find(files, name, o)
}

// FromSource finds a message in the text of a .proto file; others that it imports come by their names. Without a name it is the first of the file.
func FromSource(text string, others map[string]string, name string, o Options) (*Message, error) {
	const main = "deltaic-main.proto"
	all := map[string]string{main: text}
	size := len(text)
	for n, t := range others {
		all[n] = t
		size += len(t)
	}
	if size > maxSource {
		return nil, fmt.Errorf("the Protobuf schema has %d bytes, more than %d", size, maxSource)
	}
	pairs := 0
	for _, t := range all {
		if err := bounded(t, &pairs); err != nil {
			return nil, fmt.Errorf("the Protobuf schema is not read: %w", err)
		}
	}
	compiler := protocompile.Compiler{MaxParallelism: 1, Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(all)})}
	compiled, err := compiler.Compile(context.Background(), main)
	if err != nil {
		return nil, fmt.Errorf("the Protobuf schema cannot be read: %w", err)
	}
	files := &protoregistry.Files{}
	if err := register(files, compiled[0], map[string]bool{}); err != nil {
		return nil, err
	}
	if name == "" {
		if compiled[0].Messages().Len() == 0 {
			return nil, errors.New("the Protobuf schema has no message")
		}
		name = string(compiled[0].Messages().Get(0).FullName())
	}
	return find(files, name, o)
}

func register(files *protoregistry.Files, f protoreflect.FileDescriptor, seen map[string]bool) error {
	if seen[f.Path()] {
		return nil
	}
	seen[f.Path()] = true
	for i := range f.Imports().Len() {
		if err := register(files, f.Imports().Get(i).FileDescriptor, seen); err != nil {
			return err
		}
	}
	return files.RegisterFile(f)
}

func find(files *protoregistry.Files, name string, o Options) (*Message, error) {
	var found []protoreflect.MessageDescriptor
	if d, err := files.FindDescriptorByName(protoreflect.FullName(name)); err == nil {
		if m, ok := d.(protoreflect.MessageDescriptor); ok {
			found = append(found, m)
		}
	}
	if len(found) == 0 {
		files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
			found = named(f.Messages(), name, found)
			return true
		})
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("the descriptors have no message %.100q", name)
	case len(found) > 1:
		return nil, fmt.Errorf("the descriptors have several messages %.100q; give the whole name, such as %s", name, found[0].FullName())
	}
	b := &builder{o: o, around: map[protoreflect.FullName]int{}}
	root, err := b.message(found[0], 0)
	if err != nil {
		return nil, err
	}
	return &Message{root: root, options: o, types: files, index: place(found[0])}, nil
}

func named(l protoreflect.MessageDescriptors, name string, found []protoreflect.MessageDescriptor) []protoreflect.MessageDescriptor {
	for i := range l.Len() {
		m := l.Get(i)
		if m.IsMapEntry() {
			continue
		}
		if string(m.Name()) == name || strings.HasSuffix(string(m.FullName()), "."+name) {
			found = append(found, m)
		}
		found = named(m.Messages(), name, found)
	}
	return found
}

// place is the path of a message in its file: by number from the outermost one in.
func place(m protoreflect.MessageDescriptor) []int {
	if outer, ok := m.Parent().(protoreflect.MessageDescriptor); ok {
		return append(place(outer), m.Index())
	}
	return []int{m.Index()}
}

// Name is the full name of the message.
func (m *Message) Name() string { return string(m.root.descriptor.FullName()) }

// Index is the path of the message in its file, which frames of a schema registry carry.
func (m *Message) Index() []int { return m.index }
