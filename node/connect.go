package node

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/console"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/noop"
	"github.com/deltaic/deltaic/connectors/rate"
	"github.com/deltaic/deltaic/connectors/socket"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/node/flowfile"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
)

// The formats that a flow file may name.
var (
	sourceFormats = []string{"kafka", "eventhubs", "delta", "rate", "rate-micro-batch", "socket"}
	staticFormats = []string{"delta"}
	sinkFormats   = []string{"delta", "json", "csv", "parquet", "kafka", "eventhubs", "console", "socket", "noop"}
)

// connectorsFor makes what flow files name. Console sinks print to out. Nothing is
// opened or created before the flow runs.
func connectorsFor(out io.Writer) flowfile.Connectors {
	logs := schemaLogs{}
	return flowfile.Connectors{
		SourceFormats: sourceFormats,
		StaticFormats: staticFormats,
		SinkFormats:   sinkFormats,
		Source: func(s flowfile.SourceOptions) (connectors.Source, error) {
			if s.Format == "delta" {
				return deltaSource(s, logs)
			}
			if err := plain(s); err != nil {
				return nil, err
			}
			if s.Format == "rate" {
				return rate.Parse(s.Options, flowfile.Duration)
			}
			if s.Format == "rate-micro-batch" {
				return rate.ParseMicroBatch(s.Options)
			}
			if s.Format == "socket" {
				return socket.ParseSource(s.Options)
			}
			if s.Format == "eventhubs" {
				return kafka.EventHubs(s.Options)
			}
			return kafka.New(s.Options)
		},
		HandOff: handOff,
		Rules:   rules,
		Static:  staticTable,
		Sink: func(s flowfile.SinkOptions) (connectors.Sink, error) {
			switch s.Format {
			case "delta":
				return deltaSink(s)
			case "json", "csv", "parquet":
				return fileSink(s)
			case "kafka", "eventhubs":
				if err := only(s); err != nil {
					return nil, err
				}
				if s.Format == "eventhubs" {
					return kafka.EventHubsSink(s.Options)
				}
				return kafka.NewSink(s.Options)
			case "console":
				if err := only(s); err != nil {
					return nil, err
				}
				return console.New(out, s.Options)
			case "socket":
				if err := only(s); err != nil {
					return nil, err
				}
				return socket.ParseSink(s.Options)
			}
			if err := only(s); err != nil {
				return nil, err
			}
			if len(s.Options) > 0 {
				return nil, badOption(s, anyKey(s.Options), nil)
			}
			return &noop.Sink{}, nil
		},
	}
}

// deltaOptions are the options of a Delta sink.
var deltaOptions = []string{"path", "targetFileSize", "maxOpenFiles", "maxRecordsPerFile", "compression", "mergeSchema", "userMetadata", "adopt"}

func deltaSink(s flowfile.SinkOptions) (connectors.Sink, error) {
	o := delta.SinkOptions{PartitionBy: s.PartitionBy, Properties: s.Properties, Keys: s.Keys}
	if (s.Mode == stream.Update) != (len(s.Keys) > 0) {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "DELTAIC_SINK_KEYS_MISSING", Message: fmt.Sprintf("sink %s: output mode update and keys belong together: rows replace those of their keys", s.Name),
			Hint: "add both outputMode: update and keys: [...], or neither"}
	}
	if s.Schema != "" {
		schema, err := delta.ParseDDL(s.Schema)
		if err != nil {
			return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "PARSE_SYNTAX_ERROR", Message: fmt.Sprintf("sink %s: its schema: %v", s.Name, err)}
		}
		o.Schema = schema
		made := delta.CreateOptions{Schema: schema, PartitionBy: s.PartitionBy, Properties: s.Properties}
		if err := made.Check(); err != nil {
			return nil, fmt.Errorf("sink %s: %w", s.Name, err)
		}
	}
	path := s.Path
	for name, text := range s.Options {
		var err error
		switch strings.ToLower(name) {
		case "path":
			if path != "" && path != text {
				err = fmt.Errorf("the sink has two paths, %s and %s", path, text)
			}
			path = text
		case "targetfilesize":
			o.Writer.TargetFileSize, err = flowfile.Bytes(text)
		case "maxopenfiles":
			o.Writer.MaxOpenFiles, err = positive(text)
		case "compression":
			o.Writer.Codec = strings.ToLower(text)
		case "usermetadata":
			o.UserMetadata = text
		case "adopt":
			o.Adopt, err = boolean(text)
		case "maxrecordsperfile":
			var n int
			n, err = positive(text)
			o.Writer.MaxRecords = int64(n)
		case "mergeschema":
			o.MergeSchema, err = boolean(text)
		case "overwriteschema", "replacewhere", "partitionoverwritemode", "datachange":
			return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "UNSUPPORTED_FEATURE",
				Message: fmt.Sprintf("sink %s: %s is not for flows, whose epochs are appended, upserted or are the whole result", s.Name, name),
				Hint:    "deltaic table append --mode overwrite, or delta.Table.Begin, replaces rows of a table"}
		case "txnappid", "txnversion":
			return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "UNSUPPORTED_FEATURE",
				Message: fmt.Sprintf("sink %s: %s is not for flows: each epoch has a txn of its own already", s.Name, name), Hint: "leave it out"}
		default:
			return nil, badOption(s, name, deltaOptions)
		}
		if err != nil {
			return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_OPTION", Message: fmt.Sprintf("sink %s: option %s: %v", s.Name, name, err)}
		}
	}
	if path == "" {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_FLOW_FILE", Message: fmt.Sprintf("sink %s has no path", s.Name), Hint: "add path: lake/" + s.Name}
	}
	return delta.SinkAt(path, o), nil
}

// only refuses what means nothing to a sink without a table.
func only(s flowfile.SinkOptions) error {
	for what, there := range map[string]bool{"path": s.Path != "", "partitionBy": len(s.PartitionBy) > 0, "properties": len(s.Properties) > 0, "keys": len(s.Keys) > 0,
		"schema": s.Schema != ""} {
		if there {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "UNKNOWN_KEY", Message: fmt.Sprintf("sink %s: format %s has no %s", s.Name, s.Format, what)}
		}
	}
	return nil
}

func badOption(s flowfile.SinkOptions, name string, known []string) error {
	f := &supervision.Failure{Kind: supervision.Fatal, Class: "UNKNOWN_OPTION", Message: fmt.Sprintf("sink %s: format %s has no option %q", s.Name, s.Format, name)}
	if len(known) > 0 {
		f.Hint = "known options: " + strings.Join(known, ", ")
	}
	return f
}

func anyKey(m map[string]string) string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys[0]
}
