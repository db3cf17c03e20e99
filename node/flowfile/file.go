package flowfile

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
)

// Connectors makes what a flow file names.
type Connectors struct {
	Source func(SourceOptions) (connectors.Source, error)
	// Static opens a table that is joined with, not read as a stream.
	Static func(SourceOptions) (stream.Static, error)
	Sink   func(SinkOptions) (connectors.Sink, error)
	// Rules reads the expectations of a table.
	Rules func(RulesOptions) ([]stream.Expectation, error)
	// HandOff makes one source of a history and what follows it.
	HandOff func(HandOffOptions) (connectors.Source, error)
	// SourceFormats, StaticFormats and SinkFormats are the formats that there are.
	SourceFormats, StaticFormats, SinkFormats []string
}

// SourceOptions is a source of the file.
type SourceOptions struct {
	Name    string
	Format  string
	Path    string
	Schema  string // DDL
	Static  bool
	Version string // versionAsOf of a static table
	// CheckpointLocation is the flow's, as the file has it.
	CheckpointLocation string
	Options            map[string]string
}

// HandOffOptions is a source of the file that reads a history first, then a live source from where the history ends.
type HandOffOptions struct {
	Name          string
	History, Live SourceOptions
	By            string // offsets or timestamp
}

// SinkOptions is a sink of the file.
type SinkOptions struct {
	Name        string
	Format      string
	Path        string
	Mode        connectors.OutputMode
	Keys        []string // by which rows are upserted in mode update
	PartitionBy []string
	Properties  map[string]string
	Schema      string // of a new table, DDL; "": that of the rows
	Options     map[string]string
}

// File is one flow of a file.
type File struct {
	Name               string
	CheckpointLocation string
	Configuration      map[string]string
	Options            []stream.Option
	Trigger            string // as written, "" for the default
	Warnings           []string
	Alerts             *Alerts // nil: the file asks for none

	flow  *stream.Flow
	steps []string

	stepPlaces, sinkPlaces map[string]*value // by name
	secrets                secrets
}

// Steps returns the names of the file's steps; the verbs of one are called <step>-<verb> in the flow.
func (f *File) Steps() []string { return f.steps }

// Flow returns the flow that the file says; its mistakes show in Build.
func (f *File) Flow() *stream.Flow { return f.flow }

// Mask replaces every secret that the file brought in by ***.
func (f *File) Mask(text string) string { return f.secrets.mask(text) }

// maskError returns the error without the file's secrets: the caller, who is given no
// File, could not mask it.
func (f *File) maskError(err error) error {
	if f.Mask(err.Error()) == err.Error() {
		return err
	}
	var known *supervision.Failure
	if !errors.As(err, &known) {
		return errors.New(f.Mask(err.Error()))
	}
	masked := *known
	masked.Message, masked.Hint, masked.Cause = f.Mask(known.Message), f.Mask(known.Hint), nil
	if known.Cause != nil && !strings.Contains(known.Message, known.Cause.Error()) {
		masked.Cause = errors.New(f.Mask(known.Cause.Error()))
	}
	return &masked
}

// Parse reads the flows of a file. name is its name, for errors.
func Parse(name string, text []byte, o Options) ([]*File, error) {
	docs, err := documents(name, text)
	if err != nil {
		return nil, err
	}
	if len(docs) == 0 {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_FLOW_FILE", Path: name, Message: "the file holds no flow"}
	}
	var files []*File
	for _, d := range docs {
		for _, s := range o.Set {
			if err := override(d, s); err != nil {
				return nil, err
			}
		}
		f := &File{Configuration: map[string]string{}, stepPlaces: map[string]*value{}, sinkPlaces: map[string]*value{}}
		if err := o.interpolate(d, &f.secrets); err != nil {
			return nil, f.maskError(err)
		}
		f.secrets.find(d, "")
		f.secrets.order()
		if err := (&builder{file: f, options: o}).build(d); err != nil {
			return nil, f.maskError(err)
		}
		files = append(files, f)
	}
	return files, nil
}

