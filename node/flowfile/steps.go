package flowfile

import (
	"strings"

	"github.com/deltaic/deltaic/stream"
)

func (b *builder) quarantine(d *value) error {
	v := d.get("quarantine")
	if v == nil {
		return nil
	}
	s, err := b.sinkOptions("quarantine", v)
	if err != nil {
		return err
	}
	sink, err := b.options.Connectors.Sink(s)
	if err != nil {
		return placed(v, err)
	}
	b.file.flow.Quarantine(sink)
	return nil
}

func (b *builder) sources(d *value) error {
	v := d.get("sources")
	if v == nil || v.kind != mapping || len(v.keys) == 0 {
		return d.fail("INVALID_FLOW_FILE", "the flow has no sources")
	}
	for i, k := range v.keys {
		if err := b.source(k.text, v.values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) source(name string, v *value) error {
	if err := v.only("source "+name, "format", "options", "path", "static", "versionAsOf", "schema", "history", "live", "handOff"); err != nil {
		return err
	}
	for _, key := range []string{"path", "static", "versionAsOf", "schema", "history", "live", "handOff"} {
		if at := v.get(key); at != nil {
			return at.fail("UNSUPPORTED_FEATURE", "source %s: %q is not supported by this version", name, key)
		}
	}
	f := v.get("format")
	if f == nil {
		return v.fail("INVALID_FLOW_FILE", "source %s has no format", name)
	}
	format, err := f.str("format")
	if err != nil {
		return err
	}
	if !contains(b.options.Connectors.SourceFormats, format) {
		e := f.fail("DATA_SOURCE_NOT_FOUND", "source %s: there is no format %q in this version", name, format)
		e.Hint = "formats: " + strings.Join(b.options.Connectors.SourceFormats, ", ")
		return e
	}
	options := map[string]string{}
	if o := v.get("options"); o != nil {
		if options, err = o.options("options"); err != nil {
			return err
		}
		b.hide(options)
	}
	source, err := b.options.Connectors.Source(format, options)
	if err != nil {
		return placed(v, err)
	}
	b.frames[name] = b.file.flow.From(name, source)
	return nil
}

// hide keeps the values of secret options out of everything that is printed.
func (b *builder) hide(options map[string]string) {
	for k, v := range options {
		if Secret(k) && len(v) > 0 {
			b.file.secrets.add(v)
		}
	}
}

func (b *builder) steps(d *value) error {
	v := d.get("steps")
	if v == nil {
		return nil
	}
	if v.kind != mapping {
		return v.fail("INVALID_FLOW_FILE", "steps is %s; a mapping is wanted", v.kind)
	}
	for i, k := range v.keys {
		if b.frames[k.text] != nil {
			return k.fail("DUPLICATE_NAME", "there is a source or step called %q already", k.text)
		}
		frame, err := b.step(k.text, v.values[i])
		if err != nil {
			return err
		}
		b.frames[k.text] = frame
		b.file.steps = append(b.file.steps, k.text)
	}
	return nil
}

func (b *builder) step(name string, v *value) (*stream.Frame, error) {
	if err := v.only("step "+name, "from", "do"); err != nil {
		return nil, err
	}
	frame, err := b.from("step "+name, v)
	if err != nil {
		return nil, err
	}
	frame = frame.As(name)
	do := v.get("do")
	if do == nil || do.kind == null {
		return frame, nil
	}
	if do.kind != sequence {
		return nil, do.fail("INVALID_FLOW_FILE", "do is %s; a list of verbs is wanted", do.kind)
	}
	for _, verb := range do.values {
		before := len(b.file.flow.Mistakes())
		if frame, err = b.verb(frame, verb); err != nil {
			return nil, err
		}
		if all := b.file.flow.Mistakes(); len(all) > before {
			return nil, placed(verb, all[before])
		}
	}
	return frame, nil
}

// from returns the frame that a step or sink reads; a list is a union.
func (b *builder) from(what string, v *value) (*stream.Frame, error) {
	f := v.get("from")
	if f == nil {
		return nil, v.fail("INVALID_FLOW_FILE", "%s has no from", what)
	}
	names, err := f.strs("from")
	if err != nil {
		return nil, err
	}
	var frames []*stream.Frame
	for _, n := range names {
		frame := b.frames[n]
		if frame == nil {
			e := f.fail("TABLE_OR_VIEW_NOT_FOUND", "%s reads %q, which is neither a source nor a step before it", what, n)
			var known []string
			for k := range b.frames {
				known = append(known, k)
			}
			if near := nearest(n, known); near != "" {
				e.Hint = "did you mean " + near + "?"
			}
			return nil, e
		}
		frames = append(frames, frame)
	}
	if len(frames) == 0 {
		return nil, f.fail("INVALID_FLOW_FILE", "%s reads nothing", what)
	}
	if len(frames) == 1 {
		return frames[0], nil
	}
	before := len(b.file.flow.Mistakes())
	united := frames[0].Union(frames[1:]...)
	if all := b.file.flow.Mistakes(); len(all) > before {
		return nil, placed(f, all[before])
	}
	return united, nil
}

var verbs = []string{"select", "where", "filter", "withColumn", "withColumnRenamed", "drop", "dropDuplicates", "union"}

func (b *builder) verb(d *stream.Frame, v *value) (*stream.Frame, error) {
	if v.kind != mapping || len(v.keys) != 1 {
		return nil, v.fail("INVALID_FLOW_FILE", "each item of do is one verb with its argument, such as {where: \"a > 1\"}")
	}
	k, arg := v.keys[0], v.values[0]
	if later[k.text] {
		return nil, k.fail("UNSUPPORTED_FEATURE", "the verb %s is not supported by this version", k.text)
	}
	if err := v.only("do", verbs...); err != nil {
		return nil, err
	}
	switch k.text {
	case "select", "drop", "dropDuplicates", "union":
		list, err := arg.strs(k.text)
		if err != nil {
			return nil, err
		}
		return b.listVerb(d, k, arg, list)
	case "where", "filter":
		s, err := arg.str(k.text)
		return d.Where(s), err
	}
	pairs, err := arg.options(k.text)
	if err != nil {
		return nil, err
	}
	for i, key := range arg.keys {
		_ = i
		if k.text == "withColumn" {
			d = d.WithColumn(key.text, pairs[key.text])
		} else {
			d = d.WithColumnRenamed(key.text, pairs[key.text])
		}
	}
	return d, nil
}

func (b *builder) listVerb(d *stream.Frame, k, arg *value, list []string) (*stream.Frame, error) {
	switch k.text {
	case "select":
		return d.Select(list...), nil
	case "drop":
		return d.Drop(list...), nil
	case "dropDuplicates":
		return d.DropDuplicates(list...), nil
	}
	var others []*stream.Frame
	for _, n := range list {
		if b.frames[n] == nil {
			return nil, arg.fail("TABLE_OR_VIEW_NOT_FOUND", "union with %q, which is neither a source nor a step before it", n)
		}
		others = append(others, b.frames[n])
	}
	return d.Union(others...), nil
}

func (b *builder) sinks(d *value) error {
	v := d.get("sinks")
	if v == nil || v.kind != mapping || len(v.keys) == 0 {
		return d.fail("INVALID_FLOW_FILE", "the flow has no sinks")
	}
	for i, k := range v.keys {
		if err := b.sink(k.text, v.values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) sink(name string, v *value) error {
	frame, err := b.from("sink "+name, v)
	if err != nil {
		return err
	}
	s, err := b.sinkOptions(name, v)
	if err != nil {
		return err
	}
	mode := stream.Append
	if m := v.get("outputMode"); m != nil {
		switch m.text {
		case "append":
		case "update", "complete":
			return m.fail("UNSUPPORTED_FEATURE", "sink %s: output mode %s is not supported by this version", name, m.text)
		default:
			return m.fail("INVALID_FLOW_FILE", "sink %s: outputMode is %q; want append, update or complete", name, m.text)
		}
	}
	sink, err := b.options.Connectors.Sink(s)
	if err != nil {
		return placed(v, err)
	}
	before := len(b.file.flow.Mistakes())
	frame.To(name, sink, mode)
	if all := b.file.flow.Mistakes(); len(all) > before {
		return placed(v, all[before])
	}
	return nil
}

func (b *builder) sinkOptions(name string, v *value) (SinkOptions, error) {
	s := SinkOptions{Name: name, Format: "delta"}
	if err := v.only("sink "+name, "from", "format", "path", "outputMode", "partitionBy", "properties", "options", "keys"); err != nil {
		return s, err
	}
	if k := v.get("keys"); k != nil {
		return s, k.fail("UNSUPPORTED_FEATURE", "sink %s: keys (upserts) are not supported by this version", name)
	}
	var err error
	if f := v.get("format"); f != nil {
		if s.Format, err = f.str("format"); err != nil {
			return s, err
		}
	} else if name != "quarantine" {
		return s, v.fail("INVALID_FLOW_FILE", "sink %s has no format", name)
	}
	if !contains(b.options.Connectors.SinkFormats, s.Format) {
		e := v.fail("DATA_SOURCE_NOT_FOUND", "sink %s: there is no format %q in this version", name, s.Format)
		e.Hint = "formats: " + strings.Join(b.options.Connectors.SinkFormats, ", ")
		return s, e
	}
	if p := v.get("path"); p != nil {
		if s.Path, err = p.str("path"); err != nil {
			return s, err
		}
	}
	if p := v.get("partitionBy"); p != nil {
		if s.PartitionBy, err = p.strs("partitionBy"); err != nil {
			return s, err
		}
	}
	if p := v.get("properties"); p != nil {
		if s.Properties, err = p.options("properties"); err != nil {
			return s, err
		}
	}
	if o := v.get("options"); o != nil {
		if s.Options, err = o.options("options"); err != nil {
			return s, err
		}
		b.hide(s.Options)
	}
	return s, nil
}
