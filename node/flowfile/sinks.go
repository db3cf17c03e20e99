package flowfile

import (
	"strings"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/stream"
)

// quarantine names where rows go that cannot be decoded or computed.
func (b *builder) quarantine(d *value) error {
	return b.aside(d, "quarantine", (*stream.Flow).Quarantine)
}

// late names where rows go that came behind the watermark.
func (b *builder) late(d *value) error { return b.aside(d, "late", (*stream.Flow).Late) }

func (b *builder) aside(d *value, name string, set func(*stream.Flow, connectors.Sink) *stream.Flow) error {
	v := d.get(name)
	if v == nil {
		return nil
	}
	return b.write(name, v, func(_ SinkOptions, sink connectors.Sink) { set(b.file.flow, sink) })
}

func (b *builder) sinks(d *value) error {
	v := d.get("sinks")
	if v == nil || v.kind != mapping || len(v.keys) == 0 {
		return d.fail("INVALID_FLOW_FILE", "the flow has no sinks")
	}
	for i, k := range v.keys {
		b.file.sinkPlaces[k.text] = k
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
	return b.write(name, v, func(s SinkOptions, sink connectors.Sink) { frame.To(name, sink, s.Mode) })
}

// write opens what v describes and has put make it a part of the flow.
func (b *builder) write(name string, v *value, put func(SinkOptions, connectors.Sink)) error {
	s, err := b.sinkOptions(name, v)
	if err != nil {
		return err
	}
	sink, err := b.options.Connectors.Sink(s)
	if err != nil {
		return placed(v, err)
	}
	before := len(b.file.flow.Mistakes())
	put(s, sink)
	if all := b.file.flow.Mistakes(); len(all) > before {
		return placed(v, all[before])
	}
	return nil
}

func (b *builder) sinkOptions(name string, v *value) (SinkOptions, error) {
	s := SinkOptions{Name: name, Format: "delta", Mode: stream.Append}
	if err := v.only("sink "+name, "from", "format", "path", "outputMode", "partitionBy", "properties", "schema", "options", "keys"); err != nil {
		return s, err
	}
	switch m := v.get("outputMode"); {
	case m == nil:
	case m.text != string(stream.Append) && m.text != string(stream.Update) && m.text != string(stream.Complete):
		return s, m.fail("INVALID_FLOW_FILE", "sink %s: outputMode is %q; want append, update or complete", name, m.text)
	default:
		s.Mode = connectors.OutputMode(m.text)
	}
	var err error
	if f := v.get("format"); f != nil {
		if s.Format, err = f.str("format"); err != nil {
			return s, err
		}
	} else if name != "quarantine" && name != "late" {
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
	if s.Keys, err = v.texts("keys"); err != nil {
		return s, err
	}
	if p := v.get("schema"); p != nil {
		if s.Schema, err = p.str("schema"); err != nil {
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
	}
	b.adopt(&s)
	return s, nil
}
