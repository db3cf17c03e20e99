package topology

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/deltaic/deltaic/operators"
)

// Progress is what happened in one epoch, field for field Spark's
// StreamingQueryProgress. Maps that are empty and numbers that are not finite are left out of its JSON.
type Progress struct {
	ID                     string                     `json:"id"`    // of the query, stable over restarts
	RunID                  string                     `json:"runId"` // of this run
	Name                   string                     `json:"name"`
	Timestamp              string                     `json:"timestamp"` // begin of the trigger, ISO 8601, UTC
	BatchID                int64                      `json:"batchId"`   // the epoch
	BatchDuration          int64                      `json:"batchDuration"`
	NumInputRows           int64                      `json:"numInputRows"`
	InputRowsPerSecond     Rate                       `json:"inputRowsPerSecond,omitzero"`
	ProcessedRowsPerSecond Rate                       `json:"processedRowsPerSecond,omitzero"`
	DurationMs             map[string]int64           `json:"durationMs,omitempty"`
	EventTime              map[string]string          `json:"eventTime,omitempty"`
	Watermarks             []StepWatermark            `json:"watermarks,omitempty"` // beyond Spark: by split, and which one holds the others back
	StateOperators         []StateProgress            `json:"stateOperators"`
	Sources                []SourceProgress           `json:"sources"`
	Sink                   SinkProgress               `json:"sink"`
	Sinks                  []SinkProgress             `json:"sinks,omitempty"`   // beyond Spark: a flow may have several
	HotKeys                []HotKey                   `json:"hotKeys,omitempty"` // beyond Spark: keys that fold before their exchange because they have so many rows
	ObservedMetrics        map[string]json.RawMessage `json:"observedMetrics,omitempty"`
	Alerts                 []string                   `json:"alerts,omitempty"` // beyond Spark: those that fire, such as lag or expectation:paid
}

// HotKey is a key with more than its share of the rows of a step.
type HotKey struct {
	Step  string  `json:"step"`
	Key   string  `json:"key"`   // as JSON, at most 200 bytes of it
	Share float64 `json:"share"` // of the rows that one task sees
}

// Expectation is how many rows of an epoch satisfied a rule, in the words of the event log of Delta Live Tables.
type Expectation struct {
	Name          string             `json:"name"`
	Dataset       string             `json:"dataset"` // the frame that the rule is about
	PassedRecords int64              `json:"passed_records"`
	FailedRecords int64              `json:"failed_records"`
	OnViolation   string             `json:"on_violation"`
	Sample        []operators.Sample `json:"sample,omitempty"` // rows that violate it, if the rule asks for some
}

// StateProgress is one step's keyed state.
type StateProgress struct {
	OperatorName              string           `json:"operatorName"`
	NumRowsTotal              int64            `json:"numRowsTotal"`
	NumRowsUpdated            int64            `json:"numRowsUpdated"`
	AllUpdatesTimeMs          int64            `json:"allUpdatesTimeMs"`
	NumRowsRemoved            int64            `json:"numRowsRemoved"`
	AllRemovalsTimeMs         int64            `json:"allRemovalsTimeMs"`
	CommitTimeMs              int64            `json:"commitTimeMs"`
	MemoryUsedBytes           int64            `json:"memoryUsedBytes"`
	NumRowsDroppedByWatermark int64            `json:"numRowsDroppedByWatermark"`
	NumShufflePartitions      int64            `json:"numShufflePartitions"`
	NumStateStoreInstances    int64            `json:"numStateStoreInstances"`
	CustomMetrics             map[string]int64 `json:"customMetrics,omitempty"`
}

// SourceProgress is one source's part.
type SourceProgress struct {
	Description            string            `json:"description"`
	StartOffset            json.RawMessage   `json:"startOffset"`
	EndOffset              json.RawMessage   `json:"endOffset"`
	LatestOffset           json.RawMessage   `json:"latestOffset"`
	NumInputRows           int64             `json:"numInputRows"`
	InputRowsPerSecond     Rate              `json:"inputRowsPerSecond,omitzero"`
	ProcessedRowsPerSecond Rate              `json:"processedRowsPerSecond,omitzero"`
	Metrics                map[string]string `json:"metrics,omitempty"`
}

// SinkProgress is one sink's part.
type SinkProgress struct {
	Name          string            `json:"name,omitempty"` // of the sink in the flow
	Description   string            `json:"description"`
	NumOutputRows int64             `json:"numOutputRows"` // -1: not known
	Metrics       map[string]string `json:"metrics,omitempty"`
}

// Rate is rows a second. Zero and what is not finite are left out of JSON.
type Rate float64

// IsZero reports whether the rate is left out.
func (r Rate) IsZero() bool {
	return r == 0 || math.IsNaN(float64(r)) || math.IsInf(float64(r), 0)
}

// MarshalJSON writes the rate rounded to one decimal.
func (r Rate) MarshalJSON() ([]byte, error) {
	if r.IsZero() {
		return []byte("0.0"), nil
	}
	text := strconv.FormatFloat(math.Round(float64(r)*10)/10, 'f', -1, 64)
	if _, err := strconv.Atoi(text); err == nil {
		text += ".0"
	}
	return []byte(text), nil
}
