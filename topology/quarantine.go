package topology

import "github.com/deltaic/deltaic/batch"

// QuarantineSchema is the columns of every quarantine table: where a rejected
// row came from, what it failed, what it held, and whether it went back.
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
	batch.Field{Name: "record", Type: batch.StringType, Nullable: true, Comment: "the row as JSON, as the step was given it, if value is only what failed; null if the row is in value"},
	batch.Field{Name: "schema_version", Type: batch.StringType, Nullable: true, Comment: "digest of the columns that the step was given"},
	batch.Field{Name: "table_version", Type: batch.BigIntType, Nullable: true, Comment: "of the table that is the source"},
	batch.Field{Name: "file", Type: batch.StringType, Nullable: true, Comment: "of the source"},
	batch.Field{Name: "file_row", Type: batch.BigIntType, Nullable: true, Comment: "of the file, from 0"},
	batch.Field{Name: "flow", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "id", Type: batch.StringType, Nullable: true, Comment: "incarnation, epoch, task and number: no other row has it"},
	batch.Field{Name: "replayed_at", Type: batch.TimestampType, Nullable: true, Comment: "when the row went back into the flow, in the same epoch; null: it waits"},
	batch.Field{Name: "change_type", Type: batch.StringType, Nullable: true, Comment: "update_preimage, update_postimage or delete, of a row of an input that changes; null: insert"},
)

// The columns of QuarantineSchema that a replay looks at.
const (
	// QuarantineSource and QuarantineStep say who rejected a row.
	QuarantineSource, QuarantineStep = 3, 4
	// QuarantineValue and QuarantineRecord hold the row.
	QuarantineValue, QuarantineRecord = 8, 10
	// QuarantineVersion names its columns, and QuarantineChange says what it did to the table that its step reads.
	QuarantineVersion, QuarantineChange = 11, 18
)

// QuarantineKey is the column by which a quarantined row is found again.
const QuarantineKey = "id"

// ReplaySource is the name of the source through which quarantined rows go back into their flow.
const ReplaySource = "quarantine-replay"
