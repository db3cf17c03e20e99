package delta

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/deltaic/deltaic/delta/log"
)

// reread is what readers are told of the newest version where that is not word for word what the commits say: by a checkpoint, or by
// reconciled commits.
type reread struct {
	from  string            // the checkpoint; "": reconciled commits alone
	stats map[string]string // by file
}

// read notes the statistics that readers are told otherwise than the commits do. A checkpoint may write them in another way and mean
// the same, so a deep check holds them against the rows.
func (c *check) read() error {
	if !c.o.Deep {
		return nil
	}
	seed, said := maphash.MakeSeed(), map[string]uint64{}
	c.files.Each(func(a *log.Add) bool {
		said[log.FileKey(a.Path, a.DeletionVector)] = maphash.String(seed, a.Stats)
		return true
	})
	err := c.t.log.Load(c.ctx, c.newest, func(seg *log.Segment) error {
		c.told = reread{stats: map[string]string{}}
		if len(seg.Checkpoint) > 0 {
			c.told.from = seg.Checkpoint[0].Name
		}
		return c.t.log.Files(c.ctx, seg, func(a *log.Add) error {
			key := log.FileKey(a.Path, a.DeletionVector)
			if by, there := said[key]; there && a.Stats != "" && maphash.String(seed, a.Stats) != by {
				c.told.stats[key] = a.Stats
			}
			return nil
		}, func(*log.Remove) error { return nil })
	})
	if err != nil {
		c.told = reread{} // why the version cannot be read was said
	}
	return context.Cause(c.ctx)
}

// reread holds what readers are told of the file against its rows. What the commits say wrong too is said already.
func (c *fileCheck) reread(got *stats, known []string) {
	text, differs := c.told.stats[log.FileKey(c.add.Path, c.add.DeletionVector)]
	if !differs {
		return
	}
	as := *c.add
	as.Stats = text
	wrong := c.bounds.compare(&as, got)
	if rows, says := log.NumRecords(text); says && rows != c.count {
		wrong = append(wrong, fmt.Sprintf("the statistics say %s, the file has %d", count(rows, "row"), c.count))
	}
	for _, w := range wrong {
		if slices.Contains(known, w) {
			continue
		}
		f := Finding{Kind: log.CheckpointMismatch, Path: c.told.from, Version: c.newest, Repair: "delete it: the commits say it right",
			Message: fmt.Sprintf("readers leave out rows by what it says of the file %s: %s", c.name, w)}
		if c.told.from == "" {
			f.Kind, f.Message = log.CompactedMismatch, fmt.Sprintf("readers leave out rows by what reconciled commits say of the file %s: %s", c.name, w)
			f.Repair = "delete the reconciled commits: the commits say it right"
		}
		c.found = append(c.found, f)
	}
}