// later are keys of the grammar that this version does not run.
var later = map[string]bool{"libraries": true, "storage": true, "catalog": true, "database": true, "schema": true}

var fileKeys = []string{"name", "checkpointLocation", "trigger", "ledger", "multipleWatermarkPolicy", "parallelism", "configuration", "sources", "steps", "sinks", "quarantine", "late", "alerts"}

type builder struct {
	file    *File
	options Options
	frames  map[string]*stream.Frame
	statics map[string]stream.Static

	autoMerge     bool              // of tables whose sink does not say
	tableDefaults map[string]string // properties of tables, likewise
}

func (b *builder) build(d *value) error {
	if d.kind == mapping {
		for _, k := range d.keys {
			if later[k.text] {
				return k.fail("UNSUPPORTED_FEATURE", "%q is not supported by this version", k.text)
			}
		}
	}
	if err := d.only("the flow", fileKeys...); err != nil {
		return err
	}
	if n := steps(d); n > maxSteps {
		return d.fail("INVALID_FLOW_FILE", "the flow has %d steps, with sources, verbs and sinks; at most %d run as one flow", n, maxSteps)
	}
	name := d.get("name")
	if name == nil {
		return d.fail("INVALID_FLOW_FILE", "the flow has no name: state and ledger belong to it")
	}
	var err error
	if b.file.Name, err = name.str("name"); err != nil {
		return err
	}
	b.file.flow = stream.New(b.file.Name)
	for _, u := range b.options.Functions {
		b.file.flow.Function(u)
	}
	b.frames, b.statics, b.tableDefaults = map[string]*stream.Frame{}, map[string]stream.Static{}, map[string]string{}
	for _, part := range []func(*value) error{b.settings, b.alerts, b.quarantine, b.late, b.sources, b.steps, b.sinks} {
		if err := part(d); err != nil {
			return err
		}
	}
	return nil
}

// steps counts what a flow is made of.
func steps(d *value) int {
	n := 0
	for _, part := range []string{"sources", "steps", "sinks"} {
		v := d.get(part)
		if v == nil {
			continue
		}
		n += len(v.values)
		for _, step := range v.values {
			if do := step.get("do"); do != nil {
				n += len(do.values)
			}
		}
	}
	return n
}

func (b *builder) checkpointLocation(path string) {
	b.file.CheckpointLocation = path
	b.option(stream.CheckpointLocation(path))
}

func (b *builder) option(o stream.Option) { b.file.Options = append(b.file.Options, o) }

func (b *builder) settings(d *value) error {
	if v := d.get("checkpointLocation"); v != nil {
		s, err := v.str("checkpointLocation")
		if err != nil {
			return err
		}
		b.checkpointLocation(s)
	}
	if v := d.get("trigger"); v != nil {
		o, text, err := trigger(v)
		if err != nil {
			return err
		}
		b.file.Trigger = text
		b.option(o)
	}
	if v := d.get("ledger"); v != nil {
		if v.text != "table" && v.text != "beside" {
			return v.fail("INVALID_FLOW_FILE", "ledger is %q; want table or beside", v.text)
		}
		b.option(stream.Ledger(stream.LedgerPlace(v.text)))
	}
	if v := d.get("multipleWatermarkPolicy"); v != nil {
		if v.text != "min" && v.text != "max" {
			return v.fail("INVALID_FLOW_FILE", "multipleWatermarkPolicy is %q; want min or max", v.text)
		}
		b.file.flow.MultipleWatermarkPolicy(v.text)
	}
	if v := d.get("parallelism"); v != nil {
		n, err := v.integer("parallelism")
		if err != nil {
			return err
		}
		b.file.flow.Parallelism(n)
	}
	if v := d.get("configuration"); v != nil {
		return b.configuration(v)
	}
	return nil
}

