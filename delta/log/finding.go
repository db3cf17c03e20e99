package log

import "context"

// Finding is something that is wrong in a table, or something that lies about in its folder.
type Finding struct {
	Kind    FindingKind
	Path    string // name of the object within the table; "": the table as such
	Version int64  // of which it is wrong; -1: of none
	Message string

	Repair   string // what puts it right without loss; "": nothing does
	Harmless bool   // every version reads the same with it and without it: the table is sound all the same
}

// FindingKind says what is wrong with what.
type FindingKind string

// The kinds of findings in a log.
const (
	CommitMissing      FindingKind = "commit_missing"      // versions within the log have no commit, or those that the oldest ones rest on have gone
	CommitCorrupt      FindingKind = "commit_corrupt"      // it cannot be read
	CommitInvalid      FindingKind = "commit_invalid"      // its actions contradict each other, or what was before
	CheckpointCorrupt  FindingKind = "checkpoint_corrupt"  // it cannot be read, or lacks parts
	CheckpointMismatch FindingKind = "checkpoint_mismatch" // it says something else than the commits
	SidecarMissing     FindingKind = "sidecar_missing"
	SidecarCorrupt     FindingKind = "sidecar_corrupt"
	HintCorrupt        FindingKind = "hint_corrupt"       // _last_checkpoint cannot be read
	HintStale          FindingKind = "hint_stale"         // it points at a checkpoint that is not there, or not at the newest
	HintMismatch       FindingKind = "hint_mismatch"      // it says something else than the checkpoint
	CompactedCorrupt   FindingKind = "compacted_corrupt"  // reconciled commits cannot be read
	CompactedMismatch  FindingKind = "compacted_mismatch" // or say something else than the commits
	ChecksumCorrupt    FindingKind = "checksum_corrupt"   // a .crc cannot be read
	ChecksumMismatch   FindingKind = "checksum_mismatch"  // or says something else than the log
	ProtocolInvalid    FindingKind = "protocol_invalid"
	MetadataInvalid    FindingKind = "metadata_invalid"
	FeatureUnsupported FindingKind = "feature_unsupported" // this program does not know how to read it, so it cannot tell
	TimestampInvalid   FindingKind = "timestamp_invalid"   // in-commit timestamps are missing or do not rise
	FileDuplicate      FindingKind = "file_duplicate"      // a file is in the newest version twice
)

// CheckOptions say who is told what a check meets.
type CheckOptions struct {
	Find   func(Finding) error                 // each finding; its error ends the check
	Action func(version int64, action *Action) // each action of the log that names a file, of checkpoints and sidecars too; nil: nobody
}

// Checked is the newest version as the log tells it.
type Checked struct {
	Version int64
	Head    *Head     // nil: it cannot be told, or this program cannot read it; findings say why
	Files   *FileList // nil: it cannot be told
}

// Check reads every commit of the log from the oldest one on, and holds each checkpoint, each file of reconciled commits, each
// checksum and the hint against them. It takes the memory of one list of files. What cannot be read is a finding; an error is
// one of the store, of Find, or says that there is no table.
func (l *Log) Check(ctx context.Context, o CheckOptions) (*Checked, error) {
	found, err := l.list(ctx, 0)
	if err != nil {
		return nil, err
	}
	newest := found.newest()
	if newest < 0 {
		return nil, l.noTable()
	}
	c := &logCheck{ctx: ctx, l: l, o: o, found: found, newest: newest, lastCommit: -1}
	if err := c.run(); err != nil {
		return nil, err
	}
	return c.result()
}
