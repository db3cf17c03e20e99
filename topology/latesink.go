package topology

import "github.com/deltaic/deltaic/batch"

// LateSchema is the columns of every table of late rows: where a row came
// from, which step dropped it, how far its watermark was, and the row.
var LateSchema = batch.NewSchema(
	batch.Field{Name: "topic", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "partition", Type: batch.IntType, Nullable: true},
	batch.Field{Name: "offset", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "source", Type: batch.StringType, Nullable: true, Comment: "name of the source in the flow"},
	batch.Field{Name: "step", Type: batch.StringType, Nullable: true, Comment: "step for which the row came too late"},
	batch.Field{Name: "watermark", Type: batch.TimestampType, Nullable: true, Comment: "event time that was complete when the row came"},
	batch.Field{Name: "value", Type: batch.StringType, Nullable: true, Comment: "the row as the step was given it, as JSON"},
	batch.Field{Name: "dropped_at", Type: batch.TimestampType, Nullable: true, Comment: "current_timestamp of the epoch"},
)