// trigger reads {processingTime: 30 seconds} and its kin.
func trigger(v *value) (stream.Option, string, error) {
	if err := v.only("trigger", "processingTime", "once", "availableNow", "continuous"); err != nil {
		return nil, "", err
	}
	if len(v.keys) != 1 {
		return nil, "", v.fail("INVALID_FLOW_FILE", "trigger has %d keys; want one", len(v.keys))
	}
	name, text := v.keys[0].text, v.values[0].text
	o, err := Trigger(name, text)
	if err != nil {
		return nil, "", v.values[0].fail("INVALID_FLOW_FILE", "trigger.%s: %w", name, err)
	}
	return o, name, nil
}

// Trigger makes the option of a trigger's name and argument.
func Trigger(name, argument string) (stream.Option, error) {
	switch name {
	case "processingTime", "continuous":
		d, err := Duration(argument)
		if err != nil {
			return nil, err
		}
		if name == "continuous" {
			return stream.Continuous(d), nil
		}
		return stream.ProcessingTime(d), nil
	case "availableNow", "once":
		if argument != "true" && argument != "" {
			return nil, fmt.Errorf("want true, not %q", argument)
		}
		if name == "once" {
			return stream.Once(), nil
		}
		return stream.AvailableNow(), nil
	}
	return nil, fmt.Errorf("there is no trigger %q; want processingTime, availableNow, once or continuous", name)
}

var units = map[string]time.Duration{"microsecond": time.Microsecond, "us": time.Microsecond, "millisecond": time.Millisecond, "ms": time.Millisecond,
	"second": time.Second, "s": time.Second, "minute": time.Minute, "m": time.Minute, "min": time.Minute, "hour": time.Hour, "h": time.Hour, "day": 24 * time.Hour, "d": 24 * time.Hour}

// Duration reads "30 seconds", "1 hour 30 minutes", "interval 5 minutes", "500ms", or 0.
func Duration(text string) (time.Duration, error) {
	trimmed := strings.TrimSpace(strings.ToLower(text))
	if trimmed == "0" {
		return 0, nil
	}
	if d, err := time.ParseDuration(trimmed); err == nil && d >= 0 {
		return d, nil
	}
	fields := strings.Fields(strings.TrimPrefix(trimmed, "interval "))
	if len(fields) == 0 || len(fields)%2 != 0 {
		return 0, fmt.Errorf("%q is not a duration; write it as 30 seconds", text)
	}
	var total time.Duration
	for i := 0; i < len(fields); i += 2 {
		n, err := strconv.ParseInt(fields[i], 10, 32)
		unit, ok := units[strings.TrimSuffix(fields[i+1], "s")]
		if !ok {
			unit, ok = units[fields[i+1]]
		}
		if err != nil || !ok || n < 0 {
			return 0, fmt.Errorf("%q is not a duration; write it as 30 seconds", text)
		}
		if total += time.Duration(n) * unit; n > int64(math.MaxInt64/unit) || total < 0 {
			return 0, fmt.Errorf("%q is longer than 292 years", text)
		}
	}
	return total, nil
}

// Bytes reads "1GB", "64 MiB", "512k" or a number of bytes. Units are powers
// of 1024, as Spark's.
func Bytes(text string) (int64, error) {
	t := strings.ToLower(strings.TrimSpace(text))
	digits := strings.TrimRight(t, "bikmgt ")
	n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if err != nil || !(n >= 0 && n <= mostSize) {
		return 0, fmt.Errorf("%q is not a size; write it as 1GB", text)
	}
	unit := strings.TrimSpace(t[len(digits):])
	shift := strings.Index("kmgt", strings.TrimSuffix(strings.TrimSuffix(unit, "b"), "i"))
	if unit == "" || unit == "b" {
		return int64(n), nil
	}
	if shift < 0 {
		return 0, fmt.Errorf("%q has the unit %q; use KB, MB, GB or TB", text, unit)
	}
	if n *= float64(int64(1) << (10 * (shift + 1))); n > mostSize {
		return 0, fmt.Errorf("%q is more than an exabyte", text)
	}
	return int64(n), nil
}

// mostSize is the largest size: what is larger is a mistake, and does not fit where sizes are added up.
const mostSize = 1 << 60
