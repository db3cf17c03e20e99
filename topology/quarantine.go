package topology

import "github.com/deltaic/deltaic/batch"

// QuarantineSchema is the columns of every quarantine table: where a rejected
// row came from, what it failed and what it held.
var QuarantineSchema = batch.NewSchema(
	batch.Field{Name: "topic", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "partition", Type: batch.IntType, Nullable: true},
	batch.Field{Name: "offset", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "source", Type: batch.StringType, Nullable: true, Comment: "name of the source in the flow"},
	batch.Field{Name: "step", Type: batch.StringType, Nullable: true, Comment: "step that rejected the row"},
	batch.Field{Name: "rule", Type: batch.StringType, Nullable: true, Comment: "what the row failed"},
	batch.Field{Name: "error_class", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "error", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "value", Type: batch.BinaryType, Nullable: true, Comment: "the value that failed, or the row as JSON"},
	batch.Field{Name: "rejected_at", Type: batch.TimestampType, Nullable: true, Comment: "current_timestamp of the epoch"},
)
