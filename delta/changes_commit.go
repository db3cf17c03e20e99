package delta

import (
	"context"

	"github.com/deltaic/deltaic/delta/log"
)

// pieceKind says what the rows of a piece are.
type pieceKind uint8

const (
	pieceInsert pieceKind = iota
	pieceDelete
	pieceFeed // the file says it, row by row
)

func (k pieceKind) changeType() string {
	if k == pieceDelete {
		return "delete"
	}
	return "insert"
}

// piece is a file, or some rows of it, of which changes consist.
type piece struct {
	kind pieceKind
	add  log.Add // where the rows are; those that its deletion vector has are none of them
	// differs: the rows wanted are those of add that the same file lacks with the deletion vector than.
	differs bool
	than    *log.DeletionVector
	spare   bool // what says the partition leaves out values that are null, as Spark's removals do
}

// commitChanges are the changes of one version.
type commitChanges struct {
	version int64
	time    int64           // milliseconds since 1970, if it was asked for
	info    *log.CommitInfo // nil: the commit says nothing of itself
	pieces  []piece         // what goes comes before what comes, unless change files say it
	feed    bool            // the pieces are change files

	came      []log.Add // files whose data came
	removes   int       // of files whose data went
	bare      bool      // a removal does not say its file's partition
	described bool      // the table's metadata or protocol changed
}

// commitChanges reads what a version changed: by its change files if those are wanted and there are any, else by
// the files that came and went.
func (t *Table) commitChanges(ctx context.Context, version int64, feed bool) (*commitChanges, error) {
	c := &commitChanges{version: version}
	var removes []log.Remove
	var files []log.CDC
	err := t.log.Commit(ctx, version, log.KindsFiles|log.KindCDC|log.KindCommitInfo|log.KindMetadata|log.KindProtocol, func(a *log.Action) error {
		switch {
		case a.CommitInfo != nil:
			c.info = a.CommitInfo
		case a.Metadata != nil, a.Protocol != nil:
			c.described = true
		case a.CDC != nil:
			files = append(files, *a.CDC)
		case a.Add != nil && a.Add.DataChange:
			c.came = append(c.came, *a.Add)
		case a.Remove != nil && a.Remove.DataChange:
			removes = append(removes, *a.Remove)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.removes = len(removes)
	switch {
	case feed && len(files) > 0:
		c.feed = true
		for _, f := range files {
			c.pieces = append(c.pieces, piece{kind: pieceFeed, add: log.Add{Path: f.Path, Partition: f.Partition, Size: f.Size}})
		}
		return c, nil
	case feed && changedNothing(c.info):
		return c, nil
	}
	c.difference(removes)
	if c.bare {
		err = t.completeRemoves(ctx, c)
	}
	return c, err
}

// difference makes the pieces of the files that came and went. A file that did both has another deletion vector.
func (c *commitChanges) difference(removes []log.Remove) {
	adds := c.came
	came := make(map[string]int, len(adds))
	for i := range adds {
		came[log.FileKey(adds[i].Path, nil)] = i
	}
	stayed := make([]*log.Remove, len(adds))
	for i := range removes {
		r := &removes[i]
		old := log.Add{Path: r.Path, Partition: r.Partition, DeletionVector: r.DeletionVector}
		if r.Size != nil {
			old.Size = *r.Size
		}
		p := piece{kind: pieceDelete, add: old}
		if at, both := came[log.FileKey(r.Path, nil)]; both {
			stayed[at] = r
			now := adds[at]
			now.DeletionVector = r.DeletionVector
			p = piece{kind: pieceDelete, add: now, differs: true, than: adds[at].DeletionVector}
			if p.than == nil || p.than.ID() == r.DeletionVector.ID() {
				continue // no row went
			}
		} else if p.spare = r.Extended; !r.Extended {
			c.bare = true
		}
		c.pieces = append(c.pieces, p)
	}
	for i := range adds {
		p := piece{kind: pieceInsert, add: adds[i]}
		if old := stayed[i]; old != nil {
			p.differs, p.than = true, old.DeletionVector
			if old.DeletionVector == nil || old.DeletionVector.ID() == adds[i].DeletionVector.ID() {
				continue // no row came back
			}
		}
		c.pieces = append(c.pieces, p)
	}
}

// completeRemoves finds the partition values of files whose removal does not say them.
func (t *Table) completeRemoves(ctx context.Context, c *commitChanges) error {
	head, err := t.log.HeadAt(ctx, c.version)
	if err != nil || len(head.Metadata.PartitionColumns) == 0 {
		return err
	}
	wanted := map[string]*piece{}
	for i := range c.pieces {
		if p := &c.pieces[i]; p.kind == pieceDelete && p.add.Partition == nil {
			wanted[fileKey(&p.add)] = p
		}
	}
	before, err := t.SnapshotAt(ctx, c.version-1)
	if err != nil {
		return err
	}
	before.Each(func(a *log.Add) bool {
		if p := wanted[fileKey(a)]; p != nil {
			p.add.Partition, p.add.Size = a.Clone().Partition, a.Size
			delete(wanted, fileKey(a))
		}
		return len(wanted) > 0
	})
	return nil
}

// changedNothing reports whether a commit says that it merged rows and changed none: files it rewrote hold what they
// held.
func changedNothing(info *log.CommitInfo) bool {
	if info == nil || info.Operation != "MERGE" {
		return false
	}
	zeros := 0
	for _, m := range info.Metrics {
		switch m.Name {
		case "numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted":
			if m.Value != `"0"` && m.Value != "0" {
				return false
			}
			zeros++
		}
	}
	return zeros == 3
}
