package delta

import (
	"context"
	"errors"
	"iter"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
)

// Finding is something that is wrong in a table, or something that lies about in its folder.
type Finding = log.Finding

// The kinds of findings outside the log.
const (
	DataFileMissing    log.FindingKind = "data_file_missing"
	DataFileMismatch   log.FindingKind = "data_file_mismatch"   // another size, another number of rows or other types than the table says
	DataFileCorrupt    log.FindingKind = "data_file_corrupt"    // it cannot be read
	StatisticsMismatch log.FindingKind = "statistics_mismatch"  // what the log says of its rows is not so
	PartitionInvalid   log.FindingKind = "partition_invalid"    // its partition values are missing or none of their type
	PathInvalid        log.FindingKind = "path_invalid"         // it lies where it is not read: outside of the table
	VectorMissing      log.FindingKind = "vector_missing"       // the file of a deletion vector
	VectorCorrupt      log.FindingKind = "vector_corrupt"       // it cannot be read, or its checksum is wrong
	VectorMismatch     log.FindingKind = "vector_mismatch"      // other rows than the log says, or beyond the file
	ChangeFileMissing  log.FindingKind = "change_file_missing"  // of a version whose changes should still be there
	ChangeFileMismatch log.FindingKind = "change_file_mismatch" // another size
	Orphan             log.FindingKind = "orphan"               // no version that the log knows has the file
	Temporary          log.FindingKind = "temporary"            // a writer died over it
)

// CheckOptions say how far a check goes.
type CheckOptions struct {
	Deep     bool // read every row of every file and hold the log's statistics against them
	Parallel int  // files read at once; 0: 8
}

// errStopped says that whoever looks at findings wants no more.
var errStopped = errors.New("the check was stopped")

// Check looks for what is wrong with the table: it replays the whole log and holds checkpoints and checksums against it, looks for each file of the newest
// version, opens it, and reads its deletion vector. It changes nothing, and writers may go on meanwhile. The table is sound if no finding
// comes that is not harmless. An error ends the check, and says that the store failed or that there is no table; what cannot be read is a finding.
//
// Memory is that of a snapshot, and of 32 bytes for each file that the log names; a deep check takes that of the statistics too which a
// checkpoint writes otherwise than the commits.
func (t *Table) Check(ctx context.Context, o CheckOptions) iter.Seq2[Finding, error] {
	if o.Parallel <= 0 {
		o.Parallel = 8
	}
	return func(yield func(Finding, error) bool) {
		c := &check{t: t, o: o, ctx: ctx, folder: newFolder(), yield: func(f Finding) error {
			if !yield(f, nil) {
				return errStopped
			}
			return nil
		}}
		if err := c.run(); err != nil && !errors.Is(err, errStopped) {
			yield(Finding{}, err)
		}
	}
}

// check is one check of a table.
type check struct {
	t      *Table
	o      CheckOptions
	ctx    context.Context
	yield  func(Finding) error
	folder *folder
	head   *Head
	files  *log.FileList
	newest int64
	told   reread
	unsure bool // the log has places that cannot be read: what they name is not known
}

func (c *check) run() error {
	checked, err := c.t.log.Check(c.ctx, log.CheckOptions{Find: c.ofLog, Action: c.named})
	if err != nil {
		return err
	}
	c.head, c.files, c.newest = checked.Head, checked.Files, checked.Version
	c.unsure = c.unsure || c.files == nil
	if err := c.live(); err != nil {
		return err
	}
	if err := c.walk(); err != nil {
		return err
	}
	if err := c.missing(); err != nil {
		return err
	}
	if c.head == nil || c.files == nil {
		return nil
	}
	return c.contents()
}

// ofLog passes on what is wrong in the log, and notes whether files may be named where it cannot be read.
func (c *check) ofLog(f Finding) error {
	switch f.Kind {
	case log.CommitMissing, log.CommitCorrupt, log.CommitInvalid:
		c.unsure = c.unsure || !f.Harmless
	case log.CheckpointCorrupt, log.CheckpointMismatch, log.SidecarMissing, log.SidecarCorrupt, log.CompactedCorrupt, log.CompactedMismatch:
		c.unsure = c.unsure || f.Repair == "" // otherwise the commits say the same
	}
	return c.yield(f)
}

