package flowfile

import (
	"strings"
)

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
	for _, key := range []string{"history", "live", "handOff"} {
		if v.get(key) != nil {
			return b.handOff(name, v)
		}
	}
	o, err := b.sourceOptions(name, v)
	if err != nil {
		return err
	}
	if o.Static {
		return b.static(name, v, o)
	}
	if o.Version != "" {
		return v.get("versionAsOf").fail("INVALID_FLOW_FILE", "source %s: versionAsOf belongs to a static table", name)
	}
	if !contains(b.options.Connectors.SourceFormats, o.Format) {
		return b.noFormat(name, v, o, "", b.options.Connectors.SourceFormats)
	}
	source, err := b.options.Connectors.Source(o)
	if err != nil {
		return placed(v, err)
	}
	b.frames[name] = b.file.flow.From(name, source)
	return nil
}

// handOff reads a source of two: a history, and what follows it.
func (b *builder) handOff(name string, v *value) error {
	if err := v.only("source "+name, "history", "live", "handOff"); err != nil {
		return err
	}
	o := HandOffOptions{Name: name, By: "offsets"}
	for _, side := range []struct {
		key string
		to  *SourceOptions
	}{{"history", &o.History}, {"live", &o.Live}} {
		at := v.get(side.key)
		if at == nil {
			return v.fail("INVALID_FLOW_FILE", "source %s has no %s; it needs a history, such as {format: delta, path: lake/%s}, and a live source", name, side.key, name)
		}
		if err := at.only("the "+side.key+" of source "+name, "format", "options", "path"); err != nil {
			return err
		}
		var err error
		if *side.to, err = b.sourceOptions(name, at); err != nil {
			return err
		}
	}
	if at := v.get("handOff"); at != nil {
		if at.text != "offsets" && at.text != "timestamp" {
			return at.fail("INVALID_FLOW_FILE", "handOff is %q; want offsets or timestamp", at.text)
		}
		o.By = at.text
	}
	source, err := b.options.Connectors.HandOff(o)
	if err != nil {
		return placed(v, err)
	}
	b.frames[name] = b.file.flow.From(name, source)
	return nil
}

// sourceOptions reads what a source says of itself.
func (b *builder) sourceOptions(name string, v *value) (SourceOptions, error) {
	o := SourceOptions{Name: name, CheckpointLocation: b.file.CheckpointLocation, Options: map[string]string{}}
	if v.get("format") == nil {
		return o, v.fail("INVALID_FLOW_FILE", "source %s has no format", name)
	}
	for key, to := range map[string]*string{"format": &o.Format, "path": &o.Path, "schema": &o.Schema, "versionAsOf": &o.Version} {
		var err error
		if *to, err = v.optional(key); err != nil {
			return o, err
		}
	}
	if s := v.get("static"); s != nil {
		if s.text != "true" && s.text != "false" {
			return o, s.fail("INVALID_FLOW_FILE", "static is %q; want true or false", s.text)
		}
		o.Static = s.text == "true"
	}
	if at := v.get("options"); at != nil {
		var err error
		if o.Options, err = at.options("options"); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (b *builder) noFormat(name string, v *value, o SourceOptions, kind string, known []string) error {
	e := v.get("format").fail("DATA_SOURCE_NOT_FOUND", "source %s: there is no %sformat %q in this version", name, kind, o.Format)
	e.Hint = "formats: " + strings.Join(known, ", ")
	return e
}

// static keeps a table that steps may join with.
func (b *builder) static(name string, v *value, o SourceOptions) error {
	if !contains(b.options.Connectors.StaticFormats, o.Format) {
		return b.noFormat(name, v, o, "static ", b.options.Connectors.StaticFormats)
	}
	if b.statics[name] != nil || b.frames[name] != nil {
		return v.fail("DUPLICATE_NAME", "there is a source called %q already", name)
	}
	table, err := b.options.Connectors.Static(o)
	if err != nil {
		return placed(v, err)
	}
	b.statics[name] = table
	return nil
}
