package node

import (
	"context"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/handoff"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/node/flowfile"
	"github.com/deltaic/deltaic/supervision"
)

// handOff makes a source that reads what a table has, then a Kafka topic from where the table ends: by the offsets that its rows record,
// or by time.
func handOff(h flowfile.HandOffOptions) (connectors.Source, error) {
	invalid := func(format string, args ...any) error {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "INVALID_FLOW_FILE", Message: "source " + h.Name + ": " + fmt.Sprintf(format, args...)}
	}
	if h.History.Format != "delta" || h.Live.Format != "kafka" {
		return nil, invalid("a history is of format delta and what follows it of format kafka, not %s and %s", h.History.Format, h.Live.Format)
	}
	if h.Live.Path != "" {
		return nil, invalid("format kafka has no path")
	}
	path, o, err := deltaSourceOptions(h.History)
	if err != nil {
		return nil, err
	}
	if o.StartingVersion != "" || !o.StartingTimestamp.IsZero() || o.ReadChangeFeed || o.SchemaLog != "" {
		return nil, invalid("a history is what one version has: leave startingVersion, startingTimestamp, readChangeFeed and schemaTrackingLocation out")
	}
	o.StartOnly = true
	options := map[string]string{"startingOffsets": "earliest"} // of partitions that the table knows nothing of
	for name, text := range h.Live.Options {
		switch key := strings.ToLower(name); {
		case key == "startingoffsets":
			return nil, invalid("the live source begins where the history ends: leave startingOffsets out")
		case key == "startingtimestamp" && h.By == "timestamp":
			if o.Cut, err = delta.ParseTime(text); err != nil {
				return nil, invalid("startingTimestamp: %v", err)
			}
		default:
			options[name] = text
		}
	}
	if h.By == "timestamp" {
		o.Before = "timestamp"
	}
	live, err := kafka.New(options)
	if err != nil {
		return nil, err
	}
	history, err := delta.OpenSource(context.Background(), path, o)
	if err != nil {
		return nil, err
	}
	point := func(ctx context.Context) (connectors.Positions, error) { return byOffsets(ctx, history, live) }
	if h.By == "timestamp" {
		point = func(ctx context.Context) (connectors.Positions, error) {
			at, err := history.CutAt(ctx)
			if err != nil {
				return nil, err
			}
			return live.After(ctx, at)
		}
	}
	return handoff.New(history, live, point)
}

// byOffsets returns the positions behind the rows of a table, of the partitions that are read; the table may have rows of other topics.
func byOffsets(ctx context.Context, history *delta.Source, live *kafka.Input) (connectors.Positions, error) {
	recorded, err := history.Recorded(ctx)
	if err != nil {
		return nil, err
	}
	read, err := live.Start(ctx, nil)
	at := connectors.Positions{}
	for split := range read {
		if offset, known := recorded[string(split)]; known {
			at[split] = connectors.Position(fmt.Sprint(offset))
		}
	}
	return at, err
}
