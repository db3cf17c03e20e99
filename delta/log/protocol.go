package log

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Error classes of this package, as Delta spells them.
const (
	ClassRead            = "DELTA_UNSUPPORTED_FEATURES_FOR_READ"
	ClassWrite           = "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE"
	ClassTruncated       = "DELTA_TRUNCATED_TRANSACTION_LOG"
	ClassNotContiguous   = "DELTA_VERSIONS_NOT_CONTIGUOUS"
	ClassVersionNotFound = "DELTA_VERSION_NOT_FOUND"
	ClassNotFound        = "DELTA_TABLE_NOT_FOUND"
	ClassBroken          = "DELTA_LOG_CORRUPT"
	ClassInvalidProtocol = "DELTA_INVALID_PROTOCOL_VERSION"
)

// inactive features may be listed by a protocol: reading or appending is the same
// as without them as long as nothing in the table makes them act. The function
// returns what makes the feature act, "" if nothing does; nil: nothing ever does.
type inactive map[string]func(m *Metadata, s *batch.Schema) string

// forRead are the features whose readers this package knows the log of. What a scan makes of them is
// package delta's.
var forRead = inactive{
	"timestampNtz":             nil,
	"timestampWithoutTimezone": nil, // an old name of it
	"vacuumProtocolCheck":      nil, // a duty of vacuum alone
	"columnMapping":            nil,
	"deletionVectors":          nil,
	"v2Checkpoint":             nil,
	"typeWidening":             typeChanges,
	"typeWidening-preview":     typeChanges,
	"variantType":              nil,
	"variantType-preview":      nil,
	"variantShredding":         nil,
	"variantShredding-preview": nil,
}

var forWrite = inactive{
	"appendOnly":           nil, // appends are what it allows; DML checks the property
	"timestampNtz":         nil,
	"vacuumProtocolCheck":  nil,
	"v2Checkpoint":         nil,
	"domainMetadata":       nil,
	"changeDataFeed":       nil, // appends write no change files
	"deletionVectors":      nil,
	"rowTracking":          nil, // commits number the rows they add
	"columnMapping":        nil,
	"invariants":           nil, // what rows must be is looked at where they are written
	"generatedColumns":     nil,
	"checkConstraints":     nil,
	"allowColumnDefaults":  nil,
	"inCommitTimestamp":    nil,
	"typeWidening":         typeChanges,
	"typeWidening-preview": typeChanges,
	"identityColumns":      fieldMetadata("delta.identity.start"),
	"clustering":           nil, // rows may come in any order; their columns get statistics

	"materializePartitionColumns": nil, // a duty of whoever writes files
}

func fieldMetadata(key string) func(*Metadata, *batch.Schema) string {
	return func(_ *Metadata, s *batch.Schema) string {
		return fieldWith(s.Fields, AppendString([]byte(nil), key), "")
	}
}

func fieldWith(fields []batch.Field, key []byte, path string) string {
	for _, f := range fields {
		if strings.Contains(f.Metadata, string(key)) {
			return "column " + path + f.Name
		}
		if p := fieldWith(f.Type.Fields, key, path+f.Name+"."); p != "" {
			return p
		}
	}
	return ""
}

// legacyWriter are the features that writer versions below 7 may use.
var legacyWriter = [][]string{2: {"appendOnly", "invariants"}, 3: {"checkConstraints"},
	4: {"changeDataFeed", "generatedColumns"}, 5: {"columnMapping"}, 6: {"identityColumns"}}

// Legacy returns the writer features that a table of a writer version below 7 may use.
func Legacy(minWriter int) []string {
	var f []string
	for v := 2; v <= min(minWriter, 6); v++ {
		f = append(f, legacyWriter[v]...)
	}
	return f
}

// CheckRead returns an error that names what keeps us from reading the table.
func CheckRead(p *Protocol, m *Metadata, s *batch.Schema) error {
	var features []string
	switch {
	case p.MinReader <= 1:
	case p.MinReader == 2:
		features = []string{"columnMapping"}
	case p.MinReader == 3:
		features = p.ReaderFeatures
	default:
		return versionError(ClassRead, "reader", p.MinReader, 3)
	}
	return check(ClassRead, "read", features, forRead, m, s)
}

// CheckAppend returns an error that names what keeps us from appending to the
// table. A table that may be appended to may be read too.
func CheckAppend(p *Protocol, m *Metadata, s *batch.Schema) error {
	if err := CheckRead(p, m, s); err != nil {
		return err
	}
	features := Legacy(p.MinWriter)
	switch {
	case p.MinWriter == 7:
		features = p.WriterFeatures
	case p.MinWriter > 7:
		return versionError(ClassWrite, "writer", p.MinWriter, 7)
	}
	return check(ClassWrite, "write", features, forWrite, m, s)
}

