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
	"appendOnly":          nil, // appends are what it allows; DML checks the property
	"timestampNtz":        nil,
	"vacuumProtocolCheck": nil,
	"domainMetadata":      nil,
	"changeDataFeed":      nil, // appends write no change files
	"deletionVectors":     nil, // we make none, and numRecords is always written
	"columnMapping":       columnMapping,
	"invariants":          fieldMetadata("delta.invariants"),
	"generatedColumns":    fieldMetadata("delta.generationExpression"),
	"identityColumns":     fieldMetadata("delta.identity.start"),
	"allowColumnDefaults": fieldMetadata("CURRENT_DEFAULT"),
	"checkConstraints": func(m *Metadata, _ *batch.Schema) string {
		for k := range m.Configuration {
			if strings.HasPrefix(k, "delta.constraints.") {
				return "property " + k
			}
		}
		return ""
	},
	"inCommitTimestamp": property("delta.enableInCommitTimestamps"),
}

func columnMapping(m *Metadata, _ *batch.Schema) string {
	if mode := m.Configuration["delta.columnMapping.mode"]; mode != "" && mode != "none" {
		return "property delta.columnMapping.mode=" + mode
	}
	return ""
}

func property(name string) func(*Metadata, *batch.Schema) string {
	return func(m *Metadata, _ *batch.Schema) string {
		if strings.EqualFold(m.Configuration[name], "true") {
			return "property " + name
		}
		return ""
	}
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

// LowestProtocol returns the lowest protocol that serves a schema, with the
// further features given.
func LowestProtocol(s *batch.Schema, features ...string) *Protocol {
	var reader []string
	if hasKind(s.Fields, batch.TimestampNTZ) {
		reader = append(reader, "timestampNtz")
	}
	if hasKind(s.Fields, batch.Variant) {
		reader = append(reader, "variantType")
	}
	if len(reader) == 0 && len(features) == 0 {
		return &Protocol{MinReader: 1, MinWriter: 2}
	}
	for _, f := range features {
		if _, both := forRead[f]; both && !slices.Contains(reader, f) {
			reader = append(reader, f)
		}
	}
	p := &Protocol{MinReader: 1, MinWriter: 7, WriterFeatures: []string{"appendOnly", "invariants"}}
	if len(reader) > 0 {
		p.MinReader, p.ReaderFeatures = 3, reader
	}
	for _, f := range slices.Concat(reader, features) {
		if !slices.Contains(p.WriterFeatures, f) {
			p.WriterFeatures = append(p.WriterFeatures, f)
		}
	}
	sort.Strings(p.WriterFeatures)
	return p
}

func hasKind(fields []batch.Field, k batch.Kind) bool {
	for _, f := range fields {
		if f.Type.Kind == k || hasKind(f.Type.Fields, k) {
			return true
		}
	}
	return false
}
