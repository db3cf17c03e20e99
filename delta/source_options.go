package delta

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/supervision"
)

// defaultMaxFiles is how many files an epoch reads if no option says it.
const defaultMaxFiles = 1000

// SourceOptions say where a stream begins and what it makes of a table's versions. The zero value reads all that the table
// has and goes on with its changes, 1,000 files an epoch.
type SourceOptions struct {
	// StartingVersion is the first version of which changes are read, instead of what the table has: its number or "latest",
	// which is the next one that comes. "": not set. A stream that has a position goes on from there whatever this says.
	StartingVersion string
	// StartingTimestamp is the same by time: the first version committed then or later. Zero: not set.
	StartingTimestamp time.Time

	MaxFiles int64 // of an epoch, one at least; 0: 1,000, or no bound if MaxBytes is set
	MaxBytes int64 // of an epoch's files: one more is read while fewer have been; 0: no bound

	IgnoreDeletes     bool // versions that only delete are passed over
	IgnoreChanges     bool // of versions that change rows, files that were rewritten are read again as a whole
	SkipChangeCommits bool // versions that change rows are passed over, with the rows they add
	ExcludeRegex      string
	AllowDataLoss     bool // versions that are gone from the log are passed over
	ReadChangeFeed    bool // rows of the change feed, with its columns

	StartOnly bool // what the table has when the stream begins, and nothing of what comes
	// Before, with StartOnly, is the timestamp column by which rows are left out that are not older than Cut, or if that is
	// zero than the newest row.
	Before string
	Cut    time.Time

	// SchemaLog is a location where the stream keeps the columns that it reads with. With it a stream that begins again has them as they were where it stands, and goes
	// on behind columns that were renamed or dropped, or whose type was changed: each such change ends it once, and goes on with the next start if the option
	// below says so. SchemaLogID tells streams of one table apart that keep theirs in one place.
	SchemaLog, SchemaLogID string
	// AllowRename, AllowDrop and AllowTypeChange acknowledge such changes: the number of the version that made one, or "always".
	AllowRename, AllowDrop, AllowTypeChange string

	// EventTime, a timestamp or date column, orders what the table has at first by it, so that no watermark leaves rows behind. "": by the age of files.
	EventTime     string
	EventTimeRows int64 // put in order at once, in memory; 0: about 500,000

	Splits int // over which what the table has at first is spread; 0: 1. Fixed at the stream's first start

	Table Options

	exclude *regexp.Regexp
	inOrder bool // withEventTimeOrder was set
}

// tolerates reports whether an option says what to make of versions that change rows.
func (o *SourceOptions) tolerates() bool {
	return o.IgnoreDeletes || o.IgnoreChanges || o.SkipChangeCommits
}

func (o SourceOptions) withDefaults() (SourceOptions, error) {
	if o.StartingVersion != "" && !o.StartingTimestamp.IsZero() {
		return o, &supervision.Failure{Kind: supervision.Fatal, Class: "DELTA_STARTING_VERSION_AND_TIMESTAMP_BOTH_SET",
			Message: "startingVersion and startingTimestamp are both set", Hint: "keep one of them"}
	}
	if v := o.StartingVersion; v != "" && v != "latest" {
		if n, err := strconv.ParseInt(v, 10, 64); err != nil || n < 0 {
			return o, badSourceOption("startingVersion", v, "want the number of a version, or latest")
		}
	}
	if o.MaxFiles == 0 && o.MaxBytes == 0 {
		o.MaxFiles = defaultMaxFiles
	}
	if o.MaxFiles < 0 || o.MaxBytes < 0 {
		return o, badSourceOption("maxFilesPerTrigger or maxBytesPerTrigger", "negative", "want a number above 0")
	}
	if o.ExcludeRegex != "" {
		var err error
		if o.exclude, err = regexp.Compile(o.ExcludeRegex); err != nil {
			return o, badSourceOption("excludeRegex", o.ExcludeRegex, err.Error())
		}
	}
	if o.SchemaLog != "" && o.AllowDataLoss {
		return o, &supervision.Failure{Kind: supervision.Fatal, Class: "DELTA_ILLEGAL_OPTION", Message: "schemaTrackingLocation is set and failOnDataLoss is false: of versions that are gone nobody knows what they made of the columns",
			Hint: "leave one of the two out"}
	}
	if o.SchemaLog == "" && o.SchemaLogID+o.AllowRename+o.AllowDrop+o.AllowTypeChange != "" {
		return o, &supervision.Failure{Kind: supervision.Fatal, Class: "DELTA_ILLEGAL_OPTION", Message: "streamingSourceTrackingId, allowSourceColumnRename, allowSourceColumnDrop and allowSourceColumnTypeChange have no effect without schemaTrackingLocation",
			Hint: "set schemaTrackingLocation to a folder below the checkpoint location"}
	}
	if strings.ContainsAny(o.SchemaLogID, "/\\") {
		return o, badSourceOption("streamingSourceTrackingId", o.SchemaLogID, "it becomes part of a folder's name")
	}
	if o.Splits <= 0 || o.EventTime != "" {
		o.Splits = 1
	}
	return o, nil
}

