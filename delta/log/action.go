package log

import (
	"slices"
	"strings"
)

// Action is one line of a commit, or one row of a checkpoint: exactly one
// field is set, or none where the log holds something that we do not know.
type Action struct {
	CommitInfo *CommitInfo
	Protocol   *Protocol
	Metadata   *Metadata
	Txn        *Txn
	Domain     *Domain
	Add        *Add
	Remove     *Remove
	CDC        *CDC
	Sidecar    *Sidecar
	Checkpoint *CheckpointMetadata // written, not read
}

// Protocol says which readers and writers may touch the table.
type Protocol struct {
	MinReader, MinWriter int
	ReaderFeatures       []string // set exactly if MinReader is 3
	WriterFeatures       []string // set exactly if MinWriter is 7
}

// Metadata describes the table.
type Metadata struct {
	ID               string // GUID of the table
	Name             string
	Description      string
	Provider         string            // "parquet"
	FormatOptions    map[string]string // of the provider
	SchemaString     string
	PartitionColumns []string
	Configuration    map[string]string
	CreatedTime      *int64 // milliseconds since 1970
}

// PartitionValue is one column's value of a file. "" is null, for strings too.
type PartitionValue struct {
	Column, Value string
}

// PartitionValues are a file's values, in the log's order.
type PartitionValues []PartitionValue

// Get returns the value of the column, and whether the file has one.
func (p PartitionValues) Get(column string) (string, bool) {
	for i := range p {
		if p[i].Column == column {
			return p[i].Value, true
		}
	}
	return "", false
}

// DeletionVector points at the rows of a file that are gone.
type DeletionVector struct {
	StorageType  string // u, i or p
	PathOrInline string
	Offset       *int64
	SizeInBytes  int64 // bytes
	Cardinality  int64 // rows
	MaxRowIndex  *int64
}

// ID identifies the vector within its file.
func (d *DeletionVector) ID() string {
	if d == nil {
		return ""
	}
	id := d.StorageType + d.PathOrInline
	if d.Offset != nil {
		id += "@" + itoa(*d.Offset)
	}
	return id
}

// Add makes a file part of the table.
type Add struct {
	Path                    string // as in the log: see DecodePath
	Partition               PartitionValues
	Size                    int64 // bytes
	ModificationTime        int64 // milliseconds since 1970
	DataChange              bool
	Stats                   string // JSON text, "" if there are none
	Tags                    map[string]string
	DeletionVector          *DeletionVector
	BaseRowID               *int64
	DefaultRowCommitVersion *int64
	ClusteringProvider      string
}

// Clone returns a copy that shares no memory with the list of files it came from.
func (a *Add) Clone() *Add {
	c := *a
	c.Path, c.Stats, c.ClusteringProvider = strings.Clone(a.Path), strings.Clone(a.Stats), strings.Clone(a.ClusteringProvider)
	c.Partition = slices.Clone(a.Partition)
	for i := range c.Partition {
		c.Partition[i] = PartitionValue{strings.Clone(a.Partition[i].Column), strings.Clone(a.Partition[i].Value)}
	}
	if a.Tags != nil {
		c.Tags = make(map[string]string, len(a.Tags))
		for k, v := range a.Tags {
			c.Tags[strings.Clone(k)] = strings.Clone(v)
		}
	}
	if d := a.DeletionVector; d != nil {
		v := *d
		v.StorageType, v.PathOrInline = strings.Clone(d.StorageType), strings.Clone(d.PathOrInline)
		c.DeletionVector = &v
	}
	return &c
}

// Remove takes a file out of the table.
type Remove struct {
	Path                    string
	DeletionTimestamp       *int64 // milliseconds since 1970
	DataChange              bool
	Extended                bool // Partition and Size are meant
	Partition               PartitionValues
	Size                    *int64
	Stats                   string
	Tags                    map[string]string
	DeletionVector          *DeletionVector
	BaseRowID               *int64
	DefaultRowCommitVersion *int64
}

// CDC is a file of changed rows.
type CDC struct {
	Path      string
	Partition PartitionValues
	Size      int64 // bytes
	Tags      map[string]string
}

// Sidecar is a file that holds files of a checkpoint of the second form.
type Sidecar struct {
	Path             string // its name in the folder of sidecars
	Size             int64  // bytes
	ModificationTime int64  // milliseconds since 1970
	Tags             map[string]string
}

// CheckpointMetadata says of a checkpoint of the second form that it is one.
type CheckpointMetadata struct {
	Version int64
	Tags    map[string]string
}

// Txn says that the application has applied everything up to Version.
type Txn struct {
	AppID       string
	Version     int64
	LastUpdated *int64 // milliseconds since 1970; nil: never expires
}

// Domain is a named configuration, or its removal.
type Domain struct {
	Domain        string
	Configuration string
	Removed       bool
}

// Parameter is one of an operation's parameters. Value is JSON text.
type Parameter struct {
	Name, Value string
}

// CommitInfo is what a commit says about itself. Unset fields are "", 0 or nil.
type CommitInfo struct {
	Timestamp         int64 // milliseconds since 1970
	InCommitTimestamp *int64
	UserID, UserName  string
	Operation         string
	Parameters        []Parameter // in the log's order; encoded in the order given
	ReadVersion       *int64
	IsolationLevel    string
	IsBlindAppend     *bool
	Metrics           []Parameter // values are JSON text, Spark writes strings
	UserMetadata      string
	Tags              map[string]string
	EngineInfo        string
	TxnID             string
}

// FileKey identifies a file of the table across differing spellings of its path.
func FileKey(path string, dv *DeletionVector) string {
	path = canonical(path)
	if dv == nil {
		return path
	}
	return path + "\x00" + dv.ID()
}