// named notes the files that an action names, so that they are no orphans.
func (c *check) named(_ int64, a *log.Action) {
	switch {
	case a.Add != nil:
		c.note(a.Add.Path, a.Add.DeletionVector)
	case a.Remove != nil:
		c.note(a.Remove.Path, a.Remove.DeletionVector)
	case a.Sidecar != nil:
		if name, err := log.SidecarName(a.Sidecar.Path); err == nil {
			c.folder.add(name, 0, old)
		}
	case a.CDC != nil:
		if name, err := c.t.object(a.CDC.Path); err == nil {
			c.folder.add(name, a.CDC.Size, changed)
		}
	}
}

func (c *check) note(path string, d *log.DeletionVector) {
	if name, err := c.t.object(path); err == nil {
		c.folder.add(name, 0, old)
	}
	if name, err := c.t.vectorFile(d); err == nil && name != "" {
		c.folder.add(name, 0, old)
	}
}

// live notes the files of the newest version, which must be there.
func (c *check) live() error {
	defer c.folder.settle()
	if c.files == nil {
		return nil
	}
	var failed error
	c.files.Each(func(a *log.Add) bool {
		name, err := c.t.object(a.Path)
		if err != nil {
			failed = c.yield(Finding{Kind: PathInvalid, Path: a.Path, Version: c.newest, Message: err.Error()})
			return failed == nil
		}
		c.folder.add(name, a.Size, live)
		if name, err := c.t.vectorFile(a.DeletionVector); err == nil && name != "" {
			c.folder.add(name, 0, old) // reading it tells more than its size does
		}
		return true
	})
	return failed
}

// missing says which files are not there. Change files of versions that a vacuum may have passed over are not missed.
func (c *check) missing() error {
	lost, changes := c.folder.unseen()
	if lost > 0 {
		if err := c.lost(); err != nil {
			return err
		}
	}
	if changes == 0 {
		return nil
	}
	versions, err := c.t.log.Versions(c.ctx)
	if err != nil {
		return err
	}
	keep := fileRetention
	if c.head != nil {
		keep = retained(&c.head.Metadata, "delta.deletedFileRetentionDuration", fileRetention)
	}
	for _, v := range versions {
		if !v.ModTime.IsZero() && c.t.o.Now().Sub(v.ModTime) > keep {
			continue
		}
		err := c.t.log.Commit(c.ctx, v.Version, log.KindCDC, func(a *log.Action) error {
			name, err := c.t.object(a.CDC.Path)
			if err != nil || c.folder.find(name).flags&seen != 0 {
				return nil
			}
			return c.yield(Finding{Kind: ChangeFileMissing, Path: name, Version: v.Version, Message: "the changes of the version cannot be read without it"})
		})
		if errors.Is(err, errStopped) || c.ctx.Err() != nil || errors.Is(err, objstore.ErrUnusable) {
			return err
		}
	}
	return nil
}

// lost names the files of the newest version that are missing, or are of another size, or there twice.
func (c *check) lost() error {
	var failed error
	c.files.Each(func(a *log.Add) bool {
		name, err := c.t.object(a.Path)
		if err != nil {
			return true // said already
		}
		k := c.folder.find(name)
		f := Finding{Path: name, Version: c.newest}
		switch {
		case k.flags&seen == 0:
			_, err := c.t.Store().Head(c.ctx, name) // it may be hidden from listings, or have come since
			if err == nil {
				return true
			}
			if !errors.Is(err, objstore.ErrNotFound) {
				failed = err
				return false
			}
			f.Kind, f.Message = DataFileMissing, "the newest version has the file, and it is not there: its rows are lost unless it is brought back"
		case k.flags&misfit != 0:
			f.Kind, f.Message = DataFileMismatch, "the file has another size than the log says, "+count(a.Size, "byte")
		case k.flags&twice != 0:
			f.Kind, f.Message = log.FileDuplicate, "the newest version has the file more than once, with other deletion vectors: its rows are read twice"
		default:
			return true
		}
		failed = c.yield(f)
		return failed == nil
	})
	return failed
}

// object is within that makes sure that the store can have an object of that name.
func (t *Table) object(path string) (string, error) {
	name, err := t.within(path)
	if err == nil {
		err = objstore.CheckName(name)
	}
	return name, err
}