func badSourceOption(name, text, why string) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: "DELTA_ILLEGAL_OPTION", Message: fmt.Sprintf("the Delta source's option %s is %q: %s", name, text, why)}
}

// sourceSetters set the options of Spark, by name in lower case.
var sourceSetters = map[string]struct {
	name string // as Spark writes it
	set  func(o *SourceOptions, text string, bytes func(string) (int64, error)) error
}{
	"startingversion": {"startingVersion", func(o *SourceOptions, text string, _ func(string) (int64, error)) error {
		o.StartingVersion = strings.ToLower(text)
		return nil
	}},
	"startingtimestamp": {"startingTimestamp", func(o *SourceOptions, text string, _ func(string) (int64, error)) (err error) {
		o.StartingTimestamp, err = ParseTime(text)
		return err
	}},
	"maxfilespertrigger": {"maxFilesPerTrigger", func(o *SourceOptions, text string, _ func(string) (int64, error)) (err error) {
		o.MaxFiles, err = strconv.ParseInt(text, 10, 64)
		if err != nil || o.MaxFiles < 1 {
			err = fmt.Errorf("want a number above 0")
		}
		return err
	}},
	"maxbytespertrigger": {"maxBytesPerTrigger", func(o *SourceOptions, text string, bytes func(string) (int64, error)) (err error) {
		o.MaxBytes, err = bytes(text)
		if err == nil && o.MaxBytes < 1 {
			err = fmt.Errorf("want a size above 0, such as 10g")
		}
		return err
	}},
	"ignoredeletes":      {"ignoreDeletes", sourceFlag(func(o *SourceOptions, b bool) { o.IgnoreDeletes = b })},
	"ignorechanges":      {"ignoreChanges", sourceFlag(func(o *SourceOptions, b bool) { o.IgnoreChanges = b })},
	"ignorefiledeletion": {"ignoreFileDeletion", sourceFlag(func(o *SourceOptions, b bool) { o.IgnoreChanges = o.IgnoreChanges || b })},
	"skipchangecommits":  {"skipChangeCommits", sourceFlag(func(o *SourceOptions, b bool) { o.SkipChangeCommits = b })},
	"failondataloss":     {"failOnDataLoss", sourceFlag(func(o *SourceOptions, b bool) { o.AllowDataLoss = !b })},
	"readchangefeed":     {"readChangeFeed", sourceFlag(func(o *SourceOptions, b bool) { o.ReadChangeFeed = b })},
	"readchangedata":     {"readChangeData", sourceFlag(func(o *SourceOptions, b bool) { o.ReadChangeFeed = o.ReadChangeFeed || b })},
	"excluderegex": {"excludeRegex", func(o *SourceOptions, text string, _ func(string) (int64, error)) error {
		o.ExcludeRegex = text
		return nil
	}},
	"schematrackinglocation": {"schemaTrackingLocation", sourceText(func(o *SourceOptions, text string) { o.SchemaLog = text })},
	"schemalocation": {"schemaLocation", func(o *SourceOptions, text string, _ func(string) (int64, error)) error {
		o.SchemaLog = cmp.Or(o.SchemaLog, text)
		return nil
	}},
	"streamingsourcetrackingid":   {"streamingSourceTrackingId", sourceText(func(o *SourceOptions, text string) { o.SchemaLogID = text })},
	"allowsourcecolumnrename":     {"allowSourceColumnRename", sourceAcknowledgement(func(o *SourceOptions, text string) { o.AllowRename = text })},
	"allowsourcecolumndrop":       {"allowSourceColumnDrop", sourceAcknowledgement(func(o *SourceOptions, text string) { o.AllowDrop = text })},
	"allowsourcecolumntypechange": {"allowSourceColumnTypeChange", sourceAcknowledgement(func(o *SourceOptions, text string) { o.AllowTypeChange = text })},
	"witheventtimeorder":          {"withEventTimeOrder", sourceFlag(func(o *SourceOptions, b bool) { o.inOrder = b })},
	"eventtimecolumn": {"eventTimeColumn", func(o *SourceOptions, text string, _ func(string) (int64, error)) error {
		o.EventTime = text
		return nil
	}},
	"splits": {"splits", func(o *SourceOptions, text string, _ func(string) (int64, error)) (err error) {
		o.Splits, err = strconv.Atoi(text)
		if err != nil || o.Splits < 1 || o.Splits > 256 {
			err = fmt.Errorf("want 1 to 256")
		}
		return err
	}},
}