func check(class, verb string, features []string, known inactive, m *Metadata, s *batch.Schema) error {
	var bad []string
	for _, f := range features {
		acts, ok := known[f]
		if !ok {
			bad = append(bad, f)
		} else if acts != nil {
			if why := acts(m, s); why != "" {
				bad = append(bad, f+" ("+why+")")
			}
		}
	}
	if len(bad) == 0 {
		return nil
	}
	sort.Strings(bad)
	return &supervision.Failure{Kind: supervision.Fatal, Class: class,
		Message: fmt.Sprintf("cannot %s this table: it needs the table features %s, which are not supported", verb, strings.Join(bad, ", ")),
		Hint:    "use a reader that knows them, or drop them from the table with the engine that made it"}
}

func versionError(class, what string, got, most int) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: class,
		Message: fmt.Sprintf("the table needs %s version %d; this program knows versions up to %d", what, got, most)}
}

// Supports reports whether the protocol lets writers use the feature.
func (p *Protocol) Supports(feature string) bool {
	if p.MinWriter >= 7 {
		return slices.Contains(p.WriterFeatures, feature)
	}
	return slices.Contains(Legacy(p.MinWriter), feature)
}

// Valid checks the shape of a protocol action.
func (p *Protocol) Valid() error {
	switch {
	case p.MinReader < 1 || p.MinWriter < 1:
		return fmt.Errorf("protocol of reader %d and writer %d: versions begin at 1", p.MinReader, p.MinWriter)
	case p.MinReader >= 3 && p.MinWriter < 7:
		return fmt.Errorf("protocol of reader %d and writer %d: reader 3 needs writer 7", p.MinReader, p.MinWriter)
	}
	return nil
}

// typeFeatures are the features that types of columns need, of readers and writers.
func typeFeatures(s *batch.Schema) []string {
	var needed []string
	if hasKind(s.Fields, batch.TimestampNTZ) {
		needed = append(needed, "timestampNtz")
	}
	if hasKind(s.Fields, batch.Variant) {
		needed = append(needed, "variantType")
	}
	return needed
}

// readerFeatures are features that readers must know too.
var readerFeatures = []string{"timestampNtz", "variantType", "columnMapping", "deletionVectors", "typeWidening", "v2Checkpoint", "vacuumProtocolCheck"}

// LowestProtocol returns the lowest protocol that serves a schema and the further features given.
func LowestProtocol(s *batch.Schema, features ...string) *Protocol {
	return (&Protocol{MinReader: 1, MinWriter: 2}).With(append(typeFeatures(s), features...)...)
}

// Serving returns the protocol, or the lowest one above it that serves the schema.
func Serving(p *Protocol, s *batch.Schema) *Protocol { return p.With(typeFeatures(s)...) }

// With returns the lowest protocol that has the features beyond those of p: a version that implies them where there is one and p is not
// above such versions, else reader 3 or writer 7, where what p had by its version is listed.
func (p *Protocol) With(features ...string) *Protocol {
	out := &Protocol{MinReader: p.MinReader, MinWriter: p.MinWriter, ReaderFeatures: slices.Clone(p.ReaderFeatures), WriterFeatures: slices.Clone(p.WriterFeatures)}
	var more []string
	for _, f := range features {
		if !p.Supports(f) || slices.Contains(readerFeatures, f) && p.MinReader >= 3 && !slices.Contains(p.ReaderFeatures, f) {
			more = append(more, f)
		}
	}
	if len(more) == 0 {
		return out
	}
	legacy := p.MinWriter
	for _, f := range more {
		v := slices.IndexFunc(legacyWriter, func(of []string) bool { return slices.Contains(of, f) })
		if v < 0 || legacy == 7 {
			legacy = 7
			break
		}
		legacy = max(legacy, v)
	}
	mapped := p.MinReader >= 2 && p.MinReader < 3 || slices.Contains(more, "columnMapping")
	if legacy < 7 && p.MinReader < 3 {
		out.MinWriter = legacy
		if mapped {
			out.MinReader = 2
		}
		return out
	}
	if p.MinWriter < 7 {
		out.MinWriter, out.WriterFeatures = 7, Legacy(p.MinWriter)
	}
	for _, f := range more {
		if slices.Contains(readerFeatures, f) {
			if out.MinReader < 3 {
				out.MinReader = 3
				if mapped {
					out.ReaderFeatures = append(out.ReaderFeatures, "columnMapping")
				}
			}
			if !slices.Contains(out.ReaderFeatures, f) {
				out.ReaderFeatures = append(out.ReaderFeatures, f)
			}
		}
		if !slices.Contains(out.WriterFeatures, f) {
			out.WriterFeatures = append(out.WriterFeatures, f)
		}
	}
	sort.Strings(out.ReaderFeatures)
	sort.Strings(out.WriterFeatures)
	return out
}

func hasKind(fields []batch.Field, k batch.Kind) bool {
	for _, f := range fields {
		if f.Type.Kind == k || hasKind(f.Type.Fields, k) {
			return true
		}
	}
	return false
}
