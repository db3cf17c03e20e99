package delta

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/supervision"
)

// blind reports whether the commit rests on no file of the table.
func (c *Commit) blind() bool { return c.Plan == nil && len(c.Removes) == 0 && !c.ReadsTable }

// appendOnly reports whether the table's rows may not be removed.
func appendOnly(m *log.Metadata) bool {
	return strings.EqualFold(m.Configuration["delta.appendOnly"], "true")
}

// conflict checks one winner by Spark's rules.
func (t *Table) conflict(c *Commit, before, winner *Head, actions []*log.Action) error {
	for _, a := range actions {
		switch {
		case a.CommitInfo != nil && c.Seen != nil:
			if err := c.Seen(winner.Version, a.CommitInfo); err != nil {
				return err
			}
		case a.Add != nil || a.Remove != nil:
			if err := t.fileConflict(c, winner, a); err != nil {
				return err
			}
		case a.Protocol != nil && c.Protocol != nil:
			return t.failure(supervision.Restart, ClassProtocolChanged, winner.Version, "another writer changed the table's protocol at the same time")
		case a.Metadata != nil:
			if err := t.metadataConflict(c, before, winner); err != nil {
				return err
			}
		case a.Domain != nil && c.Check == nil:
			for _, d := range c.Domains {
				if d.Domain == a.Domain.Domain {
					return t.failure(supervision.Restart, ClassConcurrentDomain, winner.Version, "another writer changed the domain %s at the same time", d.Domain)
				}
			}
		case a.Txn != nil && c.Check == nil:
			for _, x := range c.Txns {
				if x.AppID == a.Txn.AppID {
					return t.failure(supervision.Restart, ClassConcurrentTransaction, winner.Version,
						"application %s committed its version %d at the same time", a.Txn.AppID, a.Txn.Version)
				}
			}
		}
	}
	return nil
}

// fileConflict checks a file that a winner added or removed. What only rearranges rows is no conflict
// unless it takes away a file that this commit removes.
func (t *Table) fileConflict(c *Commit, winner *Head, a *log.Action) error {
	if a.Add != nil {
		if !c.ReadsTable || !a.Add.DataChange {
			return nil
		}
		return t.failure(supervision.Restart, ClassConcurrentAppend, winner.Version, "another writer added the file %s at the same time, and %s rests on all rows of the table", a.Add.Path, c.Operation)
	}
	key := log.FileKey(a.Remove.Path, a.Remove.DeletionVector)
	for i := range c.Removes {
		if log.FileKey(c.Removes[i].Path, c.Removes[i].DeletionVector) == key {
			return t.failure(supervision.Restart, ClassConcurrentDelete, winner.Version, "another writer removed the file %s at the same time, and so does %s", a.Remove.Path, c.Operation)
		}
	}
	return nil
}

// metadataConflict lets an append go on if its rows still fit the table.
func (t *Table) metadataConflict(c *Commit, before, winner *Head) error {
	fail := func(text string, args ...any) error {
		return t.failure(supervision.Restart, ClassMetadataChanged, winner.Version,
			"another writer changed the table's metadata at the same time: "+text, args...)
	}
	m, old := &winner.Metadata, &before.Metadata
	switch {
	case c.Metadata != nil:
		return fail("and so does this commit")
	case m.ID != old.ID:
		return fail("the table %s was replaced by the table %s", old.ID, m.ID)
	case len(c.Adds) == 0:
		return nil
	case fmt.Sprint(m.PartitionColumns) != fmt.Sprint(old.PartitionColumns):
		return fail("partitioned by %q instead of %q", m.PartitionColumns, old.PartitionColumns)
	}
	written := c.Written
	if written == nil {
		written = c.Read.Schema
	}
	if err := compatible(written, winner.Schema); err != nil {
		return fail("the rows no longer fit: %s", err)
	}
	return nil
}