func sourceText(set func(*SourceOptions, string)) func(*SourceOptions, string, func(string) (int64, error)) error {
	return func(o *SourceOptions, text string, _ func(string) (int64, error)) error {
		set(o, text)
		return nil
	}
}

// sourceAcknowledgement takes the number of a version, or always.
func sourceAcknowledgement(set func(*SourceOptions, string)) func(*SourceOptions, string, func(string) (int64, error)) error {
	return func(o *SourceOptions, text string, _ func(string) (int64, error)) error {
		if n, err := strconv.ParseInt(text, 10, 64); (err != nil || n < 0) && !strings.EqualFold(text, "always") {
			return fmt.Errorf("want the number of the version that changed columns, or always")
		}
		set(o, text)
		return nil
	}
}

func sourceFlag(set func(*SourceOptions, bool)) func(*SourceOptions, string, func(string) (int64, error)) error {
	return func(o *SourceOptions, text string, _ func(string) (int64, error)) error {
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("want true or false")
		}
		set(o, b)
		return nil
	}
}

// ParseTime reads a time as Spark's Delta and Kafka sources both have it: a date, a date and time in UTC unless it says
// another zone, or milliseconds since 1970.
func ParseTime(text string) (time.Time, error) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("want a time such as 2026-01-31T10:20:30Z, 2026-01-31 10:20:30 or 2026-01-31")
}

// SourceOptionNames are the options that ParseSourceOptions knows.
func SourceOptionNames() []string {
	names := make([]string, 0, len(sourceSetters))
	for _, s := range sourceSetters {
		names = append(names, s.name)
	}
	return names
}

// ParseSourceOptions reads Spark's options, names without regard to letter case; bytes reads a size such as "10g". The second
// result is the name of an option that there is not.
func ParseSourceOptions(options map[string]string, bytes func(string) (int64, error)) (o SourceOptions, unknown string, err error) {
	for name, text := range options {
		s, known := sourceSetters[strings.ToLower(strings.TrimSpace(name))]
		if !known {
			return o, name, nil
		}
		if err := s.set(&o, strings.TrimSpace(text), bytes); err != nil {
			return o, "", badSourceOption(s.name, text, err.Error())
		}
	}
	if o.inOrder != (o.EventTime != "") {
		return o, "", &supervision.Failure{Kind: supervision.Fatal, Class: "DELTA_ILLEGAL_OPTION", Message: "withEventTimeOrder and eventTimeColumn belong together: the table's rows come in the order of that column at first",
			Hint: "set withEventTimeOrder: true and eventTimeColumn to the column of the watermark, or neither"}
	}
	_, err = o.withDefaults()
	return o, "", err
}
